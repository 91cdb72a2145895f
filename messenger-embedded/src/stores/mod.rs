//! The store traits over the engine, one file each.
//!
//! ```text
//!   messages       log of entries                 append · find · read · erase
//!   receipts       M, A, O                        raise · marks · overlays
//!   conversations  V                              snapshots
//!   inboxes        I, and the change numbers      derived: nothing per message and recipient
//!   devices        D, F                           devices, standing, feed
//!   retention      R, and cuts
//!   accounts       U, N, T
//! ```
//!
//! Each call is a step under a lock, then a wait for the cycle of whatever it wrote or saw.

mod accounts;
mod conversations;
mod devices;
mod inboxes;
mod messages;
mod overlay;
mod receipts;
mod retention;

use std::sync::Arc;

use messenger_core::store::StoreResult;
use minicbor::{Decode, Encode};

use crate::bytes::{Malformed, Put, Take};
use crate::engine::Engine;
use crate::fault::Fault;

/// The traits' implementation.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    engine: Arc<Engine>,
}

impl Stores {
    pub(crate) fn new(engine: Arc<Engine>) -> Stores {
        Stores { engine }
    }

    /// Runs a step and waits for the cycle that it answers.
    async fn step<T: Send>(
        &self,
        operation: &'static str,
        step: impl FnOnce(&Engine) -> Result<(T, u64), Fault> + Send,
    ) -> StoreResult<T> {
        self.engine.healthy(operation)?;
        let (answer, cycle) = step(&self.engine).map_err(|fault| fault.during(operation))?;
        self.engine.durable(cycle, operation).await?;
        Ok(answer)
    }
}

/// A value as CBOR.
fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.put_cbor(value);
    bytes
}

/// A value from CBOR, or its default where there is none.
fn from_cbor<'b, T: Decode<'b, ()>>(bytes: &'b [u8], what: &'static str) -> Result<T, Malformed> {
    Take::new(bytes).cbor(what)
}
