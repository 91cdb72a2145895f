//! The folder.

/// The version of the format that this build reads and writes.
pub(crate) const FORMAT_VERSION: u32 = 1;
