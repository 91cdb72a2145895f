//! A message on its way.

use messenger_core::id::{Cmid, Seq};
use tokio::sync::oneshot;

use crate::error::Error;

/// A message on its way. It goes on its way whether or not anybody waits for it.
#[derive(Debug)]
pub struct Sending {
    cmid: Cmid,
    outcome: oneshot::Receiver<Result<Seq, Error>>,
}

impl Sending {
    pub(crate) fn new(cmid: Cmid, outcome: oneshot::Receiver<Result<Seq, Error>>) -> Self {
        Self { cmid, outcome }
    }

    /// The key under which it is sent, also in [`Event::Outgoing`](crate::Event::Outgoing).
    pub fn cmid(&self) -> Cmid {
        self.cmid
    }

    /// Waits until it is accepted, so durable at the server and listed for everyone: the answer is its position.
    ///
    /// Without a connection this waits as long as it takes, over any number of connections.
    ///
    /// # Errors
    /// [`Error::NotSent`] when it was refused for good or has expired. When the client stops before, the reason for that:
    /// the message stays in the storage then, and goes out with the next client of that storage.
    pub async fn accepted(self) -> Result<Seq, Error> {
        self.outcome.await.map_err(|_| Error::Stopped)?
    }
}
