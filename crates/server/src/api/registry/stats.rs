//! What a tenant has in the registry. Clients ask it for the tenant id.

use axum::Json;
use axum::response::{IntoResponse, Response};
use control::registry::{self, Stats};
use serde_json::{Value, json};
use vocab::Millis;

use super::problem;
use crate::api::call::Call;

pub(super) async fn get(call: Call) -> Response {
    let counted = async {
        let mut tx = call.app.read().await?;
        registry::stats(&mut tx, &call.caller.scope).await
    };
    let scope = &call.caller.scope;
    match counted.await {
        Ok(stats) => Json(body(stats, scope.org.as_str(), &scope.tenant)).into_response(),
        Err(error) => problem::response(&error, &call.caller),
    }
}

fn body(stats: Stats, org: &str, tenant: &str) -> Value {
    json!({
        "imsOrg": org,
        "tenantId": tenant,
        "counts": stats.counts,
        "recentlyCreatedResources": dated(stats.created, "meta:created"),
        "recentlyUpdatedResources": dated(stats.updated, "meta:updated"),
        "classUsage": stats.class_usage,
    })
}

fn dated(entries: Vec<(Value, Millis)>, name: &str) -> Vec<Value> {
    let dated = entries.into_iter().map(|(mut entry, time)| {
        entry[name] = json!(date(time));
        entry
    });
    dated.collect()
}

/// The documented form: `Sat Feb 02 2019 00:24:30 GMT+0000 (UTC)`.
fn date(time: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (UTC)").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_members() {
        let entry = json!({"title": "t"});
        let time = Millis(1_549_067_070_000);
        let stats =
            Stats { created: vec![(entry.clone(), time)], updated: vec![(entry, time)], ..Stats::default() };
        let text = "Sat Feb 02 2019 00:24:30 GMT+0000 (UTC)";
        let expected = json!({
            "imsOrg": "A@AdobeOrg", "tenantId": "acme", "counts": {}, "classUsage": {},
            "recentlyCreatedResources": [{"title": "t", "meta:created": text}],
            "recentlyUpdatedResources": [{"title": "t", "meta:updated": text}],
        });
        assert_eq!(body(stats, "A@AdobeOrg", "acme"), expected);
    }
}
