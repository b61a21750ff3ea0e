//! What one record costs in allocations: the memory of the tape and of the columns serves record after record.

use serde_json::json;
use vocab::Tape;

const RECORDS: u64 = 1000;

#[test]
fn a_record_takes_hardly_any_allocation() {
    let parts = ["", "-web", "-commerce"]
        .map(|part| json!({ "$ref": format!("https://ns.adobe.com/xdm/context/experienceevent{part}") }));
    let resolved = xdm::compose(&json!({ "allOf": parts }), &|_| None).unwrap();
    let schema = std::sync::Arc::new(xdm::Schema::compile(&resolved, &[]).unwrap());
    let text = r#"{"_id":"1","timestamp":"2026-05-01T10:11:12.5Z","eventType":"web.webpagedetails.pageViews",
        "identityMap":{"ECID":[{"id":"4711","primary":true}],"Email":[{"id":"a@example.com"}]},
        "web":{"webPageDetails":{"name":"p","URL":"https://www.example.com/","pageViews":{"value":1}}},
        "commerce":{"order":{"purchaseID":"o","priceTotal":9.5,"currencyCode":"EUR"}},
        "productListItems":[{"SKU":"s","quantity":2,"priceTotal":4.75}]}"#;
    let mut columns = schema.columns();
    let mut tape = Tape::default();
    let mut take = |records: u64| {
        for _ in 0..records {
            let (filled, read) = std::mem::take(&mut tape).parse(text.as_bytes());
            read.unwrap();
            assert!(columns.take(filled.root(), 5).is_empty());
            tape = filled.emptied();
        }
    };
    take(1);
    let counted = allocation_counter::measure(|| take(RECORDS));
    // The columns grow by doubling: that is all.
    let each = counted.count_total as f64 / RECORDS as f64;
    println!("{each} allocations a record");
    assert!(each < 1.0, "{each}");
}
