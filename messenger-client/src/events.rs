//! What a program is told, one by one.

use messenger_core::client::Event;
use tokio::sync::mpsc;

/// The events of a client. While a program takes none, the client reads nothing more from its link after a while.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
}

impl Events {
    pub(crate) fn new(queue: mpsc::Receiver<Event>) -> Self {
        Self { queue }
    }

    /// Waits for the next event; `None` once the client has stopped.
    pub async fn next(&mut self) -> Option<Event> {
        self.queue.recv().await
    }

    /// Takes the next event, if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        self.queue.try_recv().ok()
    }
}
