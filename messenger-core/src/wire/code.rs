//! The registry of errors and close codes (contract 12).
//!
//! ```text
//!   1xx retriable     2xx the client's fault     3xx rights     4xx state
//!   close: 4000–4499 reconnect with backoff      4500–4999 do not reconnect by yourself
//! ```

use std::fmt;

/// The groups of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Try the same again, after a while.
    Retriable,
    /// The request is wrong.
    Client,
    /// The request is not allowed.
    Rights,
    /// The request does not fit the present state.
    State,
}

macro_rules! codes {
    ($( #[doc = $meaning:literal] $number:literal $name:literal $variant:ident => $advice:literal, )+) => {
        /// Every error of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "schema", derive(ts_rs::TS), ts(type = "string"))]
        #[non_exhaustive]
        pub enum Code {
            $( #[doc = $meaning] $variant, )+
            /// A code of a newer server, known by its number alone (0 when only its name came).
            Unrecognized(u16),
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &'static [Code] = &[$(Self::$variant),+];

            /// The name in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                    Self::Unrecognized(_) => "unrecognized",
                }
            }

            /// The number in CBOR.
            pub const fn number(self) -> u16 {
                match self {
                    $( Self::$variant => $number, )+
                    Self::Unrecognized(number) => number,
                }
            }

            /// When it is said, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $( Self::$variant => $meaning.trim_ascii(), )+
                    Self::Unrecognized(_) => "A code of a newer server.",
                }
            }

            /// What a client does about it.
            pub const fn advice(self) -> &'static str {
                match self {
                    $( Self::$variant => $advice, )+
                    Self::Unrecognized(_) => "Go by the class of its number and by `retriable`.",
                }
            }

            /// The code with this number.
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $( $number => Self::$variant, )+
                    other => Self::Unrecognized(other),
                }
            }

            /// The code with this name.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $( $name => Self::$variant, )+
                    _ => Self::Unrecognized(0),
                }
            }
        }
    };
}

codes! {
    /// The server, or a store that it needs, cannot answer now.
    100 "unavailable" Unavailable => "Send the same again with backoff; the cmid keeps it from happening twice.",
    /// Too many requests.
    101 "rate_limited" RateLimited => "Wait `retry_after_ms`, then send the same again.",
    /// The predecessor named by `after_cmid` is not in the log.
    102 "order_gap" OrderGap => "Send the predecessor first, then the same again; name the one before it if it failed.",
    /// More messages are under way than `limits.in_flight_per_conversation`.
    103 "too_many_in_flight" TooManyInFlight => "Wait for an answer, then send the same again.",

    /// The frame cannot be read.
    200 "bad_frame" BadFrame => "Mend the client; the same frame will always fail.",
    /// The frame's type is not known.
    201 "unknown_frame" UnknownFrame => "Use a type of this protocol version.",
    /// The frame is above `limits.frame_bytes`, or a first frame above 4 KiB.
    202 "frame_too_large" FrameTooLarge => "Send less at once.",
    /// A field breaks its rule; `field` and `limit` name it.
    203 "bad_field" BadField => "Mend the field.",
    /// A message with neither text nor data nor attachment.
    204 "empty_body" EmptyBody => "Ask the user for something to send.",
    /// A body above `limits.body_bytes`.
    205 "body_too_large" BodyTooLarge => "Shorten it, or upload it as a file.",
    /// The `cmid`'s own time is more than 30 days back or a day ahead.
    206 "cmid_expired" CmidExpired => "Show it as failed; what was never sent gets a new cmid from the server's time.",
    /// The same `cmid` came before with another content; `seq` is the first one's.
    207 "idempotency_mismatch" IdempotencyMismatch => "Make a new cmid for another content.",
    /// A mark above the head, or above the end of one's right.
    208 "mark_ahead" MarkAhead => "Lower it to what you really have.",
    /// The first frame is no `hello`.
    209 "hello_expected" HelloExpected => "Begin each link with `hello`.",
    /// A second `hello` on one link.
    210 "hello_repeated" HelloRepeated => "Send `hello` once.",
    /// The protocol version is not spoken here.
    211 "unsupported_protocol" UnsupportedProtocol => "Use a version that `limit` names.",
    /// The first frame did not come within 10 s.
    212 "hello_timeout" HelloTimeout => "Connect again and send `hello` at once.",

    /// The token is not valid.
    300 "unauthorized" Unauthorized => "Log in again.",
    /// No such conversation, or none of yours: both are answered alike.
    301 "not_found" NotFound => "Take it from the list, or ask to be added.",
    /// Your role does not allow it.
    302 "role_required" RoleRequired => "Ask a moderator or an owner.",
    /// You block the other user.
    303 "you_block_them" YouBlockThem => "Unblock them first.",
    /// The account may not connect.
    304 "banned" Banned => "Sign out.",
    /// The device was revoked.
    305 "device_revoked" DeviceRevoked => "Sign out.",
    /// Moderation refuses the message.
    306 "refused" Refused => "Show the message to the user.",
    /// You left, or were removed.
    307 "not_a_member" NotAMember => "Show the conversation as read-only.",

    /// The target was retracted, or its body is gone.
    400 "target_gone" TargetGone => "Take the target from the screen.",
    /// The target is no message, or outside your right.
    401 "target_unknown" TargetUnknown => "Mend the target.",
    /// A group with this id exists.
    402 "conversation_exists" ConversationExists => "Make a new UUID.",
    /// The user has as many devices as `limits.devices_per_user`.
    403 "too_many_devices" TooManyDevices => "Let the user revoke one.",
    /// The device is not registered.
    404 "device_unknown" DeviceUnknown => "Keep the storage, register anew, pull from your own positions.",
    /// An equal or higher generation was seen; `current` is it.
    405 "generation_stale" GenerationStale => "Go above `current`, durably, and back off.",
    /// The other side's log is full.
    406 "recipient_full" RecipientFull => "Tell the user.",
    /// The conversation's log is full.
    407 "conversation_full" ConversationFull => "Tell the user.",
    /// The setting has another version.
    408 "version_conflict" VersionConflict => "Take the newer setting, apply your change again.",
    /// The last owner must name a successor.
    409 "last_owner" LastOwner => "Give somebody the role first, or name a successor.",
    /// The group has as many members as `limits.group_members`.
    410 "group_full" GroupFull => "Remove somebody first.",
    /// The user has as many conversations as `limits.conversations_per_user`.
    411 "too_many_conversations" TooManyConversations => "Leave one first.",
    /// The target has as many changes as `limits.changes_per_target`.
    412 "too_many_changes" TooManyChanges => "No more changes to this message.",
    /// The conversation does not take this, being direct, notes or a group.
    413 "wrong_kind" WrongKind => "Offer it only where it fits.",
    /// The user added is a member already, or the user removed is none.
    414 "no_change" NoChange => "Nothing to do.",
    /// The user cannot be added.
    415 "cannot_add" CannotAdd => "Leave that user out.",
    /// Another session of this device took over.
    416 "replaced" Replaced => "Do not reconnect by yourself.",
    /// The server is about to stop.
    417 "goaway" Goaway => "Reconnect after `retry_after_ms`.",
    /// Nothing was read from the link for 60 s.
    418 "too_slow" TooSlow => "Reconnect with backoff.",
    /// No sign of life for two heartbeats.
    419 "heartbeat_timeout" HeartbeatTimeout => "Reconnect with backoff.",
    /// The session has ended by its own `logout`.
    420 "logged_out" LoggedOut => "Nothing to do.",
}

impl Code {
    /// The group of the code.
    pub const fn class(self) -> Class {
        match self.number() / 100 {
            1 => Class::Retriable,
            2 => Class::Client,
            3 => Class::Rights,
            _ => Class::State,
        }
    }

    /// True when the same request may succeed later.
    pub const fn is_retriable(self) -> bool {
        matches!(self.class(), Class::Retriable)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from_name(&name))
    }
}

impl<C> minicbor::Encode<C> for Code {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(self.number())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Code {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.u16().map(Self::from_number)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

macro_rules! close_codes {
    ($( #[doc = $meaning:literal] $number:literal $variant:ident $code:ident, )+) => {
        /// Why the server closes a link.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CloseCode {
            $( #[doc = $meaning] $variant, )+
        }

        impl CloseCode {
            /// All close codes, by number.
            pub const ALL: &'static [CloseCode] = &[$(Self::$variant),+];

            /// The number in the close frame.
            pub const fn number(self) -> u16 {
                match self { $( Self::$variant => $number, )+ }
            }

            /// When it is said, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning.trim_ascii(), )+ }
            }

            /// The error that it closes for; its name is the close frame's reason.
            pub const fn code(self) -> Code {
                match self { $( Self::$variant => Code::$code, )+ }
            }

            /// The close code with this number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}

close_codes! {
    /// The server is about to stop.
    4000 Goaway Goaway,
    /// The server cannot serve now.
    4001 Unavailable Unavailable,
    /// No sign of life for two heartbeats.
    4002 HeartbeatTimeout HeartbeatTimeout,
    /// Nothing was read from the link for 60 s.
    4003 TooSlow TooSlow,
    /// Rate limits were broken again and again.
    4004 RateLimited RateLimited,
    /// An equal or higher generation was seen.
    4005 GenerationStale GenerationStale,
    /// The first frame did not come in time.
    4006 HelloTimeout HelloTimeout,
    /// The device is not registered: register it anew.
    4007 DeviceUnknown DeviceUnknown,
    /// The first frame is no `hello`.
    4500 HelloExpected HelloExpected,
    /// The frame is too large to be read.
    4501 FrameTooLarge FrameTooLarge,
    /// The protocol version is not spoken here.
    4502 UnsupportedProtocol UnsupportedProtocol,
    /// The token is not valid.
    4503 Unauthorized Unauthorized,
    /// Another session of this device took over.
    4504 Replaced Replaced,
    /// The device was revoked.
    4505 DeviceRevoked DeviceRevoked,
    /// The account may not connect.
    4506 Banned Banned,
    /// The user has too many devices.
    4507 TooManyDevices TooManyDevices,
    /// The session has ended by its own `logout`.
    4508 LoggedOut LoggedOut,
    /// The bytes are no frame of the chosen codec.
    4509 BadFrame BadFrame,
}

impl CloseCode {
    /// True when the client reconnects by itself, with backoff.
    pub const fn reconnects(self) -> bool {
        self.number() < 4500
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_by_number_and_by_name() {
        for pair in Code::ALL.windows(2) {
            assert!(
                pair[0].number() < pair[1].number(),
                "{} is out of order",
                pair[1]
            );
        }
        for &code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), code);
            assert_eq!(Code::from_name(code.as_str()), code);
        }
        assert_eq!(Code::from_number(199), Code::Unrecognized(199));
        assert!(Code::from_number(199).is_retriable());
    }

    #[test]
    fn close_codes_below_4500_reconnect() {
        for &close in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(close.number()), Some(close));
            assert!((4000..5000).contains(&close.number()));
        }
        assert!(CloseCode::Goaway.reconnects() && !CloseCode::Replaced.reconnects());
    }
}
