//! Dates and times as RFC 3339 spells them, of the years 0001 to 9999.

/// Days from March 1 of the year 0 to January 1, 1970.
const MARCH_FIRST_0000_TO_1970: i64 = 719_468;

/// Days since 1970 of a full date: `2024-02-29`.
pub fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1 || day < 1 || day > last {
        return None;
    }
    // The year begins in March here, so that the leap day is its last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    i32::try_from(days - MARCH_FIRST_0000_TO_1970).ok()
}

/// Microseconds since 1970 of a date and time: `2024-02-29T23:59:59.125+02:00`. Without an offset it is UTC; `t`, `z` and a
/// blank instead of the `T` are read too. Fractions beyond microseconds are cut.
pub fn parse_date_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let days = i64::from(parse_date(text.get(..10)?)?);
    if !matches!(bytes.get(10)?, b'T' | b't' | b' ') || *bytes.get(13)? != b':' || *bytes.get(16)? != b':' {
        return None;
    }
    let (hour, minute, second) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?, digits(bytes, 17, 2)?);
    // A leap second is written 60; it counts as the second before.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut micros = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            if at - start < 6 {
                micros = micros * 10 + i64::from(bytes[at] - b'0');
            }
            at += 1;
        }
        let count = at - start;
        if count == 0 {
            return None;
        }
        for _ in count..6 {
            micros *= 10;
        }
    }
    let offset_minutes = offset(&bytes[at..])?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second.min(59) - offset_minutes * 60;
    Some(seconds * 1_000_000 + micros)
}

fn offset(rest: &[u8]) -> Option<i64> {
    let (sign, rest) = match rest.first() {
        None => return Some(0),
        Some(b'Z' | b'z') if rest.len() == 1 => return Some(0),
        Some(b'+') => (1, &rest[1..]),
        Some(b'-') => (-1, &rest[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        5 if rest[2] == b':' => (digits(rest, 0, 2)?, digits(rest, 3, 2)?),
        4 => (digits(rest, 0, 2)?, digits(rest, 2, 2)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 { None } else { Some(sign * (hours * 60 + minutes)) }
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    bytes.get(at..at + count)?.iter().try_fold(0, |value, byte| {
        if byte.is_ascii_digit() { Some(value * 10 + i64::from(byte - b'0')) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2024-02-29", Some(19_782)),
            ("0001-01-01", Some(-719_162)),
            ("9999-12-31", Some(2_932_896)),
            ("0000-01-01", None),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-1-1", None),
            ("2024-01-01T00:00:00Z", None),
            ("20240101", None),
            ("２０２４", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn every_day_is_the_next_one() {
        let mut date = jiff::civil::date(1, 1, 1);
        let mut days = parse_date("0001-01-01").unwrap();
        while let Ok(next) = date.tomorrow() {
            (date, days) = (next, days + 1);
            assert_eq!(parse_date(&date.to_string()), Some(days), "{date}");
        }
        assert_eq!(date.to_string(), "9999-12-31");
    }

    #[test]
    fn dates_and_times() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00", Some(0)),
            ("1970-01-01t00:00:01z", Some(1_000_000)),
            ("1970-01-01T02:00:00+02:00", Some(0)),
            ("1969-12-31T22:30:00-0130", Some(0)),
            ("1970-01-01T00:00:00.5Z", Some(500_000)),
            ("1970-01-01T00:00:00.123456789Z", Some(123_456)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_799_000_000)),
            ("1970-01-01T24:00:00Z", None),
            ("1970-01-01T00:60:00Z", None),
            ("1970-01-01T00:00:00.Z", None),
            ("1970-01-01T00:00Z", None),
            ("1970-01-01", None),
            ("1970-01-01T00:00:00+25:00", None),
            ("1970-01-01T00:00:00Zx", None),
            ("1526283801869", None),
        ] {
            assert_eq!(parse_date_time(text), expected, "{text}");
        }
    }
}
