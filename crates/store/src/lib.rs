//! The metadata database: connections, transactions, migrations.
//!
//! Other crates write SQL text with `$1` placeholders against [`Tx`]; no type of the database driver is public.
//! SQL is `&'static str`, or a [`Statement`] of such pieces, so no value can ever become part of it. Start with [`Store::open`].

mod statement;
mod value;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite, Transaction, TypeInfo, ValueRef};

pub use statement::Statement;
pub use value::{Row, Value};

/// Builds the parameter list of a query: `values![id, 7, None::<&str>]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

/// The migrations in order. Their number is the version of the database; none is ever changed or reused.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite/0001_initial.sql"),
    include_str!("../migrations/sqlite/0002_runs.sql"),
    include_str!("../migrations/sqlite/0003_global_library.sql"),
    include_str!("../migrations/sqlite/0004_credentials.sql"),
    include_str!("../migrations/sqlite/0005_audit.sql"),
    include_str!("../migrations/sqlite/0006_lists.sql"),
    include_str!("../migrations/sqlite/0007_warnings.sql"),
];

/// Connections that read, beside the one that writes.
const READERS: u32 = 4;

/// How long a transaction waits for another process (a backup, a shell) that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("a row with that key exists already")]
    Conflict,
    #[error("the database was written by a newer version (schema {found}, this program knows {known})")]
    Newer { found: i64, known: usize },
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    #[error("column {column}: expected {expected}")]
    Column { column: usize, expected: &'static str },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => StoreError::Conflict,
            _ => StoreError::Database(error),
        }
    }
}

/// The metadata database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection, so that writers queue here rather than fail on each other.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the database file, creating it when it is not there, and brings it to this program's version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrate(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    /// Begins the one transaction that may write. Dropped without [`Tx::commit`] it leaves no trace.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(Tx { inner: self.writer.begin_with("BEGIN IMMEDIATE").await? })
    }

    /// Begins a transaction that sees one consistent state and cannot write.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(Tx { inner: self.readers.begin().await? })
    }

    /// Closes all connections; what was committed is on stable storage.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A transaction.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
}

impl Tx {
    /// Runs a statement; returns the number of rows it changed.
    pub async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = bind(query, value);
        }
        Ok(query.execute(&mut *self.inner).await?.rows_affected())
    }

    /// All rows that a query yields.
    pub async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = bind(query, value);
        }
        query.fetch_all(&mut *self.inner).await?.iter().map(read_row).collect()
    }

    /// All rows that a query yields which was put together at run time.
    pub async fn select(&mut self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        // Its text is made of fixed pieces alone.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.clone()));
        for value in &statement.values {
            query = bind(query, value);
        }
        query.fetch_all(&mut *self.inner).await?.iter().map(read_row).collect()
    }

    /// The first row, if there is one.
    pub async fn row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The small number that stands for (kind, id); given at the first call and never reused.
    pub async fn number(&mut self, kind: &'static str, id: &str) -> Result<u32, StoreError> {
        let sql = "INSERT INTO number (kind, id) VALUES ($1, $2)
                   ON CONFLICT (kind, id) DO UPDATE SET id = excluded.id RETURNING no";
        let row =
            self.row(sql, values![kind, id]).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))?;
        row.number(0)
    }

    /// Makes the transaction's changes durable and visible.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind<'q>(query: Query<'q>, value: &Value) -> Query<'q> {
    match value {
        Value::Null => query.bind(None::<String>),
        Value::Int(value) => query.bind(*value),
        Value::Real(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
    }
}

fn read_row(row: &SqliteRow) -> Result<Row, StoreError> {
    (0..row.columns().len()).map(|at| read_value(row, at)).collect::<Result<_, _>>().map(Row)
}

fn read_value(row: &SqliteRow, at: usize) -> Result<Value, StoreError> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info();
    Ok(match kind.name() {
        "INTEGER" | "BOOLEAN" => Value::Int(row.try_get(at)?),
        "REAL" => Value::Real(row.try_get(at)?),
        "BLOB" => Value::Bytes(row.try_get(at)?),
        _ => Value::Text(row.try_get_unchecked(at)?),
    })
}

async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(StoreError::Newer { found, known: MIGRATIONS.len() });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).skip(done) {
        let mut tx = sqlx::Connection::begin(&mut *connection).await?;
        sqlx::raw_sql(*sql).execute(&mut *tx).await?;
        // A pragma takes no parameter; the number is ours.
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
        sqlx::raw_sql(pragma).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_transaction_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("t.db")).await.unwrap();
        let mut tx = store.write().await.unwrap();
        let kept = tx.number("flow", "a").await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.write().await.unwrap();
        assert_eq!(tx.number("flow", "a").await.unwrap(), kept);
        tx.number("flow", "b").await.unwrap();
        drop(tx);
        let mut tx = store.read().await.unwrap();
        let rows = tx.rows("SELECT id FROM number", values![]).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].text(0).unwrap(), "a");
        assert!(tx.execute("DELETE FROM number", values![]).await.is_err(), "a reader cannot write");
    }

    #[tokio::test]
    async fn a_newer_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let store = Store::open(&path).await.unwrap();
        let mut tx = store.write().await.unwrap();
        tx.execute("PRAGMA user_version = 99", values![]).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
        assert!(matches!(Store::open(&path).await, Err(StoreError::Newer { found: 99, .. })));
    }

    #[tokio::test]
    async fn values_come_back_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("t.db")).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let sql = "SELECT $1, $2, $3, $4, $5";
        let row =
            tx.row(sql, values![7i64, "text", vec![1u8, 2], None::<&str>, true]).await.unwrap().unwrap();
        assert_eq!(row.int(0).unwrap(), 7);
        assert_eq!(row.text(1).unwrap(), "text");
        assert_eq!(row.bytes(2).unwrap(), [1, 2]);
        assert!(row.is_null(3));
        assert!(row.bool(4).unwrap());
    }
}
