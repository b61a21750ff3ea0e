//! For whom an operation runs: org, sandbox, actor, time. No query goes without one (`scoped`).

use vocab::{Millis, OrgId, SandboxId, SandboxNo};

/// Who asks, as stored in `createdBy` and `createdClient`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The technical account of a machine credential.
    pub user: String,
    /// The client id.
    pub client: String,
}

/// The request that asks, as the audit log names it. Both are empty for work that no request asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    /// The HTTP method.
    pub method: String,
}

/// The org and sandbox an operation may see, who asks, when, and how the mapping language is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub org: OrgId,
    /// The org's tenant id, without underscore.
    pub tenant: String,
    pub sandbox: SandboxNo,
    pub sandbox_id: SandboxId,
    pub sandbox_name: String,
    /// `production` or `development`.
    pub sandbox_type: String,
    pub generation: u32,
    pub actor: Actor,
    pub request: Request,
    pub now: Millis,
    /// How the switches of the mapping language stand.
    pub switches: prep::Switches,
}

impl Scope {
    /// The name of this sandbox's catalogue in the lake; unique over all orgs since tenant ids are.
    pub fn catalog(&self) -> String {
        Self::catalog_of(&self.tenant, &self.sandbox_name)
    }

    /// The same by the names of its org's tenant and of the sandbox.
    pub fn catalog_of(tenant: &str, sandbox: &str) -> String {
        format!("{tenant}.{sandbox}")
    }
}
