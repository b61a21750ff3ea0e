//! TLS for `tributary dev`: a certificate authority of this data folder's own, and the names that it vouches for.
//!
//! The authority is kept between runs, so that it has to be trusted once; it is limited to [`HOSTS`] and loopback, so
//! that trusting it gives nobody power over other names. The server's own key is made anew at each start and never
//! leaves memory.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use vocab::{Millis, random};

use crate::cli::Failure;
use crate::data_dir::write_atomically;

/// The names that clients of the platform have built in, and this machine's.
pub(crate) const HOSTS: [&str; 4] =
    ["platform.adobe.io", "ims-na1.adobelogin.com", "dcs.adobedc.net", "localhost"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Life of the authority.
const AUTHORITY_DAYS: u32 = 3650;

/// Life of the server's certificate; some clients refuse more than 398 days.
const SERVER_DAYS: u32 = 397;

/// The data folder's authority.
pub(crate) struct Authority {
    /// The certificate that clients are told to trust.
    pub(crate) path: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority of a data folder, or makes one: the key with file mode 0600.
    pub(crate) fn open(data: &Path, now: Millis) -> Result<Self, Failure> {
        let folder = data.join("tls");
        let (key_path, path) = (folder.join("ca-key.pem"), folder.join("ca.pem"));
        let cannot = |what: &str, path: &Path, error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot {what} {}: {error}", path.display()))
        };
        let key = if path.exists() && key_path.exists() {
            let text = fs::read_to_string(&key_path).map_err(|error| cannot("read", &key_path, &error))?;
            KeyPair::from_pem(&text).map_err(|error| cannot("use", &key_path, &error))?
        } else {
            let key = KeyPair::generate().map_err(|error| cannot("make", &key_path, &error))?;
            let certificate = authority(&key, now).self_signed(&key);
            let certificate = certificate.map_err(|error| cannot("make", &path, &error))?;
            fs::create_dir_all(&folder).map_err(|error| cannot("create", &folder, &error))?;
            write_atomically(&key_path, &key.serialize_pem(), 0o600)
                .map_err(|error| cannot("write", &key_path, &error))?;
            write_atomically(&path, &certificate.pem(), 0o644)
                .map_err(|error| cannot("write", &path, &error))?;
            key
        };
        Ok(Self { path, issuer: Issuer::new(authority(&key, now), key) })
    }

    /// What takes TLS connections for [`HOSTS`] and loopback, with a key of its own.
    pub(crate) fn acceptor(&self, now: Millis) -> Result<TlsAcceptor, Failure> {
        let cannot = |error: &dyn std::fmt::Display| Failure::Internal(format!("cannot set up TLS: {error}"));
        let key = KeyPair::generate().map_err(|error| cannot(&error))?;
        let certificate: Certificate =
            server(now).signed_by(&key, &self.issuer).map_err(|error| cannot(&error))?;
        let provider = Arc::new(ring::default_provider());
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let certified = CertifiedKey::from_der(vec![certificate.der().clone()], private, &provider)
            .map_err(|error| cannot(&error))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| cannot(&error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AllowedNames(Arc::new(certified))));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Ends the handshake of a client that asks for another name. One that calls an address names none.
#[derive(Debug)]
struct AllowedNames(Arc<CertifiedKey>);

impl ResolvesServerCert for AllowedNames {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let allowed = client.server_name().is_none_or(|name| HOSTS.contains(&name));
        allowed.then(|| self.0.clone())
    }
}

/// What the authority's certificate says. Its name holds a part of its key's hash, so that two can be told apart.
fn authority(key: &KeyPair, now: Millis) -> CertificateParams {
    let mut params = between(now, AUTHORITY_DAYS);
    let id = params.key_identifier(key);
    let name = format!("Tributary local CA {}", random::to_hex(&id[..4]));
    params.distinguished_name = named(&name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut permitted: Vec<_> =
        HOSTS.iter().map(|host| GeneralSubtree::DnsName((*host).to_owned())).collect();
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(Ipv4Addr::LOCALHOST.octets(), 32)));
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(Ipv6Addr::LOCALHOST.octets(), 128)));
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    params
}

/// What the server's certificate says.
fn server(now: Millis) -> CertificateParams {
    let mut params = between(now, SERVER_DAYS);
    params.distinguished_name = named("Tributary");
    // A name in our own list is a valid one.
    let names = HOSTS.iter().filter_map(|host| (*host).try_into().ok()).map(SanType::DnsName);
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    params.subject_alt_names = names.chain(addresses.map(SanType::IpAddress)).collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn between(now: Millis, days: u32) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let mut params = CertificateParams::default();
    // A clock that is a little behind is no reason to refuse.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + now + DAY * days;
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_authority_is_kept_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(dir.path(), Millis(1_700_000_000_000)).unwrap();
        let certificate = fs::read(&first.path).unwrap();
        let key = dir.path().join("tls/ca-key.pem");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Authority::open(dir.path(), Millis(1_800_000_000_000)).unwrap();
        assert_eq!(fs::read(&again.path).unwrap(), certificate);
        assert!(again.acceptor(Millis(1_800_000_000_000)).is_ok());
        fs::write(&key, "nonsense").unwrap();
        assert!(matches!(Authority::open(dir.path(), Millis(0)), Err(Failure::Usage(_))));
    }
}
