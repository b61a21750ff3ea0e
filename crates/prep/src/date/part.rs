//! The components of a date that `date_part` names.

use jiff::ZonedDateTime;

/// A component of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Quarter,
    Month,
    DayOfYear,
    Day,
    Week,
    Weekday,
    Hour,
    Hour12,
    Minute,
    Second,
    Millisecond,
}

/// Every spelling of every component. `w` is listed for the week and for the weekday: it is the weekday, as in the SQL
/// dialect from which the table comes. `m` is the month and `y` the day of the year.
const SPELLINGS: &[(&str, Part)] = &[
    ("year", Part::Year),
    ("yyyy", Part::Year),
    ("yy", Part::Year),
    ("quarter", Part::Quarter),
    ("qq", Part::Quarter),
    ("q", Part::Quarter),
    ("month", Part::Month),
    ("mm", Part::Month),
    ("m", Part::Month),
    ("dayofyear", Part::DayOfYear),
    ("dy", Part::DayOfYear),
    ("y", Part::DayOfYear),
    ("day", Part::Day),
    ("dd", Part::Day),
    ("d", Part::Day),
    ("week", Part::Week),
    ("ww", Part::Week),
    ("weekday", Part::Weekday),
    ("dw", Part::Weekday),
    ("w", Part::Weekday),
    ("hour", Part::Hour),
    ("hh", Part::Hour),
    ("hh24", Part::Hour),
    ("hh12", Part::Hour12),
    ("minute", Part::Minute),
    ("mi", Part::Minute),
    ("n", Part::Minute),
    ("second", Part::Second),
    ("ss", Part::Second),
    ("s", Part::Second),
    ("millisecond", Part::Millisecond),
    ("ms", Part::Millisecond),
    ("sss", Part::Millisecond),
];

impl Part {
    pub(crate) fn named(name: &str) -> Option<Self> {
        SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(name)).map(|(_, part)| *part)
    }

    /// The component of a date, in its own zone. Weeks are ISO weeks, Monday is 1.
    pub(crate) fn of(self, date: &ZonedDateTime) -> i64 {
        match self {
            Part::Year => date.year().into(),
            Part::Quarter => i64::from(date.month() - 1) / 3 + 1,
            Part::Month => date.month().into(),
            Part::DayOfYear => date.day_of_year().into(),
            Part::Day => date.day().into(),
            Part::Week => date.iso_week_date().week().into(),
            Part::Weekday => date.weekday().to_monday_one_offset().into(),
            Part::Hour => date.hour().into(),
            Part::Hour12 if date.hour() % 12 == 0 => 12,
            Part::Hour12 => i64::from(date.hour()) % 12,
            Part::Minute => date.minute().into(),
            Part::Second => date.second().into(),
            Part::Millisecond => date.millisecond().into(),
        }
    }
}
