//! The wire format as others see it: golden frames, bad input, the published schema, the protocol chapter.

mod bad_input;
mod chapter;
mod golden;
#[cfg(feature = "schema")]
mod reference;
mod samples;
#[cfg(feature = "schema")]
mod schema;
