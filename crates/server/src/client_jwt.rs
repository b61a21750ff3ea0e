//! Tokens that clients sign themselves (RS256), to be exchanged for an access token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::ims::Credential;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};
use vocab::Millis;

/// Longest token that is looked at, bytes.
const JWT_BYTES_MAX: usize = 16_384;

const MISMATCH: &str = "Could not match JWT signature to any of the bindings";

/// Whether a text is a public RSA key, or a certificate of one, in PEM form.
pub(crate) fn is_key(pem: &str) -> bool {
    DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok()
}

/// The meta-scopes that a client's token names, separated by commas; else what is wrong with it.
pub(crate) fn check(
    jwt: &str,
    credential: &Credential,
    keys: &[String],
    now: Millis,
) -> Result<String, &'static str> {
    let claims = claims(jwt).ok_or("the jwt_token is not a JSON Web Token")?;
    let signed = |pem: &String| {
        let Ok(key) = DecodingKey::from_rsa_pem(pem.as_bytes()) else { return false };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        decode::<Map<String, Value>>(jwt, &key, &validation).is_ok()
    };
    if !keys.is_empty() && !keys.iter().any(signed) {
        return Err(MISMATCH);
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != credential.org.as_str() {
        return Err("the JWT is not of the client's organization");
    }
    if text("sub").is_empty() {
        return Err("the JWT has no sub");
    }
    // The host is that by which the client knows the token service.
    if !text("aud").ends_with(&format!("/c/{}", credential.client_id)) {
        return Err("the JWT is not for this client");
    }
    let expires = claims.get("exp").and_then(Value::as_f64).ok_or("the JWT has no exp")?;
    if expires <= now.seconds() as f64 {
        return Err("JWT token has expired");
    }
    let granted = claims.iter().filter(|(_, value)| **value == Value::Bool(true));
    let scopes: Vec<&str> = granted.filter_map(|(name, _)| Some(name.rsplit_once("/s/")?.1)).collect();
    Ok(scopes.join(","))
}

/// The claims of a token in three parts, unverified.
fn claims(jwt: &str) -> Option<Map<String, Value>> {
    if jwt.len() > JWT_BYTES_MAX {
        return None;
    }
    let mut parts = jwt.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use control::ims::Role;
    use serde_json::json;
    use vocab::OrgId;

    use super::*;

    fn credential() -> Credential {
        Credential {
            client_id: "client".to_owned(),
            org: OrgId::from("A@AdobeOrg"),
            sandbox: None,
            account: "account".to_owned(),
            role: Role::Admin,
        }
    }

    fn unsigned(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(claims), "c2ln")
    }

    fn good() -> Value {
        json!({
            "iss": "A@AdobeOrg", "sub": "x@techacct.adobe.com", "aud": "http://h/c/client", "exp": 2000,
            "http://h/s/ent_dataservices_sdk": true
        })
    }

    #[test]
    fn claims_are_checked_without_a_key_too() {
        let now = Millis(1_000_000);
        let check = |claims: &Value| check(&unsigned(claims), &credential(), &[], now);
        assert_eq!(check(&good()), Ok("ent_dataservices_sdk".to_owned()));
        for (name, value) in [
            ("iss", json!("B@AdobeOrg")),
            ("sub", json!("")),
            ("aud", json!("http://h/c/other")),
            ("exp", json!(1000)),
            ("exp", json!("soon")),
        ] {
            let mut wrong = good();
            wrong[name] = value;
            assert!(check(&wrong).is_err(), "{wrong}");
        }
        for text in ["", "a.b", "a.b.c.d", "a.!.c"] {
            assert!(super::check(text, &credential(), &[], now).is_err(), "{text}");
        }
    }
}
