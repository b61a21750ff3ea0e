//! The events of the benchmarks: an ExperienceEvent of about 1 KB with web, commerce and identity members. The same number
//! gives the same event.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;

/// Records in the body of a batch.
pub(crate) const BATCH: u64 = 100;

/// The schema of the events, in the registry's form.
pub(crate) fn schema() -> Value {
    json!({
        "$id": "https://ns.adobe.com/acme/schemas/bench", "type": "object",
        "meta:extends": ["https://ns.adobe.com/xdm/data/time-series"],
        "allOf": [
            { "$ref": "https://ns.adobe.com/xdm/context/experienceevent" },
            { "$ref": "https://ns.adobe.com/xdm/context/experienceevent-web" },
            { "$ref": "https://ns.adobe.com/xdm/context/experienceevent-commerce" }
        ]
    })
}

/// One event.
pub(crate) fn event(number: u64) -> Value {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (hour, minute, second) = (mixed >> 8 & 15, mixed >> 16 & 31, mixed >> 24 & 31);
    let page = mixed >> 32 & 0xfff;
    json!({
        "_id": format!("{mixed:016x}-{number}"),
        "timestamp": format!("2026-05-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", number / 500_000 % 28 + 1, number % 1000),
        "eventType": if number.is_multiple_of(10) { "commerce.purchases" } else { "web.webpagedetails.pageViews" },
        "eventMergeId": format!("{:032x}", u128::from(mixed) << 17),
        "identityMap": {
            "ECID": [{ "id": format!("{:038}", mixed), "primary": true, "authenticatedState": "ambiguous" }],
            "Email": [{ "id": format!("person{}@example.com", mixed % 100_000), "primary": false }]
        },
        "web": {
            "webPageDetails": {
                "name": format!("catalogue:products:{page}"), "server": "www.example.com",
                "URL": format!("https://www.example.com/catalogue/products/{page}?campaign=spring&position={}", number % 40),
                "isHomePage": page == 0, "siteSection": "products", "pageViews": { "value": 1 }
            },
            "webReferrer": { "URL": format!("https://search.example.org/?q=product+{page}"), "type": "internal" }
        },
        "commerce": {
            "productViews": { "value": 1 },
            "order": { "purchaseID": format!("o-{number}"), "currencyCode": "EUR", "priceTotal": (mixed % 20_000) as f64 / 100.0 }
        },
        "productListItems": [
            { "SKU": format!("sku-{page}"), "name": format!("Product number {page}"), "quantity": number % 5 + 1,
              "priceTotal": (mixed % 9_000) as f64 / 100.0, "currencyCode": "EUR" }
        ]
    })
}

/// Writes `single.json` and `batch.json`.
pub(crate) fn write(dir: &Path, header: Option<&str>) -> Outcome {
    fs::create_dir_all(dir)?;
    let header: Option<Value> = header.map(serde_json::from_str).transpose()?;
    let message = |number: u64| match &header {
        None => event(number),
        Some(header) => json!({
            "header": header,
            "body": { "xdmMeta": { "schemaRef": header["schemaRef"] }, "xdmEntity": event(number) }
        }),
    };
    fs::write(dir.join("single.json"), message(7).to_string())?;
    let messages: Vec<Value> = (0..BATCH).map(message).collect();
    fs::write(dir.join("batch.json"), json!({ "messages": messages }).to_string())?;
    Ok(())
}
