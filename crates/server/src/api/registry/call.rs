//! What the Schema Registry reads from a request: the form that is asked for, the list request, the body.

use control::registry::{Form, Query, RegistryError};
use serde_json::Value;

use crate::api::call::Call;
use crate::api::gateway;

/// The form that the `Accept` header asks for. Only what reads negotiates: clients send anything on writes.
pub(super) fn form(call: &Call) -> Result<Option<Form>, RegistryError> {
    Form::parse(gateway::text(&call.headers, "accept"))
}

/// The list request in the query string.
pub(super) fn query(call: &Call) -> Result<Query, RegistryError> {
    Query::parse(&call.parameters)
}

pub(super) fn json(call: &Call) -> Result<Value, RegistryError> {
    call.json().map_err(|error| RegistryError::Invalid(error.to_string()))
}
