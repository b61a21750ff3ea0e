//! What `tributary dev` prints: the counts, the addresses, and lines that work as pasted.

use super::Credentials;
use super::samples::Samples;

/// The readers that the printed lines install, in the versions that the tests run.
const READERS: &str = "duckdb==1.5.5 duckdb-extension-iceberg==1.5.5 duckdb-extension-avro==1.5.5 \
                       duckdb-extension-httpfs==1.5.5 'pyiceberg[pyarrow]==0.11.1'";

/// Without samples.
pub(super) fn ready(url: &str, known: &Credentials) -> String {
    format!("Tributary is ready.\n\n{}", addresses(url, known))
}

/// With samples: what became of them, and how to go on.
pub(super) fn with_samples(url: &str, known: &Credentials, samples: &Samples) -> String {
    let Samples { raw_inlet_url, raw_flow, table, warehouse, delivered, failed, reason } = samples;
    let received = samples.received();
    let because = if *failed > 0 { format!(" ({reason})") } else { String::new() };
    format!(
        "Tributary is ready.\n\n\
         Sample records: {received} received, {delivered} in the lake, {failed} failed{because}\n\n\
         {addresses}\
         Raw inlet       {raw_inlet_url}\n\n\
         Post a record:\n\n\
         {curl}\n\n\
         Read the table (a second later it is there):\n\n\
         {install}\n\
         {duckdb}\n\
         {pyiceberg}\n\n\
         Stop with Ctrl-C; all data is kept in {data}.",
        addresses = addresses(url, known),
        curl = curl(raw_inlet_url, raw_flow),
        install = install(),
        duckdb = duckdb(url, known, table),
        pyiceberg = pyiceberg(url, known, table),
        data = warehouse.parent().unwrap_or(warehouse).display(),
    )
}

fn addresses(url: &str, known: &Credentials) -> String {
    let Credentials { org, api_key, client_secret, sandbox, tenant } = known;
    format!(
        "Base URL        {url}\n\
         Org             {org}\n\
         API key         {api_key}\n\
         Client secret   {client_secret}\n\
         Sandbox         {sandbox}\n\
         Tenant          {tenant}\n\
         Iceberg REST    {url}/iceberg (warehouse {sandbox})\n"
    )
}

fn curl(inlet_url: &str, flow: &str) -> String {
    let record =
        r#"{"member":"m-3001","first_name":"Mary","last_name":"Somerville","tier":"silver","points":75}"#;
    format!(
        "  curl -s -X POST '{inlet_url}' -H 'content-type: application/json' -H 'x-adobe-flow-id: {flow}' -d '{record}'"
    )
}

fn install() -> String {
    format!("  python3 -m venv .lake && .lake/bin/pip install -q {READERS}")
}

/// DuckDB through the REST catalogue: gets a token, loads the extension wheels, reads.
fn duckdb(url: &str, known: &Credentials, table: &str) -> String {
    let Credentials { api_key, client_secret, sandbox, .. } = known;
    format!(
        "  .lake/bin/python -c \"import duckdb, glob, sysconfig; c = duckdb.connect(); \
         [c.execute(f\\\"INSTALL '{{f}}'; LOAD '{{f}}'\\\") for n in ('avro', 'httpfs', 'iceberg') \
         for f in glob.glob(sysconfig.get_paths()['purelib'] + f'/duckdb_extension_{{n}}/**/*.duckdb_extension', recursive=True)]; \
         c.execute(\\\"ATTACH '{sandbox}' AS lake (TYPE iceberg, ENDPOINT '{url}/iceberg', CLIENT_ID '{api_key}', \
         CLIENT_SECRET '{client_secret}', OAUTH2_SERVER_URI '{url}/iceberg/v1/oauth/tokens')\\\"); \
         print(c.sql('SELECT * EXCLUDE (_tributary) FROM lake.data.{table}'))\""
    )
}

fn pyiceberg(url: &str, known: &Credentials, table: &str) -> String {
    let Credentials { api_key, client_secret, sandbox, .. } = known;
    format!(
        "  .lake/bin/python -c \"from pyiceberg.catalog import load_catalog; \
         c = load_catalog('lake', type='rest', uri='{url}/iceberg', warehouse='{sandbox}', \
         credential='{api_key}:{client_secret}'); print(c.load_table('data.{table}').scan().to_arrow().to_pylist())\""
    )
}
