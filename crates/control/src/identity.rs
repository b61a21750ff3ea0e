//! Identity namespaces: what kinds of identities there are, the standard ones and those that a sandbox makes.
//!
//! Not here: the identity graph.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use store::{StoreError, Tx};
use vocab::{Millis, random};

use crate::limits::{NAME_CHARS_MAX, NAMESPACES_MAX};
use crate::{Kind, Saved, Scope, resource};

/// The namespaces that every sandbox has. `CRMID`, which the guides use and do not create, counts as custom.
static STANDARD: LazyLock<Vec<Value>> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    serde_json::from_str(include_str!("../specs/namespaces.json")).unwrap_or_default()
});

/// When the standard namespaces were made, as far as anybody is told: 2017-05-19, the time of the documented sample.
const STANDARD_TIME: Millis = Millis(1_495_153_678_000);

/// The number of a sandbox's own namespace is this and the number of the stored resource.
const FIRST_CUSTOM: i64 = 10_000_000;

const TYPES: [&str; 16] = [
    "COOKIE",
    "CROSS_DEVICE",
    "DEVICE",
    "EMAIL",
    "MOBILE",
    "NON_PEOPLE",
    "PHONE",
    "PARTNER_ID",
    "B2B_ACCOUNT",
    "B2B_ACCOUNT_PERSON",
    "B2B_CAMPAIGN",
    "B2B_CAMPAIGN_MEMBER",
    "B2B_MARKETING_LIST",
    "B2B_MARKETING_LIST_MEMBER",
    "B2B_OPPORTUNITY",
    "B2B_OPPORTUNITY_PERSON",
];

/// Why an operation on namespaces was refused. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("There is no namespace {0}")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn invalid(text: impl Into<String>) -> IdentityError {
    IdentityError::Invalid(text.into())
}

/// All namespaces, the standard ones first.
pub async fn list(tx: &mut Tx, scope: &Scope) -> Result<Vec<Value>, StoreError> {
    let mut all: Vec<Value> =
        STANDARD.iter().map(|known| item(known, STANDARD_TIME, STANDARD_TIME)).collect();
    all.extend(resource::list(tx, scope, Kind::Namespaces).await?.iter().map(shown));
    Ok(all)
}

/// The namespace of that code, in any case, or of that number.
pub async fn find(tx: &mut Tx, scope: &Scope, wanted: &str) -> Result<Option<Value>, StoreError> {
    let named = |item: &Value| {
        let code = item.get("code").and_then(Value::as_str).unwrap_or_default();
        code.eq_ignore_ascii_case(wanted)
            || item.get("id").and_then(serde_json::Value::as_u64).is_some_and(|id| wanted.parse() == Ok(id))
    };
    Ok(list(tx, scope).await?.into_iter().find(named))
}

/// The namespace that a path names.
pub async fn get(tx: &mut Tx, scope: &Scope, wanted: &str) -> Result<Value, IdentityError> {
    find(tx, scope, wanted).await?.ok_or_else(|| IdentityError::NotFound(wanted.to_owned()))
}

/// Makes a namespace.
pub async fn create(tx: &mut Tx, scope: &Scope, body: &Map<String, Value>) -> Result<Value, IdentityError> {
    let code = text(body, "code")?;
    let name = text(body, "name")?;
    let id_type = text(body, "idType")?;
    if !TYPES.iter().any(|known| known.eq_ignore_ascii_case(&id_type)) {
        return Err(invalid(format!("idType {id_type} is not one of {}", TYPES.join(", "))));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !code.bytes().all(fits) {
        return Err(invalid(format!("code {code} has other characters than letters, digits, _, - and .")));
    }
    let known = list(tx, scope).await?;
    if known.len() >= NAMESPACES_MAX {
        return Err(invalid(format!("a sandbox has at most {NAMESPACES_MAX} namespaces")));
    }
    check_free(&known, None, &code, &name)?;
    let mut doc = Map::new();
    for (member, value) in [("code", &code), ("name", &name), ("idType", &id_type)] {
        doc.insert(member.to_owned(), json!(value));
    }
    doc.insert("description".to_owned(), json!(description(body)?));
    let new = resource::New {
        kind: Kind::Namespaces,
        id: random::hex(16),
        name,
        state: String::new(),
        doc,
        uses: Vec::new(),
    };
    Ok(shown(&resource::insert(tx, scope, new).await?))
}

/// Changes name and description of a namespace of the sandbox's own.
pub async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    wanted: &str,
    body: &Map<String, Value>,
) -> Result<Value, IdentityError> {
    let known = list(tx, scope).await?;
    let found = get(tx, scope, wanted).await?;
    let all = resource::list(tx, scope, Kind::Namespaces).await?;
    let mut saved = all
        .into_iter()
        .find(|saved| found.get("id") == Some(&json!(number(saved))))
        .ok_or_else(|| invalid(format!("the namespace {wanted} is a standard one and cannot be changed")))?;
    for fixed in ["code", "idType"] {
        let kept = saved.doc.get(fixed).and_then(Value::as_str).unwrap_or_default();
        if body.get(fixed).is_some_and(|sent| !sent.as_str().is_some_and(|s| s.eq_ignore_ascii_case(kept))) {
            return Err(invalid(format!("{fixed} of a namespace cannot be changed")));
        }
    }
    if body.contains_key("name") {
        let name = text(body, "name")?;
        let code = saved.doc.get("code").and_then(Value::as_str).unwrap_or_default();
        check_free(&known, Some(number(&saved)), code, &name)?;
        saved.doc.insert("name".to_owned(), json!(name));
        saved.name = name;
    }
    if body.contains_key("description") {
        saved.doc.insert("description".to_owned(), json!(description(body)?));
    }
    if !resource::update(tx, scope, &mut saved, None).await? {
        return Err(IdentityError::Store(StoreError::Conflict));
    }
    Ok(shown(&saved))
}

/// Codes and names are unique, whatever their case.
fn check_free(known: &[Value], own: Option<i64>, code: &str, name: &str) -> Result<(), IdentityError> {
    for other in known.iter().filter(|other| other.get("id").and_then(Value::as_i64) != own) {
        for (member, value) in [("code", code), ("name", name)] {
            let taken = other.get(member).and_then(Value::as_str);
            if taken.is_some_and(|taken| taken.eq_ignore_ascii_case(value)) {
                return Err(invalid(format!("a namespace with the {member} {value} exists already")));
            }
        }
    }
    Ok(())
}

fn text(body: &Map<String, Value>, member: &str) -> Result<String, IdentityError> {
    let sent = body.get(member).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if sent.is_empty() || sent.chars().count() > NAME_CHARS_MAX {
        return Err(invalid(format!("{member} must be a text of 1 to {NAME_CHARS_MAX} characters")));
    }
    Ok(sent.to_owned())
}

fn description(body: &Map<String, Value>) -> Result<String, IdentityError> {
    match body.get("description") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(invalid("description must be a text")),
    }
}

fn number(saved: &Saved) -> i64 {
    FIRST_CUSTOM + i64::from(saved.no)
}

fn shown(saved: &Saved) -> Value {
    let mut doc = Value::Object(saved.doc.clone());
    doc["id"] = json!(number(saved));
    doc["custom"] = json!(true);
    item(&doc, saved.created, saved.updated)
}

/// A namespace with all its attributes: clients index every one.
fn item(known: &Value, created: Millis, updated: Millis) -> Value {
    json!({
        "updateTime": updated.0,
        "code": known.get("code"),
        "status": "ACTIVE",
        "description": known.get("description"),
        "id": known.get("id"),
        "createTime": created.0,
        "idType": known.get("idType"),
        "name": known.get("name"),
        "custom": known.get("custom").and_then(Value::as_bool).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn body(members: Value) -> Map<String, Value> {
        members.as_object().unwrap().clone()
    }

    #[tokio::test]
    async fn standard_and_own() {
        let (store, _dir) = testing::store().await;
        let mut tx = store.write().await.unwrap();
        let scope = testing::scope(&mut tx, "acme").await;
        let known = list(&mut tx, &scope).await.unwrap();
        assert_eq!(known.len(), 17);
        assert!(known.iter().all(|item| item.as_object().unwrap().values().all(|value| !value.is_null())));
        assert_eq!(get(&mut tx, &scope, "email").await.unwrap()["id"], 6);
        assert_eq!(get(&mut tx, &scope, "4").await.unwrap()["code"], "ECID");
        let loyalty = body(json!({"code": "Loyalty", "name": "Loyalty card", "idType": "Cross_device"}));
        let made = create(&mut tx, &scope, &loyalty).await.unwrap();
        assert_eq!((&made["custom"], &made["idType"]), (&json!(true), &json!("Cross_device")));
        assert_eq!(get(&mut tx, &scope, &made["id"].to_string()).await.unwrap(), made);
        let renamed = body(json!({"code": "Loyalty", "name": "Card", "description": "d"}));
        let changed = replace(&mut tx, &scope, "LOYALTY", &renamed).await.unwrap();
        assert_eq!((&changed["name"], &changed["description"]), (&json!("Card"), &json!("d")));
        let other = testing::scope(&mut tx, "other").await;
        assert!(find(&mut tx, &other, "Loyalty").await.unwrap().is_none());
        // Another sandbox may have the same code.
        create(&mut tx, &other, &loyalty).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_refused() {
        let (store, _dir) = testing::store().await;
        let mut tx = store.write().await.unwrap();
        let scope = testing::scope(&mut tx, "acme").await;
        let whole = || body(json!({"code": "A", "name": "a name", "idType": "EMAIL"}));
        for (member, value, expected) in [
            ("code", json!("email"), "exists already"),
            ("name", json!("Google Ad ID"), "exists already"),
            ("code", json!(""), "code must be"),
            ("code", json!("a b"), "other characters"),
            ("idType", json!("FAX"), "not one of"),
            ("description", json!(7), "description"),
        ] {
            let mut sent = whole();
            sent.insert(member.to_owned(), value);
            let error = create(&mut tx, &scope, &sent).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{member}: {error}");
        }
        create(&mut tx, &scope, &whole()).await.unwrap();
        for (wanted, sent, expected) in [
            ("Email", json!({"name": "x"}), "standard"),
            ("none", json!({"name": "x"}), "no namespace"),
            ("A", json!({"code": "B"}), "cannot be changed"),
            ("A", json!({"name": "ecid"}), "exists already"),
        ] {
            let error = replace(&mut tx, &scope, wanted, &body(sent)).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{wanted}: {error}");
        }
    }
}
