//! A JSON text read once into one flat list, whose memory serves the next text too: what a record is between the log and its
//! columns when nothing has to change in it.
//!
//! It accepts exactly what [`Json::parse`] accepts. Duplicate keys are all kept, in order; the last is the one that counts.

use std::borrow::Cow;
use std::fmt;

use crate::json::{Distinct, Json, Look, Object, Read};
use crate::parse::Parser;

/// Entries, and bytes of unescaped strings, whose memory waits for the next text: 1 MiB and 64 KiB.
const KEPT: usize = 64 << 10;

/// A parsed text. The values inside a list or an object follow it; of a member comes first the key, then the value.
#[derive(Debug, Default)]
pub struct Tape<'a> {
    text: &'a str,
    entries: Vec<Entry>,
    /// What the strings with escapes say.
    unescaped: String,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A string that stands in the text as it is.
    Text {
        start: u32,
        len: u32,
    },
    /// A string that stands among the unescaped.
    Unescaped {
        start: u32,
        len: u32,
    },
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
        let mut tape = self.emptied();
        if tape.fill(text).is_some() {
            return (tape, Ok(()));
        }
        tape.entries.clear();
        // What is wrong, and where, is said best by whom we agree with. Places in the text are counted in 32 bits.
        let error = Json::parse(text).err();
        (tape, Err(error.unwrap_or_else(|| serde::de::Error::custom("a text of more than 4 GiB"))))
    }

    fn fill(&mut self, text: &'a [u8]) -> Option<()> {
        u32::try_from(text.len()).ok()?;
        self.text = std::str::from_utf8(text).ok()?;
        Parser::new(self.text, &mut self.entries, &mut self.unescaped).parse()
    }

    /// A tape that holds null, in the same memory; that of an uncommonly long text is given back.
    pub fn emptied<'b>(self) -> Tape<'b> {
        let (mut entries, mut unescaped) = (self.entries, self.unescaped);
        entries.clear();
        unescaped.clear();
        entries.shrink_to(KEPT);
        unescaped.shrink_to(KEPT);
        Tape { text: "", entries, unescaped }
    }

    /// The value that the whole text is.
    pub fn root(&self) -> Node<'_, 'a> {
        Node { tape: self, at: 0 }
    }
}

/// A value on a tape.
#[derive(Clone, Copy)]
pub struct Node<'t, 'a> {
    tape: &'t Tape<'a>,
    at: usize,
}

impl fmt::Debug for Node<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl<'t> Node<'t, '_> {
    /// Where the entry after this value begins.
    #[inline]
    fn end(self) -> usize {
        match self.tape.entries.get(self.at) {
            Some(Entry::Array { end, .. } | Entry::Object { end, .. }) => *end as usize,
            _ => self.at + 1,
        }
    }

    #[inline]
    fn text(self) -> Option<&'t str> {
        match self.tape.entries.get(self.at) {
            Some(Entry::Text { start, len }) => slice(self.tape.text, *start, *len),
            Some(Entry::Unescaped { start, len }) => slice(&self.tape.unescaped, *start, *len),
            _ => None,
        }
    }
}

#[inline]
fn slice(text: &str, start: u32, len: u32) -> Option<&str> {
    text.get(start as usize..start as usize + len as usize)
}

impl<'t, 'a> Read<'t> for Node<'t, 'a> {
    type Items = Items<'t, 'a>;
    type Members = Members<'t, 'a>;

    const DISTINCT: bool = false;

    #[inline]
    fn look(self) -> Look<'t, Self> {
        let inside = |count: u32| Items { next: Node { at: self.at + 1, ..self }, left: count as usize };
        match self.tape.entries.get(self.at) {
            None | Some(Entry::Null) => Look::Null,
            Some(Entry::Bool(value)) => Look::Bool(*value),
            Some(Entry::Int(value)) => Look::Int(*value),
            Some(Entry::Float(value)) => Look::Float(*value),
            Some(Entry::Text { .. } | Entry::Unescaped { .. }) => {
                Look::String(self.text().unwrap_or_default())
            }
            Some(Entry::Array { count, .. }) => Look::Array(inside(*count)),
            Some(Entry::Object { count, .. }) => Look::Object(Members(inside(*count))),
        }
    }

    #[inline]
    fn is_null(self) -> bool {
        matches!(self.tape.entries.get(self.at), None | Some(Entry::Null))
    }

    #[inline]
    fn as_str(self) -> Option<&'t str> {
        self.text()
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

    #[inline]
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

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let items = &mut self.0;
        items.left = items.left.checked_sub(1)?;
        let (key, value) = (items.next, Node { at: items.next.at + 1, ..items.next });
        items.next.at = value.end();
        Some((key.text().unwrap_or_default(), value))
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
