//! The tokio runtime over the machines of messenger-core.
