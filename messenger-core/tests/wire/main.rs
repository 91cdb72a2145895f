//! The wire format as others see it: golden frames, bad input.

mod bad_input;
mod golden;
mod samples;
#[cfg(feature = "schema")]
mod schema;
