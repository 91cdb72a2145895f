//! Whether a device may connect: standing, registration, presence.

use crate::error::StoreError;
use crate::id::{Generation, NodeId};
use crate::model::DevicePresence;
use crate::session::{Admission, Admit, Refusal};
use crate::store::{Backend, Connected, DeviceRecord, Heartbeat, Registered, Registration};
use crate::time::Timestamp;
use crate::wire::Code;

/// A device that may connect, and the session that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What the session is told.
    pub admission: Admission,
    /// The older session of the device, if presence knows one.
    pub before: Option<DevicePresence>,
    /// False when presence did not answer: until a heartbeat gets through, other nodes do not find the session, and what they
    /// hint meanwhile is lost to it. It rechecks then (RES-5).
    pub located: bool,
}

/// Admits a device on `node`, or says why not.
///
/// Presence is advisory: when it does not answer, the device connects all the same (PRES-6).
///
/// # Errors
/// [`StoreError`] when standing or devices could not be read or written.
pub async fn admit(
    backend: &Backend,
    node: NodeId,
    devices_max: usize,
    wish: &Admit,
    now: Timestamp,
) -> Result<Result<Admitted, Refusal>, StoreError> {
    let devices = &backend.devices;
    if devices.standing(&wish.user).await?.banned {
        return Ok(Err(refusal(Code::Banned)));
    }
    let device = match (&wish.register, wish.device) {
        (None, device) => device,
        (Some(key), _) => {
            let registration = Registration {
                user: wish.user.clone(),
                key: key.clone(),
                name: wish.name.clone(),
                limit: devices_max,
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
    let session = Heartbeat {
        user: wish.user.clone(),
        device,
        node,
        generation: wish.generation,
    };
    let (before, located) = match backend.presence.connect(&session, now).await {
        Ok(Connected::Recorded { before }) => (before, true),
        Ok(Connected::Stale { current }) if device.is_some() => return Ok(Err(stale(current))),
        Ok(Connected::Stale { .. }) => (None, true),
        Err(_) => (None, false),
    };
    if let Some(device) = device {
        devices
            .seen(&wish.user, device, wish.generation, now)
            .await?;
    }
    Ok(Ok(Admitted {
        admission: Admission {
            device,
            generation: wish.generation,
            at: now,
        },
        before,
        located,
    }))
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
