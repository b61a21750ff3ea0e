//! Ids of the registry: `https://ns.adobe.com/{tenant}/{kind}/{hex}`, its dotted form, and who made what.

use vocab::random;
use xdm::library::{self, ResourceKind};

use crate::{Kind, Scope};

pub(super) const HOST: &str = "https://ns.adobe.com/";

/// The kinds that a tenant makes. Field groups keep the word that they had when they were called mixins.
const SEGMENTS: [(Kind, ResourceKind, &str); 4] = [
    (Kind::Schemas, ResourceKind::Schemas, "schemas"),
    (Kind::Classes, ResourceKind::Classes, "classes"),
    (Kind::FieldGroups, ResourceKind::FieldGroups, "mixins"),
    (Kind::DataTypes, ResourceKind::DataTypes, "datatypes"),
];

/// The stored kind; behaviours are the library's alone.
pub(super) fn stored_kind(kind: ResourceKind) -> Option<Kind> {
    SEGMENTS.iter().find(|(_, known, _)| *known == kind).map(|(stored, ..)| *stored)
}

/// The kind of a stored resource.
pub(super) fn resource_kind(kind: Kind) -> Option<ResourceKind> {
    SEGMENTS.iter().find(|(stored, ..)| *stored == kind).map(|(_, kind, _)| *kind)
}

/// All kinds of resources that a tenant makes.
pub(super) fn stored_kinds() -> impl Iterator<Item = Kind> {
    SEGMENTS.iter().map(|(stored, ..)| *stored)
}

/// The word for a kind in ids and in `meta:resourceType`.
pub(super) fn word(kind: ResourceKind) -> &'static str {
    SEGMENTS.iter().find(|(_, known, _)| *known == kind).map_or_else(|| kind.name(), |(.., word)| *word)
}

/// A new id. Its last part is 48 hex digits, which nobody guesses.
pub(super) fn generate(scope: &Scope, kind: ResourceKind) -> String {
    format!("{HOST}{}/{}/{}", scope.tenant, word(kind), random::hex(24))
}

/// The kind that an `$id` of this tenant says it has.
pub(super) fn tenant_kind(scope: &Scope, id: &str) -> Option<Kind> {
    let path = id.strip_prefix(HOST)?.strip_prefix(scope.tenant.as_str())?.strip_prefix('/')?;
    let (segment, hash) = path.split_once('/')?;
    let known = SEGMENTS.iter().find(|(.., word)| *word == segment);
    known.filter(|_| is_hash(hash)).map(|(stored, ..)| *stored)
}

/// The tenant that an `$id` of a tenant's resource names.
pub(super) fn tenant_of(id: &str) -> Option<&str> {
    let mut steps = id.strip_prefix(HOST)?.split('/');
    let (tenant, segment, hash) = (steps.next()?, steps.next()?, steps.next()?);
    let known = SEGMENTS.iter().any(|(.., word)| *word == segment);
    (known && is_hash(hash) && steps.next().is_none()).then_some(tenant)
}

/// The field under which the tenant's own fields lie.
pub(super) fn namespace(scope: &Scope) -> String {
    format!("_{}", scope.tenant)
}

/// The `$id` that a path names: itself, its dotted form, or its last part alone.
pub(super) fn id_of_path(scope: &Scope, kind: ResourceKind, text: &str) -> String {
    let text = text.split('#').next().unwrap_or(text);
    if let Some(dotted) = text.strip_prefix('_') {
        let tenant = dotted.strip_prefix(scope.tenant.as_str()).and_then(|rest| rest.strip_prefix('.'));
        return match tenant.and_then(|rest| rest.split_once('.')) {
            Some((segment, hash)) => format!("{HOST}{}/{segment}/{hash}", scope.tenant),
            None => library::standard().get(text).map_or_else(|| text.to_owned(), |found| found.id.clone()),
        };
    }
    if is_hash(text) { format!("{HOST}{}/{}/{text}", scope.tenant, word(kind)) } else { text.to_owned() }
}

/// The last part of a tenant's id.
pub(super) fn hash_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn is_hash(text: &str) -> bool {
    (32..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn ids_and_what_names_them() {
        let (store, _dir) = testing::store().await;
        let mut tx = store.write().await.unwrap();
        let scope = testing::scope(&mut tx, "acme").await;
        let id = generate(&scope, ResourceKind::FieldGroups);
        assert!(id.starts_with("https://ns.adobe.com/acme/mixins/"), "{id}");
        assert_eq!(tenant_kind(&scope, &id), Some(Kind::FieldGroups));
        let hash = hash_of(&id);
        assert_eq!(hash.len(), 48);
        for text in
            [id.clone(), format!("_acme.mixins.{hash}"), hash.to_owned(), format!("{id}#/definitions/x")]
        {
            assert_eq!(id_of_path(&scope, ResourceKind::FieldGroups, &text), id, "{text}");
        }
        for (text, expected) in [
            ("_xdm.context.profile", "https://ns.adobe.com/xdm/context/profile"),
            ("https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/context/profile"),
            ("_nobody.knows", "_nobody.knows"),
            ("abc", "abc"),
        ] {
            assert_eq!(id_of_path(&scope, ResourceKind::Classes, text), expected);
        }
        for other in [
            format!("https://ns.adobe.com/other/mixins/{hash}"),
            format!("https://ns.adobe.com/acme/fieldgroups/{hash}"),
            "https://ns.adobe.com/acme/mixins/short".to_owned(),
            "https://ns.adobe.com/xdm/context/profile".to_owned(),
        ] {
            assert_eq!(tenant_kind(&scope, &other), None, "{other}");
        }
    }
}
