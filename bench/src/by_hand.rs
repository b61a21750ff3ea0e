//! The mapping of `mapping.rs` as an engineer would write it with `serde_json`: over values, and over structs that borrow what
//! they can and skip what is not used.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::fmt::strtime::parse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Outcome;

pub(crate) fn through_values(text: &str) -> Outcome<Vec<u8>> {
    let mut raw: Value = serde_json::from_str(text)?;
    let total: f64 = raw["order"]["total"].as_str().unwrap_or_default().parse()?;
    let name = format!(
        "{} {}",
        raw["user"]["first"].as_str().unwrap_or_default(),
        raw["user"]["last"].as_str().unwrap_or_default()
    );
    let email = raw["user"]["email"].as_str().unwrap_or_default().to_lowercase();
    let timestamp = instant(raw["ts"].as_str().unwrap_or_default())?;
    let event_type =
        if raw["type"] == "ORDER" { "commerce.purchases" } else { "web.webpagedetails.pageViews" };
    let lines = raw["order"]["lines"].as_array_mut().into_iter().flatten();
    let lines: Vec<Value> = lines.map(|line| json!({ "SKU": line["sku"].take() })).collect();
    let mapped = json!({
        "_id": raw["id"].take(),
        "timestamp": timestamp,
        "eventType": event_type,
        "_acme": { "name": name, "email": email },
        "web": { "webPageDetails": { "URL": raw["page"]["url"].take(), "name": raw["page"]["title"].take() } },
        "commerce": { "order": { "purchaseID": raw["order"]["id"].take(), "priceTotal": total } },
        "productListItems": lines
    });
    Ok(serde_json::to_vec(&mapped)?)
}

/// The instant of a civil time in UTC.
fn instant(text: &str) -> Outcome<String> {
    let civil: DateTime = parse("%Y-%m-%d %H:%M:%S", text)?.to_datetime()?;
    Ok(format!("{civil}Z"))
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    ts: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    user: User<'a>,
    #[serde(borrow)]
    page: Page<'a>,
    #[serde(borrow)]
    order: Order<'a>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    first: Cow<'a, str>,
    #[serde(borrow)]
    last: Cow<'a, str>,
    #[serde(borrow)]
    email: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    total: Cow<'a, str>,
    #[serde(borrow)]
    lines: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "_id")]
    id: Cow<'a, str>,
    timestamp: String,
    event_type: &'static str,
    #[serde(rename = "_acme")]
    acme: Person,
    web: Web<'a>,
    commerce: Commerce<'a>,
    product_list_items: Vec<Product<'a>>,
}

#[derive(Serialize)]
struct Person {
    name: String,
    email: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Web<'a> {
    web_page_details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "URL")]
    url: Cow<'a, str>,
    name: Cow<'a, str>,
}

#[derive(Serialize)]
struct Commerce<'a> {
    order: Purchase<'a>,
}

#[derive(Serialize)]
struct Purchase<'a> {
    #[serde(rename = "purchaseID")]
    id: Cow<'a, str>,
    #[serde(rename = "priceTotal")]
    total: f64,
}

#[derive(Serialize)]
struct Product<'a> {
    #[serde(rename = "SKU")]
    sku: Cow<'a, str>,
}

pub(crate) fn through_structs(text: &str) -> Outcome<Vec<u8>> {
    let raw: Raw<'_> = serde_json::from_str(text)?;
    let event = Event {
        id: raw.id,
        timestamp: instant(&raw.ts)?,
        event_type: if raw.r#type == "ORDER" { "commerce.purchases" } else { "web.webpagedetails.pageViews" },
        acme: Person {
            name: format!("{} {}", raw.user.first, raw.user.last),
            email: raw.user.email.to_lowercase(),
        },
        web: Web { web_page_details: Details { url: raw.page.url, name: raw.page.title } },
        commerce: Commerce { order: Purchase { id: raw.order.id, total: raw.order.total.parse()? } },
        product_list_items: raw.order.lines.into_iter().map(|line| Product { sku: line.sku }).collect(),
    };
    Ok(serde_json::to_vec(&event)?)
}
