//! A reference to an uploaded file.

use crate::codec::record;

record! {
    /// A file that belongs to a message: where it lies and how a client shows it before it has it.
    pub struct Attachment {
        /// Where the file is, as the integrator's media service names it: 1 to 256 bytes.
        #[n(0)]
        pub reference: String,
        /// Its media type, 1 to 128 bytes.
        #[n(1)]
        pub media_type: String,
        /// Its size in bytes.
        #[n(2)]
        #[serde(deserialize_with = "crate::codec::integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub bytes: u64,
        /// Its name, for display, at most 256 bytes.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub name: Option<String>,
    }
}
