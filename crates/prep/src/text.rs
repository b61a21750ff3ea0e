//! Positions in texts and lengths of texts, in the units that a switch chooses.

use std::borrow::Cow;

use crate::switches::TextUnits;
use crate::value::Value;

impl TextUnits {
    fn of(self, c: char) -> usize {
        match self {
            TextUnits::Characters => 1,
            TextUnits::Utf16 => c.len_utf16(),
        }
    }

    pub(crate) fn length(self, text: &str) -> usize {
        text.chars().map(|c| self.of(c)).sum()
    }

    /// Elements of an array, members of an object or the length of a text; none for other values.
    pub(crate) fn size(self, value: &Value<'_>) -> Option<usize> {
        match value {
            Value::Text(text) => Some(self.length(text)),
            other => other.size(),
        }
    }

    /// The byte at which the first character at or behind a position starts, or at which the text ends; none for what is
    /// neither.
    pub(crate) fn offset(self, text: &str, position: i64) -> Option<usize> {
        let position = usize::try_from(position).ok()?;
        let mut before = 0;
        for (at, c) in text.char_indices() {
            if before >= position {
                return Some(at);
            }
            before += self.of(c);
        }
        (before >= position).then_some(text.len())
    }

    /// Part of a text, clipped at its end; borrowed when the text is. Of a character that is cut in two, each half is the
    /// replacement character, since no text can hold it.
    pub(crate) fn slice(self, text: Cow<'_, str>, start: i64, length: i64) -> Cow<'_, str> {
        let (from, count) = (usize::try_from(start).unwrap_or(0), usize::try_from(length).unwrap_or(0));
        let to = from.saturating_add(count);
        let mut place = text.len()..text.len();
        let mut before = 0;
        let mut cut = false;
        for (at, c) in text.char_indices() {
            let after = before + self.of(c);
            if before <= from && from < after {
                place.start = at;
                cut |= before < from;
            }
            if before < to && to <= after {
                place.end = at + c.len_utf8();
                cut |= to < after;
                break;
            }
            before = after;
        }
        if count == 0 || place.start >= place.end {
            return Cow::Borrowed("");
        }
        if cut {
            let units: Vec<u16> = text.encode_utf16().skip(from).take(count).collect();
            return Cow::Owned(String::from_utf16_lossy(&units));
        }
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[place]),
            Cow::Owned(text) => Cow::Owned(text[place].to_owned()),
        }
    }

    /// A text repeated and cut to a length.
    pub(crate) fn repeat(self, text: &str, length: usize) -> String {
        let mut made = String::new();
        let mut missing = length;
        for c in text.chars().cycle() {
            match missing.checked_sub(self.of(c)) {
                _ if missing == 0 => break,
                Some(left) => {
                    made.push(c);
                    missing = left;
                }
                // Half a character is none.
                None => {
                    made.push(char::REPLACEMENT_CHARACTER);
                    break;
                }
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices() {
        let check = |units: TextUnits, start: i64, length: i64, expected: &str| {
            assert_eq!(units.slice("a😀é".into(), start, length), expected, "{units:?} {start} {length}");
            assert_eq!(
                units.slice(Cow::Owned("a😀é".to_owned()), start, length),
                expected,
                "{units:?} {start} {length}"
            );
        };
        check(TextUnits::Characters, 0, 2, "a😀");
        check(TextUnits::Characters, 1, 9, "😀é");
        check(TextUnits::Characters, 3, 1, "");
        check(TextUnits::Characters, 1, 0, "");
        check(TextUnits::Characters, 0, -1, "");
        check(TextUnits::Utf16, 0, 2, "a\u{fffd}");
        check(TextUnits::Utf16, 0, 3, "a😀");
        check(TextUnits::Utf16, 2, 9, "\u{fffd}é");
        check(TextUnits::Utf16, 3, 9, "é");
        check(TextUnits::Utf16, 4, 1, "");
        check(TextUnits::Utf16, 1, i64::MAX, "😀é");
    }

    #[test]
    fn offsets() {
        let check = |units: TextUnits, position: i64, expected: Option<usize>| {
            assert_eq!(units.offset("a😀é", position), expected, "{units:?} {position}");
        };
        check(TextUnits::Characters, 2, Some(5));
        check(TextUnits::Characters, 3, Some(7));
        check(TextUnits::Characters, 4, None);
        check(TextUnits::Characters, -1, None);
        check(TextUnits::Utf16, 2, Some(5));
        check(TextUnits::Utf16, 3, Some(5));
        check(TextUnits::Utf16, 4, Some(7));
        check(TextUnits::Utf16, 5, None);
    }

    #[test]
    fn repeating() {
        assert_eq!(TextUnits::Characters.repeat("ab", 3), "aba");
        assert_eq!(TextUnits::Characters.repeat("😀", 2), "😀😀");
        assert_eq!(TextUnits::Utf16.repeat("😀", 3), "😀\u{fffd}");
        assert_eq!(TextUnits::Utf16.repeat("a", 0), "");
    }
}
