//! What can be done with credentials, by the admin API and by the command line, with a running server or without.

use control::ims::{self, ImsError, Role};
use serde_json::{Value, json};
use store::Tx;
use vocab::{Millis, OrgId};

use crate::client_jwt;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Makes a credential; its org, with a tenant id and the sandbox `prod`, when it is new or not given.
    Create {
        org: Option<String>,
        sandbox: Option<String>,
        role: Role,
    },
    List,
    /// Gives a second secret.
    Rotate {
        client_id: String,
    },
    /// Ends all secrets but the newest.
    Retire {
        client_id: String,
    },
    Revoke {
        client_id: String,
    },
    /// Registers the public key with which the client signs its own tokens.
    AddKey {
        client_id: String,
        pem: String,
    },
}

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Ims(#[from] ImsError),
}

impl From<store::StoreError> for OperationError {
    fn from(error: store::StoreError) -> Self {
        OperationError::Ims(error.into())
    }
}

impl Operation {
    /// Making a credential as a request's body says it.
    pub(crate) fn create(body: &Value) -> Result<Self, OperationError> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let role = match body["role"].as_str() {
            None => Role::Admin,
            Some(name) => {
                name.parse().map_err(|error: ims::UnknownRole| OperationError::Invalid(error.to_string()))?
            }
        };
        Ok(Operation::Create { org: text("org"), sandbox: text("sandbox"), role })
    }

    /// Method, path and body of the admin API.
    pub(crate) fn request(&self) -> (&'static str, String, Option<Value>) {
        let base = "/admin/v1/credentials";
        match self {
            Operation::Create { org, sandbox, role } => {
                let body = json!({ "org": org, "sandbox": sandbox, "role": role.name() });
                ("POST", base.to_owned(), Some(body))
            }
            Operation::List => ("GET", base.to_owned(), None),
            Operation::Rotate { client_id } => {
                ("POST", format!("{base}/{client_id}/secrets"), Some(json!({})))
            }
            Operation::Retire { client_id } => ("DELETE", format!("{base}/{client_id}/secrets"), None),
            Operation::Revoke { client_id } => ("DELETE", format!("{base}/{client_id}"), None),
            Operation::AddKey { client_id, pem } => {
                ("POST", format!("{base}/{client_id}/keys"), Some(json!({ "pem": pem })))
            }
        }
    }

    /// Does it; what there is to show. A secret is shown this once.
    pub(crate) async fn run(&self, tx: &mut Tx, now: Millis) -> Result<Value, OperationError> {
        match self {
            Operation::Create { org, sandbox, role } => {
                create(tx, now, org.as_deref(), sandbox.as_deref(), *role).await
            }
            Operation::List => {
                let listed = ims::listed(tx).await?;
                let items = listed.iter().map(|one| {
                    json!({
                        "api_key": one.credential.client_id, "org": one.credential.org,
                        "sandbox": one.credential.sandbox, "role": one.credential.role.name(),
                        "account": one.credential.account, "created": one.created.0,
                        "secrets": one.secrets, "keys": one.keys
                    })
                });
                Ok(json!({ "credentials": items.collect::<Vec<_>>() }))
            }
            Operation::Rotate { client_id } => {
                let secret = ims::rotate(tx, client_id, now).await?;
                Ok(json!({ "api_key": client_id, "client_secret": secret }))
            }
            Operation::Retire { client_id } => {
                let retired = ims::retire(tx, client_id).await?;
                Ok(json!({ "api_key": client_id, "retired": retired }))
            }
            Operation::Revoke { client_id } => {
                let found = ims::find_credential(tx, client_id).await?;
                let found = found.ok_or_else(|| ImsError::UnknownCredential(client_id.clone()))?;
                ims::revoke_credential(tx, &found.org, client_id, now).await?;
                Ok(json!({ "api_key": client_id, "revoked": true }))
            }
            Operation::AddKey { client_id, pem } => {
                if !client_jwt::is_key(pem) {
                    let text = "the key is no public RSA key and no certificate of one in PEM form";
                    return Err(OperationError::Invalid(text.to_owned()));
                }
                ims::add_key(tx, client_id, pem, now).await?;
                let keys = ims::keys(tx, client_id).await?.len();
                Ok(json!({ "api_key": client_id, "keys": keys }))
            }
        }
    }
}

async fn create(
    tx: &mut Tx,
    now: Millis,
    org: Option<&str>,
    sandbox: Option<&str>,
    role: Role,
) -> Result<Value, OperationError> {
    let found = match org {
        Some(org) => ims::find_org(tx, &OrgId::from(org)).await?,
        None => None,
    };
    let org = match found {
        Some(org) => org,
        None => ims::create_org(tx, now, org, None).await?,
    };
    let (client_id, client_secret) = ims::create_credential(tx, now, &org.id, sandbox, role).await?;
    let mut made = json!({
        "org": org.id, "tenant": org.tenant, "api_key": client_id, "client_secret": client_secret,
        "role": role.name()
    });
    if let Some(sandbox) = sandbox {
        made["sandbox"] = json!(sandbox);
    }
    Ok(made)
}
