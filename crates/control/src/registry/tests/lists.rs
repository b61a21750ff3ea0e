//! Lists, filters and pages; statistics.

use super::*;

fn query(parameters: &[(&str, &str)]) -> Query {
    let parameters: Vec<_> = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Query::parse(&parameters).unwrap()
}

impl World {
    async fn list(&mut self, kind: ResourceKind, parameters: &[(&str, &str)]) -> Listed {
        let form = form("xed+json");
        let query = query(parameters);
        list(&mut self.tx, &self.scope, Container::Tenant, kind, query, Some(&form)).await.unwrap()
    }

    async fn titles(&mut self, parameters: &[(&str, &str)]) -> Vec<String> {
        let listed = self.list(Schemas, parameters).await;
        listed.results.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    }

    /// Four schemas; the first two were made at the same time.
    async fn four(&mut self) {
        for (title, class, later) in [("b", PROFILE, 0), ("a", EVENT, 0), ("D", PROFILE, 5), ("c", EVENT, 9)]
        {
            self.scope.now = vocab::Millis(testing::NOW.0 + later);
            let mut body = schema(title, &[class]);
            body["group"] = json!(if later < 9 { "one" } else { "two" });
            self.made(Schemas, body).await;
        }
    }
}

#[tokio::test]
async fn filters() {
    let mut world = world().await;
    world.four().await;
    let class = |op: &str| format!("meta:class{op}{PROFILE}");
    for (property, expected) in [
        (class("=="), &["b", "D"][..]),
        (class("!="), &["a", "c"]),
        (format!("meta:extends=={EVENT}"), &["a", "c"]),
        ("meta:extends!=https://ns.adobe.com/xdm/data/adhoc".to_owned(), &["a", "b", "D", "c"]),
        ("title==b".to_owned(), &["b"]),
        ("title==b,group==two".to_owned(), &[]),
        ("title>=b,group==one".to_owned(), &["b"]),
        ("title<b".to_owned(), &["a", "D"]),
        ("group".to_owned(), &["a", "b", "D", "c"]),
        ("nothing".to_owned(), &[]),
        ("title==b, and a comma".to_owned(), &[]),
        (format!("meta:registryMetadata.repo:createdDate>{}", testing::NOW.0), &["D", "c"]),
    ] {
        let mut found = world.titles(&[("property", &property)]).await;
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{property}");
    }
    let two = [("property", "group==one"), ("Property", "title!=D")];
    assert_eq!(world.titles(&two).await.len(), 2);
}

#[tokio::test]
async fn order_and_pages() {
    let mut world = world().await;
    world.four().await;
    assert_eq!(world.titles(&[("orderby", "title")]).await, ["D", "a", "b", "c"]);
    assert_eq!(world.titles(&[("orderby", "-title")]).await, ["c", "b", "a", "D"]);
    assert_eq!(world.titles(&[("orderby", "group,-title")]).await, ["b", "a", "D", "c"]);
    assert_eq!(world.titles(&[("orderby", "-updated"), ("limit", "1")]).await, ["c"]);
    let page = world.list(Schemas, &[("orderby", "title"), ("limit", "2")]).await;
    assert_eq!((page.results.len(), &page.next, page.order.as_str()), (2, &json!("a"), "title"));
    assert_eq!(world.titles(&[("orderby", "title"), ("start", "a")]).await, ["b", "c"]);
    assert_eq!(world.titles(&[("orderby", "-title"), ("start", "b")]).await, ["a", "D"]);
    // Equal keys stay together, whatever the limit.
    let page = world.list(Schemas, &[("orderby", "group"), ("limit", "1")]).await;
    assert_eq!((page.results.len(), &page.next), (3, &json!("one")));
    assert_eq!(world.titles(&[("orderby", "nothing"), ("limit", "1")]).await.len(), 4);
}

#[tokio::test]
async fn pages_without_an_order_miss_nothing() {
    let mut world = world().await;
    world.four().await;
    let mut found = Vec::new();
    let mut start = "0".to_owned();
    loop {
        let page = world.list(Schemas, &[("limit", "1"), ("start", &start)]).await;
        assert_eq!((page.results.len(), page.order.as_str()), (1, "updated"));
        found.push(page.results[0]["title"].as_str().unwrap().to_owned());
        match page.next.as_str() {
            Some(next) => next.clone_into(&mut start),
            None => break,
        }
    }
    assert_eq!(found[2..], ["D", "c"]);
    found.sort_unstable();
    assert_eq!(found, ["D", "a", "b", "c"]);
    assert_eq!(world.titles(&[("limit", "0")]).await.len(), 4);
    for parameters in [[("start", "nonsense"), ("limit", "1")], [("start", ""), ("limit", "x")]] {
        let parameters = parameters.map(|(k, v): (&str, &str)| (k.to_owned(), v.to_owned()));
        let form = form("xed+json");
        let result = match Query::parse(&parameters) {
            Err(error) => Err(error),
            Ok(query) => list(&mut world.tx, &world.scope, Container::Tenant, Schemas, query, Some(&form))
                .await
                .map(drop),
        };
        assert!(matches!(result, Err(RegistryError::Invalid(_))), "{parameters:?}");
    }
}

#[tokio::test]
async fn containers() {
    let mut world = world().await;
    world.four().await;
    assert!(world.list(Classes, &[]).await.results.is_empty());
    let mut global = async |kind, form: Option<Form>| {
        let query = Query::default();
        list(&mut world.tx, &world.scope, Container::Global, kind, query, form.as_ref()).await
    };
    let short = global(Classes, None).await.unwrap();
    assert!(short.results.iter().any(|item| item["$id"] == PROFILE));
    assert_eq!(short.results[0].as_object().unwrap().len(), 4);
    let raw = global(FieldGroups, Some(form("xdm+json"))).await.unwrap();
    assert!(raw.results.iter().all(|item| item["meta:resourceType"] == "mixins" && item["allOf"].is_array()));
    assert_eq!(global(ResourceKind::Behaviors, None).await.unwrap().results.len(), 3);
    assert!(global(Schemas, None).await.unwrap().results.is_empty());
    refused(global(Classes, Some(form("xed-full+json"))).await, "Accept header");
}

#[tokio::test]
async fn statistics() {
    let mut world = world().await;
    world.four().await;
    world.loyalty().await;
    let stats = stats(&mut world.tx, &world.scope).await.unwrap();
    let counts = json!({"schemas": 5, "classes": 0, "mixins": 1, "datatypes": 0, "unions": 0});
    assert_eq!(Value::Object(stats.counts), counts);
    assert_eq!(stats.class_usage[PROFILE].as_array().unwrap().len(), 3);
    assert_eq!((&stats.created[0].0["title"], stats.created.len()), (&json!("Members"), 6));
    assert_eq!(stats.created[1].0["meta:resourceType"], "mixins");
    let schema = stats.updated.iter().find(|(entry, _)| entry["title"] == "Members").unwrap();
    assert_eq!(schema.0["meta:classTitle"], "XDM Individual Profile");
}
