//! What every resource of every service has in common: where it is stored, its revision, its audit fields, who uses it.
//!
//! A resource keeps the members that a client sent and we do not model: `doc` is what comes back.

use std::fmt;

use serde_json::{Map, Value};
use store::{Row, Statement, StoreError, Tx, values};
use vocab::Millis;

use crate::limits::SCANNED_ROWS;
use crate::{Scope, audit};

/// The kinds of stored resources, by their collection's name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Connections,
    SourceConnections,
    TargetConnections,
    Flows,
    DataSets,
    MappingSets,
    /// Of Data Prep, as are the schemas made from them: no resources of the Schema Registry.
    MapperSamples,
    MapperSchemas,
    Schemas,
    Classes,
    FieldGroups,
    DataTypes,
    Descriptors,
    Namespaces,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Connections => "connections",
            Kind::SourceConnections => "sourceConnections",
            Kind::TargetConnections => "targetConnections",
            Kind::Flows => "flows",
            Kind::DataSets => "dataSets",
            Kind::MappingSets => "mappingSets",
            Kind::MapperSamples => "mapperSamples",
            Kind::MapperSchemas => "mapperSchemas",
            Kind::Schemas => "schemas",
            Kind::Classes => "classes",
            Kind::FieldGroups => "fieldgroups",
            Kind::DataTypes => "datatypes",
            Kind::Descriptors => "descriptors",
            Kind::Namespaces => "namespaces",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        use Kind::{
            Classes, Connections, DataSets, DataTypes, Descriptors, FieldGroups, Flows, MapperSamples,
            MapperSchemas, MappingSets, Namespaces, Schemas, SourceConnections, TargetConnections,
        };
        [
            Connections,
            SourceConnections,
            TargetConnections,
            Flows,
            DataSets,
            MappingSets,
            MapperSamples,
            MapperSchemas,
            Schemas,
            Classes,
            FieldGroups,
            DataTypes,
            Descriptors,
            Namespaces,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stored resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub kind: Kind,
    pub id: String,
    /// The small number that stands for it in journal frames.
    pub no: u32,
    pub name: String,
    pub state: String,
    /// Grows by one with each change; each service renders its own etag from it.
    pub rev: u64,
    pub created: Millis,
    pub updated: Millis,
    pub created_by: String,
    pub updated_by: String,
    pub created_client: String,
    pub updated_client: String,
    /// What the client sent, normalised, with the members we do not model untouched.
    pub doc: Map<String, Value>,
}

/// A resource to be stored.
#[derive(Clone, Debug)]
pub struct New {
    pub kind: Kind,
    pub id: String,
    pub name: String,
    pub state: String,
    pub doc: Map<String, Value>,
    /// Whom it uses: (kind, id).
    pub uses: Vec<(Kind, String)>,
}

/// Stores a new resource at revision 1. An id that is taken is [`StoreError::Conflict`].
pub async fn insert(tx: &mut Tx, scope: &Scope, new: New) -> Result<Saved, StoreError> {
    // Ids are unguessable and global, so the number belongs to one sandbox.
    let no = tx.number(new.kind.name(), &new.id).await?;
    let sql =
        "INSERT INTO resource (sandbox, kind, id, no, name, state, rev, created_ms, updated_ms, created_by,
                 updated_by, created_client, updated_client, doc)
               VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, $8, $8, $9, $9, $10)";
    tx.execute(
        sql,
        values![
            scope.sandbox,
            new.kind.name(),
            &new.id,
            no,
            &new.name,
            &new.state,
            scope.now,
            &scope.actor.user,
            &scope.actor.client,
            to_text(&new.doc),
        ],
    )
    .await?;
    set_uses(tx, scope, new.kind, &new.id, &new.uses).await?;
    let saved = Saved {
        kind: new.kind,
        id: new.id,
        no,
        name: new.name,
        state: new.state,
        rev: 1,
        created: scope.now,
        updated: scope.now,
        created_by: scope.actor.user.clone(),
        updated_by: scope.actor.user.clone(),
        created_client: scope.actor.client.clone(),
        updated_client: scope.actor.client.clone(),
        doc: new.doc,
    };
    audit::changed(tx, scope, (saved.kind, &saved.id), None, Some(&audit::etag(&saved))).await?;
    Ok(saved)
}

/// The resource of that kind and id in the scope's sandbox.
pub async fn get(tx: &mut Tx, scope: &Scope, kind: Kind, id: &str) -> Result<Option<Saved>, StoreError> {
    let sql =
        "SELECT id, no, name, state, rev, created_ms, updated_ms, created_by, updated_by, created_client,
                 updated_client, doc
               FROM resource WHERE sandbox = $1 AND kind = $2 AND id = $3";
    let row = tx.row(sql, values![scope.sandbox, kind.name(), id]).await?;
    row.map(|row| read(kind, &row)).transpose()
}

/// All resources of a kind in the scope's sandbox, oldest first.
pub async fn list(tx: &mut Tx, scope: &Scope, kind: Kind) -> Result<Vec<Saved>, StoreError> {
    let sql =
        "SELECT id, no, name, state, rev, created_ms, updated_ms, created_by, updated_by, created_client,
                 updated_client, doc
               FROM resource WHERE sandbox = $1 AND kind = $2 ORDER BY created_ms, no";
    tx.rows(sql, values![scope.sandbox, kind.name()]).await?.iter().map(|row| read(kind, row)).collect()
}

/// What a selection can be filtered and ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Id,
    Name,
    State,
    Created,
    Updated,
}

/// How a column is compared with a condition's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    OneOf,
    NoneOf,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What a selected resource must fulfil. There is one value at least, and one alone beside `OneOf` and `NoneOf`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub column: Column,
    pub comparison: Comparison,
    pub values: Vec<store::Value>,
}

/// Which resources of a kind are wanted, and in which order; numbers decide between those that are equal in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub conditions: Vec<Condition>,
    pub order: Column,
    pub descending: bool,
    /// The value of the order's column and the number after which it goes on.
    pub after: Option<(store::Value, u32)>,
    pub limit: usize,
}

/// The first resources of a kind that fit, in the scope's sandbox. What is not wanted is not read.
pub async fn select(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
    selection: &Selection,
) -> Result<Vec<Saved>, StoreError> {
    let mut sql = Statement::default();
    selection.write(&mut sql, scope, kind);
    tx.select(&sql).await?.iter().map(|row| read(kind, row)).collect()
}

/// How many resources of a kind fit, in the scope's sandbox.
pub async fn count(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
    conditions: &[Condition],
) -> Result<usize, StoreError> {
    let mut sql = Statement::default();
    sql.push("SELECT count(*)");
    write_conditions(&mut sql, scope, kind, conditions, None);
    let rows = tx.select(&sql).await?;
    rows.first().map_or(Ok(0), |row| Ok(usize::try_from(row.count(0)?).unwrap_or(usize::MAX)))
}

impl Selection {
    /// All resources, a part at a time: [`Selection::go_on`] leads from one to the next.
    pub fn all() -> Self {
        // As they were made, they lie beside each other.
        let order = Column::Created;
        Self { conditions: Vec::new(), order, descending: false, after: None, limit: SCANNED_ROWS }
    }

    /// Moves on behind the rows of a whole selection; `false` when they were the last.
    pub fn go_on(&mut self, rows: &[Saved]) -> bool {
        let Some(last) = rows.last().filter(|_| rows.len() >= self.limit) else { return false };
        let value = match self.order {
            Column::Id => store::Value::from(&last.id),
            Column::Name => store::Value::from(&last.name),
            Column::State => store::Value::from(&last.state),
            Column::Created => store::Value::from(last.created),
            Column::Updated => store::Value::from(last.updated),
        };
        self.after = Some((value, last.no));
        true
    }

    fn write(&self, sql: &mut Statement, scope: &Scope, kind: Kind) {
        sql.push(
            "SELECT id, no, name, state, rev, created_ms, updated_ms, created_by, updated_by, created_client,
                 updated_client, doc",
        );
        // Few resources share an id or a name: they are found by it and sorted. All else is read in its order, from an index.
        let few =
            self.conditions.iter().find(|condition| condition.is_few()).map(|condition| condition.column);
        let read_by = few.unwrap_or(self.order);
        write_conditions(sql, scope, kind, &self.conditions, Some(read_by));
        let order = self.order.read_by(read_by);
        if let Some((value, no)) = &self.after {
            let than = if self.descending { ", no) < (" } else { ", no) > (" };
            sql.push(" AND (").push(order).push(than);
            sql.bind(value.clone()).push(", ").bind(*no).push(")");
        }
        sql.push(" ORDER BY ").push(order);
        sql.push(if self.descending { " DESC, no DESC LIMIT " } else { ", no LIMIT " })
            .bind(self.limit as u64);
    }
}

impl Condition {
    fn is_few(&self) -> bool {
        matches!(self.column, Column::Id | Column::Name) && self.comparison == Comparison::OneOf
    }
}

/// From where, and which. Without `read_by` the database chooses the index.
fn write_conditions(
    sql: &mut Statement,
    scope: &Scope,
    kind: Kind,
    conditions: &[Condition],
    read_by: Option<Column>,
) {
    sql.push(" FROM resource WHERE sandbox = ").bind(scope.sandbox).push(" AND kind = ").bind(kind.name());
    for Condition { column, comparison, values } in conditions {
        sql.push(" AND ").push(column.read_by(read_by.unwrap_or(*column)));
        match comparison {
            Comparison::OneOf => sql.push(" IN ").bind_all(values.iter().cloned()),
            Comparison::NoneOf => sql.push(" NOT IN ").bind_all(values.iter().cloned()),
            Comparison::Greater => sql.push(" > ").bind(values[0].clone()),
            Comparison::GreaterOrEqual => sql.push(" >= ").bind(values[0].clone()),
            Comparison::Less => sql.push(" < ").bind(values[0].clone()),
            Comparison::LessOrEqual => sql.push(" <= ").bind(values[0].clone()),
        };
    }
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Column::Id => "id",
            Column::Name => "name",
            Column::State => "state",
            Column::Created => "created_ms",
            Column::Updated => "updated_ms",
        }
    }

    /// The column in a query that reads by the index of another one: of an expression the database knows no index.
    fn read_by(self, index: Column) -> &'static str {
        match self {
            column if column == index => column.name(),
            Column::Id => "id || ''",
            Column::Name => "name || ''",
            Column::State => "state || ''",
            Column::Created => "created_ms + 0",
            Column::Updated => "updated_ms + 0",
        }
    }
}

/// Which resources of a kind are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'q> {
    pub name: Option<&'q str>,
    /// Those that use this one alone.
    pub uses: Option<(Kind, &'q str)>,
    /// By creation, else by the last change.
    pub by_created: bool,
    pub descending: bool,
    pub start: usize,
    pub limit: usize,
}

/// One page of the resources of a kind in the scope's sandbox.
pub async fn page(tx: &mut Tx, scope: &Scope, kind: Kind, page: &Page<'_>) -> Result<Vec<Saved>, StoreError> {
    macro_rules! select {
        ($order:literal) => {
            concat!(
                "SELECT id, no, name, state, rev, created_ms, updated_ms, created_by, updated_by, created_client,
                 updated_client, doc
               FROM resource WHERE sandbox = $1 AND kind = $2 AND ($3 = '' OR name = $3)
                 AND ($4 = '' OR id IN (SELECT from_id FROM reference WHERE sandbox = $1 AND from_kind = $2
                   AND to_kind = $4 AND to_id = $5))
               ORDER BY ",
                $order,
                " LIMIT $6 OFFSET $7"
            )
        };
    }
    let sql = match (page.by_created, page.descending) {
        (true, true) => select!("created_ms DESC, no DESC"),
        (true, false) => select!("created_ms, no"),
        (false, true) => select!("updated_ms DESC, no DESC"),
        (false, false) => select!("updated_ms, no"),
    };
    let (to_kind, to_id) = page.uses.map_or(("", ""), |(kind, id)| (kind.name(), id));
    let name = page.name.unwrap_or_default();
    let (limit, start) = (page.limit as u64, i64::try_from(page.start).unwrap_or(i64::MAX));
    let rows = tx.rows(sql, values![scope.sandbox, kind.name(), name, to_kind, to_id, limit, start]).await?;
    rows.iter().map(|row| read(kind, row)).collect()
}

/// Stores a changed resource: name, state and doc, with the next revision and the actor's audit fields. What it uses is
/// replaced when given. The revision must be the stored one, else nothing happens and `false` comes back.
pub async fn update(
    tx: &mut Tx,
    scope: &Scope,
    saved: &mut Saved,
    uses: Option<&[(Kind, String)]>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE resource SET name = $1, state = $2, doc = $3, rev = rev + 1, updated_ms = $4, updated_by = $5,
                 updated_client = $6
               WHERE sandbox = $7 AND kind = $8 AND id = $9 AND rev = $10";
    let changed = tx
        .execute(
            sql,
            values![
                &saved.name,
                &saved.state,
                to_text(&saved.doc),
                scope.now,
                &scope.actor.user,
                &scope.actor.client,
                scope.sandbox,
                saved.kind.name(),
                &saved.id,
                saved.rev,
            ],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    if let Some(uses) = uses {
        set_uses(tx, scope, saved.kind, &saved.id, uses).await?;
    }
    let before = audit::etag(saved);
    saved.rev += 1;
    saved.updated = scope.now;
    saved.updated_by.clone_from(&scope.actor.user);
    saved.updated_client.clone_from(&scope.actor.client);
    let after = audit::etag(saved);
    audit::changed(tx, scope, (saved.kind, &saved.id), Some(&before), Some(&after)).await?;
    Ok(true)
}

/// Deletes a resource and what it uses. A copy stays in `retired` for records that are still in the journal.
pub async fn delete(tx: &mut Tx, scope: &Scope, saved: &Saved) -> Result<(), StoreError> {
    let sql = "INSERT INTO retired (no, sandbox, kind, id, deleted_ms, doc) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (no) DO UPDATE SET deleted_ms = excluded.deleted_ms, doc = excluded.doc";
    let kind = saved.kind.name();
    tx.execute(sql, values![saved.no, scope.sandbox, kind, &saved.id, scope.now, to_text(&saved.doc)])
        .await?;
    let sql = "DELETE FROM resource WHERE sandbox = $1 AND kind = $2 AND id = $3";
    tx.execute(sql, values![scope.sandbox, kind, &saved.id]).await?;
    set_uses(tx, scope, saved.kind, &saved.id, &[]).await?;
    audit::changed(tx, scope, (saved.kind, &saved.id), Some(&audit::etag(saved)), None).await
}

/// The ids of the resources of kind `from` that use the given one.
pub async fn users(
    tx: &mut Tx,
    scope: &Scope,
    from: Kind,
    kind: Kind,
    id: &str,
) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT from_id FROM reference WHERE sandbox = $1 AND from_kind = $2 AND to_kind = $3 AND to_id = $4";
    let rows = tx.rows(sql, values![scope.sandbox, from.name(), kind.name(), id]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

async fn set_uses(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
    id: &str,
    uses: &[(Kind, String)],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM reference WHERE sandbox = $1 AND from_kind = $2 AND from_id = $3";
    tx.execute(sql, values![scope.sandbox, kind.name(), id]).await?;
    for (to, to_id) in uses {
        let sql =
            "INSERT INTO reference (sandbox, from_kind, from_id, to_kind, to_id) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT DO NOTHING";
        tx.execute(sql, values![scope.sandbox, kind.name(), id, to.name(), to_id]).await?;
    }
    Ok(())
}

fn to_text(doc: &Map<String, Value>) -> String {
    // A map of JSON values always serialises.
    serde_json::to_string(doc).unwrap_or_default()
}

fn read(kind: Kind, row: &Row) -> Result<Saved, StoreError> {
    Ok(Saved {
        kind,
        id: row.text(0)?.to_owned(),
        no: row.number(1)?,
        name: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        rev: row.count(4)?,
        created: Millis(row.int(5)?),
        updated: Millis(row.int(6)?),
        created_by: row.text(7)?.to_owned(),
        updated_by: row.text(8)?.to_owned(),
        created_client: row.text(9)?.to_owned(),
        updated_client: row.text(10)?.to_owned(),
        doc: serde_json::from_str(row.text(11)?)
            .map_err(|_| StoreError::Column { column: 11, expected: "a JSON object" })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// How the database goes about it.
    async fn plan(tx: &mut Tx, scope: &Scope, selection: &Selection) -> String {
        let mut sql = Statement::default();
        sql.push("EXPLAIN QUERY PLAN ");
        selection.write(&mut sql, scope, Kind::Flows);
        let rows = tx.select(&sql).await.unwrap();
        rows.iter().map(|row| row.text(3).unwrap().to_owned()).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn lists_are_read_in_their_order_and_not_sorted() {
        let (store, _dir) = testing::store().await;
        let mut tx = store.write().await.unwrap();
        let scope = testing::scope(&mut tx, "acme").await;
        let state = Condition {
            column: Column::State,
            comparison: Comparison::OneOf,
            values: vec!["enabled".into()],
        };
        let since = Condition {
            column: Column::Updated,
            comparison: Comparison::Greater,
            values: vec![store::Value::Real(1.0)],
        };
        for order in [Column::Id, Column::Name, Column::State, Column::Created, Column::Updated] {
            for descending in [false, true] {
                for conditions in [vec![], vec![state.clone()], vec![state.clone(), since.clone()]] {
                    let value = match order {
                        Column::Created | Column::Updated => store::Value::Int(1),
                        _ => store::Value::from("x"),
                    };
                    for after in [None, Some((value, 1))] {
                        let conditions = conditions.clone();
                        let selection = Selection { conditions, order, descending, after, limit: 20 };
                        let plan = plan(&mut tx, &scope, &selection).await;
                        let index = match order {
                            Column::Id => "sqlite_autoindex_resource_1",
                            Column::Name => "resource_name",
                            Column::State => "resource_state",
                            Column::Created => "resource_created",
                            Column::Updated => "resource_updated",
                        };
                        assert!(plan.contains(index) && !plan.contains("TEMP"), "{selection:?}: {plan}");
                    }
                }
            }
        }
        for (column, index) in [(Column::Id, "id=?"), (Column::Name, "name=?")] {
            let condition = Condition { column, comparison: Comparison::OneOf, values: vec!["x".into()] };
            let conditions = vec![state.clone(), condition];
            let selection = Selection { conditions, order: Column::Created, ..Selection::all() };
            let plan = plan(&mut tx, &scope, &selection).await;
            assert!(plan.contains(index), "{plan}");
        }
    }
}
