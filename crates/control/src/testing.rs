//! What the tests of every service need: an empty store, orgs, scopes.

use store::{Store, Tx};
use vocab::{Millis, OrgId};

use crate::{Actor, Scope, ims, sandbox};

/// The time at which tests run.
pub(crate) const NOW: Millis = Millis(1_700_000_000_000);

/// A store in a folder that lives as long as the second value.
pub(crate) async fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("control.db")).await.unwrap();
    (store, dir)
}

pub(crate) fn actor() -> Actor {
    Actor { user: "tester@techacct.adobe.com".to_owned(), client: "client".to_owned() }
}

/// A new org with that tenant id and its sandbox `prod`.
pub(crate) async fn org(tx: &mut Tx, tenant: &str) -> OrgId {
    ims::create_org(tx, NOW, None, Some(tenant)).await.unwrap().id
}

/// A new org's default sandbox.
pub(crate) async fn scope(tx: &mut Tx, tenant: &str) -> Scope {
    let org = org(tx, tenant).await;
    sandbox::scope(tx, &org, None, actor(), NOW).await.unwrap().unwrap()
}
