//! Conformance cases, simulator and fixtures for authors of messenger stores.
