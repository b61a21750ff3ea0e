//! What can be done with credentials, by the admin API and by the command line, with a running server or without.

use control::ims::{self, Credential, ImsError, Role, Sandboxes};
use control::{Actor, Request, audit};
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
        sandboxes: Sandboxes,
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
        let wrong = || OperationError::Invalid("sandboxes must be a list of names".to_owned());
        let sandboxes = match (&body["sandboxes"], &body["sandbox"]) {
            (Value::Null, Value::Null) => Sandboxes::All,
            (Value::Null, one) => Sandboxes::only([one.as_str().ok_or_else(wrong)?]),
            (many, _) => {
                let many = many.as_array().ok_or_else(wrong)?;
                let names = many.iter().map(|name| name.as_str().ok_or_else(wrong));
                Sandboxes::only(names.collect::<Result<Vec<_>, _>>()?)
            }
        };
        Ok(Operation::Create { org: text("org"), sandboxes, role })
    }

    /// Method, path and body of the admin API.
    pub(crate) fn request(&self) -> (&'static str, String, Option<Value>) {
        let base = "/admin/v1/credentials";
        match self {
            Operation::Create { org, sandboxes, role } => {
                let body = json!({ "org": org, "sandboxes": sandboxes.names(), "role": role.name() });
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

    /// Does it, and notes that in the audit log; what there is to show. A secret is shown this once.
    pub(crate) async fn run(
        &self,
        tx: &mut Tx,
        now: Millis,
        by: (&Actor, &Request),
    ) -> Result<Value, OperationError> {
        let (action, client_id) = match self {
            Operation::Create { org, sandboxes, role } => {
                return create(tx, now, by, org.as_deref(), sandboxes, *role).await;
            }
            Operation::List => return list(tx).await,
            Operation::Rotate { client_id } => ("rotate", client_id),
            Operation::Retire { client_id } => ("retire", client_id),
            Operation::Revoke { client_id } => ("revoke", client_id),
            Operation::AddKey { client_id, .. } => ("add-key", client_id),
        };
        let found = ims::find_credential(tx, client_id).await?;
        let found = found.ok_or_else(|| ImsError::UnknownCredential(client_id.clone()))?;
        let shown = self.change(tx, now, &found).await?;
        audit::credential_used(tx, now, by, action, (&found.org, client_id)).await?;
        Ok(shown)
    }

    /// What is done with a credential that is there.
    async fn change(&self, tx: &mut Tx, now: Millis, found: &Credential) -> Result<Value, OperationError> {
        let client_id = &found.client_id;
        match self {
            Operation::Create { .. } | Operation::List => Ok(Value::Null),
            Operation::Rotate { .. } => {
                let secret = ims::rotate(tx, client_id, now).await?;
                Ok(json!({ "api_key": client_id, "client_secret": secret }))
            }
            Operation::Retire { .. } => {
                let retired = ims::retire(tx, client_id).await?;
                Ok(json!({ "api_key": client_id, "retired": retired }))
            }
            Operation::Revoke { .. } => {
                ims::revoke_credential(tx, &found.org, client_id, now).await?;
                Ok(json!({ "api_key": client_id, "revoked": true }))
            }
            Operation::AddKey { pem, .. } => {
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

async fn list(tx: &mut Tx) -> Result<Value, OperationError> {
    let listed = ims::listed(tx).await?;
    let items = listed.iter().map(|one| {
        json!({
            "api_key": one.credential.client_id, "org": one.credential.org,
            "sandboxes": one.credential.sandboxes.names(), "role": one.credential.role.name(),
            "account": one.credential.account, "created": one.created.0,
            "secrets": one.secrets, "keys": one.keys
        })
    });
    Ok(json!({ "credentials": items.collect::<Vec<_>>() }))
}

async fn create(
    tx: &mut Tx,
    now: Millis,
    by: (&Actor, &Request),
    org: Option<&str>,
    sandboxes: &Sandboxes,
    role: Role,
) -> Result<Value, OperationError> {
    let found = match org {
        Some(org) => ims::find_org(tx, &OrgId::from(org)).await?,
        None => None,
    };
    let org = match found {
        Some(org) => org,
        None => {
            let org = ims::create_org(tx, now, org, None).await?;
            audit::org_made(tx, now, by, &org.id).await?;
            org
        }
    };
    let (client_id, client_secret) = ims::create_credential(tx, now, &org.id, sandboxes, role).await?;
    audit::credential_used(tx, now, by, "create", (&org.id, &client_id)).await?;
    let mut made = json!({
        "org": org.id, "tenant": org.tenant, "api_key": client_id, "client_secret": client_secret,
        "role": role.name()
    });
    if let Some(names) = sandboxes.names() {
        made["sandboxes"] = json!(names);
    }
    Ok(made)
}
