//! Date values: an instant with a zone. Reading the documented formats and printing the canonical text.

pub(crate) mod part;
pub(crate) mod pattern;

use std::sync::LazyLock;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ZonedDateTime, civil};

use crate::failure::{Failure, excerpt};
use crate::switches::{EpochDigits, Switches};
use pattern::Pattern;

/// The documented formats that the reader of ISO texts below does not cover, in the documented order.
static DEFAULTS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    const FORMATS: &[&str] = &[
        "yyyy/MM/dd",
        "yyyy.MM.dd",
        "yyyy-MMM-dd",
        "yyyyMMdd",
        "MM-dd-yyyy",
        "MMddyyyy",
        "M/dd/yyyy",
        "dd.M.yyyy",
        "M/dd/yyyy hh:mm:ss a",
        "dd.M.yyyy hh:mm:ss a",
        "dd.MMM.yyyy",
        "dd-MMM-yyyy",
    ];
    FORMATS.iter().filter_map(|format| Pattern::compile(format).ok()).collect()
});

/// Longest text that any default format reads, with room for a long fraction.
const DEFAULT_BYTES_MAX: usize = 64;

/// Reads a text by the default formats; by a switch, 10 and 13 digits are seconds and milliseconds since 1970.
pub(crate) fn read(text: &str, switches: &Switches) -> Result<ZonedDateTime, Failure> {
    let digits = text.trim();
    if switches.epoch_digits == EpochDigits::Read
        && digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(count) = digits.parse::<i64>()
    {
        match digits.len() {
            10 => return from_millis(count * 1000),
            13 => return from_millis(count),
            _ => {}
        }
    }
    parse(text)
}

/// Reads a text by the default formats. Without a zone it is in UTC.
pub(crate) fn parse(text: &str) -> Result<ZonedDateTime, Failure> {
    let trimmed = text.trim();
    let readable = trimmed.len() <= DEFAULT_BYTES_MAX && trimmed.starts_with(|c: char| c.is_ascii_digit());
    let found = readable
        .then(|| {
            iso(trimmed.as_bytes())
                .or_else(|| DEFAULTS.iter().find_map(|pattern| pattern.parse(trimmed).ok()))
        })
        .flatten();
    found.ok_or_else(|| Failure::NotADate {
        text: excerpt(text),
        detail: ": give its format, as in date(text, \"dd/MM/yyyy\")".to_owned(),
    })
}

/// ISO 8601 as RFC 3339 profiles it, and its documented relatives: a blank for the `T`, seconds, fraction and offset
/// optional, offset as `Z`, `+hh:mm`, `+hhmm` or `+hh`.
fn iso(text: &[u8]) -> Option<ZonedDateTime> {
    let mut reader = Digits(text);
    let year = reader.number(4)?;
    reader.symbol(b"-")?;
    let month = reader.number(2)?;
    reader.symbol(b"-")?;
    let day = reader.number(2)?;
    let date = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if reader.0.is_empty() {
        return zoned(date.to_datetime(civil::Time::midnight()), Offset::UTC);
    }
    reader.symbol(b"Tt ")?;
    let hour = reader.number(2)?;
    reader.symbol(b":")?;
    let minute = reader.number(2)?;
    let mut second = 0;
    let mut nanos = 0;
    if reader.symbol(b":").is_some() {
        second = reader.number(2)?;
        if reader.symbol(b".").is_some() {
            nanos = reader.fraction()?;
        }
    }
    // A leap second counts as the second before.
    let second = if second == 60 { 59 } else { second };
    let small = |value: i16| i8::try_from(value).ok();
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let offset = reader.offset()?;
    zoned(date.to_datetime(time), offset)
}

/// Reads digits off the front of a text.
struct Digits<'t>(&'t [u8]);

impl Digits<'_> {
    fn number(&mut self, count: usize) -> Option<i16> {
        let digits = self.0.get(..count)?;
        let value = digits.iter().try_fold(0i16, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i16::from(byte - b'0'))
        })?;
        self.0 = &self.0[count..];
        Some(value)
    }

    fn symbol(&mut self, any: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        any.contains(first).then(|| self.0 = rest)?;
        Some(*first)
    }

    /// A fraction of a second in nanoseconds; further digits are cut.
    fn fraction(&mut self) -> Option<i32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let nanos =
            (0..9).fold(0, |value, at| value * 10 + digits.get(at).map_or(0, |byte| i32::from(byte - b'0')));
        (count > 0).then_some(nanos)
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.0.is_empty() {
            return Some(Offset::UTC);
        }
        let sign = match self.symbol(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return self.0.is_empty().then_some(Offset::UTC),
        };
        let hours = self.number(2)?;
        let _ = self.symbol(b":");
        let minutes = if self.0.is_empty() { 0 } else { self.number(2)? };
        if !self.0.is_empty() {
            return None;
        }
        offset(sign, hours, minutes)
    }
}

fn offset(sign: i32, hours: i16, minutes: i16) -> Option<Offset> {
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

/// A wall time in a fixed zone. Years outside 1-9999 are none: no table could hold them.
pub(crate) fn zoned(wall: civil::DateTime, offset: Offset) -> Option<ZonedDateTime> {
    let instant = offset.to_timestamp(wall).ok()?;
    (wall.year() >= 1).then(|| ZonedDateTime::new(instant, zone(offset)))
}

fn zone(offset: Offset) -> TimeZone {
    if offset.is_zero() { TimeZone::UTC } else { offset.to_time_zone() }
}

/// An instant in UTC, from milliseconds since 1970.
pub(crate) fn from_millis(millis: i64) -> Result<ZonedDateTime, Failure> {
    let out_of_range =
        || Failure::NotADate { text: millis.to_string(), detail: ": out of the years 1 to 9999".to_owned() };
    let instant = Timestamp::from_millisecond(millis).map_err(|_| out_of_range())?;
    let date = ZonedDateTime::new(instant, TimeZone::UTC);
    if date.year() >= 1 { Ok(date) } else { Err(out_of_range()) }
}

/// The time zones by name that this program brings along: what a name means does not depend on the machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A zone by its name (`Europe/Paris`), an abbreviation (`PST`) or an offset (`Z`, `+01:00`, `UTC+1`).
pub(crate) fn named_zone(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    // The database comes first: its CET has a summer time, which the abbreviation of a time has not.
    region(name).or_else(|| pattern::fixed_zone(name).map(zone))
}

/// A zone of the database by its name.
pub(crate) fn region(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// A wall time in a zone. Where clocks skip it, the time after the gap; where it comes twice, the first.
pub(crate) fn in_zone(wall: civil::DateTime, zone: TimeZone) -> Option<ZonedDateTime> {
    (wall.year() >= 1).then(|| wall.to_zoned_datetime(zone).ok())?
}

/// The same instant in UTC.
pub(crate) fn to_utc(date: &ZonedDateTime) -> ZonedDateTime {
    date.with_time_zone(TimeZone::UTC)
}

/// A date without the fraction of its second.
pub(crate) fn whole_seconds(date: ZonedDateTime) -> ZonedDateTime {
    date.with().subsec_nanosecond(0).build().unwrap_or(date)
}

/// The text that Java's `Date` has for an instant: `Sat Feb 03 04:05:06 UTC 2024`.
pub(crate) fn java_text(date: &ZonedDateTime) -> String {
    to_utc(date).strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

/// The canonical text in the value's own zone: `2024-02-03T04:05:06.789+01:00`, `Z` for UTC, no fraction when zero.
pub(crate) fn canonical(date: &ZonedDateTime) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new();
    let nanos = date.subsec_nanosecond();
    let digits = match (nanos, nanos % 1_000_000, nanos % 1000) {
        (0, _, _) => 0,
        (_, 0, _) => 3,
        (_, _, 0) => 6,
        _ => 9,
    };
    let mut text = String::with_capacity(29);
    // Writing to a string cannot fail.
    let _ = PRINTER.precision(Some(digits)).print_datetime(&date.datetime(), &mut text);
    if date.offset().is_zero() {
        text.push('Z');
    } else {
        pattern::write_offset(&mut text, date.offset(), ":");
    }
    text
}

/// The calendar date in the value's own zone: `2024-02-03`.
pub(crate) fn calendar(date: &ZonedDateTime) -> String {
    date.date().to_string()
}

/// Whether a text is already the canonical text of an instant in UTC, so that it need not be rewritten.
pub(crate) fn is_canonical_utc(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fraction = match bytes.len() {
        20 => true,
        24 => bytes[19] == b'.' && bytes[20..23] != *b"000" && bytes[20..23].iter().all(u8::is_ascii_digit),
        _ => false,
    };
    // The reader checks the rest; of the letters it takes only these are canonical, and 60 is no second.
    fraction && bytes[10] == b'T' && bytes.ends_with(b"Z") && bytes[17] != b'6' && iso(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_formats() {
        let check = |text: &str, expected: &str| match parse(text) {
            Ok(date) => assert_eq!(canonical(&date), expected, "{text}"),
            Err(failure) => panic!("{text}: {failure}"),
        };
        check("2024-02-03 04:05:06+0100", "2024-02-03T04:05:06+01:00");
        check("2024-02-03 04:05:06.789-0800", "2024-02-03T04:05:06.789-08:00");
        check("2024-02-03 04:05:06.789", "2024-02-03T04:05:06.789Z");
        check("2024-02-03T04:05:06.789Z", "2024-02-03T04:05:06.789Z");
        check("2024-02-03T04:05:06.789+01", "2024-02-03T04:05:06.789+01:00");
        check("2024-02-03T04:05:06Z", "2024-02-03T04:05:06Z");
        check("2024-02-03", "2024-02-03T00:00:00Z");
        check("2024/02/03", "2024-02-03T00:00:00Z");
        check("2024.02.03", "2024-02-03T00:00:00Z");
        check("2024-Feb-03", "2024-02-03T00:00:00Z");
        check("20240203", "2024-02-03T00:00:00Z");
        check("02-03-2024", "2024-02-03T00:00:00Z");
        check("12312024", "2024-12-31T00:00:00Z");
        check("2/03/2024", "2024-02-03T00:00:00Z");
        check("12/03/2024", "2024-12-03T00:00:00Z");
        check("03.2.2024", "2024-02-03T00:00:00Z");
        check("03.02.2024", "2024-02-03T00:00:00Z");
        check("2/03/2024 04:05:06 PM", "2024-02-03T16:05:06Z");
        check("03.2.2024 12:05:06 am", "2024-02-03T00:05:06Z");
        check("03.Feb.2024", "2024-02-03T00:00:00Z");
        check("03-feb-2024", "2024-02-03T00:00:00Z");
        check("2024-02-03 04:05:06", "2024-02-03T04:05:06Z");
        check("2024-02-03 04:05", "2024-02-03T04:05:00Z");
        check("2024-02-03T04:05:06", "2024-02-03T04:05:06Z");
        check("2024-02-03T04:05", "2024-02-03T04:05:00Z");
        check("2024-02-03T04:05:06.123456+01:00", "2024-02-03T04:05:06.123456+01:00");
        check("2024-02-03T04:05:06.123456789123Z", "2024-02-03T04:05:06.123456789Z");
        check("2024-02-03T04:05:06.000Z", "2024-02-03T04:05:06Z");
        check(" 2024-02-29 ", "2024-02-29T00:00:00Z");
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_date() {
        let texts = [
            "",
            "x",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-02-03T25:00:00Z",
            "2024-02-03T04:05:06X",
            "20241301",
            "0000-01-01",
            "1526283801869",
            "1526283801",
            "2024-02-03T04:05:06+19:00",
            "2024-02-03T04:05:06.Z",
            "20/20/2024",
            "2024-02-03 x",
            "２０２４-02-03",
            "2024-02-03T04:05:06+01:00 ",
        ];
        for text in texts {
            let read = parse(text);
            assert!(read.is_err() || text.ends_with(' '), "{text} was read as {read:?}");
        }
    }

    #[test]
    fn canonical_text_is_left_alone() {
        for text in ["2024-02-03T04:05:06Z", "2024-02-03T04:05:06.789Z"] {
            assert!(is_canonical_utc(text), "{text}");
        }
        for text in [
            "2024-02-03T04:05:06.000Z",
            "2024-02-03t04:05:06Z",
            "2024-02-03T04:05:60Z",
            "2024-02-30T04:05:06Z",
            "2024-02-03T04:05:06+0",
            "2024-02-03 04:05:06Z",
            "",
        ] {
            assert!(!is_canonical_utc(text), "{text}");
        }
    }

    #[test]
    fn milliseconds() {
        assert_eq!(canonical(&from_millis(0).unwrap()), "1970-01-01T00:00:00Z");
        assert_eq!(canonical(&from_millis(-1).unwrap()), "1969-12-31T23:59:59.999Z");
        assert!(from_millis(i64::MAX).is_err());
        assert!(from_millis(-62_135_596_800_001).is_err());
    }
}
