//! What a credential may do.

use std::fmt;
use std::str::FromStr;

/// The role of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    Editor,
    Ingest,
    LakeRead,
    Viewer,
    /// No right at all: a role that this program does not know.
    None,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To look at objects.
    Read,
    /// To change objects.
    Write,
    /// To make, reset and delete sandboxes.
    ManageSandboxes,
    /// To send records.
    Ingest,
    /// To read tables.
    LakeRead,
}

impl Role {
    /// The roles that can be given.
    pub const ALL: [Role; 5] = [Role::Admin, Role::Editor, Role::Ingest, Role::LakeRead, Role::Viewer];

    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Editor => "editor",
            Role::Ingest => "ingest",
            Role::LakeRead => "lake-read",
            Role::Viewer => "viewer",
            Role::None => "none",
        }
    }

    pub fn may(self, need: Need) -> bool {
        match self {
            Role::Admin => true,
            Role::Editor => need != Need::ManageSandboxes,
            Role::Ingest => need == Need::Ingest,
            Role::LakeRead => need == Need::LakeRead,
            Role::Viewer => matches!(need, Need::Read | Need::LakeRead),
            Role::None => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No role has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the roles are admin, editor, ingest, lake-read and viewer")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.name() == name).ok_or(UnknownRole)
    }
}
