//! What a browser sees at `/`: what runs here and how to connect. A web client can take this place.

use axum::response::Html;

/// A page that stands alone: no script, nothing fetched, readable in light and dark.
const PAGE: &str = include_str!("page.html");

/// Answers `/`.
pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}
