//! An embedded, durable store for messenger: every store trait in one folder.
