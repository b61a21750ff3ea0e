//! Tokens of an outside OpenID Connect issuer: good here beside our own once they are checked against its keys.
//!
//! The keys (a JSON Web Key Set) are fetched by [`Outside::prepare`], which every request with such a token goes through
//! before it is looked at; the check itself is in memory. Only signatures with public keys count: a key's type decides
//! which algorithms are good for it, so that no token can choose `none`, nor a public key as a shared secret.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::ims::{Role, Sandboxes};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use vocab::{Clock, OrgId};

use crate::cli::Failure;
use crate::config::Oidc;
use crate::tokens::{TokenInvalid, Verified};

/// Longest wait for one answer of the issuer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two fetches, whoever asks: a client may send key ids that it made up.
const FETCH_PAUSE: Duration = Duration::from_secs(10);

/// Age at which keys are fetched anew, so that one which the issuer took back is not good for long.
const KEYS_AGE_MAX: Duration = Duration::from_secs(600);

/// Longest answer of the issuer, bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Most keys of a set that are taken.
const KEYS_MAX: usize = 100;

/// Shortest RSA modulus, bytes.
const RSA_BYTES_MIN: usize = 256;

/// How far the issuer's clock may be ahead of ours, seconds.
const AHEAD_SECONDS_MAX: i64 = 60;

/// Longest text of a claim that names somebody.
const NAME_BYTES_MAX: usize = 256;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// A public key, and what it may have signed with.
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

/// The keys of the issuer as they were fetched.
#[derive(Default)]
struct Keys {
    all: Vec<Key>,
    /// What they were made from: another text means that they have changed.
    text: String,
}

/// When the issuer was last asked.
#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    good: Option<Instant>,
}

/// A token that is good, for as long as it is.
pub(crate) struct Checked {
    pub(crate) verified: Arc<Verified>,
    pub(crate) expires_s: i64,
}

/// The outside issuer.
pub(crate) struct Outside {
    settings: Oidc,
    /// The role of tokens that name none.
    role: Role,
    agent: ureq::Agent,
    keys: ArcSwap<Keys>,
    asked: Mutex<Asked>,
    clock: Arc<dyn Clock>,
}

impl Outside {
    /// The issuer of the settings, if they name one.
    pub(crate) fn open(settings: &Oidc, clock: Arc<dyn Clock>) -> Result<Option<Self>, Failure> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        let role = settings.role.parse().unwrap_or(Role::None);
        let agent = agent(settings)?;
        Ok(Some(Self {
            settings: settings.clone(),
            role,
            agent,
            keys: ArcSwap::default(),
            asked: Mutex::default(),
            clock,
        }))
    }

    /// Fetches the issuer's keys when the one of this token is unknown or they are old; true when they have changed.
    pub(crate) async fn prepare(&self, header: &Header) -> bool {
        let known = self.find(header).is_some();
        // Old keys are good until there are new ones: one request goes for them, the others do not wait.
        let mut asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            Err(_) if known => return false,
            Err(_) => self.asked.lock().await,
        };
        // While this request waited, another one may have fetched what it needs.
        let fresh = asked.good.is_some_and(|at| at.elapsed() < KEYS_AGE_MAX);
        if (fresh && (known || self.find(header).is_some()))
            || asked.at.is_some_and(|at| at.elapsed() < FETCH_PAUSE)
        {
            return false;
        }
        asked.at = Some(Instant::now());
        let (agent, settings) = (self.agent.clone(), self.settings.clone());
        let fetched = tokio::task::spawn_blocking(move || fetch(&agent, &settings)).await;
        match fetched.map_err(|error| error.to_string()).and_then(|fetched| fetched) {
            Ok(keys) => {
                asked.good = asked.at;
                let changed = keys.text != self.keys.load().text;
                if changed {
                    self.keys.store(Arc::new(keys));
                }
                changed
            }
            Err(error) => {
                tracing::warn!(issuer = self.settings.issuer, "cannot fetch the issuer's keys: {error}");
                false
            }
        }
    }

    /// Whether the issuer's keys are due, or the one of this token is unknown.
    pub(crate) fn is_due(&self, header: &Header) -> bool {
        let fresh =
            self.asked.try_lock().is_ok_and(|asked| asked.good.is_some_and(|at| at.elapsed() < KEYS_AGE_MAX));
        !fresh || self.find(header).is_none()
    }

    /// Where the key of that header stands: by its id, or the only one that fits where the header names none.
    fn find(&self, header: &Header) -> Option<usize> {
        let keys = self.keys.load();
        let mut fitting = keys.all.iter().enumerate().filter(|(_, key)| {
            key.algorithms.contains(&header.alg) && (header.kid.is_none() || key.id == header.kid)
        });
        let found = fitting.next()?.0;
        (header.kid.is_some() || fitting.next().is_none()).then_some(found)
    }

    /// Checks signature, issuer, audience and times, and reads whose token it is.
    pub(crate) fn check(&self, token: &str, header: &Header) -> Result<Checked, TokenInvalid> {
        let at = self.find(header).ok_or(TokenInvalid)?;
        let keys = self.keys.load();
        let key = keys.all.get(at).ok_or(TokenInvalid)?;
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Times are compared with our own clock, which no jump of the machine's moves.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<Map<String, Value>>(token, &key.decoding, &validation);
        let claims = claims.map_err(|_| TokenInvalid)?.claims;
        let now = self.clock.now().seconds();
        let expires_s = seconds(&claims, "exp").ok_or(TokenInvalid)?;
        let begins_s = match claims.get("nbf") {
            None => now,
            Some(_) => seconds(&claims, "nbf").ok_or(TokenInvalid)?,
        };
        if expires_s <= now || begins_s > now.saturating_add(AHEAD_SECONDS_MAX) {
            return Err(TokenInvalid);
        }
        let verified = self.verified(&claims).ok_or(TokenInvalid)?;
        Ok(Checked { verified: Arc::new(verified), expires_s })
    }

    fn verified(&self, claims: &Map<String, Value>) -> Option<Verified> {
        let Oidc { org_claim, role_claim, sandbox_claim, .. } = &self.settings;
        let subject = name(claims, "sub")?;
        let client = ["client_id", "azp", "appid"].into_iter().find_map(|claim| name(claims, claim));
        let org = match texts(claims, org_claim).as_slice() {
            [org] => OrgId::from(*org),
            _ => return None,
        };
        let role = match role_claim.as_str() {
            "" => self.role,
            // The first role that is one of ours; a token without any gives no right.
            claim => texts(claims, claim).iter().find_map(|role| role.parse().ok()).unwrap_or(Role::None),
        };
        let sandboxes = match sandbox_claim.as_str() {
            "" => Sandboxes::All,
            claim => Sandboxes::only(texts(claims, claim)),
        };
        Some(Verified {
            org,
            client_id: client.unwrap_or_else(|| subject.clone()),
            account: subject,
            sandboxes,
            role,
        })
    }
}

/// A claim by its name, or by its path where the name is none: `realm_access.roles`.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let mut steps = name.split('.');
    let first = claims.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// The texts of a claim: one, or those of a list.
fn texts<'a>(claims: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    match claim(claims, name) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn name(claims: &Map<String, Value>, claim: &str) -> Option<String> {
    let text = claims.get(claim)?.as_str()?;
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.to_owned())
}

/// A NumericDate: seconds, a fraction allowed.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range becomes its end")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

fn agent(settings: &Oidc) -> Result<ureq::Agent, Failure> {
    use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
    let mut tls = TlsConfig::builder();
    if !settings.ca_file.as_os_str().is_empty() {
        let path = settings.ca_file.display();
        let text = std::fs::read(&settings.ca_file)
            .map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?;
        let items: Vec<Certificate<'static>> = parse_pem(&text)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if items.is_empty() {
            return Err(Failure::usage(format!("{path}: there is no certificate in PEM form")));
        }
        tls = tls.root_certs(RootCerts::new_with_certs(&items));
    }
    Ok(ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        // An issuer says itself where its keys are; nobody else sends us there.
        .max_redirects(0)
        .http_status_as_error(true)
        .tls_config(tls.build())
        .build()
        .into())
}

/// The keys as they are now: where the settings say, or where the issuer's own description says.
fn fetch(agent: &ureq::Agent, settings: &Oidc) -> Result<Keys, String> {
    let url = if settings.jwks_url.is_empty() {
        let issuer = settings.issuer.trim_end_matches('/');
        let found = get(agent, &format!("{issuer}/.well-known/openid-configuration"))?;
        let found: Value = serde_json::from_str(&found).map_err(|error| error.to_string())?;
        if found["issuer"].as_str() != Some(&settings.issuer) {
            return Err(format!("the description at {issuer} is of another issuer: {}", found["issuer"]));
        }
        let url = found["jwks_uri"].as_str().filter(|url| crate::config::is_fetched_safely(url));
        url.ok_or("the issuer's description names no jwks_uri with https")?.to_owned()
    } else {
        settings.jwks_url.clone()
    };
    let text = get(agent, &url)?;
    let set: Value = serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))?;
    let listed = set["keys"].as_array().ok_or_else(|| format!("{url}: there is no list of keys"))?;
    Ok(Keys { all: listed.iter().take(KEYS_MAX).filter_map(key).collect(), text })
}

fn get(agent: &ureq::Agent, url: &str) -> Result<String, String> {
    let mut answer = agent.get(url).call().map_err(|error| format!("{url}: {error}"))?;
    // A redirect that is not followed is no error to the client, but no answer either.
    if answer.status() != 200 {
        return Err(format!("{url}: status {}", answer.status().as_u16()));
    }
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    body.map_err(|error| format!("{url}: {error}"))
}

/// A public key that signs, of a kind that is known here; others are left out.
fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(rsa.n.trim_end_matches('=')).ok()?;
            if modulus.iter().skip_while(|byte| **byte == 0).count() < RSA_BYTES_MIN {
                return None;
            }
            RSA.to_vec()
        }
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        _ => return None,
    };
    if let Some(named) = value.get("alg").and_then(Value::as_str) {
        algorithms.retain(|algorithm| format!("{algorithm:?}") == named);
    }
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), algorithms, decoding })
}
