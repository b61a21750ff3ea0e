//! Sandboxes: the rooms of an org. Every other operation runs in one of them, named by a [`Scope`].

mod change;

use store::{Row, StoreError, Tx, values};
use vocab::{Millis, OrgId, SandboxId, SandboxNo};

use crate::{Actor, Request, Scope};

pub use change::{ChangeSandboxError, Wipe, Wiped, check_wipe, is_title, rename, settle, unsettled, wipe};

/// The states of a sandbox that are stored.
mod state {
    pub(super) const ACTIVE: &str = "active";
    pub(super) const RESETTING: &str = "resetting";
    pub(super) const DELETING: &str = "deleting";
    pub(super) const DELETED: &str = "deleted";
}

/// The name of the sandbox that every org starts with.
pub const DEFAULT_NAME: &str = "prod";

/// Longest name of a sandbox. It becomes part of the lake's catalogue name and of folder names.
const NAME_LENGTH_MAX: usize = 64;

/// What a sandbox is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxType {
    Production,
    Development,
}

impl SandboxType {
    /// All of them with their ids and titles, as the API lists them.
    pub const ALL: [SandboxType; 2] = [SandboxType::Development, SandboxType::Production];

    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.id() == id)
    }

    /// The id in the API.
    pub fn id(self) -> &'static str {
        match self {
            SandboxType::Production => "production",
            SandboxType::Development => "development",
        }
    }

    /// The title in the API.
    pub fn title(self) -> &'static str {
        match self {
            SandboxType::Production => "Production",
            SandboxType::Development => "Development",
        }
    }
}

/// A stored sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    pub no: SandboxNo,
    pub id: SandboxId,
    pub org: OrgId,
    pub name: String,
    pub title: String,
    /// `production` or `development`.
    pub sandbox_type: String,
    /// `active` unless something is going on: `resetting`, `deleting`, `deleted`.
    pub state: String,
    pub is_default: bool,
    /// Grows with each reset; records of an older generation are discarded.
    pub generation: u32,
    /// Grows with each change.
    pub rev: u64,
    pub created: Millis,
    pub updated: Millis,
    pub created_by: String,
    pub updated_by: String,
}

impl Sandbox {
    /// Whether requests may act in it. Not while it is being emptied: what they made could go with the rest.
    pub fn is_open(&self) -> bool {
        self.state == state::ACTIVE
    }

    pub(crate) fn is_gone(&self) -> bool {
        [state::DELETING, state::DELETED].contains(&self.state.as_str())
    }
}

/// A sandbox to be made.
#[derive(Clone, Debug)]
pub struct NewSandbox {
    pub name: String,
    pub title: String,
    pub sandbox_type: SandboxType,
    pub is_default: bool,
}

/// Why a sandbox was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateSandboxError {
    #[error(
        "a sandbox name starts with a lower-case letter and goes on with lower-case letters, digits and hyphens"
    )]
    BadName,
    #[error("a title is a text of 1 to 256 characters")]
    BadTitle,
    #[error("the org has a sandbox of that name")]
    Exists,
    #[error("there is no such org")]
    UnknownOrg,
    #[error(transparent)]
    Store(StoreError),
}

/// Makes a sandbox in an org. It is `active` at once.
pub async fn create(
    tx: &mut Tx,
    org: &OrgId,
    new: NewSandbox,
    user: &str,
    now: Millis,
) -> Result<Sandbox, CreateSandboxError> {
    if !is_name(&new.name) {
        return Err(CreateSandboxError::BadName);
    }
    if !is_title(&new.title) {
        return Err(CreateSandboxError::BadTitle);
    }
    if tx
        .row("SELECT 1 FROM org WHERE id = $1", values![org.as_str()])
        .await
        .map_err(CreateSandboxError::Store)?
        .is_none()
    {
        return Err(CreateSandboxError::UnknownOrg);
    }
    let sql = "INSERT INTO sandbox (id, org, name, title, type, state, is_default, generation, rev, created_ms,
                 updated_ms, created_by, updated_by)
               VALUES ($1, $2, $3, $4, $5, 'active', $6, 0, 1, $7, $7, $8, $8)
               RETURNING no, id, org, name, title, type, state, is_default, generation, rev, created_ms, updated_ms,
                 created_by, updated_by";
    let id = SandboxId::generate();
    let row = tx
        .row(
            sql,
            values![
                id.as_str(),
                org.as_str(),
                new.name,
                new.title,
                new.sandbox_type.id(),
                new.is_default,
                now,
                user,
            ],
        )
        .await
        .map_err(|error| match error {
            StoreError::Conflict => CreateSandboxError::Exists,
            other => CreateSandboxError::Store(other),
        })?;
    // An INSERT … RETURNING that succeeds yields its row.
    let row = row.ok_or(CreateSandboxError::Exists)?;
    read(&row).map_err(CreateSandboxError::Store)
}

/// The sandboxes of an org, oldest first.
pub async fn list(tx: &mut Tx, org: &OrgId) -> Result<Vec<Sandbox>, StoreError> {
    let sql =
        "SELECT no, id, org, name, title, type, state, is_default, generation, rev, created_ms, updated_ms,
                 created_by, updated_by
               FROM sandbox WHERE org = $1 ORDER BY no";
    tx.rows(sql, values![org.as_str()]).await?.iter().map(read).collect()
}

/// The sandbox of an org by its name or its id.
pub async fn get(tx: &mut Tx, org: &OrgId, name_or_id: &str) -> Result<Option<Sandbox>, StoreError> {
    let sql =
        "SELECT no, id, org, name, title, type, state, is_default, generation, rev, created_ms, updated_ms,
                 created_by, updated_by
               FROM sandbox WHERE org = $1 AND (name = $2 OR id = $2)";
    tx.row(sql, values![org.as_str(), name_or_id]).await?.as_ref().map(read).transpose()
}

/// The scope of a request: the sandbox that it names, or the org's default one when it names none. `None` when the org
/// or that sandbox does not exist, or is not open.
pub async fn scope(
    tx: &mut Tx,
    org: &OrgId,
    name_or_id: Option<&str>,
    actor: Actor,
    now: Millis,
) -> Result<Option<Scope>, StoreError> {
    let Some(row) = tx.row("SELECT tenant FROM org WHERE id = $1", values![org.as_str()]).await? else {
        return Ok(None);
    };
    let tenant = row.text(0)?.to_owned();
    let sandbox = match name_or_id {
        Some(wanted) => get(tx, org, wanted).await?,
        None => list(tx, org).await?.into_iter().find(|sandbox| sandbox.is_default),
    };
    Ok(sandbox.filter(Sandbox::is_open).map(|sandbox| into_scope(sandbox, tenant, actor, now)))
}

/// Whether the sandbox has been neither reset nor deleted since the scope was made.
pub async fn is_current(tx: &mut Tx, scope: &Scope) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sandbox WHERE no = $1 AND generation = $2";
    Ok(tx.row(sql, values![scope.sandbox, scope.generation]).await?.is_some())
}

/// A scope for every sandbox of every org, for work that no request asked for.
pub async fn all_scopes(tx: &mut Tx, actor: &Actor, now: Millis) -> Result<Vec<Scope>, StoreError> {
    let sql = "SELECT s.no, s.id, s.org, s.name, s.title, s.type, s.state, s.is_default, s.generation, s.rev,
                 s.created_ms, s.updated_ms, s.created_by, s.updated_by, o.tenant
               FROM sandbox s JOIN org o ON o.id = s.org ORDER BY s.no";
    let mut scopes = Vec::new();
    for row in tx.rows(sql, values![]).await? {
        scopes.push(into_scope(read(&row)?, row.text(14)?.to_owned(), actor.clone(), now));
    }
    Ok(scopes)
}

fn into_scope(sandbox: Sandbox, tenant: String, actor: Actor, now: Millis) -> Scope {
    Scope {
        org: sandbox.org,
        tenant,
        sandbox: sandbox.no,
        sandbox_id: sandbox.id,
        sandbox_name: sandbox.name,
        sandbox_type: sandbox.sandbox_type,
        generation: sandbox.generation,
        actor,
        request: Request::default(),
        now,
        // The server knows better: it sets them where it asks for a scope.
        switches: prep::Switches::default(),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn read(row: &Row) -> Result<Sandbox, StoreError> {
    Ok(Sandbox {
        no: SandboxNo(row.number(0)?),
        id: row.text(1)?.into(),
        org: row.text(2)?.into(),
        name: row.text(3)?.to_owned(),
        title: row.text(4)?.to_owned(),
        sandbox_type: row.text(5)?.to_owned(),
        state: row.text(6)?.to_owned(),
        is_default: row.bool(7)?,
        generation: row.number(8)?,
        rev: row.count(9)?,
        created: Millis(row.int(10)?),
        updated: Millis(row.int(11)?),
        created_by: row.text(12)?.to_owned(),
        updated_by: row.text(13)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, actor, org, store};

    fn named(name: &str) -> NewSandbox {
        NewSandbox {
            name: name.to_owned(),
            title: "Title".to_owned(),
            sandbox_type: SandboxType::Development,
            is_default: false,
        }
    }

    #[tokio::test]
    async fn names() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        for (name, good) in [
            ("dev", true),
            ("dev-2", true),
            ("prod", false),
            ("", false),
            ("Dev", false),
            ("2dev", false),
            ("a b", false),
            ("a.b", false),
            ("a/b", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(create(&mut tx, &org, named(name), "u", NOW).await.is_ok(), good, "{name}");
        }
        let nowhere = OrgId::from("000000000000000000000000@AdobeOrg");
        let made = create(&mut tx, &nowhere, named("dev"), "u", NOW).await;
        assert!(matches!(made, Err(CreateSandboxError::UnknownOrg)));
    }

    #[tokio::test]
    async fn a_scope_is_found_by_name_by_id_or_by_default() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let dev = create(&mut tx, &org, named("dev"), "u", NOW).await.unwrap();
        for (wanted, expected) in [
            (None, Some("prod")),
            (Some("prod"), Some("prod")),
            (Some("dev"), Some("dev")),
            (Some(dev.id.as_str()), Some("dev")),
            (Some("nope"), None),
            (Some(""), None),
        ] {
            let found = scope(&mut tx, &org, wanted, actor(), NOW).await.unwrap();
            let found = found.as_ref().map(|scope| (scope.sandbox_name.as_str(), scope.tenant.as_str()));
            assert_eq!(found, expected.map(|name| (name, "acme")), "{wanted:?}");
        }
        let nowhere = OrgId::from("000000000000000000000000@AdobeOrg");
        assert_eq!(scope(&mut tx, &nowhere, None, actor(), NOW).await.unwrap(), None);
    }

    #[tokio::test]
    async fn scoped() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let (ours, theirs) = (org(&mut tx, "acme").await, org(&mut tx, "umbrella").await);
        let dev = create(&mut tx, &theirs, named("dev"), "u", NOW).await.unwrap();
        assert_eq!(list(&mut tx, &ours).await.unwrap().len(), 1);
        for wanted in ["dev", dev.id.as_str()] {
            assert_eq!(get(&mut tx, &ours, wanted).await.unwrap(), None);
            assert_eq!(scope(&mut tx, &ours, Some(wanted), actor(), NOW).await.unwrap(), None);
        }
        assert_eq!(all_scopes(&mut tx, &actor(), NOW).await.unwrap().len(), 3);
    }
}
