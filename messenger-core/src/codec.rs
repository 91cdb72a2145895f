//! Macros that give a type its two encodings at once: names in JSON (serde), small integers in CBOR (minicbor).
//!
//! ```text
//!   number!   a u64 newtype, at most 2^53 − 1      7                    7
//!   name!     a string newtype that parses once    "anna"               "anna"
//!   tagged!   an enum of one-body variants         {"text": {…}}        [1, {…}]
//!   symbols!  an enum of bare names                "keep"               0
//! ```

/// The largest integer of the protocol, 2^53 − 1: what every JSON reader keeps exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Reads a plain `u64` field and refuses values above [`MAX_INTEGER`]; for `#[serde(deserialize_with)]`.
///
/// In CBOR the integers of a whole frame are checked before it is decoded.
pub(crate) fn integer<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = <u64 as serde::Deserialize>::deserialize(deserializer)?;
    in_range(value)
}

/// Reads an optional `u64` field and refuses values above [`MAX_INTEGER`]; for `#[serde(deserialize_with)]`.
pub(crate) fn maybe_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let value = <Option<u64> as serde::Deserialize>::deserialize(deserializer)?;
    value.map(in_range).transpose()
}

fn in_range<E: serde::de::Error>(value: u64) -> Result<u64, E> {
    match value {
        0..=MAX_INTEGER => Ok(value),
        _ => Err(E::custom(
            "a number is above the largest integer, 9007199254740991",
        )),
    }
}

/// Declares a `u64` newtype whose decoders refuse values above [`MAX_INTEGER`].
macro_rules! number {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The value as a plain integer.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = u64::deserialize(deserializer)?;
                if value > $crate::codec::MAX_INTEGER {
                    return Err(serde::de::Error::custom(concat!(
                        stringify!($name),
                        " is above the largest integer, 9007199254740991"
                    )));
                }
                Ok(Self(value))
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u64(self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let value = d.u64()?;
                if value > $crate::codec::MAX_INTEGER {
                    return Err(minicbor::decode::Error::message(concat!(
                        stringify!($name),
                        " is above the largest integer, 9007199254740991"
                    )));
                }
                Ok(Self(value))
            }
        }
    };
}

/// Gives a string newtype with `parse(&str) -> Result<Self, E>` and `as_str` its two encodings; the pattern stands in the
/// published schema.
macro_rules! name {
    ($name:ident, $pattern:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a ", stringify!($name)))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(self.as_str())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                $name::parse(d.str()?).map_err(minicbor::decode::Error::message)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

/// Declares an enum of variants with one body each: externally tagged in JSON, `[number, body]` in CBOR.
macro_rules! tagged {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $number:literal $tag:literal $variant:ident($body:ty), )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $tag)] $variant($body), )+
        }

        impl $name {
            /// The tags in JSON with their numbers in CBOR, in the order of declaration.
            pub const TAGS: &'static [(&'static str, u16)] = &[$(($tag, $number)),+];

            /// The variant's tag in JSON.
            pub const fn tag(&self) -> &'static str {
                match self { $( Self::$variant(_) => $tag, )+ }
            }
        }

        $(
            impl From<$body> for $name {
                fn from(body: $body) -> Self {
                    Self::$variant(body)
                }
            }
        )+

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                ctx: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.array(2)?;
                match self {
                    $( Self::$variant(body) => { e.u16($number)?; body.encode(e, ctx) } )+
                }
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                ctx: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                if d.array()? != Some(2) {
                    return Err(minicbor::decode::Error::message(concat!(
                        stringify!($name),
                        " must be an array of two: number and body"
                    )));
                }
                match d.u16()? {
                    $( $number => <$body>::decode(d, ctx).map(Self::$variant), )+
                    other => Err(minicbor::decode::Error::unknown_variant(i64::from(other))),
                }
            }
        }
    };
}

/// Declares an enum of bare names: a string in JSON, a small integer in CBOR.
macro_rules! symbols {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $number:literal $tag:literal $variant:ident, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $tag)] $variant, )+
        }

        impl $name {
            /// All variants in the order of declaration.
            pub const ALL: &'static [$name] = &[$(Self::$variant),+];

            /// The name in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $tag, )+ }
            }

            /// The number in CBOR.
            pub const fn number(self) -> u16 {
                match self { $( Self::$variant => $number, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u16(self.number())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                match d.u16()? {
                    $( $number => Ok(Self::$variant), )+
                    other => Err(minicbor::decode::Error::unknown_variant(i64::from(other))),
                }
            }
        }
    };
}

/// Declares a struct with both encodings: fields by name in JSON, by `#[n(i)]` in CBOR; unknown fields are ignored.
///
/// In front of `#[n(i)]` stands nothing but the field's documentation.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])* #[n($key:literal)] $(#[$fmeta:meta])* pub $field:ident: $ty:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
        #[cbor(map)]
        pub struct $name {
            $( $(#[doc = $doc])* #[n($key)] $(#[$fmeta])* pub $field: $ty, )*
        }

        impl $name {
            /// The fields with their keys in CBOR, in the order of declaration.
            pub const FIELDS: &'static [(&'static str, u16)] = &[$((stringify!($field), $key)),*];
        }
    };
}

pub(crate) use {name, number, record, symbols, tagged};
