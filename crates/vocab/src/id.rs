//! Typed ids. Two ids of different kinds do not compare, so swapping a flow for a dataset does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::random;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

macro_rules! generated {
    ($name:ident, $make:expr) => {
        impl $name {
            /// A new, unguessable id of this kind.
            pub fn generate() -> Self {
                Self($make)
            }
        }
    };
}

text_id!(
    /// An organisation: 24 upper-case hex digits and `@AdobeOrg`.
    OrgId
);
text_id!(
    /// A sandbox: a UUID.
    SandboxId
);
text_id!(
    /// A Flow Service base connection: a UUID.
    ConnectionId
);
text_id!(
    /// A Flow Service source connection: a UUID.
    SourceConnectionId
);
text_id!(
    /// A Flow Service target connection: a UUID.
    TargetConnectionId
);
text_id!(
    /// A Flow Service flow: a UUID.
    FlowId
);
text_id!(
    /// An inlet: 64 lower-case hex digits, 256 random bits.
    InletId
);
text_id!(
    /// A Catalog dataset: 24 lower-case hex digits.
    DatasetId
);
text_id!(
    /// A Data Prep mapping set: 32 lower-case hex digits.
    MappingSetId
);
text_id!(
    /// A Catalog batch: a ULID.
    BatchId
);
text_id!(
    /// A schema, class, field group or data type: its `$id`.
    SchemaId
);

generated!(SandboxId, random::uuid());
generated!(ConnectionId, random::uuid());
generated!(SourceConnectionId, random::uuid());
generated!(TargetConnectionId, random::uuid());
generated!(FlowId, random::uuid());
generated!(InletId, random::hex(32));
generated!(DatasetId, random::hex(12));
generated!(MappingSetId, random::hex(16));

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A sandbox as a small number, given once and never reused. What frames and rows carry.
    SandboxNo
);
number!(
    /// An inlet as a small number, given once and never reused.
    InletNo
);
number!(
    /// A flow as a small number, given once and never reused. Zero stands for "no flow".
    FlowNo
);
number!(
    /// A dataset as a small number, given once and never reused.
    DatasetNo
);
number!(
    /// A schema `$id` as a small number, given once and never reused.
    SchemaNo
);
