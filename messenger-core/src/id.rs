//! Names of users, devices, conversations, nodes: newtypes that parse once and are trusted afterwards.
//!
//! ```text
//!   UserId          anna                 1 to 64 ASCII graphic characters without '/'
//!   ConversationId  anna/ben             direct: both users in byte order
//!                   anna/anna            notes: a user alone
//!                   0192f0c1-…           group: a UUID made by its creator's client
//!   DeviceId        1, 2, …              a small number, per user, never used twice
//! ```

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::codec::{name, number};
use crate::time::Timestamp;

/// The longest [`UserId`] in bytes.
pub const USER_ID_MAX_BYTES: usize = 64;

/// An account; chosen by the integrator, compared as bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(ts_rs::TS), ts(type = "string"))]
pub struct UserId(Arc<str>);

impl UserId {
    /// Parses 1 to 64 ASCII graphic characters without `/`.
    ///
    /// # Errors
    /// [`IdError`] names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        check_user(text)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

name!(UserId, "^[!-.0-~]{1,64}$");

/// A conversation: a pair of users, a user alone, or a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(ts_rs::TS), ts(type = "string"))]
pub struct ConversationId(Arc<str>);

/// What kind of conversation an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// An unordered pair of users.
    Direct,
    /// A user alone.
    Notes,
    /// A group of members.
    Group,
}

impl ConversationId {
    /// Parses `a/b`, `a/a` or a hyphenated lower-case UUID.
    ///
    /// # Errors
    /// [`IdError`] when a user id is bad, the pair is not in byte order, or the UUID is not canonical.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            Some((a, b)) => {
                check_user(a)?;
                check_user(b)?;
                if a > b {
                    return Err(IdError::PairOrder);
                }
            }
            None => check_group(text)?,
        }
        Ok(Self(text.into()))
    }

    /// The conversation between two users, or the notes of one when both are the same.
    pub fn direct(a: &UserId, b: &UserId) -> Self {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        Self(format!("{a}/{b}").into())
    }

    /// The group with this UUID.
    pub fn group(id: Uuid) -> Self {
        Self(id.hyphenated().to_string().into())
    }

    /// Direct, notes or group.
    pub fn kind(&self) -> ConversationKind {
        match self.0.split_once('/') {
            None => ConversationKind::Group,
            Some((a, b)) if a == b => ConversationKind::Notes,
            Some(_) => ConversationKind::Direct,
        }
    }

    /// The users of a direct conversation or of notes (then twice the same); `None` for a group.
    pub fn pair(&self) -> Option<(UserId, UserId)> {
        let (a, b) = self.0.split_once('/')?;
        Some((UserId(a.into()), UserId(b.into())))
    }

    /// The other user of a direct conversation that contains `user`.
    pub fn peer_of(&self, user: &UserId) -> Option<UserId> {
        let (a, b) = self.0.split_once('/')?;
        match (a == user.as_str(), b == user.as_str()) {
            (true, false) => Some(UserId(b.into())),
            (false, true) => Some(UserId(a.into())),
            _ => None,
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

name!(
    ConversationId,
    "^([!-.0-~]{1,64}/[!-.0-~]{1,64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
);

/// A client message id: a UUIDv7 made when the user presses send, never changed by a retry (LOG-3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(ts_rs::TS), ts(type = "string"))]
pub struct Cmid(Uuid);

impl Cmid {
    /// Takes a UUID of version 7.
    ///
    /// # Errors
    /// [`IdError::Cmid`] for any other version.
    pub fn from_uuid(uuid: Uuid) -> Result<Self, IdError> {
        match uuid.get_version_num() {
            7 => Ok(Self(uuid)),
            _ => Err(IdError::Cmid),
        }
    }

    /// Parses a hyphenated UUIDv7.
    ///
    /// # Errors
    /// [`IdError::Cmid`] when the text is no UUID of version 7.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        Self::from_uuid(Uuid::try_parse(text).map_err(|_| IdError::Cmid)?)
    }

    /// Builds a `cmid` from its time and 10 random bytes.
    pub fn from_parts(time: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(time.as_millis(), &random).into_uuid())
    }

    /// The time at which the client made it, by the client's clock.
    pub fn time(&self) -> Timestamp {
        let (high, ..) = self.0.as_u64_pair();
        Timestamp::from_millis(high >> 16)
    }

    /// The UUID.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// The 16 bytes of the UUID.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Cmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Cmid {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Cmid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

impl<'de> serde::Deserialize<'de> for Cmid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Cmid;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID of version 7")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Cmid, E> {
                Cmid::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl<C> minicbor::Encode<C> for Cmid {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Cmid {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let uuid = Uuid::from_slice(d.bytes()?)
            .map_err(|_| minicbor::decode::Error::message(IdError::Cmid))?;
        Self::from_uuid(uuid).map_err(minicbor::decode::Error::message)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Cmid {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cmid".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

number! {
    /// One installation of a client: a number per user, from 1, never used twice.
    DeviceId
}

number! {
    /// How often a device has connected; the higher one is the newer (PRES-3).
    Generation
}

number! {
    /// One live link, unique within its node's life.
    SessionId
}

number! {
    /// The position of an entry in its conversation's log, from 1; 0 is before the first.
    Seq
}

number! {
    /// The number of countable entries up to an entry.
    Ordinal
}

number! {
    /// A random value of all stores of a back end together; it changes when acknowledged state was lost.
    Epoch
}

/// One server process; new at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Seq {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position before; 0 stays 0.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Empty, or longer than 64 bytes.
    #[error("a user id has 1 to 64 characters")]
    UserLength,
    /// A character outside ASCII graphic, or a slash.
    #[error("a user id has only ASCII graphic characters without '/'")]
    UserCharacter,
    /// The two users of a direct conversation are not in byte order.
    #[error("the users of a direct conversation stand in byte order")]
    PairOrder,
    /// Neither a pair of users nor a canonical UUID.
    #[error("a conversation id is 'user/user' or a lower-case hyphenated UUID")]
    Conversation,
    /// Not a UUID of version 7.
    #[error("a cmid is a UUID of version 7")]
    Cmid,
}

fn check_user(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > USER_ID_MAX_BYTES {
        return Err(IdError::UserLength);
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
        return Err(IdError::UserCharacter);
    }
    Ok(())
}

fn check_group(text: &str) -> Result<(), IdError> {
    let canonical = text.len() == 36
        && !text.bytes().any(|b| b.is_ascii_uppercase())
        && Uuid::try_parse(text).is_ok();
    canonical.then_some(()).ok_or(IdError::Conversation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_1_to_64_graphic_characters_without_slash() {
        assert!(UserId::parse("anna.b@example").is_ok());
        assert!(UserId::parse(&"x".repeat(64)).is_ok());
        assert_eq!(UserId::parse(""), Err(IdError::UserLength));
        assert_eq!(UserId::parse(&"x".repeat(65)), Err(IdError::UserLength));
        for bad in ["a/b", "a b", "ä", "a\n", "\u{7f}"] {
            assert_eq!(UserId::parse(bad), Err(IdError::UserCharacter), "{bad:?}");
        }
    }

    #[test]
    fn a_direct_conversation_has_one_id_whoever_begins() {
        let (a, b) = (
            UserId::parse("anna").unwrap(),
            UserId::parse("ben").unwrap(),
        );
        let id = ConversationId::direct(&a, &b);
        assert_eq!(id, ConversationId::direct(&b, &a));
        assert_eq!(id.as_str(), "anna/ben");
        assert_eq!(id.peer_of(&a), Some(b.clone()));
        assert_eq!(id.kind(), ConversationKind::Direct);
        assert_eq!(
            ConversationId::direct(&a, &a).kind(),
            ConversationKind::Notes
        );
        assert_eq!(ConversationId::parse("ben/anna"), Err(IdError::PairOrder));
        assert_eq!(
            ConversationId::parse("anna/ben/x"),
            Err(IdError::UserCharacter)
        );
    }

    #[test]
    fn a_group_id_is_a_canonical_uuid() {
        let id = "0192f0c1-7b7e-7000-8000-000000000001";
        assert_eq!(
            ConversationId::parse(id).unwrap().kind(),
            ConversationKind::Group
        );
        assert_eq!(
            ConversationId::parse(&id.to_uppercase()),
            Err(IdError::Conversation)
        );
        assert_eq!(ConversationId::parse("anna"), Err(IdError::Conversation));
    }

    #[test]
    fn a_cmid_tells_its_time_and_is_only_version_7() {
        let time = Timestamp::from_millis(1_790_000_000_123);
        let cmid = Cmid::from_parts(time, [7; 10]);
        assert_eq!(cmid.time(), time);
        assert_eq!(Cmid::parse(&cmid.to_string()), Ok(cmid));
        assert_eq!(Cmid::from_uuid(Uuid::nil()), Err(IdError::Cmid));
    }
}
