//! The user's own devices, and whom the user blocks.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, put};
use http::{HeaderMap, StatusCode};
use messenger_core::id::{DeviceId, Generation, UserId};
use messenger_core::store::{Authenticator, DeviceRecord, DeviceStore, FeedItem};
use messenger_core::time::Timestamp;
use messenger_core::wire::Code;
use serde::Serialize;

use super::HttpError;
use super::request::{json, principal};

/// Users that one user may block.
const BLOCKS_MAX: usize = 1_000;

pub(super) fn routes(
    authenticator: Arc<dyn Authenticator>,
    devices: Arc<dyn DeviceStore>,
) -> Router {
    Router::new()
        .route("/v1/devices", get(list))
        .route("/v1/devices/{device}", delete(revoke))
        .route("/v1/blocks", get(blocks))
        .route("/v1/blocks/{user}", put(block).delete(unblock))
        .with_state(Shared {
            authenticator,
            devices,
        })
}

#[derive(Clone)]
struct Shared {
    authenticator: Arc<dyn Authenticator>,
    devices: Arc<dyn DeviceStore>,
}

impl Shared {
    async fn user(&self, headers: &HeaderMap) -> Result<UserId, HttpError> {
        Ok(principal(&*self.authenticator, headers).await?.user)
    }
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

async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, HttpError> {
    let user = shared.user(&headers).await?;
    let devices = shared
        .devices
        .list(&user)
        .await?
        .into_iter()
        .map(Device::from)
        .collect();
    Ok(json(StatusCode::OK, &Devices { devices }))
}

async fn revoke(
    State(shared): State<Shared>,
    Path(device): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let user = shared.user(&headers).await?;
    let unknown = || {
        HttpError::coded(StatusCode::NOT_FOUND, Code::DeviceUnknown, "no such device")
            .with_field("device")
    };
    let device = device.parse().map(DeviceId).map_err(|_| unknown())?;
    if !shared
        .devices
        .list(&user)
        .await?
        .iter()
        .any(|record| record.device == device)
    {
        return Err(unknown());
    }
    shared
        .devices
        .publish(&FeedItem::DeviceRevoked { user, device })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Blocks {
    blocks: Vec<UserId>,
}

async fn blocks(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, HttpError> {
    let user = shared.user(&headers).await?;
    let blocks = shared
        .devices
        .standing(&user)
        .await?
        .blocks
        .into_iter()
        .collect();
    Ok(json(StatusCode::OK, &Blocks { blocks }))
}

async fn block(
    State(shared): State<Shared>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let by = shared.user(&headers).await?;
    let user = parse_user(&user)?;
    if user == by {
        return Err(bad_user("one cannot block oneself"));
    }
    // Whether the other exists is not looked at: the answer would tell.
    let standing = shared.devices.standing(&by).await?;
    if standing.blocks.len() >= BLOCKS_MAX && !standing.blocks.contains(&user) {
        return Err(bad_user("so many are blocked already").with_limit(BLOCKS_MAX as u64));
    }
    shared
        .devices
        .publish(&FeedItem::Blocked {
            by,
            user,
            blocked: true,
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unblock(
    State(shared): State<Shared>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let by = shared.user(&headers).await?;
    let user = parse_user(&user)?;
    shared
        .devices
        .publish(&FeedItem::Blocked {
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
