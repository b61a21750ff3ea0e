//! The reference page of the standard library, written from the library itself.

use serde_json::Value;

use crate::library::{ResourceKind, standard};

/// The resources that are built in, as Markdown: id, title, and what a class extends or a field group is for.
fn reference() -> String {
    let mut page = String::from(
        "# The standard library\n\n\
         Made from the files in `crates/xdm/standard`; `cargo xtask golden` writes it anew. These resources are in the \
         `global` container of every tenant. `tributary xdm import` adds those of a checkout of the public XDM repository, \
         which replace built-in ones of the same `$id`.\n",
    );
    for (kind, title, column) in [
        (ResourceKind::Behaviors, "Behaviors", None),
        (ResourceKind::Classes, "Classes", Some(("extends", "meta:extends"))),
        (ResourceKind::FieldGroups, "Field groups", Some(("for", "meta:intendedToExtend"))),
        (ResourceKind::DataTypes, "Data types", None),
    ] {
        let resources: Vec<_> = standard().list(kind).collect();
        page.push_str(&format!("\n## {title}\n\n{} of kind `{}`.\n\n", resources.len(), kind.name()));
        let head = column.map(|(word, _)| format!(" {word} |")).unwrap_or_default();
        let rule = if column.is_some() { " --- |" } else { "" };
        page.push_str(&format!("| $id | kind | title |{head}\n| --- | --- | --- |{rule}\n"));
        for resource in resources {
            let name = resource.doc.get("title").and_then(Value::as_str).unwrap_or_default();
            let more = column.map(|(_, key)| format!(" {} |", names(&resource.doc, key))).unwrap_or_default();
            page.push_str(&format!(
                "| `{}` | {} | {} |{more}\n",
                resource.id,
                kind.name(),
                name.replace('|', "\\|")
            ));
        }
    }
    page
}

/// The titles of the resources that a member lists.
fn names(doc: &Value, key: &str) -> String {
    let ids: Vec<&str> =
        doc.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if ids.is_empty() {
        return "any".to_owned();
    }
    let title = |id: &&str| {
        let known = standard().get(id);
        known
            .and_then(|resource| resource.doc.get("title")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("`{id}`"))
    };
    ids.iter().map(title).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    /// From the folder of this crate, where cargo runs its tests: a build may be used from another place.
    const PAGE: &str = "../../docs/reference/xdm.md";

    #[test]
    fn reference_page_is_current() {
        let page = super::reference();
        if std::env::var("TRIBUTARY_GOLDEN").is_ok_and(|mode| mode == "write") {
            std::fs::write(PAGE, &page).unwrap();
        }
        let found = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(found == page, "docs/reference/xdm.md is out of date: run `cargo xtask golden`");
    }
}
