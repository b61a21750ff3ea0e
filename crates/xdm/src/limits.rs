//! Bounds of schemas and of their use, each with its reason.

/// Deepest nesting that a composition follows, references and `allOf` included.
pub const SCHEMA_DEPTH_MAX: usize = 64;

/// Deepest field of a schema, items of lists and values of maps included; the whole standard library needs 13. A level takes up
/// to three of the table's metadata, which is read back as JSON of at most 127 levels and wrapped once more by the catalogue.
pub const FIELD_DEPTH_MAX: usize = 40;

/// Most fields of a composed schema; the vendor allows 10,000 in a row.
pub const SCHEMA_FIELDS_MAX: usize = 20_000;

/// Most fields and references that one composition looks at; a field that several parts define counts each time.
pub const COMPOSE_STEPS_MAX: usize = 200_000;

/// Steps that a regular expression of a client's may take on one value.
pub const PATTERN_STEPS_MAX: usize = 100_000;

/// Longest pattern, bytes.
pub const PATTERN_BYTES_MAX: usize = 4096;

/// Largest automaton of a pattern, bytes: a schema may have thousands of patterns.
pub const PATTERN_AUTOMATON_BYTES_MAX: usize = 16 << 10;

/// The sizes in which any other pattern is compiled, bytes: the first that holds it counts, and none larger may be needed.
pub const PATTERN_SIZES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// Bytes of a text times those of its pattern: each step over a text may touch all of a pattern. A pattern of the smallest
/// size is tried on texts as long as a message can be, 1 MiB; one of the largest on 16 KiB.
pub const PATTERN_WORK_MAX: usize = 4 << 30;

/// Longest text that a pattern is tried on which looks around or back, bytes: it may begin anew at each place of the text.
pub const PATTERN_LOOKING_BYTES_MAX: usize = 2048;

/// Violations that a failed record keeps.
pub const VIOLATIONS_KEPT: usize = 100;

/// Violations that a synchronous answer reports, after which the processing of a message stops (documented).
pub const VIOLATIONS_ANSWERED: usize = 5;

/// Longest part of a value that a violation repeats, characters.
pub const QUOTED_CHARS_MAX: usize = 200;

/// Optional fields that a random record has at most; required ones come on top.
pub const SAMPLE_FIELDS_MAX: usize = 300;

/// Items and characters of one random value; a schema that demands more has no sample.
pub const SAMPLE_LENGTH_MAX: usize = 10_000;

/// Fields that are inferred from records; the vendor allows as many in a row.
pub const INFER_FIELDS_MAX: usize = 10_000;

/// Deepest field that is inferred; leaves room for the class and the tenant's object above it.
pub const INFER_DEPTH_MAX: usize = 36;

/// Longest list of values that is inferred as an enum, and most records that each needs on average.
pub const INFER_ENUM_VALUES_MAX: usize = 12;
