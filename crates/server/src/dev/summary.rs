//! What `tributary dev` prints: the counts, the addresses, and lines that work as pasted.

use super::Credentials;
use super::samples::Samples;
use crate::run::{Secure, reachable};
use crate::tls::HOSTS;

/// The readers that the printed lines install, in the versions that the tests run.
const READERS: &str = "duckdb==1.5.5 duckdb-extension-iceberg==1.5.5 duckdb-extension-avro==1.5.5 \
                       duckdb-extension-httpfs==1.5.5 'pyiceberg[pyarrow]==0.11.1'";

/// Without samples.
pub(super) fn ready(url: &str, known: &Credentials) -> String {
    format!("Tributary is ready.\n\n{}", addresses(url, known))
}

/// With samples: what became of them, and how to go on.
pub(super) fn with_samples(url: &str, known: &Credentials, samples: &Samples) -> String {
    let Samples { raw_inlet_url, raw_flow, table, warehouse, delivered, failed, reason, warnings } = samples;
    let received = samples.received();
    let warned = if warnings.is_empty() { String::new() } else { format!("\n{warnings}") };
    let because = if *failed > 0 { format!(" ({reason})") } else { String::new() };
    format!(
        "Tributary is ready.\n\n\
         Sample records: {received} received, {delivered} in the lake, {failed} failed{because}{warned}\n\n\
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

/// How clients reach the server by TLS, by its own name or by the names that they have built in.
pub(super) fn tls(secure: &Secure, known: &Credentials) -> String {
    let Credentials { org, api_key, client_secret, sandbox, .. } = known;
    let (url, ca) = (secure.url(), secure.authority.display());
    let (address, port) = (reachable(secure.address), secure.address.port());
    let connect: String = HOSTS.iter().map(|host| format!(" --connect-to {host}:443:{address}")).collect();
    let folder = secure.authority.parent().unwrap_or(&secure.authority).display();
    format!(
        "TLS             {url}\n\
         Trust           {ca} (good for {hosts} alone)\n\n\
         curl:\n\n  \
         curl -s --cacert '{ca}'{connect} 'https://ims-na1.adobelogin.com/ims/token/v3' \
         -d 'grant_type=client_credentials&client_id={api_key}&client_secret={client_secret}&scope=openid'\n\n\
         aepp:\n\n\
         import os; os.environ['REQUESTS_CA_BUNDLE'] = '{ca}'\n\
         import aepp; from aepp import config\n\
         aepp.configure(org_id='{org}', client_id='{api_key}', secret='{client_secret}', scopes='openid,AdobeID', \
         sandbox='{sandbox}', environment='prod')\n\
         config.endpoints['global'] = config.endpoints['streaming']['collection'] = '{url}'\n\
         config.config_object['oauthTokenEndpointV2'] = '{url}/ims/token/v3'\n\
         config.config_object['imsEndpoint'] = '{url}'\n\n\
         Postman (Settings > Certificates > CA certificates: {ca}; then the environment):\n\n  \
         PLATFORM_GATEWAY={url}\n  IMS=localhost:{port}\n  IMS_ORG={org}\n  API_KEY={api_key}\n  \
         CLIENT_SECRET={client_secret}\n  SANDBOX_NAME={sandbox}\n  SCOPES=openid,AdobeID\n\n\
         Kafka sink:\n\n  \
         keytool -importcert -noprompt -alias tributary -file '{ca}' -keystore '{folder}/trust.p12' \
         -storetype PKCS12 -storepass changeit\n  \
         export KAFKA_OPTS='-Djavax.net.ssl.trustStore={folder}/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit'\n  \
         aep.endpoint={url}/collection/INLET_ID\n  \
         aep.connection.auth.enabled=true\n  \
         aep.connection.auth.token.type=oauth2_access_token\n  \
         aep.connection.auth.endpoint={url}\n  \
         aep.connection.auth.client.id={api_key}\n  \
         aep.connection.auth.client.secret={client_secret}\n  \
         aep.connection.auth.imsOrg={org}\n\n\
         A client whose addresses cannot be set finds this machine by /etc/hosts, when TLS listens on port 443 (now {port}):\n\n  \
         127.0.0.1 {builtin}\n",
        hosts = HOSTS.join(", "),
        builtin = HOSTS[..3].join(" "),
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
