//! The group Date / Time. Every item of a record sees the same instant as `now()`.

use jiff::tz::TimeZone;
use jiff::{ZonedDateTime, civil};

use super::{Example, Function, Kind, Nulls, ex};
use crate::arity::{arg, optional};
use crate::date;
use crate::date::part::Part;
use crate::eval::Args;
use crate::failure::{Failure, excerpt};
use crate::switches::{DateFraction, MakeDateZone};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["now"],
        args: &[],
        returns: Kind::Date,
        nulls: Nulls::Keep,
        doc: "The current instant in UTC.",
        examples: &[ex("now()", r#""2024-02-03T04:05:06.789Z""#)],
        eval: |a| Ok(Value::date(date::from_millis(a.context().now.0)?)),
    },
    Function {
        names: &["timestamp"],
        args: &[],
        returns: Kind::Integer,
        nulls: Nulls::Keep,
        doc: "The current instant in milliseconds since 1970.",
        examples: &[ex("timestamp()", "1706933106789")],
        eval: |a| Ok(a.context().now.0.into()),
    },
    Function {
        names: &["format"],
        args: &[arg("date", Kind::Date), arg("pattern", Kind::DatePattern)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Prints a date in its own zone. The pattern has Java's letters.",
        examples: &[
            ex(r#"format(date("2024-02-03"), "dd.MM.yy")"#, r#""03.02.24""#),
            ex(
                r#"format("2024-02-03T23:00:00-08:00", "yyyy-MM-dd HH:mm XXX")"#,
                r#""2024-02-03 23:00 -08:00""#,
            ),
            ex(r#"format(now(), "EEE d MMM yyyy, h:mm a")"#, r#""Sat 3 Feb 2024, 4:05 AM""#),
        ],
        eval: |a| {
            let date = a.date(0)?;
            Ok(a.pattern(1)?.format(&date).into())
        },
    },
    Function {
        names: &["dformat"],
        args: &[arg("milliseconds", Kind::Integer), arg("pattern", Kind::DatePattern)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "Prints milliseconds since 1970 as a date in UTC. The pattern has Java's letters.",
        examples: &[
            ex(r#"dformat(0, "yyyy")"#, r#""1970""#),
            ex(r#"dformat(1706933106789, "yyyy-MM-dd'T'HH:mm:ss.SSSX")"#, r#""2024-02-03T04:05:06.789Z""#),
        ],
        eval: |a| {
            let date = date::from_millis(a.integer(0)?)?;
            Ok(a.pattern(1)?.format(&date).into())
        },
    },
    Function {
        names: &["date"],
        args: &[
            arg("text", Kind::String),
            optional("pattern", Kind::DatePattern),
            optional("default", Kind::Date),
        ],
        returns: Kind::Date,
        nulls: Nulls::Keep,
        doc: "Reads a date. Without a pattern the documented formats are tried in turn. A text without a zone is in UTC. The default stands for null; a text that cannot be read is an error.",
        examples: &[
            ex(r#"date("03/02/2024", "dd/MM/yyyy")"#, r#""2024-02-03T00:00:00Z""#),
            ex(r#"date("2024-02-03 04:05")"#, r#""2024-02-03T04:05:00Z""#),
            ex(r#"date(null, "yyyy-MM-dd", date("2024-01-01"))"#, r#""2024-01-01T00:00:00Z""#),
            ex(r#"date("Feb 3 2024 04:05 PST", "MMM d yyyy HH:mm z")"#, r#""2024-02-03T04:05:00-08:00""#),
        ],
        eval: parse,
    },
    Function {
        names: &["date_part"],
        args: &[arg("component", Kind::DatePart), arg("date", Kind::Date)],
        returns: Kind::Integer,
        nulls: Nulls::Pass,
        doc: "One component of a date as a number: year, quarter, month, dayofyear, day, week, weekday, hour, minute, second, millisecond or an abbreviation. `m` is the month, `w` the weekday from Monday = 1.",
        examples: &[
            ex(r#"date_part("q", date("2024-08-01"))"#, "3"),
            ex(r#"date_part("mi", "2024-08-01T10:20:30Z")"#, "20"),
            ex(r#"date_part("weekday", "2024-08-01")"#, "4"),
            ex(r#"date_part("hh12", "2024-08-01T00:20:30Z")"#, "12"),
        ],
        eval: |a| {
            let name = a.text(0)?;
            let part = Part::named(&name, a.switches())
                .ok_or_else(|| a.bad(format!("a date has no component {}", excerpt(&name))))?;
            if a.value(1)?.is_null() {
                return Ok(Value::Null);
            }
            Ok(part.of(&a.date(1)?, a.switches()).into())
        },
    },
    Function {
        names: &["set_date_part"],
        args: &[arg("component", Kind::String), arg("value", Kind::Integer), arg("date", Kind::Date)],
        returns: Kind::Date,
        nulls: Nulls::Pass,
        doc: "A date with another year, month, day, hour, minute or second. A day that the month lacks becomes its last; a value that no month or clock has is an error.",
        examples: &[
            ex(r#"set_date_part("d", 9, date("2024-08-01"))"#, r#""2024-08-09T00:00:00Z""#),
            ex(r#"set_date_part("month", 2, "2024-08-31T10:20:30.5Z")"#, r#""2024-02-29T10:20:30.500Z""#),
        ],
        eval: |a| {
            let name = a.text(0)?;
            let part = Part::settable(&name)
                .ok_or_else(|| a.bad(format!("{} of a date cannot be set", excerpt(&name))))?;
            if a.value(2)?.is_null() {
                return Ok(Value::Null);
            }
            let (value, date) = (a.integer(1)?, a.date(2)?);
            let set = part.set(value, &date);
            set.map(|date| finished(date, a)).ok_or_else(|| a.bad(format!("{name} cannot be {value}")))
        },
    },
    Function {
        names: &["make_date_time", "make_timestamp"],
        args: &[
            arg("year", Kind::Integer),
            arg("month", Kind::Integer),
            arg("day", Kind::Integer),
            arg("hour", Kind::Integer),
            arg("minute", Kind::Integer),
            arg("second", Kind::Integer),
            arg("nanosecond", Kind::Integer),
            arg("zone", Kind::String),
        ],
        returns: Kind::Date,
        nulls: Nulls::Pass,
        doc: "The date of a wall time in a zone, which is a name such as Europe/Paris or an offset.",
        examples: &[
            ex(r#"make_date_time(2024, 1, 2, 3, 4, 5, 0, "UTC")"#, r#""2024-01-02T03:04:05Z""#),
            Example {
                record: "",
                expression: r#"make_timestamp(2024, 7, 2, 3, 4, 5, 6000000, "America/Los_Angeles")"#,
                result: r#""2024-07-02T03:04:05.006-07:00""#,
                doubt: "a sample of the vendor's prints such a time with Z; that would be another instant",
            },
        ],
        eval: make,
    },
    Function {
        names: &["zone_date_to_utc"],
        args: &[arg("date", Kind::Date)],
        returns: Kind::Date,
        nulls: Nulls::Pass,
        doc: "The same instant in UTC.",
        examples: &[ex(r#"zone_date_to_utc("2024-01-02T03:00:00+01:00")"#, r#""2024-01-02T02:00:00Z""#)],
        eval: |a| Ok(Value::date(date::to_utc(&a.date(0)?))),
    },
    Function {
        names: &["zone_date_to_zone"],
        args: &[arg("date", Kind::Date), arg("zone", Kind::String)],
        returns: Kind::Date,
        nulls: Nulls::Pass,
        doc: "The same instant in another zone, which is a name such as Europe/Paris or an offset.",
        examples: &[
            ex(r#"zone_date_to_zone("2024-01-02T02:00:00Z", "+01:00")"#, r#""2024-01-02T03:00:00+01:00""#),
            ex(
                r#"zone_date_to_zone("2024-07-02T02:00:00Z", "Europe/Paris")"#,
                r#""2024-07-02T04:00:00+02:00""#,
            ),
        ],
        eval: |a| {
            let (date, zone) = (a.date(0)?, zone(a, 1)?);
            Ok(Value::date(date.with_time_zone(zone)))
        },
    },
];

fn zone(a: &mut Args<'_, '_>, position: usize) -> Result<TimeZone, Failure> {
    let name = a.text(position)?;
    date::named_zone(&name).ok_or_else(|| a.bad(format!("{} is no time zone", excerpt(&name))))
}

/// A date as `date` and `set_date_part` yield it.
fn finished<'e>(date: ZonedDateTime, a: &Args<'_, 'e>) -> Value<'e> {
    Value::date(match a.switches().date_fraction {
        DateFraction::Keep => date,
        DateFraction::Drop => date::whole_seconds(date),
    })
}

fn make<'e>(a: &mut Args<'_, 'e>) -> Result<Value<'e>, Failure> {
    let mut parts = [0; 7];
    for (position, part) in parts.iter_mut().enumerate() {
        *part = a.integer(position)?;
    }
    let mut zone = zone(a, 7)?;
    if a.switches().make_date_zone == MakeDateZone::Utc {
        zone = TimeZone::UTC;
    }
    let [year, month, day, hour, minute, second, nano] = parts;
    let small = |value: i64| i8::try_from(value).ok();
    let wall = || {
        let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
        let time =
            civil::Time::new(small(hour)?, small(minute)?, small(second)?, i32::try_from(nano).ok()?).ok()?;
        date::in_zone(date.to_datetime(time), zone)
    };
    wall().map(Value::date).ok_or_else(|| a.bad("there is no such day or time"))
}

fn parse<'e>(a: &mut Args<'_, 'e>) -> Result<Value<'e>, Failure> {
    let value = a.value(0)?;
    if matches!(value, Value::Date(_)) {
        return Ok(value);
    }
    if value.is_null() {
        let default = a.value(2)?;
        return if default.is_null() { Ok(Value::Null) } else { Ok(Value::date(a.date(2)?)) };
    }
    let kind = value.kind();
    let text = value.into_text().ok_or_else(|| a.bad(format!("a date is read from a text, not {kind}")))?;
    a.budget().touch(text.len())?;
    if a.len() == 1 {
        return date::read(&text, a.switches()).map(|date| finished(date, a));
    }
    let pattern = a.pattern(1)?;
    let read = pattern.parse(text.trim()).map_err(|reason| Failure::NotADate {
        text: excerpt(&text),
        detail: format!(" by its pattern: {reason}"),
    })?;
    Ok(finished(read, a))
}
