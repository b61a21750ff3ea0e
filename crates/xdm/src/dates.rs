//! Dates and times as RFC 3339 spells them, of the years 0001 to 9999.

/// Days from March 1 of the year 0 to January 1, 1970.
const MARCH_FIRST_0000_TO_1970: i32 = 719_468;

/// Days since 1970 of a full date: `2024-02-29`.
pub fn parse_date(text: &str) -> Option<i32> {
    days(text.as_bytes().try_into().ok()?)
}

fn days(&[y0, y1, y2, y3, dash, m0, m1, hyphen, d0, d1]: &[u8; 10]) -> Option<i32> {
    if dash != b'-' || hyphen != b'-' {
        return None;
    }
    let (year, month, day) = (100 * two(y0, y1)? + two(y2, y3)?, two(m0, m1)?, two(d0, d1)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i32::from(leap),
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
    Some(days - MARCH_FIRST_0000_TO_1970)
}

/// Microseconds since 1970 of a date and time: `2024-02-29T23:59:59.125+02:00`. Without an offset it is UTC; `t`, `z` and a
/// blank instead of the `T` are read too. Fractions beyond microseconds are cut.
pub fn parse_date_time(text: &str) -> Option<i64> {
    let (date, rest) = text.as_bytes().split_first_chunk()?;
    let (&[t, h0, h1, colon, m0, m1, mark, s0, s1], mut rest) = rest.split_first_chunk()?;
    if !matches!(t, b'T' | b't' | b' ') || colon != b':' || mark != b':' {
        return None;
    }
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    // A leap second is written 60; it counts as the second before.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut micros = 0;
    if let Some((b'.', fraction)) = rest.split_first() {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        for digit in fraction[..count].iter().chain(b"000000").take(6) {
            micros = micros * 10 + i64::from(digit - b'0');
        }
        rest = &fraction[count..];
    }
    let seconds = hour * 3600 + minute * 60 + second.min(59) - offset(rest)? * 60;
    Some((i64::from(days(date)?) * 86_400 + i64::from(seconds)) * 1_000_000 + micros)
}

/// Minutes.
fn offset(rest: &[u8]) -> Option<i32> {
    let (sign, rest) = match rest {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [h0, h1, b':', m0, m1] | [h0, h1, m0, m1] => (two(h0, h1)?, two(m0, m1)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 { None } else { Some(sign * (hours * 60 + minutes)) }
}

/// The number that two digits are.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { None } else { Some(i32::from(tens) * 10 + i32::from(ones)) }
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
