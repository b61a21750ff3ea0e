//! The operations on unions, which are only read.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::registry::{Container, Reading, unions};

use super::call::{form, query};
use super::operations::{finish, page};
use crate::api::call::Call;

pub(super) async fn list(call: Call, container: Container) -> Response {
    let listed = async {
        let (form, query) = (form(&call, Reading::List)?, query(&call)?);
        let mut tx = call.app.read().await?;
        let listed = unions::list(&mut tx, &call.caller.scope, container, &query, form.as_ref()).await?;
        Ok(Json(page(listed, call.app.base_url(), container, "unions", &call.parameters)).into_response())
    };
    finish(listed.await, &call)
}

pub(super) async fn get(call: Call, container: Container, id: String) -> Response {
    let found = async {
        let form = form(&call, Reading::Lookup)?;
        let mut tx = call.app.read().await?;
        let shown = unions::get(&mut tx, &call.caller.scope, container, &id, form.as_ref()).await?;
        Ok(Json(shown).into_response())
    };
    finish(found.await, &call)
}
