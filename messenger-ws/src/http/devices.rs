//! The user's own devices, and whom the user blocks.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, put};
use http::{HeaderMap, StatusCode};
use messenger_core::id::{DeviceId, Generation, UserId};
use messenger_core::store::{DeviceRecord, FeedItem};
use messenger_core::time::Timestamp;
use messenger_core::wire::Code;
use messenger_hub::Hub;
use serde::Serialize;

use super::HttpError;
use super::request::{json, principal};

/// Users that one user may block.
const BLOCKS_MAX: usize = 1_000;

pub(super) fn routes(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/devices", get(list))
        .route("/v1/devices/{device}", delete(revoke))
        .route("/v1/blocks", get(blocks))
        .route("/v1/blocks/{user}", put(block).delete(unblock))
        .with_state(hub)
}

async fn user_of(hub: &Hub, headers: &HeaderMap) -> Result<UserId, HttpError> {
    Ok(principal(&**hub.authenticator(), headers).await?.user)
}

#[derive(Serialize)]
struct Devices {
    devices: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
    device: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    generation: Generation,
    registered: Timestamp,
    seen: Timestamp,
}

impl From<DeviceRecord> for Device {
    fn from(record: DeviceRecord) -> Self {
        let DeviceRecord {
            device,
            name,
            generation,
            registered,
            seen,
        } = record;
        Self {
            device,
            name,
            generation,
            registered,
            seen,
        }
    }
}

async fn list(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, HttpError> {
    let user = user_of(&hub, &headers).await?;
    let devices = hub
        .backend()
        .devices
        .list(&user)
        .await?
        .into_iter()
        .map(Device::from)
        .collect();
    Ok(json(StatusCode::OK, &Devices { devices }))
}

async fn revoke(
    State(hub): State<Arc<Hub>>,
    Path(device): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let user = user_of(&hub, &headers).await?;
    let unknown = || {
        HttpError::coded(StatusCode::NOT_FOUND, Code::DeviceUnknown, "no such device")
            .with_field("device")
    };
    let device = device.parse().map(DeviceId).map_err(|_| unknown())?;
    if !hub
        .backend()
        .devices
        .list(&user)
        .await?
        .iter()
        .any(|record| record.device == device)
    {
        return Err(unknown());
    }
    hub.publish(FeedItem::DeviceRevoked { user, device })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Blocks {
    blocks: Vec<UserId>,
}

async fn blocks(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, HttpError> {
    let user = user_of(&hub, &headers).await?;
    let blocks = hub
        .backend()
        .devices
        .standing(&user)
        .await?
        .blocks
        .into_iter()
        .collect();
    Ok(json(StatusCode::OK, &Blocks { blocks }))
}

async fn block(
    State(hub): State<Arc<Hub>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let by = user_of(&hub, &headers).await?;
    let user = parse_user(&user)?;
    if user == by {
        return Err(bad_user("one cannot block oneself"));
    }
    // Whether the other exists is not looked at: the answer would tell.
    let standing = hub.backend().devices.standing(&by).await?;
    if standing.blocks.len() >= BLOCKS_MAX && !standing.blocks.contains(&user) {
        return Err(bad_user("so many are blocked already").with_limit(BLOCKS_MAX as u64));
    }
    hub.publish(FeedItem::Blocked {
        by,
        user,
        blocked: true,
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unblock(
    State(hub): State<Arc<Hub>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let by = user_of(&hub, &headers).await?;
    let user = parse_user(&user)?;
    hub.publish(FeedItem::Blocked {
        by,
        user,
        blocked: false,
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_user(user: &str) -> Result<UserId, HttpError> {
    UserId::parse(user).map_err(|error| bad_user(error.to_string()))
}

fn bad_user(message: impl Into<String>) -> HttpError {
    HttpError::coded(StatusCode::BAD_REQUEST, Code::BadField, message).with_field("user")
}
