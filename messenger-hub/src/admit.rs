//! Carries an admission out and tells the node of the session that is replaced.

use messenger_core::perform::{Admitted, admit as decide};
use messenger_core::session::{Admission, Admit, Refusal};
use messenger_core::wire::Code;

use crate::clock;
use crate::hub::Shared;
use crate::node::NodeInput;

/// Admits a device, or says why not.
pub(crate) async fn admit(shared: &Shared, wish: Admit) -> Result<Admission, Refusal> {
    let devices_max = usize::try_from(shared.sessions.limits.devices_per_user);
    let decided = decide(
        &shared.backend,
        shared.node_id,
        devices_max.unwrap_or(usize::MAX),
        &wish,
        clock::now(),
    )
    .await;
    let Admitted {
        admission,
        before,
        located,
    } = match decided {
        Ok(outcome) => outcome?,
        Err(error) => {
            tracing::warn!(%error, "a device could not be admitted");
            return Err(Refusal {
                code: Code::Unavailable,
                current: None,
                devices: Vec::new(),
            });
        }
    };
    if !located {
        shared.node.push(NodeInput::Unlocated {
            user: wish.user.clone(),
        });
    }
    if let (Some(device), Some(before)) = (admission.device, before)
        && before.node != shared.node_id
    {
        shared.node.push(NodeInput::Replaced {
            node: before.node,
            user: wish.user,
            device,
            generation: admission.generation,
        });
    }
    Ok(admission)
}
