//! The bounds of the mapping language, each with its reason.

/// Longest expression, in characters. Documented.
pub const EXPRESSION_CHARS_MAX: usize = 4096;

/// Deepest nesting of an expression. Parsing and evaluation recurse once per level, so this bounds the stack.
pub const EXPRESSION_DEPTH_MAX: usize = 64;

/// Most items in one mapping set: far more than any documented schema has fields, few enough to compile in a moment.
pub const ITEMS_MAX: usize = 5000;

/// Longest source or destination path, in characters: the length of an expression, for the same reason.
pub const PATH_CHARS_MAX: usize = EXPRESSION_CHARS_MAX;

/// Most steps in one path. Writing recurses once per step.
pub const PATH_STEPS_MAX: usize = 64;

/// Most fields of the record that a set finds in one walk: there is a note for each in every record. Other paths are
/// followed one by one.
pub const FIELDS_MAX: usize = 16_384;

/// Highest fixed index in a destination: earlier holes are padded, so an index is memory.
pub const DESTINATION_INDEX_MAX: usize = 999;

/// Work for one record, in steps: a node evaluated, an element visited, or some bytes of text made. About 10 ms.
pub const FUEL_PER_RECORD: u64 = 1_000_000;

/// How many bytes of text, or members of an object searched, one step of fuel buys.
pub const BYTES_PER_FUEL: usize = 32;

/// Size of one mapped record, in bytes of its JSON, roughly: twice the largest message.
pub const RECORD_BYTES_MAX: usize = 2 << 20;

/// Longest text that an expression may make, in bytes: what the record could hold.
pub const TEXT_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// Most elements in an array that an expression makes: a range or a list could otherwise ask for any number.
pub const ELEMENTS_MAX: usize = 100_000;

/// Steps back that one regular expression may take in one match.
pub const REGEX_STEPS_MAX: usize = 250_000;

/// What a regular expression that runs out of steps costs beside, in steps of fuel: a record can do so a few times.
pub const REGEX_FAILURE_FUEL: usize = 200_000;

/// Size of one compiled regular expression, in bytes: nested counted repetitions grow without it.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// Longest regular expression or date pattern that comes out of a record rather than out of the expression, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// How many bytes of a compiled pattern one step of fuel buys, when the pattern comes out of a record.
pub const PATTERN_BYTES_PER_FUEL: usize = 8;

/// Size of the compiled patterns of one mapping set, in bytes: thousands of common ones, or about a hundred large ones.
pub const PATTERNS_BYTES_MAX: usize = 128 << 20;

/// Most reads, steps and writes that are told of one item when a mapping is explained.
pub const EXPLAINED_MAX: usize = 64;

/// Longest value that is told whole when a mapping is explained, in bytes of its JSON.
pub const EXPLAINED_BYTES_MAX: usize = 1024;

/// Most warnings that one record may carry: an array of bad elements would otherwise repeat one fault without end.
pub const WARNINGS_MAX: usize = 100;
