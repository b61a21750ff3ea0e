//! Date patterns in the letters of Java: compiled once, then used to print or to read.
//!
//! The letters are those of the documented table, which mixes two Java libraries; `u` is the number of the weekday.
//! Names are English and read in any case. Reading takes the whole text and nothing out of range.

use std::fmt::Write;

use jiff::ZonedDateTime;
use jiff::civil::{self, Weekday};
use jiff::tz::{Offset, TimeZone};

/// Widest run of one letter: nine digits of a fraction.
const WIDTH_MAX: usize = 9;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Names of fixed offsets that are read, in hours.
const ZONES: [(&str, i8); 22] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("UT", 0),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("JST", 9),
    ("AKST", -9),
    ("AKDT", -8),
    ("HST", -10),
];

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    Field { letter: char, width: usize },
}

impl Pattern {
    /// Compiles a pattern, or says what is wrong with it.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let run = rest.len() - rest.trim_start_matches(first).len();
            if first == '\'' {
                let (literal, length) = quoted(rest)?;
                push_literal(&mut pieces, &literal);
                rest = &rest[length..];
            } else if first.is_ascii_alphabetic() {
                if !"GYyMLwWDdFEuaHkKhmsSzZXVOQq".contains(first) {
                    return Err(format!("the letter {first} has no meaning; put text in single quotes"));
                }
                if run > WIDTH_MAX {
                    return Err(format!("more than {WIDTH_MAX} letters {first} in a row"));
                }
                pieces.push(Piece::Field { letter: first, width: run });
                rest = &rest[run..];
            } else {
                push_literal(&mut pieces, &rest[..first.len_utf8()]);
                rest = &rest[first.len_utf8()..];
            }
        }
        if pieces.is_empty() { Err("it is empty".to_owned()) } else { Ok(Self { pieces }) }
    }

    /// Prints a date in its own zone.
    pub(crate) fn format(&self, date: &ZonedDateTime) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Field { letter, width } => print(&mut out, *letter, *width, date),
            }
        }
        out
    }

    /// Reads a whole text. Without a zone it is in UTC; fields that the pattern lacks are those of 1970-01-01T00:00:00.
    pub(crate) fn parse(&self, text: &str) -> Result<ZonedDateTime, String> {
        let mut rest = text;
        let mut fields = Fields::default();
        for (at, piece) in self.pieces.iter().enumerate() {
            rest = match piece {
                Piece::Literal(literal) => {
                    rest.strip_prefix(literal.as_str()).ok_or_else(|| format!("{literal:?} was expected"))?
                }
                Piece::Field { letter, width } => {
                    let adjacent = matches!(self.pieces.get(at + 1), Some(Piece::Field { .. }));
                    fields
                        .read(*letter, *width, adjacent, rest)
                        .ok_or_else(|| format!("{} does not fit", letter.to_string().repeat(*width)))?
                }
            };
        }
        if !rest.is_empty() {
            return Err("text is left over".to_owned());
        }
        fields.date().ok_or_else(|| "there is no such day or time".to_owned())
    }
}

/// The text of a quoted part at the start of `rest`, and the part's length. `''` is a quote, inside and outside.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    if rest.starts_with("''") {
        return Ok(("'".to_owned(), 2));
    }
    let mut literal = String::new();
    let mut at = 1;
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with("''") {
            literal.push('\'');
            at += 2;
        } else if c == '\'' {
            return Ok((literal, at + 1));
        } else {
            literal.push(c);
            at += c.len_utf8();
        }
    }
    Err("a single quote is not closed".to_owned())
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(literal)) => literal.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

fn print(out: &mut String, letter: char, width: usize, date: &ZonedDateTime) {
    let week = date.iso_week_date();
    let monday_one = date.weekday().to_monday_one_offset();
    let hour = date.hour();
    match letter {
        'G' if width == 4 => out.push_str(if date.year() > 0 { "Anno Domini" } else { "Before Christ" }),
        'G' if width == 5 => out.push(if date.year() > 0 { 'A' } else { 'B' }),
        'G' => out.push_str(if date.year() > 0 { "AD" } else { "BC" }),
        'Y' => year(out, week.year(), width),
        'y' => year(out, date.year(), width),
        'M' | 'L' => name(out, &MONTHS, usize::from(date.month().unsigned_abs()), width),
        'w' => number(out, week.week().into(), width),
        'W' => {
            let before = date.first_of_month().map_or(0, |first| first.weekday().to_monday_zero_offset());
            number(out, i64::from(date.day() + before - 1) / 7 + 1, width);
        }
        'D' => number(out, date.day_of_year().into(), width),
        'd' => number(out, date.day().into(), width),
        'F' => number(out, i64::from(date.day() - 1) / 7 + 1, width),
        'E' => name(out, &DAYS, usize::from(monday_one.unsigned_abs()), width.max(3)),
        'u' => number(out, monday_one.into(), width),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'H' => number(out, hour.into(), width),
        'k' => number(out, if hour == 0 { 24 } else { hour.into() }, width),
        'K' => number(out, i64::from(hour) % 12, width),
        'h' => number(out, if hour % 12 == 0 { 12 } else { i64::from(hour) % 12 }, width),
        'm' => number(out, date.minute().into(), width),
        's' => number(out, date.second().into(), width),
        'S' => out.push_str(&format!("{:09}", date.subsec_nanosecond())[..width]),
        'V' if region(date).is_some() => out.push_str(region(date).unwrap_or_default()),
        'z' if region(date).is_some() => abbreviation(out, date),
        'z' | 'V' if date.offset().is_zero() => out.push_str("UTC"),
        'V' => write_offset(out, date.offset(), ":"),
        'z' => {
            out.push_str("GMT");
            write_offset(out, date.offset(), ":");
        }
        'Z' => write_offset(out, date.offset(), ""),
        'X' if date.offset().is_zero() => out.push('Z'),
        'X' if width == 1 && date.offset().seconds() % 3600 == 0 => hours(out, date.offset()),
        'X' => write_offset(out, date.offset(), if width >= 3 { ":" } else { "" }),
        'O' => {
            out.push_str("GMT");
            match (date.offset(), width) {
                (offset, _) if offset.is_zero() => {}
                (offset, 4) => write_offset(out, offset, ":"),
                (offset, _) => short_offset(out, offset),
            }
        }
        'Q' | 'q' => quarter(out, date.month(), width),
        // `compile` lets no other letter through.
        _ => {}
    }
}

/// The name of the date's zone, `Europe/Paris`, when it has one.
fn region(date: &ZonedDateTime) -> Option<&str> {
    date.time_zone().iana_name().filter(|name| *name != "UTC")
}

/// What the zone's clocks are called at the time, `CET` or `CEST`; some zones have an offset for a name.
fn abbreviation(out: &mut String, date: &ZonedDateTime) {
    let info = date.time_zone().to_offset_info(date.timestamp());
    match info.abbreviation() {
        name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => out.push_str(name),
        _ => {
            out.push_str("GMT");
            write_offset(out, date.offset(), ":");
        }
    }
}

fn number(out: &mut String, value: i64, width: usize) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value:0width$}");
}

fn year(out: &mut String, value: i16, width: usize) {
    let era = if value > 0 { i64::from(value) } else { 1 - i64::from(value) };
    number(out, if width == 2 { era % 100 } else { era }, width);
}

/// A number for one or two letters, a name for more.
fn name(out: &mut String, names: &[&str], one_based: usize, width: usize) {
    let full = names.get(one_based.wrapping_sub(1)).copied().unwrap_or_default();
    match width {
        1 | 2 => number(out, i64::try_from(one_based).unwrap_or_default(), width),
        3 => out.push_str(&full[..3.min(full.len())]),
        5 => out.push_str(&full[..1.min(full.len())]),
        _ => out.push_str(full),
    }
}

fn quarter(out: &mut String, month: i8, width: usize) {
    let quarter = usize::from((month.unsigned_abs() - 1) / 3);
    match width {
        1 | 2 => number(out, i64::from(month - 1) / 3 + 1, width),
        3 => out.push_str(["Q1", "Q2", "Q3", "Q4"][quarter]),
        5 => number(out, i64::from(month - 1) / 3 + 1, 1),
        _ => out.push_str(["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"][quarter]),
    }
}

/// `+01:00` or `+0100`.
pub(crate) fn write_offset(out: &mut String, offset: Offset, separator: &str) {
    let seconds = offset.seconds().abs();
    hours(out, offset);
    let _ = write!(out, "{separator}{:02}", seconds / 60 % 60);
}

fn hours(out: &mut String, offset: Offset) {
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let _ = write!(out, "{sign}{:02}", offset.seconds().abs() / 3600);
}

fn short_offset(out: &mut String, offset: Offset) {
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let minutes = offset.seconds().abs() / 60;
    let _ = write!(out, "{sign}{}", minutes / 60);
    if minutes % 60 != 0 {
        let _ = write!(out, ":{:02}", minutes % 60);
    }
}

/// What a text said.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<usize>,
    hour: i64,
    half: Option<bool>,
    minute: i64,
    second: i64,
    nanos: i64,
    offset: Option<Offset>,
    /// A zone by name, whose offset depends on the day.
    region: Option<TimeZone>,
}

/// A zone that is an abbreviation or an offset, or both: `PST`, `+01:00`, `GMT+1`.
pub(crate) fn fixed_zone(text: &str) -> Option<Offset> {
    let mut fields = Fields::default();
    let rest = fields.zone(text)?;
    (rest.is_empty() && fields.region.is_none()).then_some(fields.offset)?
}

impl Fields {
    /// Reads one field off the front of a text and gives what is left.
    fn read<'t>(&mut self, letter: char, width: usize, adjacent: bool, text: &'t str) -> Option<&'t str> {
        match letter {
            'G' => {
                let (era, rest) = one_of(text, &["AD", "BC", "Anno Domini", "Before Christ"])?;
                self.before_christ = era % 2 == 1;
                Some(rest)
            }
            'M' | 'L' if width >= 3 => {
                let (at, rest) = named(text, &MONTHS, width)?;
                self.month = i64::try_from(at + 1).ok();
                Some(rest)
            }
            'E' => {
                let (at, rest) = named(text, &DAYS, width.max(3))?;
                self.weekday = Some(at);
                Some(rest)
            }
            'a' => {
                let (half, rest) = one_of(text, &["AM", "PM"])?;
                self.half = Some(half == 1);
                Some(rest)
            }
            'z' | 'V' | 'O' => self.zone(text),
            'Z' | 'X' => self.numeric_offset(text, letter == 'X', false),
            _ => self.digits(letter, width, adjacent, text),
        }
    }

    fn digits<'t>(&mut self, letter: char, width: usize, adjacent: bool, text: &'t str) -> Option<&'t str> {
        let widest = match letter {
            _ if width > 1 => width,
            'y' | 'Y' => 4,
            'D' => 3,
            'S' => WIDTH_MAX,
            'u' | 'F' | 'W' | 'Q' | 'q' => 1,
            _ if adjacent => 1,
            _ => 2,
        };
        let count = text.bytes().take(widest).take_while(u8::is_ascii_digit).count();
        if count < width {
            return None;
        }
        let value: i64 = text[..count].parse().ok()?;
        let within = |low: i64, high: i64| (low..=high).contains(&value).then_some(value);
        match letter {
            // Two digits are of this century.
            'y' | 'Y' => self.year = Some(if width == 2 { 2000 + value } else { value }),
            'M' | 'L' => self.month = within(1, 12).map(Some)?,
            'd' => self.day = within(1, 31).map(Some)?,
            'D' => self.day_of_year = within(1, 366).map(Some)?,
            'u' => self.weekday = usize::try_from(within(1, 7)? - 1).ok(),
            'H' => self.hour = within(0, 23)?,
            'k' => self.hour = within(1, 24)? % 24,
            'K' => self.hour = within(0, 11)?,
            'h' => self.hour = within(1, 12)? % 12,
            'm' => self.minute = within(0, 59)?,
            's' => self.second = within(0, 59)?,
            'S' => self.nanos = value * 10i64.pow(u32::try_from(WIDTH_MAX.checked_sub(count)?).ok()?),
            // Weeks and quarters are read over: a day needs more than them.
            _ => {}
        }
        Some(&text[count..])
    }

    /// `-0800`, `-08:00`, `-08`; with `X` also `Z`, and behind a name also `-8`.
    fn numeric_offset<'t>(&mut self, text: &'t str, or_letter: bool, or_short: bool) -> Option<&'t str> {
        if let (true, Some(rest)) = (or_letter, text.strip_prefix(['Z', 'z'])) {
            self.offset = Some(Offset::UTC);
            return Some(rest);
        }
        let sign = match text.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let one_digit = || {
            let digit = text.as_bytes().get(1).filter(|digit| or_short && digit.is_ascii_digit())?;
            Some((i16::from(digit - b'0'), &text[2..]))
        };
        let (hours, mut rest) = two_digits(&text[1..]).or_else(one_digit)?;
        let mut minutes = 0;
        if let Some((found, after)) = two_digits(rest.strip_prefix(':').unwrap_or(rest)) {
            minutes = found;
            rest = after;
        }
        self.offset = Some(super::offset(sign, hours, minutes)?);
        Some(rest)
    }

    fn zone<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let names = ZONES.map(|(name, _)| name);
        let end =
            text.find(|c: char| !c.is_ascii_alphanumeric() && !"/_+-".contains(c)).unwrap_or(text.len());
        if text[..end].contains('/') {
            self.region = Some(super::region(&text[..end])?);
            return Some(&text[end..]);
        }
        let Some((at, rest)) = one_of(text, &names) else {
            return self.numeric_offset(text, false, false);
        };
        self.offset = Offset::from_hours(ZONES[at].1).ok();
        if ZONES[at].1 == 0 && rest.starts_with(['+', '-']) {
            self.numeric_offset(rest, false, true)
        } else {
            Some(rest)
        }
    }

    fn date(&self) -> Option<ZonedDateTime> {
        let year = self.year.unwrap_or(1970);
        let year = i16::try_from(if self.before_christ { 1 - year } else { year }).ok()?;
        let small = |value: i64| i8::try_from(value).ok();
        let day = match self.day_of_year {
            Some(day) => civil::Date::new(year, 1, 1)
                .ok()?
                .with()
                .day_of_year(i16::try_from(day).ok()?)
                .build()
                .ok()?,
            None => {
                civil::Date::new(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?).ok()?
            }
        };
        if self.weekday.is_some_and(|weekday| weekday_index(day.weekday()) != weekday) {
            return None;
        }
        let hour = match self.half {
            Some(afternoon) if self.hour < 12 => self.hour + if afternoon { 12 } else { 0 },
            _ => self.hour,
        };
        let nanos = i32::try_from(self.nanos).ok()?;
        let time = civil::Time::new(small(hour)?, small(self.minute)?, small(self.second)?, nanos).ok()?;
        match &self.region {
            Some(zone) => super::in_zone(day.to_datetime(time), zone.clone()),
            None => super::zoned(day.to_datetime(time), self.offset.unwrap_or(Offset::UTC)),
        }
    }
}

fn weekday_index(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

fn two_digits(text: &str) -> Option<(i16, &str)> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some((digits.parse().ok()?, &text[2..]))
}

/// The position of the first of some words with which a text starts, in any case, and what is left.
fn one_of<'t>(text: &'t str, words: &[&str]) -> Option<(usize, &'t str)> {
    words.iter().enumerate().find_map(|(at, word)| {
        let start = text.get(..word.len())?;
        start.eq_ignore_ascii_case(word).then(|| (at, &text[word.len()..]))
    })
}

fn named<'t>(text: &'t str, names: &[&'static str], width: usize) -> Option<(usize, &'t str)> {
    let short: Vec<&str> = names.iter().map(|name| &name[..3]).collect();
    if width == 3 { one_of(text, &short) } else { one_of(text, names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing() {
        let date = crate::date::parse("2024-02-03T04:05:06.007+01:00").unwrap();
        let utc = crate::date::parse("2024-12-30T00:00:00Z").unwrap();
        let check = |pattern: &str, expected: &str, of_utc: &str| {
            let compiled = Pattern::compile(pattern).unwrap();
            assert_eq!(compiled.format(&date), expected, "{pattern}");
            assert_eq!(compiled.format(&utc), of_utc, "{pattern}");
        };
        check("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2024-02-03T04:05:06.007+01", "2024-12-30T00:00:00.000Z");
        check("dd.MM.yy", "03.02.24", "30.12.24");
        check("d/M/y", "3/2/2024", "30/12/2024");
        check("EEE, dd MMM yyyy", "Sat, 03 Feb 2024", "Mon, 30 Dec 2024");
        check("EEEE MMMM MMMMM", "Saturday February F", "Monday December D");
        check("hh:mm a", "04:05 AM", "12:00 AM");
        check("k K H h", "4 4 4 4", "24 0 0 12");
        check(
            "XX XXX Z z O OOOO V",
            "+0100 +01:00 +0100 GMT+01:00 GMT+1 GMT+01:00 +01:00",
            "Z Z +0000 UTC GMT GMT UTC",
        );
        check("Y w W D F u Q QQQ", "2024 5 1 34 1 6 1 Q1", "2025 1 6 365 5 1 4 Q4");
        check("'it''s' yyyy ''", "it's 2024 '", "it's 2024 '");
        check("S SS SSSSSS", "0 00 007000", "0 00 000000");
        check("G", "AD", "AD");
    }

    #[test]
    fn reading() {
        let check = |pattern: &str, text: &str, expected: &str| {
            let read = Pattern::compile(pattern).unwrap().parse(text);
            assert_eq!(
                read.as_ref().map(crate::date::canonical),
                Ok(expected.to_owned()),
                "{pattern} {text}"
            );
        };
        check("dd/MM/yyyy", "03/02/2024", "2024-02-03T00:00:00Z");
        check("d/M/yy", "3/12/24", "2024-12-03T00:00:00Z");
        check("yyyyMMddHHmmss", "20240203040506", "2024-02-03T04:05:06Z");
        check("MMMM d, yyyy", "february 3, 2024", "2024-02-03T00:00:00Z");
        check("EEE, dd MMM yyyy HH:mm:ss Z", "Sat, 03 Feb 2024 04:05:06 -0800", "2024-02-03T04:05:06-08:00");
        check("yyyy-MM-dd HH:mm:ss z", "2024-02-03 04:05:06 PST", "2024-02-03T04:05:06-08:00");
        check(
            "yyyy-MM-dd HH:mm:ss.SSS z",
            "2024-02-03 04:05:06.789 GMT+02:00",
            "2024-02-03T04:05:06.789+02:00",
        );
        check("yyyy-MM-dd'T'HH:mm:ssXXX", "2024-02-03T04:05:06+01:00", "2024-02-03T04:05:06+01:00");
        check("hh:mm a dd-MM-yyyy", "12:30 pm 03-02-2024", "2024-02-03T12:30:00Z");
        check("yyyy D", "2024 60", "2024-02-29T00:00:00Z");
        check("yyyy", "2024", "2024-01-01T00:00:00Z");
        check("HH:mm", "04:05", "1970-01-01T04:05:00Z");
    }

    #[test]
    fn reading_is_strict() {
        let check = |pattern: &str, text: &str| {
            let read = Pattern::compile(pattern).unwrap().parse(text);
            assert!(read.is_err(), "{pattern} {text}: {read:?}");
        };
        check("dd/MM/yyyy", "3/2/2024");
        check("dd/MM/yyyy", "03/20/2024");
        check("dd/MM/yyyy", "30/02/2024");
        check("dd/MM/yyyy", "03/02/2024 ");
        check("dd/MM/yyyy", "03/02/24");
        check("HH", "24");
        check("hh a", "13 PM");
        check("EEE yyyy-MM-dd", "Sun 2024-02-03");
        check("yyyy D", "2023 366");
        check("MMM", "Sol");
        check("yyyy", "0000");
        check("yyyy", "é024");
    }

    #[test]
    fn bad_patterns() {
        for pattern in ["", "yyyy 'x", "bb", "i", "yyyyyyyyyy"] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }
}
