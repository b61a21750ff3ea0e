//! The one translation from the control plane to the record path.
//!
//! After each committed change the objects that it touches are read back and compiled into an [`inlet::Plan`] and a
//! [`refine::Plan`], which are swapped in before the answer leaves. Plans are persistent maps: a copy of one shares all that
//! is not changed, so a change costs what it touches, not the number of flows. A stored flow or dataset that no longer
//! compiles is left out and logged; an item of a mapping set that does not costs its field.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use control::flow::Wiring;
use control::resource::{self, Selection};
use control::sandbox::Wiped;
use control::{Actor, Kind, Saved, Scope, catalog, mapping, registry, sandbox};
use lake::{Lake, TableSpec};
use serde_json::Value;
use store::{Store, StoreError, Tx, values};
use tokio::sync::{Mutex, MutexGuard};
use vocab::{
    ConnectionId, DatasetId, DatasetNo, FlowId, FlowNo, InletId, InletNo, MappingSetId, Millis, SandboxNo,
    SchemaId, SchemaNo,
};

/// The plans in force. Reading one takes no lock; changes go one at a time.
pub(crate) struct Plans {
    pub(crate) inlet: Arc<ArcSwap<inlet::Plan>>,
    pub(crate) refine: Arc<ArcSwap<refine::Plan>>,
    /// Held while a change is read back and swapped in.
    publishing: Mutex<Publishing>,
    /// How the switches of the mapping language stand, for every set.
    pub(crate) switches: prep::Switches,
}

/// What changes to the plans need to know beside them.
#[derive(Default)]
struct Publishing {
    /// The datasets whose tables are yet to be created in the lake.
    missing: HashSet<DatasetNo>,
    homes: Homes,
}

/// The connection whose inlet feeds a flow.
type Homes = imbl::HashMap<FlowId, String>;

/// One sandbox's part of the work: a transaction to read with, and the plans that are being changed.
struct Compiler<'a> {
    tx: &'a mut Tx,
    scope: &'a Scope,
    inlet: inlet::Plan,
    refine: refine::Plan,
    homes: Homes,
    /// What many datasets or flows share is compiled once for all that a change touches.
    schemas: HashMap<SchemaId, Option<CompiledSchema>>,
    /// By id and version.
    sets: HashMap<(String, u32), Option<Arc<prep::MappingSet>>>,
    /// The schemas that mapping sets write.
    set_schemas: HashMap<String, Arc<xdm::Schema>>,
}

#[derive(Clone)]
struct CompiledSchema {
    schema: Arc<xdm::Schema>,
    no: SchemaNo,
    version: String,
}

impl Plans {
    pub(crate) fn new(switches: prep::Switches) -> Self {
        Self { inlet: Arc::default(), refine: Arc::default(), publishing: Mutex::default(), switches }
    }

    /// Compiles everything; for start-up.
    pub(crate) async fn load(&self, store: &Store, lake: &Lake, now: Millis) -> Result<(), StoreError> {
        let mut publishing = self.publishing.lock().await;
        // Before any table is made: a folder that a crash left behind goes as a whole.
        settle(store, lake).await?;
        let mut tx = store.read().await?;
        let mut plans = (inlet::Plan::default(), refine::Plan::default(), Homes::default());
        for mut scope in sandbox::all_scopes(&mut tx, &system_actor(), now).await? {
            scope.switches = self.switches;
            let mut compiler = Compiler::new(&mut tx, &scope, plans);
            compiler.sandbox().await?;
            compiler.retired().await?;
            plans = compiler.finish();
        }
        let (inlet, refine, homes) = plans;
        self.inlet.store(Arc::new(inlet));
        self.refine.store(Arc::new(refine));
        publishing.homes = homes;
        publishing.missing = self.refine.load().datasets.keys().copied().collect();
        self.ensure_tables(lake, &mut publishing.missing).await;
        Ok(())
    }

    /// Compiles what a committed change touches.
    pub(crate) async fn publish(
        &self,
        store: &Store,
        lake: &Lake,
        scope: &Scope,
        changed: &[(Kind, &str)],
    ) -> Result<(), StoreError> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut publishing = self.publishing.lock().await;
        if self.refine.load().generations.get(&scope.sandbox).is_some_and(|now| *now > scope.generation) {
            // The sandbox was emptied since: nothing of this change is there.
            return Ok(());
        }
        let mut tx = store.read().await?;
        let plans = (
            inlet::Plan::clone(&self.inlet.load()),
            refine::Plan::clone(&self.refine.load()),
            publishing.homes.clone(),
        );
        // Whoever asked, sets are compiled under the switches of this server.
        let scope = &Scope { switches: self.switches, ..scope.clone() };
        let mut compiler = Compiler::new(&mut tx, scope, plans);
        compiler.refine.generations.insert(scope.sandbox, scope.generation);
        let mut dropped = Vec::new();
        for (kind, id) in changed {
            compiler.changed(*kind, id, &mut publishing.missing, &mut dropped).await?;
        }
        compiler.inlet.sequence += 1;
        let (inlet, refine, homes) = compiler.finish();
        publishing.homes = homes;
        self.ensure_tables_of(lake, &refine, &mut publishing.missing).await;
        // The record path after the log learns first: whatever the inlet lets in, refine knows.
        self.refine.store(Arc::new(refine));
        self.inlet.store(Arc::new(inlet));
        for table in dropped {
            if let Err(error) = lake.drop_tables(&table).await {
                tracing::error!(table = table.table, %error, "cannot drop the tables of a deleted dataset");
            }
        }
        Ok(())
    }

    /// Tries again what the file system refused: tables that could not be created with their dataset, folders of emptied
    /// sandboxes.
    pub(crate) async fn retry(&self, store: &Store, lake: &Lake) {
        let mut publishing = self.publishing.lock().await;
        self.ensure_tables(lake, &mut publishing.missing).await;
        if let Err(error) = settle(store, lake).await {
            tracing::warn!(%error, "cannot look for emptied sandboxes");
        }
    }

    /// Keeps all other changes out until it is dropped. Taken before a transaction that writes, as changes to the plans
    /// write to the store themselves.
    pub(crate) async fn change(&self) -> Changing<'_> {
        Changing { plans: self, publishing: self.publishing.lock().await }
    }

    async fn ensure_tables(&self, lake: &Lake, missing: &mut HashSet<DatasetNo>) {
        let plan = self.refine.load_full();
        self.ensure_tables_of(lake, &plan, missing).await;
    }

    async fn ensure_tables_of(&self, lake: &Lake, plan: &refine::Plan, missing: &mut HashSet<DatasetNo>) {
        for no in missing.clone() {
            let Some(dataset) = plan.datasets.get(&no).filter(|dataset| !dataset.deleted) else {
                missing.remove(&no);
                continue;
            };
            match lake.ensure(&dataset.table).await {
                Ok(()) => {
                    missing.remove(&no);
                }
                Err(error) => {
                    let table = &dataset.table.table;
                    tracing::error!(table, %error, "cannot create the tables of a dataset; trying again later");
                }
            }
        }
    }
}

/// The plans, held for one change.
pub(crate) struct Changing<'a> {
    plans: &'a Plans,
    publishing: MutexGuard<'a, Publishing>,
}

impl Changing<'_> {
    /// Forgets all of a sandbox. Its inlets are unknown from here on, and what waits in the log for its datasets is
    /// discarded.
    pub(crate) fn forget(&mut self, wiped: &Wiped, catalog: &str) {
        let sandbox = wiped.sandbox.no;
        let mut inlet = inlet::Plan::clone(&self.plans.inlet.load());
        let mut refine = refine::Plan::clone(&self.plans.refine.load());
        for gone in inlet.inlets.values().filter(|inlet| inlet.sandbox == sandbox) {
            refine.inlets.remove(&gone.no);
            gone.flows.values().for_each(|flow| {
                refine.flows.remove(&flow.no);
                self.publishing.homes.remove(&flow.id);
            });
        }
        inlet.inlets.retain(|_, inlet| inlet.sandbox != sandbox);
        inlet.datasets.retain(|(of, _), _| *of != sandbox);
        inlet.sequence += 1;
        refine.generations.insert(sandbox, wiped.sandbox.generation);
        for (no, id) in &wiped.datasets {
            self.publishing.missing.remove(no);
            let dataset = discarding(catalog.to_owned(), sandbox, *no, id.clone());
            refine.datasets.insert(*no, Arc::new(dataset));
        }
        self.plans.refine.store(Arc::new(refine));
        self.plans.inlet.store(Arc::new(inlet));
    }
}

/// Moves the folders of emptied sandboxes away, and says so in the store. One that cannot be moved is tried again later.
pub(crate) async fn settle(store: &Store, lake: &Lake) -> Result<(), StoreError> {
    let mut tx = store.read().await?;
    let unsettled = sandbox::unsettled(&mut tx).await?;
    drop(tx);
    for (sandbox, tenant) in unsettled {
        if let Err(error) = lake.trash(&Scope::catalog_of(&tenant, &sandbox.name)) {
            tracing::error!(sandbox = sandbox.name, %error, "cannot move the files of an emptied sandbox away");
            continue;
        }
        let mut tx = store.write().await?;
        sandbox::settle(&mut tx, sandbox.no).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Who reads when nobody asked.
fn system_actor() -> Actor {
    Actor { user: "system".to_owned(), client: "system".to_owned() }
}

impl<'a> Compiler<'a> {
    fn new(
        tx: &'a mut Tx,
        scope: &'a Scope,
        (inlet, refine, homes): (inlet::Plan, refine::Plan, Homes),
    ) -> Self {
        Self {
            tx,
            scope,
            inlet,
            refine,
            homes,
            schemas: HashMap::new(),
            sets: HashMap::new(),
            set_schemas: HashMap::new(),
        }
    }

    fn finish(self) -> (inlet::Plan, refine::Plan, Homes) {
        (self.inlet, self.refine, self.homes)
    }

    /// Compiles the whole sandbox.
    async fn sandbox(&mut self) -> Result<(), StoreError> {
        self.refine.generations.insert(self.scope.sandbox, self.scope.generation);
        self.all(Kind::DataSets).await?;
        self.all(Kind::Connections).await?;
        self.all(Kind::Flows).await
    }

    /// Compiles everything of a kind.
    async fn all(&mut self, kind: Kind) -> Result<(), StoreError> {
        let mut selection = Selection::all();
        loop {
            let part = resource::select(self.tx, self.scope, kind, &selection).await?;
            for saved in &part {
                match kind {
                    Kind::DataSets => self.dataset(saved).await?,
                    Kind::Connections => self.connection(saved),
                    _ => self.flow(saved).await?,
                }
            }
            if !selection.go_on(&part) {
                return Ok(());
            }
        }
    }

    /// Flows and datasets that were deleted: records of theirs may still be in the journal.
    async fn retired(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT kind, id, no, doc FROM retired WHERE sandbox = $1";
        for row in self.tx.rows(sql, values![self.scope.sandbox]).await? {
            let doc: Value = serde_json::from_str(row.text(3)?).unwrap_or_default();
            match Kind::from_name(row.text(0)?) {
                Some(Kind::Flows) => {
                    if let Some(wiring) = doc.as_object().and_then(Wiring::of) {
                        let id = FlowId::from(row.text(1)?);
                        self.refine_flow(FlowNo(row.number(2)?), &id, &wiring).await?;
                    }
                }
                Some(Kind::DataSets) => {
                    let no = DatasetNo(row.number(2)?);
                    let id = DatasetId::from(row.text(1)?);
                    let dataset = discarding(self.scope.catalog(), self.scope.sandbox, no, id);
                    self.refine.datasets.insert(no, Arc::new(dataset));
                }
                Some(Kind::Connections) => {
                    let no = InletNo(row.number(2)?);
                    if let Some(inlet) = text(&doc, "/auth/params/inletId") {
                        self.refine.inlets.insert(no, inlet.into());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn changed(
        &mut self,
        kind: Kind,
        id: &str,
        missing: &mut HashSet<DatasetNo>,
        dropped: &mut Vec<Arc<TableSpec>>,
    ) -> Result<(), StoreError> {
        match kind {
            Kind::Connections => self.connection_by_id(id).await,
            Kind::Flows => self.flow_by_id(id).await,
            Kind::DataSets => self.dataset_by_id(id, missing, dropped).await,
            // The global library: anything may be made of it.
            Kind::Schemas if id.is_empty() => self.sandbox().await,
            Kind::Schemas | Kind::Classes | Kind::FieldGroups | Kind::DataTypes => {
                self.schemas(kind, id).await
            }
            // What a schema requires of its records; mappings do not depend on that.
            Kind::Descriptors => self.all(Kind::DataSets).await,
            // A flow pins the mapping set's version and keeps its resolved ends until it is itself changed.
            Kind::MappingSets
            | Kind::MapperSamples
            | Kind::MapperSchemas
            | Kind::SourceConnections
            | Kind::TargetConnections
            | Kind::Namespaces => Ok(()),
        }
    }

    async fn connection_by_id(&mut self, id: &str) -> Result<(), StoreError> {
        match resource::get(self.tx, self.scope, Kind::Connections, id).await? {
            Some(connection) => self.connection(&connection),
            None => {
                if let Some(inlet) = self.inlet.inlets.remove(id) {
                    self.inlet.inlets.remove(inlet.id.as_str());
                }
            }
        }
        Ok(())
    }

    async fn flow_by_id(&mut self, id: &str) -> Result<(), StoreError> {
        let flow = FlowId::from(id);
        if let Some(home) = self.homes.remove(&flow)
            && let Some(inlet) = self.inlet.inlets.get(&home)
        {
            let mut inlet = inlet::Inlet::clone(inlet);
            inlet.flows.remove(&flow);
            self.put(inlet);
        }
        match resource::get(self.tx, self.scope, Kind::Flows, id).await? {
            Some(saved) => self.flow(&saved).await,
            None => Ok(()),
        }
    }

    /// A schema, or a part that schemas are made of: datasets first, then the mappings compiled against them.
    async fn schemas(&mut self, kind: Kind, id: &str) -> Result<(), StoreError> {
        let mut flows = BTreeSet::new();
        for schema in registry::schemas_with(self.tx, self.scope, kind, id).await? {
            for dataset in self.users(Kind::DataSets, Kind::Schemas, &schema).await? {
                if let Some(saved) = resource::get(self.tx, self.scope, Kind::DataSets, &dataset).await? {
                    self.dataset(&saved).await?;
                }
                // A pinned version of a set may have had another schema than the newest one: that of its flow's dataset.
                let users = self.users(Kind::Flows, Kind::DataSets, &dataset).await?;
                flows.extend(users.into_iter().filter(|flow| !self.maps_nothing(flow)));
            }
            for set in self.users(Kind::MappingSets, Kind::Schemas, &schema).await? {
                flows.extend(self.users(Kind::Flows, Kind::MappingSets, &set).await?);
            }
        }
        for flow in flows {
            self.flow_by_id(&flow).await?;
        }
        Ok(())
    }

    async fn users(&mut self, from: Kind, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
        resource::users(self.tx, self.scope, from, kind, id).await
    }

    /// Whether a flow runs and is known to have no mapping set.
    fn maps_nothing(&self, flow: &str) -> bool {
        let id = FlowId::from(flow);
        let inlet = self.homes.get(&id).and_then(|home| self.inlet.inlets.get(home));
        inlet
            .and_then(|inlet| inlet.flows.get(&id))
            .is_some_and(|flow| flow.enabled && flow.mapping.is_none())
    }

    /// Puts an inlet under both of its names.
    fn put(&mut self, inlet: inlet::Inlet) {
        let inlet = Arc::new(inlet);
        self.inlet.inlets.insert(inlet.connection.0.clone(), inlet.clone());
        self.inlet.inlets.insert(inlet.id.0.clone(), inlet);
    }

    async fn dataset_by_id(
        &mut self,
        id: &str,
        missing: &mut HashSet<DatasetNo>,
        dropped: &mut Vec<Arc<TableSpec>>,
    ) -> Result<(), StoreError> {
        let key = (self.scope.sandbox, DatasetId::from(id));
        if let Some(saved) = resource::get(self.tx, self.scope, Kind::DataSets, id).await? {
            let known = self.refine.datasets.contains_key(&DatasetNo(saved.no));
            self.dataset(&saved).await?;
            if !known {
                missing.insert(DatasetNo(saved.no));
            }
            return Ok(());
        }
        if let Some(gone) = self.inlet.datasets.remove(&key)
            && let Some(dataset) = self.refine.datasets.get(&gone.no).cloned()
        {
            dropped.push(dataset.table.clone());
            let deleted = refine::Dataset { deleted: true, ..(*dataset).clone() };
            self.refine.datasets.insert(gone.no, Arc::new(deleted));
        }
        Ok(())
    }

    /// An inlet; its flows are those that it had.
    fn connection(&mut self, saved: &Saved) {
        let Some(params) = saved.doc.get("auth").and_then(|auth| auth.get("params")) else {
            return;
        };
        let Some(inlet_id) = params.get("inletId").and_then(Value::as_str) else {
            return;
        };
        let no = InletNo(saved.no);
        let raw = params.get("dataType").and_then(Value::as_str) == Some("raw");
        let flows = self.inlet.inlets.get(&saved.id).map(|known| known.flows.clone()).unwrap_or_default();
        let inlet = inlet::Inlet {
            no,
            id: InletId::from(inlet_id),
            connection: ConnectionId::from(saved.id.as_str()),
            org: self.scope.org.clone(),
            sandbox: self.scope.sandbox,
            generation: self.scope.generation,
            sandbox_name: self.scope.sandbox_name.clone(),
            data_type: if raw { inlet::DataType::Raw } else { inlet::DataType::Xdm },
            authentication_required: params
                .get("authenticationRequired")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            source_name: params.get("sourceId").and_then(Value::as_str).unwrap_or(&saved.name).to_owned(),
            enabled: saved.state == "enabled",
            flows,
        };
        self.refine.inlets.insert(no, inlet.id.as_str().into());
        self.put(inlet);
    }

    /// A flow: into the plan of refine, and to its inlet. A draft has no ends yet.
    async fn flow(&mut self, saved: &Saved) -> Result<(), StoreError> {
        let Some(wiring) = Wiring::of(&saved.doc) else {
            return Ok(());
        };
        let (no, id) = (FlowNo(saved.no), FlowId::from(saved.id.as_str()));
        let compiled = self.refine_flow(no, &id, &wiring).await?;
        let Some(home) = self.inlet.inlets.get(&wiring.connection) else {
            return Ok(());
        };
        let mut inlet = inlet::Inlet::clone(home);
        let mapping = self.refine.flows.get(&no).and_then(|flow| flow.mapping.as_ref());
        let fail_unmapped = mapping.is_some_and(|mapping| mapping.fail_unmapped);
        let flow = inlet::Flow {
            no,
            id,
            enabled: compiled && saved.state == "enabled",
            dataset: DatasetId::from(wiring.dataset.as_str()),
            mapping: mapping.map(|mapping| mapping.set.clone()),
            fail_unmapped,
        };
        self.homes.insert(flow.id.clone(), wiring.connection);
        inlet.flows.insert(flow.id.clone(), Arc::new(flow));
        self.put(inlet);
        Ok(())
    }

    /// Puts a flow into the plan of refine; `false` when its mapping set no longer compiles.
    async fn refine_flow(&mut self, no: FlowNo, id: &FlowId, wiring: &Wiring) -> Result<bool, StoreError> {
        let mut compiled = true;
        let mut mapping = None;
        if let Some(pinned) = &wiring.mapping {
            match self.set(&pinned.id, pinned.version).await {
                Some(set) => {
                    let id = MappingSetId::from(pinned.id.as_str());
                    let (version, fail_unmapped) = (pinned.version, pinned.fail_unmapped);
                    mapping = Some(refine::Mapping { set, id, version, fail_unmapped });
                }
                None => {
                    tracing::error!(flow = %id, mapping_set = pinned.id, "the flow's mapping set does not compile");
                    compiled = false;
                }
            }
        }
        // A mapping that was good before stays in force for the records that came in under it.
        if compiled || !self.refine.flows.contains_key(&no) {
            self.refine.flows.insert(no, Arc::new(refine::Flow { no, id: id.clone(), mapping }));
        }
        Ok(compiled)
    }

    async fn dataset(&mut self, saved: &Saved) -> Result<(), StoreError> {
        let facts = match catalog::facts(saved) {
            Some(facts) => facts,
            None => return Ok(()),
        };
        let Some(CompiledSchema { schema, no: schema_no, version: schema_version }) =
            self.schema(&facts.schema_id).await?
        else {
            let schema = &facts.schema_id;
            tracing::error!(dataset = saved.id, %schema, "the dataset is left out: its schema does not compile");
            return Ok(());
        };
        let no = DatasetNo(saved.no);
        let id = DatasetId::from(saved.id.as_str());
        let table = TableSpec {
            catalog: self.scope.catalog(),
            table: facts.table.clone(),
            dataset_id: id.clone(),
            dataset: no,
            sandbox: self.scope.sandbox,
            schema: schema.arrow().clone(),
            time_series: matches!(schema.behavior(), xdm::Behavior::TimeSeries),
        };
        let dataset = refine::Dataset {
            table: Arc::new(table),
            schema: schema.clone(),
            schema_id: facts.schema_id.clone(),
            schema_version,
            deleted: false,
        };
        self.refine.datasets.insert(no, Arc::new(dataset));
        let dataset = inlet::Dataset {
            no,
            id: id.clone(),
            sandbox: self.scope.sandbox,
            schema_id: facts.schema_id,
            schema_no,
            schema_major: facts.schema_major,
            schema,
        };
        self.inlet.datasets.insert((self.scope.sandbox, id), Arc::new(dataset));
        Ok(())
    }

    /// A schema that datasets have; `None` when it does not compile.
    async fn schema(&mut self, id: &SchemaId) -> Result<Option<CompiledSchema>, StoreError> {
        if let Some(known) = self.schemas.get(id) {
            return Ok(known.clone());
        }
        let made = match registry::compiled(self.tx, self.scope, id.as_str()).await {
            Ok(schema) => {
                let version = registry::version(self.tx, self.scope, id.as_str()).await?;
                Some(CompiledSchema { schema, no: self.schema_no(id).await?, version })
            }
            Err(error) => {
                tracing::error!(schema = %id, %error, "a schema does not compile");
                None
            }
        };
        self.schemas.insert(id.clone(), made.clone());
        Ok(made)
    }

    /// A mapping set that flows pin; `None` when it does not compile.
    async fn set(&mut self, id: &str, version: u32) -> Option<Arc<prep::MappingSet>> {
        let entry = match self.sets.entry((id.to_owned(), version)) {
            Entry::Occupied(known) => return known.get().clone(),
            Entry::Vacant(entry) => entry,
        };
        let written = &mut self.set_schemas;
        let made = match mapping::compiled_with(self.tx, self.scope, id, Some(version), written).await {
            Ok((set, _)) => {
                for error in set.broken() {
                    tracing::error!(mapping_set = id, version, %error, "a mapping does not compile; its field is left out");
                }
                Some(set)
            }
            Err(error) => {
                tracing::error!(mapping_set = id, version, %error, "a mapping set does not compile");
                None
            }
        };
        entry.insert(made).clone()
    }

    async fn schema_no(&mut self, id: &SchemaId) -> Result<SchemaNo, StoreError> {
        let sql = "SELECT no FROM number WHERE kind = $1 AND id = $2";
        let row = self.tx.row(sql, values![Kind::Schemas.name(), id.as_str()]).await?;
        row.map_or(Ok(SchemaNo(0)), |row| row.number(0).map(SchemaNo))
    }
}

fn text<'a>(doc: &'a Value, pointer: &str) -> Option<&'a str> {
    doc.pointer(pointer)?.as_str()
}

/// A deleted dataset, as far as its pending records need it: they are discarded, and counted.
fn discarding(catalog: String, sandbox: SandboxNo, no: DatasetNo, id: DatasetId) -> refine::Dataset {
    let schema = Arc::new(xdm::Schema::default());
    let table = TableSpec {
        catalog,
        table: id.0.clone(),
        dataset_id: id,
        dataset: no,
        sandbox,
        schema: schema.arrow().clone(),
        time_series: false,
    };
    refine::Dataset {
        table: Arc::new(table),
        schema,
        schema_id: SchemaId::from(""),
        schema_version: String::new(),
        deleted: true,
    }
}
