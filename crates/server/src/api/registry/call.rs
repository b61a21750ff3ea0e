//! What the Schema Registry reads from a request: the form that is asked for, the list request, the body.

use control::registry::{Form, Query, Reading, RegistryError};
use serde_json::Value;

use crate::api::call::Call;
use crate::api::gateway;

/// The form that the `Accept` header asks for. Only what reads negotiates: clients send anything on writes.
pub(super) fn form(call: &Call, reading: Reading) -> Result<Option<Form>, RegistryError> {
    let header = gateway::text(&call.headers, "accept");
    if call.app.config.registry.strict_accept { Form::strict(header, reading) } else { Form::parse(header) }
}

/// The list request in the query string.
pub(super) fn query(call: &Call) -> Result<Query, RegistryError> {
    Query::parse(&call.parameters)
}

pub(super) fn json(call: &Call) -> Result<Value, RegistryError> {
    call.json().map_err(|error| RegistryError::Invalid(error.to_string()))
}
