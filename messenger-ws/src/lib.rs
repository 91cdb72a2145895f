//! axum routes and accept loop that serve a messenger hub over WebSocket and HTTP.
