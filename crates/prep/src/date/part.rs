//! The components of a date that `date_part` names.

use jiff::{ZonedDateTime, civil};

use crate::switches::{DatePartW, Switches, WeekdayBase};

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

/// Every spelling of every component. `w` is listed for the week and for the weekday: unless a switch says otherwise it is
/// the weekday, as in the SQL dialect from which the table comes. `m` is the month and `y` the day of the year.
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
    pub(crate) fn named(name: &str, switches: &Switches) -> Option<Self> {
        if switches.date_part_w == DatePartW::Week && name.eq_ignore_ascii_case("w") {
            return Some(Part::Week);
        }
        SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(name)).map(|(_, part)| *part)
    }

    /// The component of that name among those that can be set.
    pub(crate) fn settable(name: &str) -> Option<Self> {
        let hour = name.eq_ignore_ascii_case("hour") || name.eq_ignore_ascii_case("hh");
        Self::named(name, &Switches::default()).filter(|part| match part {
            Part::Year | Part::Month | Part::Day | Part::Minute | Part::Second => true,
            Part::Hour => hour,
            _ => false,
        })
    }

    /// The date with another value of a settable component; none when the value is out of range. A day that the month
    /// lacks becomes its last.
    pub(crate) fn set(self, value: i64, date: &ZonedDateTime) -> Option<ZonedDateTime> {
        let wall = date.datetime();
        let small = i8::try_from(value).ok();
        let (mut year, mut month, mut day) = (wall.year(), wall.month(), wall.day());
        let mut time = wall.time();
        match self {
            Part::Year => year = i16::try_from(value).ok().filter(|year| *year >= 1)?,
            Part::Month => month = small?,
            Part::Day => day = small?,
            Part::Hour => time = time.with().hour(small?).build().ok()?,
            Part::Minute => time = time.with().minute(small?).build().ok()?,
            Part::Second => time = time.with().second(small?).build().ok()?,
            _ => return None,
        }
        if self != Part::Day {
            day = day.min(civil::Date::new(year, month, 1).ok()?.days_in_month());
        }
        let date_of = civil::Date::new(year, month, day).ok()?;
        date_of.to_datetime(time).to_zoned_datetime(date.time_zone().clone()).ok()
    }

    /// The component of a date, in its own zone. Weeks are ISO weeks, and Monday is 1 unless a switch says otherwise.
    pub(crate) fn of(self, date: &ZonedDateTime, switches: &Switches) -> i64 {
        match self {
            Part::Year => date.year().into(),
            Part::Quarter => i64::from(date.month() - 1) / 3 + 1,
            Part::Month => date.month().into(),
            Part::DayOfYear => date.day_of_year().into(),
            Part::Day => date.day().into(),
            Part::Week => date.iso_week_date().week().into(),
            Part::Weekday if switches.weekday_base == WeekdayBase::Sunday => {
                date.weekday().to_sunday_one_offset().into()
            }
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
