//! Code of an integrator that uses a store trait, and unit tests of it that need no store.
//!
//! The feature `mock` of `messenger-core` brings a `Mock…` for each store trait. A test says which calls it expects and what
//! they answer; a call that is missing, or one too many, fails it.

use messenger_core::id::{DeviceId, UserId};
use messenger_core::store::{DeviceStore, FeedItem, StoreResult};

/// Signs a user out on every device but one, and says on how many.
///
/// # Errors
/// What the store failed with. Devices that were revoked before it stay revoked, so calling again finishes the work.
pub async fn sign_out_elsewhere(
    devices: &dyn DeviceStore,
    user: &UserId,
    keep: DeviceId,
) -> StoreResult<usize> {
    let mut revoked = 0;
    for record in devices.list(user).await? {
        if record.device != keep {
            let item = FeedItem::DeviceRevoked {
                user: user.clone(),
                device: record.device,
            };
            devices.publish(&item).await?;
            revoked += 1;
        }
    }
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use messenger_core::error::{StoreError, StoreErrorKind};
    use messenger_core::id::Generation;
    use messenger_core::mock::MockDeviceStore;
    use messenger_core::store::{DeviceRecord, FeedPosition};
    use messenger_core::time::Timestamp;
    use mockall::predicate::eq;

    use super::*;

    #[tokio::test]
    async fn every_device_but_the_kept_one_is_revoked() {
        let mut devices = MockDeviceStore::new();
        devices
            .expect_list()
            .with(eq(anna()))
            .once()
            .returning(|_| Ok([1, 2, 3].map(device).to_vec()));
        for number in [1, 3] {
            let item = FeedItem::DeviceRevoked {
                user: anna(),
                device: DeviceId(number),
            };
            devices
                .expect_publish()
                .with(eq(item))
                .once()
                .returning(move |_| Ok(FeedPosition(number)));
        }

        let revoked = sign_out_elsewhere(&devices, &anna(), DeviceId(2)).await;

        assert_eq!(revoked.expect("the mock answers every call"), 2);
    }

    #[tokio::test]
    async fn a_store_that_cannot_list_is_not_written_to() {
        let mut devices = MockDeviceStore::new();
        let down = || StoreError::new(StoreErrorKind::Unavailable, "list");
        devices.expect_list().returning(move |_| Err(down()));
        devices.expect_publish().never();

        let error = sign_out_elsewhere(&devices, &anna(), DeviceId(2)).await;

        assert!(error.is_err_and(|error| error.is_retriable()));
    }

    fn anna() -> UserId {
        UserId::parse("anna").expect("a valid user id")
    }

    fn device(number: u64) -> DeviceRecord {
        DeviceRecord {
            device: DeviceId(number),
            name: None,
            generation: Generation(1),
            registered: Timestamp::from_millis(0),
            seen: Timestamp::from_millis(0),
        }
    }
}
