//! Model, wire format, pure state machines and store traits of the messenger protocol.
