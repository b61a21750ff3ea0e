//! A JSON text read once into one flat list, whose memory serves the next text too: what a record is between the log and its
//! columns when nothing has to change in it.
//!
//! It accepts exactly what [`Json::parse`] accepts. Duplicate keys are all kept, in order; the last is the one that counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::json::{Distinct, Json, Look, Object, Read};

/// Entries whose memory waits for the next text: 2 MiB.
const ENTRIES_KEPT: usize = 64 << 10;

/// A parsed text. The values inside a list or an object follow it; of a member comes first the key, then the value.
#[derive(Debug, Default)]
pub struct Tape<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
enum Entry<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Cow<'a, str>),
    /// How many items, and where the entry after the last begins.
    Array {
        count: u32,
        end: u32,
    },
    Object {
        count: u32,
        end: u32,
    },
}

impl<'a> Tape<'a> {
    /// Reads one JSON text.
    pub fn of(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        let (tape, read) = Tape::default().parse(text);
        read.map(|()| tape)
    }

    /// Reads one JSON text, in the place of what was there. After an error the tape holds null.
    pub fn parse<'b>(self, text: &'b [u8]) -> (Tape<'b>, Result<(), serde_json::Error>) {
        let mut entries = reuse(self.entries);
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let read = Filler(&mut entries).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        if read.is_err() {
            entries.clear();
        }
        (Tape { entries }, read)
    }

    /// A tape that holds null, in the same memory; that of an uncommonly long text is given back.
    pub fn emptied<'b>(self) -> Tape<'b> {
        if self.entries.capacity() > ENTRIES_KEPT {
            Tape::default()
        } else {
            Tape { entries: reuse(self.entries) }
        }
    }

    /// The value that the whole text is.
    pub fn root(&self) -> Node<'_, 'a> {
        Node { entries: &self.entries, at: 0 }
    }
}

/// The memory of a list for entries of another text. Collecting what has no items keeps it.
fn reuse<'b>(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'b>> {
    entries.clear();
    entries.into_iter().map_while(|_| None).collect()
}

/// A value on a tape.
#[derive(Clone, Copy)]
pub struct Node<'t, 'a> {
    entries: &'t [Entry<'a>],
    at: usize,
}

impl fmt::Debug for Node<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl<'t, 'a> Node<'t, 'a> {
    /// Where the entry after this value begins.
    fn end(self) -> usize {
        match self.entries.get(self.at) {
            Some(Entry::Array { end, .. } | Entry::Object { end, .. }) => *end as usize,
            _ => self.at + 1,
        }
    }
}

impl<'t, 'a> Read<'t> for Node<'t, 'a> {
    type Items = Items<'t, 'a>;
    type Members = Members<'t, 'a>;

    const DISTINCT: bool = false;

    fn look(self) -> Look<'t, Self> {
        let inside = |count: u32| Items {
            next: Node { entries: self.entries, at: self.at + 1 },
            left: count as usize,
        };
        match self.entries.get(self.at) {
            None | Some(Entry::Null) => Look::Null,
            Some(Entry::Bool(value)) => Look::Bool(*value),
            Some(Entry::Int(value)) => Look::Int(*value),
            Some(Entry::Float(value)) => Look::Float(*value),
            Some(Entry::String(text)) => Look::String(text),
            Some(Entry::Array { count, .. }) => Look::Array(inside(*count)),
            Some(Entry::Object { count, .. }) => Look::Object(Members(inside(*count))),
        }
    }

    fn to_json(self) -> Json<'t> {
        match self.look() {
            Look::Null => Json::Null,
            Look::Bool(value) => Json::Bool(value),
            Look::Int(value) => Json::Int(value),
            Look::Float(value) => Json::Float(value),
            Look::String(text) => Json::String(Cow::Borrowed(text)),
            Look::Array(items) => Json::Array(items.map(Read::to_json).collect()),
            Look::Object(members) => {
                let members = members.map(|(key, value)| (Cow::Borrowed(key), value.to_json()));
                Json::Object(Object(members.collect::<Distinct<'_, _>>().into_members()))
            }
        }
    }
}

/// The items of a list.
#[derive(Clone)]
pub struct Items<'t, 'a> {
    next: Node<'t, 'a>,
    left: usize,
}

impl<'t, 'a> Iterator for Items<'t, 'a> {
    type Item = Node<'t, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        self.next.at = item.end();
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_, '_> {}

/// The members of an object, duplicates included.
#[derive(Clone)]
pub struct Members<'t, 'a>(Items<'t, 'a>);

impl<'t, 'a> Iterator for Members<'t, 'a> {
    type Item = (&'t str, Node<'t, 'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let items = &mut self.0;
        items.left = items.left.checked_sub(1)?;
        let (key, value) = (items.next, Node { at: items.next.at + 1, ..items.next });
        items.next.at = value.end();
        Some((key.as_str().unwrap_or_default(), value))
    }
}

/// Appends one value to a tape.
struct Filler<'t, 'a>(&'t mut Vec<Entry<'a>>);

impl<'a> Filler<'_, 'a> {
    fn push<E>(self, entry: Entry<'a>) -> Result<(), E> {
        self.0.push(entry);
        Ok(())
    }

    /// Where the entry after the last one will be.
    fn here<E: serde::de::Error>(&self) -> Result<u32, E> {
        u32::try_from(self.0.len()).map_err(|_| E::custom("a text of too many values"))
    }
}

impl<'a> DeserializeSeed<'a> for Filler<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Filler<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Entry::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Entry::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Entry::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(i64::try_from(value).map_or(Entry::Float(value as f64), Entry::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(Entry::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<(), E> {
        self.push(Entry::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.push(Entry::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let at = self.0.len();
        self.0.push(Entry::Array { count: 0, end: 0 });
        let mut count = 0_u32;
        while seq.next_element_seed(Filler(self.0))?.is_some() {
            count += 1;
        }
        let end = self.here()?;
        self.0[at] = Entry::Array { count, end };
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let at = self.0.len();
        self.0.push(Entry::Object { count: 0, end: 0 });
        let mut count = 0_u32;
        while map.next_key_seed(Key(self.0))?.is_some() {
            map.next_value_seed(Filler(self.0))?;
            count += 1;
        }
        let end = self.here()?;
        self.0[at] = Entry::Object { count, end };
        Ok(())
    }
}

/// Appends a key: always text.
struct Key<'t, 'a>(&'t mut Vec<Entry<'a>>);

impl<'a> DeserializeSeed<'a> for Key<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(Filler(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_a_tree_holds() {
        for text in [
            "null",
            "7",
            "-1.5",
            "18446744073709551615",
            "\"a\\nb\"",
            "[]",
            "{}",
            r#"{"a":[1,[true,{}],{"b":null}],"c":"d","e":{"f":[]}}"#,
            r#"{"a":1,"b":{"a":2,"a":3},"a":[4]}"#,
        ] {
            let (tape, read) = Tape::default().parse(text.as_bytes());
            read.unwrap();
            assert_eq!(tape.root().to_json(), Json::parse(text.as_bytes()).unwrap(), "{text}");
        }
    }

    /// As many members as a message can hold; were each compared with each, this would not end.
    #[test]
    fn a_very_wide_object_becomes_a_tree() {
        let members: Vec<String> = (0..300_000).map(|number| format!("\"{}\":0", number % 200_000)).collect();
        let text = format!("{{{}}}", members.join(","));
        let (tape, _) = Tape::default().parse(text.as_bytes());
        let tree = tape.root().to_json();
        assert_eq!(tree.as_object().map(|object| object.len()), Some(200_000));
        assert_eq!(tree, Json::parse(text.as_bytes()).unwrap());
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let (tape, _) = Tape::default().parse(br#"{"a":1,"b":2,"a":3}"#);
        assert!(matches!(tape.root().get("a").map(Read::look), Some(Look::Int(3))));
        assert!(tape.root().get("c").is_none());
    }

    #[test]
    fn the_memory_serves_the_next_text() {
        let (tape, _) = Tape::default().parse(b"[1,2,3,4,5,6,7,8,9,10]");
        let (room, place) = (tape.entries.capacity(), tape.entries.as_ptr() as usize);
        let (tape, _) = tape.parse(b"[true]");
        assert_eq!((tape.entries.capacity(), tape.entries.as_ptr() as usize), (room, place));
        assert_eq!(tape.root().to_json().to_string(), "[true]");
    }

    #[test]
    fn refuses_what_is_not_json() {
        let mut tape = Tape::default();
        for text in ["{", "[1,]", "{\"a\":1e999}", "{} {}", "nul", "{1:2}", ""] {
            let (next, read) = tape.parse(text.as_bytes());
            assert!(read.is_err() && next.root().to_json() == Json::Null, "{text}");
            tape = next;
        }
        assert!(Tape::default().parse("[".repeat(200).as_bytes()).1.is_err());
    }
}
