//! How Flow Service spells a revision.

use crate::Saved;

/// The etag of a resource with its double quotes, such as `"00000003-0000-0200-0000-637e8fad0000"`: the revision and
/// the time of the last change in Unix seconds, in hex. The form is the vendor's.
pub fn etag(saved: &Saved) -> String {
    let seconds = u32::try_from(saved.updated.seconds()).unwrap_or(u32::MAX);
    format!("\"{:08x}-0000-0200-0000-{seconds:08x}0000\"", saved.rev)
}

/// Whether one of the etags in an `If-Match` header is the resource's: with or without quotes, weak or strong, or `*`.
pub(super) fn matches(saved: &Saved, if_match: &str) -> bool {
    let current = etag(saved);
    let current = current.trim_matches('"');
    if_match.split(',').any(|one| {
        let one = one.trim();
        let one = one.strip_prefix("W/").unwrap_or(one);
        let one = one.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(one);
        one == "*" || one.eq_ignore_ascii_case(current)
    })
}
