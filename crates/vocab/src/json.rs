//! A JSON value that borrows from the text it was read from: what a record is while it is mapped and validated.
//!
//! The control plane uses `serde_json::Value`; the record path uses this. Of duplicate keys the last wins.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// A JSON value. Strings without escapes borrow from the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// An integer that fits an `i64`.
    Int(i64),
    /// Any other number; integers above `i64::MAX` included.
    Float(f64),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of an object in the order in which they stand; keys are distinct when parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, Json<'a>)>);

/// From this many members on, duplicates are sought with a hash map rather than by comparing each with each.
const SMALL_OBJECT: usize = 16;

impl<'a> Json<'a> {
    /// Parses one JSON text. Nesting deeper than 128 and numbers beyond `f64` are errors.
    pub fn parse(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The member of that name, when this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.as_object()?.get(name)
    }

    /// The member of that name by itself, when this is an object that has it.
    pub fn take(self, name: &str) -> Option<Json<'a>> {
        match self {
            Json::Object(object) => object.0.into_iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The same value with no borrow of the text.
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Int(value) => Json::Int(value),
            Json::Float(value) => Json::Float(value),
            Json::String(text) => Json::String(Cow::Owned(text.into_owned())),
            Json::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(object) => Json::Object(Object(
                object
                    .0
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            )),
        }
    }
}

impl<'a> Object<'a> {
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json<'a>> {
        self.0.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Sets a member, in place when it is there already.
    pub fn insert(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        match self.get_mut(&name) {
            Some(old) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A JSON value to look into, wherever it lies: in a tree ([`Json`]) or on a [`Tape`](crate::Tape).
pub trait Read<'t>: Copy {
    type Items: ExactSizeIterator<Item = Self>;
    type Members: Iterator<Item = (&'t str, Self)>;

    /// Whether an object has no key twice. Where it may, the last counts, as it does in [`Read::to_json`].
    const DISTINCT: bool;

    fn look(self) -> Look<'t, Self>;

    /// The same value as a tree.
    fn to_json(self) -> Json<'t>;

    /// The member of that name, when this is an object that has it.
    fn get(self, name: &str) -> Option<Self> {
        match self.look() {
            Look::Object(members) => members.filter(|(key, _)| *key == name).last().map(|(_, value)| value),
            _ => None,
        }
    }

    fn is_null(self) -> bool {
        matches!(self.look(), Look::Null)
    }

    fn as_str(self) -> Option<&'t str> {
        match self.look() {
            Look::String(text) => Some(text),
            _ => None,
        }
    }

    fn is_array(self) -> bool {
        matches!(self.look(), Look::Array(_))
    }

    fn is_object(self) -> bool {
        matches!(self.look(), Look::Object(_))
    }
}

/// What a value is, one level deep.
pub enum Look<'t, N: Read<'t>> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(&'t str),
    Array(N::Items),
    Object(N::Members),
}

impl<'t, 'a> Read<'t> for &'t Json<'a> {
    type Items = std::slice::Iter<'t, Json<'a>>;
    type Members = Members<'t, 'a>;

    const DISTINCT: bool = true;

    fn look(self) -> Look<'t, Self> {
        match self {
            Json::Null => Look::Null,
            Json::Bool(value) => Look::Bool(*value),
            Json::Int(value) => Look::Int(*value),
            Json::Float(value) => Look::Float(*value),
            Json::String(text) => Look::String(text),
            Json::Array(items) => Look::Array(items.iter()),
            Json::Object(object) => Look::Object(Members(object.0.iter())),
        }
    }

    fn to_json(self) -> Json<'t> {
        self.clone()
    }
}

/// The members of an object in a tree.
pub struct Members<'t, 'a>(std::slice::Iter<'t, (Cow<'a, str>, Json<'a>)>);

impl<'t, 'a> Iterator for Members<'t, 'a> {
    type Item = (&'t str, &'t Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_ref(), value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// Members in the making: of those of one name the last stays, in the place of the first. Their time grows with their number,
/// however many a client sends.
#[derive(Debug)]
pub struct Distinct<'a, V> {
    members: Vec<(Cow<'a, str>, V)>,
    /// Where each name is, once there are too many to compare.
    places: HashMap<Cow<'a, str>, usize>,
}

impl<V> Default for Distinct<'_, V> {
    fn default() -> Self {
        Self { members: Vec::new(), places: HashMap::new() }
    }
}

impl<'a, V> Distinct<'a, V> {
    pub fn set(&mut self, key: Cow<'a, str>, value: V) {
        let members = &mut self.members;
        let old = if members.len() < SMALL_OBJECT {
            members.iter().position(|(name, _)| *name == key)
        } else {
            if self.places.is_empty() {
                self.places = members.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
            }
            self.places.get(&key).copied()
        };
        match old {
            Some(at) => members[at].1 = value,
            None => {
                if !self.places.is_empty() {
                    self.places.insert(key.clone(), members.len());
                }
                members.push((key, value));
            }
        }
    }

    pub fn into_members(self) -> Vec<(Cow<'a, str>, V)> {
        self.members
    }
}

impl<'a, V> FromIterator<(Cow<'a, str>, V)> for Distinct<'a, V> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, V)>>(members: I) -> Self {
        let mut distinct = Self::default();
        members.into_iter().for_each(|(key, value)| distinct.set(key, value));
        distinct
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Distinct::default();
        while let Some(Key(key)) = map.next_key()? {
            members.set(key, map.next_value()?);
        }
        Ok(Json::Object(Object(members.into_members())))
    }
}

/// An object key, borrowed where it can be (serde's own `Cow<str>` always copies).
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object key")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Int(value) => serializer.serialize_i64(*value),
            Json::Float(value) => serializer.serialize_f64(*value),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Json::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object.iter() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_duplicate_keys_wins() {
        let json = Json::parse(br#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(json.to_string(), r#"{"a":3,"b":2}"#);
        let many: String = (0..100).map(|i| format!("\"k{}\":{i},", i % 40)).collect();
        let text = format!("{{{}\"k0\":-1}}", many);
        let json = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json.as_object().unwrap().len(), 40);
        assert_eq!(json.get("k0"), Some(&Json::Int(-1)));
        assert_eq!(json.get("k39"), Some(&Json::Int(79)));
    }

    #[test]
    fn plain_strings_are_borrowed() {
        let json = Json::parse(br#"{"plain":"text","escaped":"a\nb"}"#).unwrap();
        assert!(matches!(json.get("plain"), Some(Json::String(Cow::Borrowed(_)))));
        assert!(matches!(json.get("escaped"), Some(Json::String(Cow::Owned(_)))));
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in ["{", "[1,]", "{\"a\":1e999}", "\u{feff}{}", "{} {}", "nul"] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
        assert!(Json::parse("[".repeat(200).as_bytes()).is_err());
    }
}
