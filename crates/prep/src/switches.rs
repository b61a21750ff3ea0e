//! The switches: every choice that the language makes where the vendor's documents are silent or contradict
//! themselves. Each has a default and one other side, and is an entry of the one table below.
//!
//! Four open questions have no switch. That `split` has no empty parts is documented. A documented sample of
//! `filterArray` whose result contradicts its expression could only be followed by evaluating another expression. Whether
//! nulls are written and whether a warning fails the record are said by each mapping set: see [`Options`](crate::Options).

use std::fmt;

use crate::fault::Hint;

/// One switch.
pub struct Switch {
    /// In kebab case.
    pub name: &'static str,
    /// The part of the language to which it belongs: for a function, the title of its group.
    pub section: &'static str,
    pub decides: &'static str,
    /// The default and the other side.
    pub sides: [Side; 2],
    set: fn(&mut Switches, usize),
    get: fn(&Switches) -> usize,
}

/// One side of a switch.
#[derive(Debug)]
pub struct Side {
    pub name: &'static str,
    pub meaning: &'static str,
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// Defines the switches: a type of two sides for each, the struct of them all, and the table.
macro_rules! switches {
    ($($name:literal $field:ident: $type:ident in $section:literal, $decides:literal {
        $default:ident $default_name:literal $default_meaning:literal,
        $other:ident $other_name:literal $other_meaning:literal,
    })*) => {
        $(
            #[doc = $decides]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub enum $type {
                #[doc = $default_meaning]
                #[default]
                $default,
                #[doc = $other_meaning]
                $other,
            }
        )*

        /// On which side each switch stands.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Switches {
            $(#[doc = $decides] pub $field: $type,)*
        }

        /// Every switch.
        pub static SWITCHES: &[Switch] = &[$(Switch {
            name: $name,
            section: $section,
            decides: $decides,
            sides: [
                Side { name: $default_name, meaning: $default_meaning },
                Side { name: $other_name, meaning: $other_meaning },
            ],
            set: |switches, side| switches.$field = [$type::$default, $type::$other][side],
            get: |switches| switches.$field as usize,
        },)*];
    };
}

switches! {
    "text-units" text_units: TextUnits in "Values",
    "What positions in texts and lengths of texts count." {
        Characters "characters" "Unicode characters.",
        Utf16 "utf-16" "Units of UTF-16, as the vendor's host does: a character beyond the first 65,536 counts twice.",
    }
    "text-escapes" text_escapes: TextEscapes in "Values",
    "What a backslash before `n`, `t` or `r` in a text of an expression is." {
        Keep "keep" "Itself, so that a regular expression keeps its own.",
        Read "read" "The start of a line break, tab or carriage return.",
    }
    "text-placeholders" text_placeholders: TextPlaceholders in "Values",
    "What `${NAME}` in a text of an expression is." {
        Keep "keep" "Text like any other.",
        Refuse "refuse" "A placeholder of a template that was not filled in: the expression is refused.",
    }
    "integer-division" integer_division: IntegerDivision in "Operators",
    "What an integer divided by an integer is." {
        Truncate "truncate" "The whole part of the quotient.",
        Decimal "decimal" "A decimal.",
    }
    "boolean-spellings" boolean_spellings: BooleanSpellings in "Conversions",
    "Which texts become booleans." {
        Documented "documented" "`y`, `yes`, `on`, `true`, `n`, `no`, `off`, `false` in one case, as documented; others are errors.",
        AnyCase "any-case" "The same in any case, as in `Yes`.",
    }
    "scalar-into-object" scalar_into_object: ScalarIntoObject in "Conversions",
    "What a scalar for a field that is an object becomes." {
        Nest "nest" "The field of the object that has the name of the scalar's last field in the source.",
        Refuse "refuse" "An error.",
    }
    "epoch-digits" epoch_digits: EpochDigits in "Dates",
    "What a text of 10 or 13 digits is where a date is read without a pattern." {
        Refuse "refuse" "No date.",
        Read "read" "Seconds or milliseconds since 1970.",
    }
    "weekday-base" weekday_base: WeekdayBase in "Dates",
    "Which day of the week is 1 in `date_part`." {
        Monday "monday" "Monday.",
        Sunday "sunday" "Sunday.",
    }
    "date-part-w" date_part_w: DatePartW in "Dates",
    "Which component `w` is, which the documents list twice." {
        Weekday "weekday" "The day of the week.",
        Week "week" "The week of the year.",
    }
    "explode-trailing" explode_trailing: ExplodeTrailing in "String",
    "What `explode` does with empty parts at the end." {
        Drop "drop" "They are left out, as Java leaves them out.",
        Keep "keep" "They are parts.",
    }
    "concat-dates" concat_dates: ConcatDates in "String",
    "How `concat` writes a date." {
        Iso "iso" "As ISO 8601 has it: `2024-02-03T04:05:06Z`.",
        Java "java" "As Java's `Date` has it: `Sat Feb 03 04:05:06 UTC 2024`.",
    }
    "matches-regex" matches_regex: MatchesRegex in "Regular Expression",
    "What `matches_regex` asks." {
        Whole "whole" "Whether the whole text matches.",
        Search "search" "Whether some part of the text matches.",
    }
    "date-fraction" date_fraction: DateFraction in "Date / Time",
    "What `date` and `set_date_part` do with fractions of a second." {
        Keep "keep" "They stay.",
        Drop "drop" "They are cut, as in the documented samples.",
    }
    "make-date-zone" make_date_zone: MakeDateZone in "Date / Time",
    "In which zone the wall time given to `make_date_time` is." {
        Given "given" "In the zone that is given.",
        Utc "utc" "In UTC, whatever zone is given, as one documented sample shows it.",
    }
    "map-get-values" map_get_values: MapGetValues in "Hierarchies - Objects",
    "What `map_get_values` yields for a single key." {
        Value "value" "The value of the key.",
        Map "map" "A map of that key alone.",
    }
    "to-bigint-fraction" to_bigint_fraction: ToBigintFraction in "Type Conversions",
    "What `to_bigint` does with a fraction." {
        Keep "keep" "All digits stay.",
        Truncate "truncate" "The whole part stays.",
    }
    "fpid-to-ecid" fpid_to_ecid: FpidToEcid in "Special Operations",
    "What `fpid_to_ecid` yields, whose algorithm is not public." {
        StandIn "stand-in" "A number of the same shape, which is not Adobe's ECID.",
        Null "null" "Null.",
    }
    "static-echo" static_echo: StaticEcho in "Service",
    "How the source type of a static value is spelled in answers." {
        MimeType "mime-type" "`text/plain`.",
        Word "word" "`STATIC`.",
    }
    "validate-result" validate_result: ValidateResult in "Service",
    "What the check of an expression answers." {
        Object "object" "An object with a status and an error.",
        Boolean "boolean" "`true` or `false`.",
    }
}

/// A setting of a switch that there is not.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SwitchError {
    #[error("there is no switch {name}{hint}")]
    Name { name: String, hint: Hint },
    #[error("the switch {name} has no side {side}: it is {} or {}", sides[0], sides[1])]
    Side { name: &'static str, side: String, sides: [&'static str; 2] },
}

/// How a mapping set is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub switches: Switches,
    /// Whether a source that yields null writes a null: `allowNullValues`.
    pub allow_nulls: bool,
    /// Whether a record with a warning fails: `strictMapping`.
    pub strict: bool,
}

impl Switches {
    /// Sets a switch to a side, both by name. An underscore in a name is as good as a hyphen.
    ///
    /// # Errors
    ///
    /// No such switch, or no such side of it.
    pub fn set(&mut self, name: &str, side: &str) -> Result<(), SwitchError> {
        let (name, side) = (name.trim().replace('_', "-"), side.trim().replace('_', "-"));
        let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else {
            let hint = Hint::nearest(&name, SWITCHES.iter().map(|switch| switch.name));
            return Err(SwitchError::Name { name, hint });
        };
        let Some(at) = switch.sides.iter().position(|known| known.name == side) else {
            let sides = [switch.sides[0].name, switch.sides[1].name];
            return Err(SwitchError::Side { name: switch.name, side, sides });
        };
        (switch.set)(self, at);
        Ok(())
    }

    /// Every switch with the side on which it stands.
    pub fn sides(&self) -> impl Iterator<Item = (&'static Switch, &'static Side)> {
        let switches = *self;
        SWITCHES.iter().map(move |switch| (switch, &switch.sides[(switch.get)(&switches)]))
    }
}
