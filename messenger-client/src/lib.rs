//! Client SDK for the messenger protocol.
