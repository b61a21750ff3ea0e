//! Access tokens: made, signed, verified. Verification is in memory; the store is read only when credentials change.
//!
//! A token is a JWT signed with Ed25519. Its payload has the members that clients decode (`client_id`, `user_id`,
//! `scope`, `created_at` and `expires_in` as milliseconds in strings) and ours (`org`, `exp`).

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use control::ims::{Credential, Need, Role};
use ed25519_dalek::SigningKey;
use inlet::{AuthError, Authorizer, Inlet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vocab::{Clock, OrgId, random};

use crate::cli::Failure;
use crate::data_dir::write_atomically;

/// Verified tokens remembered by their hash; beyond that the memory starts anew.
const VERIFIED_MAX: usize = 10_000;

/// Longest token that is looked at, bytes. Ours have about 600.
const TOKEN_BYTES_MAX: usize = 8192;

/// An Ed25519 private key in PKCS #8 is this prefix and 32 bytes (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

#[derive(Serialize, Deserialize)]
struct Claims {
    client_id: String,
    user_id: String,
    org: String,
    scope: String,
    created_at: String,
    expires_in: String,
    exp: i64,
    #[serde(rename = "type")]
    kind: String,
    jti: String,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) org: OrgId,
    pub(crate) client_id: String,
    /// The technical account: `createdBy`.
    pub(crate) account: String,
    /// Set when the credential may act in that sandbox alone.
    pub(crate) sandbox: Option<String>,
    pub(crate) role: Role,
}

/// Malformed, not ours, expired, or of a credential that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenInvalid;

#[derive(Clone)]
struct Remembered {
    client_id: Arc<str>,
    expires_s: i64,
}

/// Issues and verifies tokens. Shared by all requests; reading takes no lock.
pub(crate) struct Tokens {
    clock: Arc<dyn Clock>,
    life_s: u64,
    key_id: String,
    public: [u8; 32],
    encoding: EncodingKey,
    decoding: DecodingKey,
    live: ArcSwap<HashMap<String, Arc<Verified>>>,
    verified: ArcSwap<imbl::HashMap<[u8; 32], Remembered>>,
}

impl Tokens {
    /// Reads the signing key, or makes one (file mode 0600).
    pub(crate) fn open(path: &Path, clock: Arc<dyn Clock>, life_s: u64) -> Result<Self, Failure> {
        let seed = match fs::read_to_string(path) {
            Ok(text) => read_pem(&text).ok_or_else(|| {
                Failure::usage(format!("{}: not an Ed25519 private key in PKCS #8 PEM form", path.display()))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(path)?,
            Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", path.display()))),
        };
        let public = SigningKey::from_bytes(&seed).verifying_key();
        let key_id = random::to_hex(&Sha256::digest(public.as_bytes())[..8]);
        Ok(Self {
            clock,
            life_s,
            key_id,
            public: public.to_bytes(),
            encoding: EncodingKey::from_ed_der(&[&PKCS8_PREFIX[..], &seed].concat()),
            decoding: DecodingKey::from_ed_der(public.as_bytes()),
            live: ArcSwap::default(),
            verified: ArcSwap::default(),
        })
    }

    /// Replaces the credentials whose tokens are good. Tokens of others are invalid from now on.
    pub(crate) fn set_credentials(&self, credentials: &[Credential]) {
        let live = credentials.iter().map(|credential| {
            let verified = Verified {
                org: credential.org.clone(),
                client_id: credential.client_id.clone(),
                account: credential.account.clone(),
                sandbox: credential.sandbox.clone(),
                role: credential.role,
            };
            (credential.client_id.clone(), Arc::new(verified))
        });
        self.live.store(Arc::new(live.collect()));
    }

    /// The public key of these tokens as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub(crate) fn key_set(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key_id,
            "x": URL_SAFE_NO_PAD.encode(self.public)
        }] })
    }

    /// Whether some live credential has that client id.
    pub(crate) fn knows_client(&self, client_id: &str) -> bool {
        self.live.load().contains_key(client_id)
    }

    /// A new token and its life in seconds.
    pub(crate) fn issue(&self, credential: &Credential, scope: &str) -> (String, u64) {
        let now = self.clock.now();
        let claims = Claims {
            client_id: credential.client_id.clone(),
            user_id: credential.account.clone(),
            org: credential.org.0.clone(),
            scope: scope.to_owned(),
            created_at: now.0.to_string(),
            expires_in: (self.life_s * 1000).to_string(),
            exp: now.seconds() + i64::try_from(self.life_s).unwrap_or(i64::MAX / 2),
            kind: "access_token".to_owned(),
            jti: random::uuid(),
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        // Strings and an integer serialise, and the key was checked when it was read.
        let token = encode(&header, &claims, &self.encoding).unwrap_or_default();
        (token, self.life_s)
    }

    /// Checks a token: signature (once per token), expiry and credential (each time).
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenInvalid> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenInvalid);
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let remembered = match self.verified.load().get(&hash) {
            Some(found) => found.clone(),
            None => self.check_signature(token, hash)?,
        };
        if remembered.expires_s <= self.clock.now().seconds() {
            return Err(TokenInvalid);
        }
        self.live.load().get(&*remembered.client_id).cloned().ok_or(TokenInvalid)
    }

    fn check_signature(&self, token: &str, hash: [u8; 32]) -> Result<Remembered, TokenInvalid> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Expiry is checked against our own clock, which no jump of the machine's moves.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(|_| TokenInvalid)?.claims;
        if claims.kind != "access_token" {
            return Err(TokenInvalid);
        }
        let remembered = Remembered { client_id: claims.client_id.into(), expires_s: claims.exp };
        self.verified.rcu(|known| {
            let mut next = if known.len() >= VERIFIED_MAX {
                imbl::HashMap::default()
            } else {
                imbl::HashMap::clone(known)
            };
            next.insert(hash, remembered.clone());
            next
        });
        Ok(remembered)
    }
}

/// How the inlet asks: any token form, its own org, its own sandbox.
pub(crate) struct InletAuthorizer(pub(crate) Arc<Tokens>);

impl Authorizer for InletAuthorizer {
    fn authorize(&self, token: &str, inlet: &Inlet) -> Result<(), AuthError> {
        let verified = self.0.verify(token).map_err(|TokenInvalid| AuthError::Invalid)?;
        let may = verified.role.may(Need::Ingest)
            && verified.org == inlet.org
            && verified.sandbox.as_deref().is_none_or(|sandbox| sandbox == inlet.sandbox_name);
        if may { Ok(()) } else { Err(AuthError::Forbidden) }
    }
}

fn make_key(path: &Path) -> Result<[u8; 32], Failure> {
    let seed: [u8; 32] = random::bytes();
    let body = STANDARD.encode([&PKCS8_PREFIX[..], &seed].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        write_atomically(path, &pem, 0o600)
    };
    write().map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
    Ok(seed)
}

fn read_pem(text: &str) -> Option<[u8; 32]> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(body).ok()?;
    der.strip_prefix(&PKCS8_PREFIX[..])?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vocab::{ManualClock, Millis};

    use super::*;

    fn credential(client_id: &str) -> Credential {
        Credential {
            client_id: client_id.to_owned(),
            org: OrgId::from("A@AdobeOrg"),
            sandbox: None,
            account: "account".to_owned(),
            role: Role::Admin,
        }
    }

    fn tokens(clock: Arc<ManualClock>) -> (Tokens, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(&dir.path().join("keys/k.pem"), clock, 86_399).unwrap();
        tokens.set_credentials(&[credential("one")]);
        (tokens, dir)
    }

    #[test]
    fn a_token_lives_as_long_as_announced_and_no_longer() {
        let clock = Arc::new(ManualClock::at(Millis(1_700_000_000_000)));
        let (tokens, _dir) = tokens(clock.clone());
        let (token, life) = tokens.issue(&credential("one"), "openid");
        assert_eq!(tokens.verify(&token).unwrap().org.as_str(), "A@AdobeOrg");
        clock.advance(Duration::from_secs(life - 1));
        assert!(tokens.verify(&token).is_ok());
        clock.advance(Duration::from_secs(1));
        assert_eq!(tokens.verify(&token), Err(TokenInvalid));
    }

    #[test]
    fn the_key_survives_a_restart_and_a_revoked_credential_ends_its_tokens() {
        let clock = Arc::new(ManualClock::at(Millis(1_700_000_000_000)));
        let (first, dir) = tokens(clock.clone());
        let (token, _) = first.issue(&credential("one"), "");
        let again = Tokens::open(&dir.path().join("keys/k.pem"), clock, 86_399).unwrap();
        again.set_credentials(&[credential("one"), credential("two")]);
        assert!(again.verify(&token).is_ok());
        again.set_credentials(&[credential("two")]);
        assert_eq!(again.verify(&token), Err(TokenInvalid));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let clock = Arc::new(ManualClock::at(Millis(1_700_000_000_000)));
        let (tokens, _dir) = tokens(clock.clone());
        let (token, _) = tokens.issue(&credential("one"), "");
        let (head, rest) = token.split_once('.').unwrap();
        let (payload, _) = rest.split_once('.').unwrap();
        let none = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let other = self::tokens(clock).0.issue(&credential("one"), "").0;
        for forged in [
            String::new(),
            "x".to_owned(),
            format!("{head}.{payload}."),
            format!("{none}.{payload}."),
            token[..token.len() - 2].to_owned(),
            "a".repeat(60_000),
            other,
        ] {
            assert_eq!(tokens.verify(&forged), Err(TokenInvalid), "{forged:.40}");
        }
    }
}
