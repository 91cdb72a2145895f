//! Whether a device may connect: standing, registration, presence.

use messenger_core::error::StoreError;
use messenger_core::id::{DeviceId, Generation};
use messenger_core::session::{Admission, Admit, Refusal};
use messenger_core::store::{Connected, DeviceRecord, Heartbeat, Registered, Registration};
use messenger_core::wire::Code;

use crate::clock;
use crate::hub::Shared;
use crate::node::NodeInput;

/// Admits a device, or says why not.
pub(crate) async fn admit(shared: &Shared, wish: Admit) -> Result<Admission, Refusal> {
    match try_admit(shared, wish).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(%error, "a device could not be admitted");
            Err(refusal(Code::Unavailable))
        }
    }
}

async fn try_admit(shared: &Shared, wish: Admit) -> Result<Result<Admission, Refusal>, StoreError> {
    let now = clock::now();
    let devices = &shared.backend.devices;
    if devices.standing(&wish.user).await?.banned {
        return Ok(Err(refusal(Code::Banned)));
    }
    let device = match (&wish.register, wish.device) {
        (None, None) => None,
        (None, Some(device)) => Some(device),
        (Some(key), _) => {
            let registration = Registration {
                user: wish.user.clone(),
                key: key.clone(),
                name: wish.name.clone(),
                limit: usize::try_from(shared.sessions.limits.devices_per_user)
                    .unwrap_or(usize::MAX),
                now,
            };
            match devices.register(&registration).await? {
                Registered::Device(device) => Some(device),
                Registered::TooMany(records) => {
                    return Ok(Err(Refusal {
                        devices: records.iter().map(|record| record.device).collect(),
                        ..refusal(Code::TooManyDevices)
                    }));
                }
            }
        }
    };
    if let Some(device) = device {
        let records = devices.list(&wish.user).await?;
        let Some(record) = records.iter().find(|record| record.device == device) else {
            return Ok(Err(refusal(Code::DeviceUnknown)));
        };
        // A registration begins at generation 1 and may be repeated: there presence alone tells.
        if wish.register.is_none() && is_stale(record, wish.generation) {
            return Ok(Err(stale(record.generation)));
        }
    }
    if let Err(refusal) = connect(shared, &wish, device).await? {
        return Ok(Err(refusal));
    }
    if let Some(device) = device {
        devices
            .seen(&wish.user, device, wish.generation, now)
            .await?;
    }
    Ok(Ok(Admission {
        device,
        generation: wish.generation,
        at: now,
    }))
}

async fn connect(
    shared: &Shared,
    wish: &Admit,
    device: Option<DeviceId>,
) -> Result<Result<(), Refusal>, StoreError> {
    let session = Heartbeat {
        user: wish.user.clone(),
        device,
        node: shared.node_id,
        generation: wish.generation,
    };
    // Presence is advisory: when it does not answer, the device connects all the same (PRES-6).
    match shared
        .backend
        .presence
        .connect(&session, clock::now())
        .await
    {
        Ok(Connected::Recorded { before }) => {
            if let (Some(device), Some(before)) = (device, before)
                && before.node != shared.node_id
            {
                shared.node.push(NodeInput::Replaced {
                    node: before.node,
                    user: wish.user.clone(),
                    device,
                    generation: wish.generation,
                });
            }
            Ok(Ok(()))
        }
        Ok(Connected::Stale { current }) if device.is_some() => Ok(Err(stale(current))),
        Ok(Connected::Stale { .. }) => Ok(Ok(())),
        Err(error) => {
            tracing::warn!(%error, "presence does not answer");
            Ok(Ok(()))
        }
    }
}

fn is_stale(record: &DeviceRecord, generation: Generation) -> bool {
    record.generation >= generation
}

fn stale(current: Generation) -> Refusal {
    Refusal {
        current: Some(current),
        ..refusal(Code::GenerationStale)
    }
}

fn refusal(code: Code) -> Refusal {
    Refusal {
        code,
        current: None,
        devices: Vec::new(),
    }
}
