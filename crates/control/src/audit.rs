//! The audit log of the server: who changed which object and who used which credential, by which request.
//!
//! An entry is written in the transaction of what it tells of, so that neither is ever there without the other; the
//! database refuses to change or delete one. It holds no content: what a write changed inside a schema is in the log of
//! the Schema Registry, which ends with the schema.

use serde_json::{Value, json};
use store::{Row, StoreError, Tx, values};
use vocab::{Millis, OrgId};

use crate::limits::AUDIT_PAGE_MAX;
use crate::sandbox::Sandbox;
use crate::{Actor, Kind, Request, Saved, Scope, catalog, flow, registry};

/// Objects that are not stored as resources, by their names in the log.
pub const CREDENTIALS: &str = "credentials";
pub const ORGS: &str = "orgs";
pub const SANDBOXES: &str = "sandboxes";
pub const LIBRARY: &str = "library";

/// What is to be noted.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub time: Millis,
    pub org: Option<&'a OrgId>,
    pub sandbox: Option<&'a str>,
    pub actor: &'a Actor,
    pub request: &'a Request,
    /// `create`, `patch`, `replace`, `delete`, or the word for what else was done.
    pub action: &'a str,
    pub kind: &'a str,
    pub id: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

/// Notes an event.
pub async fn record(tx: &mut Tx, event: Event<'_>) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (time_ms, org, sandbox, user_id, client_id, action, method, kind, id, etag_before, etag_after,
                 request_id)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let Event { time, org, sandbox, actor, request, action, kind, id, before, after } = event;
    let org = org.map(OrgId::as_str);
    tx.execute(
        sql,
        values![
            time,
            org,
            sandbox,
            &actor.user,
            &actor.client,
            action,
            &request.method,
            kind,
            id,
            before,
            after,
            &request.id,
        ],
    )
    .await?;
    Ok(())
}

/// Notes that a sandbox was made, changed, reset or deleted, and the revision that it had.
pub async fn sandbox_changed(
    tx: &mut Tx,
    actor: &Actor,
    request: &Request,
    action: &str,
    before: Option<u64>,
    sandbox: &Sandbox,
) -> Result<(), StoreError> {
    let before = before.map(|rev| rev.to_string());
    let after = (action != "delete").then(|| sandbox.rev.to_string());
    let event = Event {
        time: sandbox.updated,
        org: Some(&sandbox.org),
        sandbox: Some(&sandbox.name),
        actor,
        request,
        action,
        kind: SANDBOXES,
        id: sandbox.id.as_str(),
        before: before.as_deref(),
        after: after.as_deref(),
    };
    record(tx, event).await
}

/// Notes that an org was made, and with it its first sandbox.
pub async fn org_made(
    tx: &mut Tx,
    now: Millis,
    (actor, request): (&Actor, &Request),
    org: &OrgId,
) -> Result<(), StoreError> {
    let event = Event {
        time: now,
        org: Some(org),
        sandbox: None,
        actor,
        request,
        action: "create",
        kind: ORGS,
        id: org.as_str(),
        before: None,
        after: None,
    };
    record(tx, event).await
}

/// Notes that resources were imported into the global container.
pub async fn library_imported(
    tx: &mut Tx,
    now: Millis,
    (actor, request): (&Actor, &Request),
) -> Result<(), StoreError> {
    let event = Event {
        time: now,
        org: None,
        sandbox: None,
        actor,
        request,
        action: "import",
        kind: LIBRARY,
        id: "global",
        before: None,
        after: None,
    };
    record(tx, event).await
}

/// Notes what was done with a credential, or that it was given a token.
pub async fn credential_used(
    tx: &mut Tx,
    now: Millis,
    (actor, request): (&Actor, &Request),
    action: &str,
    (org, client_id): (&OrgId, &str),
) -> Result<(), StoreError> {
    let event = Event {
        time: now,
        org: Some(org),
        sandbox: None,
        actor,
        request,
        action,
        kind: CREDENTIALS,
        id: client_id,
        before: None,
        after: None,
    };
    record(tx, event).await
}

/// Notes that a resource was made, changed or deleted: the etags that it had and has.
pub(crate) async fn changed(
    tx: &mut Tx,
    scope: &Scope,
    (kind, id): (Kind, &str),
    before: Option<&str>,
    after: Option<&str>,
) -> Result<(), StoreError> {
    let action = match (before, after) {
        (None, _) => "create",
        (_, None) => "delete",
        _ => match scope.request.method.as_str() {
            "PATCH" => "patch",
            "PUT" => "replace",
            _ => "action",
        },
    };
    let event = Event {
        time: scope.now,
        org: Some(&scope.org),
        sandbox: Some(&scope.sandbox_name),
        actor: &scope.actor,
        request: &scope.request,
        action,
        kind: kind.name(),
        id,
        before,
        after,
    };
    record(tx, event).await
}

/// The revision of a resource as its service shows it; the plain number where it shows none.
pub(crate) fn etag(saved: &Saved) -> String {
    match saved.kind {
        Kind::Connections | Kind::SourceConnections | Kind::TargetConnections | Kind::Flows => {
            flow::etag(saved)
        }
        Kind::DataSets => catalog::datasets::version(saved),
        Kind::Schemas | Kind::Classes | Kind::FieldGroups | Kind::DataTypes | Kind::Descriptors => {
            registry::item::version(saved)
        }
        Kind::MappingSets | Kind::MapperSamples | Kind::MapperSchemas | Kind::Namespaces => {
            saved.rev.to_string()
        }
    }
}

/// Which entries are asked for; what is `None` is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub org: Option<String>,
    /// The sandboxes that the caller may see; entries of no sandbox are not among them.
    pub sandboxes: Option<Vec<String>>,
    pub kind: Option<String>,
    pub id: Option<String>,
    /// A user or a client id.
    pub actor: Option<String>,
    pub action: Option<String>,
    /// From this time on.
    pub from: Option<Millis>,
    /// Before this time.
    pub to: Option<Millis>,
}

/// A part of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub entries: Vec<Value>,
    /// Where the next page starts, when there is more.
    pub next: Option<i64>,
}

/// The query of a page: what is asked of the id, and where it starts in which order.
macro_rules! select {
    ($id:literal, $start:literal) => {
        concat!(
            "SELECT no, time_ms, org, sandbox, user_id, client_id, action, method, kind, id, etag_before, etag_after,
               request_id
             FROM audit
             WHERE ($1 IS NULL OR org = $1) AND ($2 IS NULL OR $2 LIKE '%,' || sandbox || ',%')
               AND ($3 IS NULL OR kind = $3) AND ($5 IS NULL OR user_id = $5 OR client_id = $5)
               AND ($6 IS NULL OR action = $6) AND ($7 IS NULL OR time_ms >= $7) AND ($8 IS NULL OR time_ms < $8)
               AND ",
            $id,
            " AND ",
            $start,
            " LIMIT $10"
        )
    };
}

/// Entries that a filter lets through: the newest first, or the oldest. `start` is the mark of an earlier page.
pub async fn page(
    tx: &mut Tx,
    filter: &Filter,
    oldest_first: bool,
    start: Option<i64>,
    limit: usize,
) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, AUDIT_PAGE_MAX);
    let start = start.unwrap_or(if oldest_first { 0 } else { i64::MAX });
    // Names are letters, digits and hyphens, so that one text can hold a list of them.
    let sandboxes = filter.sandboxes.as_ref().map(|names| format!(",{},", names.join(",")));
    let values = values![
        filter.org.as_ref(),
        sandboxes,
        filter.kind.as_ref(),
        filter.id.as_ref(),
        filter.actor.as_ref(),
        filter.action.as_ref(),
        filter.from,
        filter.to,
        start,
        // One more tells whether there is a next page.
        i64::try_from(limit + 1).unwrap_or(i64::MAX),
    ];
    // The history of one object is found by an index; other questions go through the log in its order.
    let sql = match (filter.id.is_some(), oldest_first) {
        (true, true) => select!("id = $4", "no > $9 ORDER BY no"),
        (true, false) => select!("id = $4", "no < $9 ORDER BY no DESC"),
        (false, true) => select!("$4 IS NULL", "no > $9 ORDER BY no"),
        (false, false) => select!("$4 IS NULL", "no < $9 ORDER BY no DESC"),
    };
    let rows = tx.rows(sql, values).await?;
    let next = match rows.get(..limit) {
        Some(shown) if rows.len() > limit => shown.last().map(|row| row.int(0)).transpose()?,
        _ => None,
    };
    let entries = rows.iter().take(limit).map(entry).collect::<Result<_, _>>()?;
    Ok(Page { entries, next })
}

fn entry(row: &Row) -> Result<Value, StoreError> {
    let time = jiff::Timestamp::from_millisecond(row.int(1)?).unwrap_or_default();
    Ok(json!({
        "no": row.int(0)?,
        "time": format!("{time:.3}"),
        "org": row.text_or_null(2)?,
        "sandbox": row.text_or_null(3)?,
        "user": row.text(4)?,
        "client": row.text(5)?,
        "action": row.text(6)?,
        "method": row.text(7)?,
        "kind": row.text(8)?,
        "id": row.text(9)?,
        "etagBefore": row.text_or_null(10)?,
        "etagAfter": row.text_or_null(11)?,
        "requestId": row.text(12)?,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::resource::{self, New};
    use crate::testing::{NOW, scope, store};

    fn new(id: &str) -> New {
        New {
            kind: Kind::Flows,
            id: id.to_owned(),
            name: id.to_owned(),
            state: "enabled".to_owned(),
            doc: Map::new(),
            uses: Vec::new(),
        }
    }

    fn texts(page: &Page, name: &str) -> Vec<String> {
        page.entries.iter().map(|one| one[name].as_str().unwrap_or("-").to_owned()).collect()
    }

    #[tokio::test]
    async fn each_change_of_a_resource_is_noted_with_its_etags() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let mut scope = scope(&mut tx, "acme").await;
        let mut saved = resource::insert(&mut tx, &scope, new("a")).await.unwrap();
        for (method, id) in [("PATCH", "r1"), ("PUT", "r2"), ("POST", "r3"), ("DELETE", "r4")] {
            scope.request = Request { id: id.to_owned(), method: method.to_owned() };
            if method == "DELETE" {
                resource::delete(&mut tx, &scope, &saved).await.unwrap();
            } else {
                assert!(resource::update(&mut tx, &scope, &mut saved, None).await.unwrap());
            }
        }
        let stale = &mut Saved { rev: 1, ..saved.clone() };
        assert!(!resource::update(&mut tx, &scope, stale, None).await.unwrap());
        let all = page(&mut tx, &Filter::default(), true, None, 100).await.unwrap();
        assert_eq!(texts(&all, "action"), ["create", "patch", "replace", "action", "delete"]);
        assert_eq!(texts(&all, "requestId"), ["", "r1", "r2", "r3", "r4"]);
        let etag = |rev: u32| format!("\"{rev:08x}-0000-0200-0000-6553f1000000\"");
        assert_eq!(texts(&all, "etagBefore"), ["-".to_owned(), etag(1), etag(2), etag(3), etag(4)]);
        assert_eq!(texts(&all, "etagAfter"), [etag(1), etag(2), etag(3), etag(4), "-".to_owned()]);
        assert_eq!(all.entries[0]["time"], "2023-11-14T22:13:20.000Z");
        assert_eq!(all.entries[0]["client"], "client");
    }

    #[tokio::test]
    async fn entries_stay_as_they_are() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let scope = scope(&mut tx, "acme").await;
        resource::insert(&mut tx, &scope, new("a")).await.unwrap();
        assert!(tx.execute("UPDATE audit SET user_id = 'x'", values![]).await.is_err());
        assert!(tx.execute("DELETE FROM audit", values![]).await.is_err());
        assert_eq!(page(&mut tx, &Filter::default(), true, None, 9).await.unwrap().entries.len(), 1);
    }

    #[tokio::test]
    async fn pages_and_filters() {
        let (store, _dir) = store().await;
        let mut tx = store.write().await.unwrap();
        let mut scope = scope(&mut tx, "acme").await;
        for (at, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            scope.now = Millis(NOW.0 + i64::try_from(at).unwrap());
            resource::insert(&mut tx, &scope, new(id)).await.unwrap();
        }
        let everything = Filter::default();
        for (oldest_first, expected) in
            [(true, ["a", "b", "c", "d", "e"]), (false, ["e", "d", "c", "b", "a"])]
        {
            let (mut found, mut start) = (Vec::new(), None);
            loop {
                let part = page(&mut tx, &everything, oldest_first, start, 2).await.unwrap();
                found.extend(texts(&part, "id"));
                start = part.next;
                if start.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected);
        }
        let text = |text: &str| Some(text.to_owned());
        let none: [&str; 0] = [];
        for (filter, expected) in [
            (Filter { id: text("b"), ..Filter::default() }, &["b"][..]),
            (Filter { kind: text("dataSets"), ..Filter::default() }, &none),
            (Filter { actor: text("client"), id: text("a"), ..Filter::default() }, &["a"]),
            (Filter { actor: text("nobody"), ..Filter::default() }, &none),
            (Filter { action: text("delete"), ..Filter::default() }, &none),
            (Filter { from: Some(Millis(NOW.0 + 3)), ..Filter::default() }, &["d", "e"]),
            (Filter { to: Some(Millis(NOW.0 + 1)), ..Filter::default() }, &["a"]),
            (Filter { org: text("other"), ..Filter::default() }, &none),
            (Filter { sandboxes: Some(vec!["dev".to_owned()]), ..Filter::default() }, &none),
            (
                Filter {
                    sandboxes: Some(vec!["dev".to_owned(), "prod".to_owned()]),
                    id: text("a"),
                    ..Filter::default()
                },
                &["a"],
            ),
        ] {
            let found = page(&mut tx, &filter, true, None, 100).await.unwrap();
            assert_eq!(texts(&found, "id"), expected, "{filter:?}");
        }
    }
}
