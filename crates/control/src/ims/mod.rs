//! Orgs and machine credentials: who may ask for a token.
//!
//! Secrets are random (256 bits), stored as salted SHA-256 and compared in constant time. Not here: tokens.

use sha2::{Digest as _, Sha256};
use store::{Row, StoreError, Tx, values};
use subtle::ConstantTimeEq as _;
use vocab::{Millis, OrgId, random};

mod role;

pub use role::{Need, Role, UnknownRole};

use crate::sandbox::{self, CreateSandboxError, DEFAULT_NAME, NewSandbox, Sandbox, SandboxType};

/// Who made what no request asked for.
const SYSTEM: &str = "system";

/// Live secrets of a credential: two while one replaces the other.
const SECRETS_MAX: u64 = 2;

/// Tenant ids that would collide with a standard namespace: `_{tenant}` is a field name, and
/// `https://ns.adobe.com/{tenant}/` the start of schema ids. From the published XDM library, and our own column.
const RESERVED_TENANTS: [&str; 31] = [
    "adcloud",
    "adhoc",
    "adobe",
    "adobecloud",
    "adobecloudplatform",
    "aep",
    "airship",
    "b2b",
    "bizible",
    "braze",
    "channels",
    "core",
    "dsp",
    "exif",
    "experience",
    "id3",
    "iptc",
    "iptc4xmpext",
    "marketo",
    "meta",
    "pathfactory",
    "photoshop",
    "repo",
    "schema",
    "search",
    "searchads",
    "searchengines",
    "tributary",
    "workfront",
    "xdm",
    "xmpdm",
];

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    pub id: OrgId,
    /// The tenant id, without underscore.
    pub tenant: String,
    pub created: Millis,
}

/// A machine credential that has not been revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// 32 lower-case hex digits; clients send it as `x-api-key` too.
    pub client_id: String,
    pub org: OrgId,
    /// The name of the one sandbox in which it may act; `None` stands for all of its org.
    pub sandbox: Option<String>,
    /// The technical account: what `createdBy` shows.
    pub account: String,
    pub role: Role,
}

/// A credential as it is listed; its secrets cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub credential: Credential,
    pub created: Millis,
    pub secrets: u64,
    pub keys: u64,
}

/// Why an org or a credential was not made.
#[derive(Debug, thiserror::Error)]
pub enum ImsError {
    #[error("an org id is 24 upper-case hex digits and @AdobeOrg")]
    BadOrg,
    #[error(
        "a tenant id is 3 to 20 lower-case letters and digits, starts with a letter and is no standard name"
    )]
    BadTenant,
    #[error("the org or the tenant id is taken")]
    Exists,
    #[error("there is no such org")]
    UnknownOrg,
    #[error("the org has no sandbox {0}")]
    UnknownSandbox(String),
    #[error("there is no credential {0}, or it was revoked")]
    UnknownCredential(String),
    #[error("the credential has two secrets already: retire the older one first")]
    TwoSecrets,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a secret does not open the door.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Never made, or revoked.
    #[error("there is no such client")]
    UnknownClient,
    #[error("the secret is not the client's")]
    WrongSecret,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an org and its production sandbox `prod`. What is not given is generated.
pub async fn create_org(
    tx: &mut Tx,
    now: Millis,
    id: Option<&str>,
    tenant: Option<&str>,
) -> Result<Org, ImsError> {
    let id = OrgId(id.map_or_else(generate_org_id, str::to_owned));
    let tenant = tenant.map_or_else(generate_tenant, str::to_owned);
    if !is_org_id(&id) {
        return Err(ImsError::BadOrg);
    }
    if !is_tenant(&tenant) {
        return Err(ImsError::BadTenant);
    }
    let sql = "INSERT INTO org (id, tenant, created_ms) VALUES ($1, $2, $3)";
    tx.execute(sql, values![id.as_str(), &tenant, now]).await.map_err(|error| match error {
        StoreError::Conflict => ImsError::Exists,
        other => ImsError::Store(other),
    })?;
    let prod = NewSandbox {
        name: DEFAULT_NAME.to_owned(),
        title: "Production".to_owned(),
        sandbox_type: SandboxType::Production,
        is_default: true,
    };
    match sandbox::create(tx, &id, prod, SYSTEM, now).await {
        Ok(_) => Ok(Org { id, tenant, created: now }),
        Err(CreateSandboxError::Store(error)) => Err(ImsError::Store(error)),
        // The org is new and the name is ours, so nothing but the store can fail.
        Err(_) => Err(ImsError::Exists),
    }
}

/// The org of that id.
pub async fn find_org(tx: &mut Tx, id: &OrgId) -> Result<Option<Org>, StoreError> {
    let row = tx.row("SELECT id, tenant, created_ms FROM org WHERE id = $1", values![id.as_str()]).await?;
    row.as_ref().map(read_org).transpose()
}

/// All orgs, oldest first.
pub async fn orgs(tx: &mut Tx) -> Result<Vec<Org>, StoreError> {
    let sql = "SELECT id, tenant, created_ms FROM org ORDER BY created_ms, id";
    tx.rows(sql, values![]).await?.iter().map(read_org).collect()
}

/// Makes a credential of an org; with a sandbox's name it may act in that sandbox alone. Returns the client id and the
/// client secret, which is shown this once.
pub async fn create_credential(
    tx: &mut Tx,
    now: Millis,
    org: &OrgId,
    sandbox: Option<&str>,
    role: Role,
) -> Result<(String, String), ImsError> {
    if find_org(tx, org).await?.is_none() {
        return Err(ImsError::UnknownOrg);
    }
    let sandbox = match sandbox {
        None => None,
        Some(wanted) => match sandbox::get(tx, org, wanted).await?.filter(Sandbox::is_open) {
            Some(found) => Some(found.name),
            None => return Err(ImsError::UnknownSandbox(wanted.to_owned())),
        },
    };
    let client_id = random::hex(16);
    let account = format!("{}@techacct.adobe.com", random::hex(12).to_uppercase());
    let sql = "INSERT INTO credential (client_id, org, sandbox, account, created_ms, role) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, values![&client_id, org.as_str(), sandbox, account, now, role.name()]).await?;
    let client_secret = add_secret(tx, &client_id, now).await?;
    Ok((client_id, client_secret))
}

async fn add_secret(tx: &mut Tx, client_id: &str, now: Millis) -> Result<String, StoreError> {
    // Hex only: several clients put the secret into a form body or a query without percent-encoding it.
    let client_secret = random::hex(32);
    let salt: [u8; 16] = random::bytes();
    let hash = salted_hash(&salt, &client_secret);
    let sql = "INSERT INTO credential_secret (client_id, salt, hash, created_ms) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, values![client_id, &salt[..], &hash[..], now]).await?;
    Ok(client_secret)
}

/// Gives a credential a second secret beside the one it has; both open the door until the older one is retired.
pub async fn rotate(tx: &mut Tx, client_id: &str, now: Millis) -> Result<String, ImsError> {
    known(tx, client_id).await?;
    let sql = "SELECT count(*) FROM credential_secret WHERE client_id = $1";
    let secrets = tx.row(sql, values![client_id]).await?.map_or(Ok(0), |row| row.count(0))?;
    if secrets >= SECRETS_MAX {
        return Err(ImsError::TwoSecrets);
    }
    Ok(add_secret(tx, client_id, now).await?)
}

/// Ends all secrets of a credential but the newest; how many that were.
pub async fn retire(tx: &mut Tx, client_id: &str) -> Result<u64, ImsError> {
    known(tx, client_id).await?;
    let sql = "DELETE FROM credential_secret WHERE client_id = $1 AND rowid <>
                 (SELECT rowid FROM credential_secret WHERE client_id = $1 ORDER BY created_ms DESC, rowid DESC LIMIT 1)";
    Ok(tx.execute(sql, values![client_id]).await?)
}

/// Registers a public key with which a client signs its own tokens. The caller has checked that it is one.
pub async fn add_key(tx: &mut Tx, client_id: &str, pem: &str, now: Millis) -> Result<(), ImsError> {
    known(tx, client_id).await?;
    let sql =
        "INSERT INTO credential_key (client_id, pem, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    tx.execute(sql, values![client_id, pem, now]).await?;
    Ok(())
}

/// The public keys of a credential in PEM form.
pub async fn keys(tx: &mut Tx, client_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT pem FROM credential_key WHERE client_id = $1 ORDER BY created_ms";
    let rows = tx.rows(sql, values![client_id]).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// Every live credential, oldest first.
pub async fn listed(tx: &mut Tx) -> Result<Vec<Listed>, StoreError> {
    let sql = "SELECT client_id, org, sandbox, account, role, created_ms,
                 (SELECT count(*) FROM credential_secret s WHERE s.client_id = c.client_id),
                 (SELECT count(*) FROM credential_key k WHERE k.client_id = c.client_id)
               FROM credential c WHERE revoked_ms IS NULL ORDER BY created_ms, client_id";
    let rows = tx.rows(sql, values![]).await?;
    let read = |row: &Row| {
        let credential = read_credential(row)?;
        Ok(Listed { credential, created: Millis(row.int(5)?), secrets: row.count(6)?, keys: row.count(7)? })
    };
    rows.iter().map(read).collect()
}

async fn known(tx: &mut Tx, client_id: &str) -> Result<Credential, ImsError> {
    find_credential(tx, client_id).await?.ok_or_else(|| ImsError::UnknownCredential(client_id.to_owned()))
}

/// The credential of that client id and secret.
pub async fn verify_secret(tx: &mut Tx, client_id: &str, secret: &str) -> Result<Credential, VerifyError> {
    let credential = find_credential(tx, client_id).await?.ok_or(VerifyError::UnknownClient)?;
    let sql = "SELECT salt, hash FROM credential_secret WHERE client_id = $1";
    let mut good = subtle::Choice::from(0);
    // A credential may have two live secrets while one replaces the other; all are compared, always.
    for row in tx.rows(sql, values![client_id]).await? {
        good |= salted_hash(row.bytes(0)?, secret).ct_eq(row.bytes(1)?);
    }
    if bool::from(good) { Ok(credential) } else { Err(VerifyError::WrongSecret) }
}

/// The live credential of that client id.
pub async fn find_credential(tx: &mut Tx, client_id: &str) -> Result<Option<Credential>, StoreError> {
    let sql = "SELECT client_id, org, sandbox, account, role FROM credential WHERE client_id = $1 AND revoked_ms IS NULL";
    tx.row(sql, values![client_id]).await?.as_ref().map(read_credential).transpose()
}

/// Every live credential of every org.
pub async fn all_credentials(tx: &mut Tx) -> Result<Vec<Credential>, StoreError> {
    let sql = "SELECT client_id, org, sandbox, account, role FROM credential WHERE revoked_ms IS NULL";
    tx.rows(sql, values![]).await?.iter().map(read_credential).collect()
}

/// Ends a credential and its secrets; `false` when there is no such live credential in that org.
pub async fn revoke_credential(
    tx: &mut Tx,
    org: &OrgId,
    client_id: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let sql =
        "UPDATE credential SET revoked_ms = $1 WHERE client_id = $2 AND org = $3 AND revoked_ms IS NULL";
    if tx.execute(sql, values![now, client_id, org.as_str()]).await? == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM credential_secret WHERE client_id = $1", values![client_id]).await?;
    tx.execute("DELETE FROM credential_key WHERE client_id = $1", values![client_id]).await?;
    Ok(true)
}

fn salted_hash(salt: &[u8], secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(secret).finalize().into()
}

/// 24 upper-case hex digits and `@AdobeOrg`.
pub fn is_org_id(id: &OrgId) -> bool {
    id.as_str().strip_suffix("@AdobeOrg").is_some_and(|digits| {
        digits.len() == 24
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    })
}

fn is_tenant(tenant: &str) -> bool {
    (3..=20).contains(&tenant.len())
        && tenant.starts_with(|c: char| c.is_ascii_lowercase())
        && tenant.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && !RESERVED_TENANTS.contains(&tenant)
}

fn generate_org_id() -> String {
    format!("{}@AdobeOrg", random::hex(12).to_uppercase())
}

/// `t` and 12 hex digits: no standard name has that form.
fn generate_tenant() -> String {
    format!("t{}", random::hex(6))
}

fn read_org(row: &Row) -> Result<Org, StoreError> {
    Ok(Org { id: row.text(0)?.into(), tenant: row.text(1)?.to_owned(), created: Millis(row.int(2)?) })
}

fn read_credential(row: &Row) -> Result<Credential, StoreError> {
    Ok(Credential {
        client_id: row.text(0)?.to_owned(),
        org: row.text(1)?.into(),
        sandbox: row.text_or_null(2)?.map(str::to_owned),
        account: row.text(3)?.to_owned(),
        // A role that a newer program wrote gives no right here.
        role: row.text(4)?.parse().unwrap_or(Role::None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, org, store};

    #[tokio::test]
    async fn an_org_starts_with_its_production_sandbox() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let made = create_org(&mut tx, NOW, None, None).await.unwrap();
        assert!(is_org_id(&made.id), "{}", made.id);
        assert!(is_tenant(&made.tenant), "{}", made.tenant);
        let sandboxes = sandbox::list(&mut tx, &made.id).await.unwrap();
        assert_eq!(sandboxes.len(), 1);
        assert_eq!((sandboxes[0].name.as_str(), sandboxes[0].is_default), ("prod", true));
        assert_eq!(find_org(&mut tx, &made.id).await.unwrap(), Some(made.clone()));
        assert_eq!(orgs(&mut tx).await.unwrap(), [made]);
    }

    #[tokio::test]
    async fn tenants_and_org_ids() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        for (tenant, good) in [
            ("acme", true),
            ("a23", true),
            ("acme", false),
            ("ab", false),
            ("2acme", false),
            ("Acme", false),
            ("_acme", false),
            ("acme-2", false),
            ("xdm", false),
            ("experience", false),
            ("repo", false),
            ("tributary", false),
            ("abcdefghijklmnopqrst", true),
            ("abcdefghijklmnopqrstu", false),
        ] {
            assert_eq!(create_org(&mut tx, NOW, None, Some(tenant)).await.is_ok(), good, "{tenant}");
        }
        for (id, good) in [
            ("0123456789ABCDEF01234567@AdobeOrg", true),
            ("0123456789ABCDEF01234567@AdobeOrg", false),
            ("0123456789abcdef01234567@AdobeOrg", false),
            ("0123456789ABCDEF0123456@AdobeOrg", false),
            ("0123456789ABCDEF01234567@AdobeID", false),
            ("", false),
        ] {
            assert_eq!(create_org(&mut tx, NOW, Some(id), None).await.is_ok(), good, "{id}");
        }
    }

    #[tokio::test]
    async fn a_secret_opens_its_own_credential_alone() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let (client, secret) = create_credential(&mut tx, NOW, &org, None, Role::Admin).await.unwrap();
        let (bound, other_secret) =
            create_credential(&mut tx, NOW, &org, Some("prod"), Role::Admin).await.unwrap();
        assert_eq!((client.len(), secret.len()), (32, 64));
        let found = verify_secret(&mut tx, &client, &secret).await.unwrap();
        assert_eq!((&found.client_id, &found.org, &found.sandbox), (&client, &org, &None));
        assert_eq!(found.account.len(), 24 + "@techacct.adobe.com".len());
        let bound = verify_secret(&mut tx, &bound, &other_secret).await.unwrap();
        assert_eq!(bound.sandbox.as_deref(), Some("prod"));
        for wrong in [other_secret.as_str(), "", &secret[1..]] {
            let refused = verify_secret(&mut tx, &client, wrong).await;
            assert!(matches!(refused, Err(VerifyError::WrongSecret)), "{wrong}");
        }
        let unknown = verify_secret(&mut tx, "nobody", &secret).await;
        assert!(matches!(unknown, Err(VerifyError::UnknownClient)));
        let elsewhere = create_credential(&mut tx, NOW, &org, Some("nope"), Role::Admin).await;
        assert!(matches!(elsewhere, Err(ImsError::UnknownSandbox(_))));
        let nowhere = OrgId::from("000000000000000000000000@AdobeOrg");
        let nowhere = create_credential(&mut tx, NOW, &nowhere, None, Role::Admin).await;
        assert!(matches!(nowhere, Err(ImsError::UnknownOrg)));
    }

    #[tokio::test]
    async fn two_secrets_are_good_while_one_replaces_the_other() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let (client, old) = create_credential(&mut tx, NOW, &org, None, Role::Viewer).await.unwrap();
        let new = rotate(&mut tx, &client, NOW).await.unwrap();
        for secret in [&old, &new] {
            assert_eq!(verify_secret(&mut tx, &client, secret).await.unwrap().role, Role::Viewer);
        }
        assert!(matches!(rotate(&mut tx, &client, NOW).await, Err(ImsError::TwoSecrets)));
        assert_eq!(listed(&mut tx).await.unwrap()[0].secrets, 2);
        assert_eq!(retire(&mut tx, &client).await.unwrap(), 1);
        assert!(matches!(verify_secret(&mut tx, &client, &old).await, Err(VerifyError::WrongSecret)));
        assert!(verify_secret(&mut tx, &client, &new).await.is_ok());
        assert_eq!(retire(&mut tx, &client).await.unwrap(), 0, "the last one stays");
        let unknown = rotate(&mut tx, "nobody", NOW).await;
        assert!(matches!(unknown, Err(ImsError::UnknownCredential(_))));
    }

    #[tokio::test]
    async fn no_secret_is_stored_readably() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let org = org(&mut tx, "acme").await;
        let (_, secret) = create_credential(&mut tx, NOW, &org, None, Role::Admin).await.unwrap();
        let rows = tx.rows("SELECT salt, hash FROM credential_secret", values![]).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].bytes(0).unwrap().len(), rows[0].bytes(1).unwrap().len()), (16, 32));
        assert_ne!(rows[0].bytes(1).unwrap(), &Sha256::digest(&secret)[..], "the hash is salted");
    }

    #[tokio::test]
    async fn scoped() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let (ours, theirs) = (org(&mut tx, "acme").await, org(&mut tx, "umbrella").await);
        let (client, secret) = create_credential(&mut tx, NOW, &theirs, None, Role::Admin).await.unwrap();
        assert!(!revoke_credential(&mut tx, &ours, &client, NOW).await.unwrap(), "another org's credential");
        assert_eq!(all_credentials(&mut tx).await.unwrap().len(), 1);
        assert!(revoke_credential(&mut tx, &theirs, &client, NOW).await.unwrap());
        assert!(!revoke_credential(&mut tx, &theirs, &client, NOW).await.unwrap());
        assert_eq!(all_credentials(&mut tx).await.unwrap(), []);
        let refused = verify_secret(&mut tx, &client, &secret).await;
        assert!(matches!(refused, Err(VerifyError::UnknownClient)), "revoked");
    }
}
