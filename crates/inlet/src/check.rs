//! The rules for one message: what it needs, and which flow and dataset it goes to. Pure.
//!
//! The order is the documented one: header and body, org, schema reference, its agreement with `xdmMeta`, dataset, the
//! dataset's schema, flow.

use std::ops::Range;
use std::sync::Arc;

use journal::{Form, FrameHeader, Operation};
use vocab::schema_ref::major_version;
use vocab::{FlowNo, Millis};

use crate::collector::Admitted;
use crate::envelope::{Body, Header, HeaderSlot, Message, OperationsSlot, SchemaSlot, Slot};
use crate::outcome::Rejection;
use crate::plan::{DataType, Dataset, Flow, Plan};
use crate::scan::Kind;

/// What the request says for all its messages; a message's own header goes before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) flow: Option<String>,
    pub(crate) dataset: Option<String>,
}

/// A message that may be logged.
#[derive(Clone)]
pub(crate) struct Accepted<'p> {
    pub(crate) header: FrameHeader,
    /// What is logged.
    pub(crate) payload: Range<usize>,
    /// What is mapped and validated: the raw record or `xdmEntity`.
    pub(crate) record: Option<Range<usize>>,
    pub(crate) flow: Option<&'p Arc<Flow>>,
    pub(crate) dataset: &'p Arc<Dataset>,
}

/// What a message is checked against.
pub(crate) struct Rules<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) admitted: &'p Admitted,
    pub(crate) hints: &'p Hints,
}

/// A schema as a message names it.
struct Named<'a> {
    id: std::borrow::Cow<'a, str>,
    /// `None` stands for the latest.
    major: Option<u32>,
}

impl<'p> Rules<'p> {
    /// Checks the message at position `index` of its request.
    pub(crate) fn check(&self, message: &Message<'_>, index: usize) -> Result<Accepted<'p>, Rejection> {
        if let Some(fault) = message.fault {
            return Err(Rejection::Fault(fault));
        }
        match self.admitted.inlet().data_type {
            DataType::Xdm => self.envelope(message, index),
            DataType::Raw => self.raw(message, index),
        }
    }

    fn envelope(&self, message: &Message<'_>, index: usize) -> Result<Accepted<'p>, Rejection> {
        if message.kind != Kind::Object {
            return Err(Rejection::UnknownFormat);
        }
        let HeaderSlot::Object(header) = &message.header else {
            return Err(Rejection::HeaderMissing);
        };
        let body =
            message.body.as_ref().filter(|body| body.kind == Kind::Object).ok_or(Rejection::UnknownFormat)?;
        self.org(header.org)?;
        let named = schemas(header, body)?;
        // Without a schema in the header the flow's dataset tells it, save for envelopes of the first generation.
        let implied = matches!(header.schema, SchemaSlot::Absent);
        if implied && header.legacy {
            return Err(Rejection::UnknownFormat);
        }
        let (flow, dataset) = self.route(header.flow, header.dataset)?;
        if implied && flow.is_none() {
            return Err(Rejection::UnknownFormat);
        }
        let fits = *named.id == *dataset.schema_id.as_str()
            && named.major.is_none_or(|major| major == u32::from(dataset.schema_major));
        if !fits {
            return Err(Rejection::UnknownFormat);
        }
        let operation = self.operation(&header.operations, dataset)?;
        let header = self.frame(flow, dataset, operation, Form::Envelope, index);
        Ok(Accepted { header, payload: message.span.clone(), record: body.entity.clone(), flow, dataset })
    }

    fn raw(&self, message: &Message<'_>, index: usize) -> Result<Accepted<'p>, Rejection> {
        if message.kind != Kind::Object {
            return Err(Rejection::NotAnObject);
        }
        // An object of just a header and a body is the wrapped form; anything else is the record itself.
        let wrapped = match (&message.header, &message.body) {
            (HeaderSlot::Object(header), Some(body)) if !message.more => Some((header, body)),
            _ => None,
        };
        let bare = Header::default();
        let (header, record) = match wrapped {
            Some((_, body)) if body.kind != Kind::Object => return Err(Rejection::NotAnObject),
            Some((header, body)) => (header, body.span.clone()),
            None => (&bare, message.span.clone()),
        };
        self.org(header.org)?;
        let (flow, dataset) = self.route(header.flow, header.dataset)?;
        let flow = flow.ok_or(Rejection::UnknownFlow)?;
        self.same_schema(flow, dataset)?;
        let operation = self.operation(&header.operations, dataset)?;
        let header = self.frame(Some(flow), dataset, operation, Form::Raw, index);
        Ok(Accepted { header, payload: record.clone(), record: Some(record), flow: Some(flow), dataset })
    }

    /// A missing org is the inlet's; another is an error.
    fn org(&self, org: Slot<'_>) -> Result<(), Rejection> {
        match org {
            Slot::Absent => Ok(()),
            Slot::Text(text) if text.decode() == self.admitted.inlet().org.as_str() => Ok(()),
            Slot::Text(_) | Slot::Other => Err(Rejection::WrongOrg),
        }
    }

    /// Flow and dataset. The message's own words go before the request's, the request's before what the inlet implies.
    fn route(
        &self,
        flow: Slot<'_>,
        dataset: Slot<'_>,
    ) -> Result<(Option<&'p Arc<Flow>>, &'p Arc<Dataset>), Rejection> {
        let inlet = self.admitted.inlet();
        let dataset = dataset.text().map_err(|_| Rejection::UnknownDataset)?;
        let dataset = dataset.as_deref().or(self.hints.dataset.as_deref());
        let dataset = match dataset {
            Some(id) => Some(self.plan.dataset(inlet.sandbox, id).ok_or(Rejection::UnknownDataset)?),
            None => None,
        };
        let flow = flow.text().map_err(|_| Rejection::UnknownFlow)?;
        let flow = match flow.as_deref().or(self.hints.flow.as_deref()) {
            Some(id) => Some(inlet.flow(id).ok_or(Rejection::UnknownFlow)?),
            None => inlet.only_flow().filter(|flow| match (inlet.data_type, dataset) {
                // A message that names a dataset, as before there were flows, is not the flow's because there is one.
                (DataType::Xdm, Some(dataset)) => flow.dataset == dataset.id,
                _ => true,
            }),
        };
        let dataset = match (dataset, flow) {
            (Some(dataset), _) => dataset,
            (None, Some(flow)) => {
                self.plan.dataset(inlet.sandbox, flow.dataset.as_str()).ok_or(Rejection::UnknownDataset)?
            }
            (None, None) if inlet.data_type == DataType::Raw || !inlet.flows.is_empty() => {
                return Err(Rejection::UnknownFlow);
            }
            (None, None) => return Err(Rejection::UnknownDataset),
        };
        Ok((flow, dataset))
    }

    /// A raw record comes out of its flow in the schema of the flow's dataset; another dataset must have the same.
    fn same_schema(&self, flow: &Flow, dataset: &Dataset) -> Result<(), Rejection> {
        if flow.dataset == dataset.id {
            return Ok(());
        }
        let own = self.plan.dataset(self.admitted.inlet().sandbox, flow.dataset.as_str());
        match own {
            Some(own) if own.schema_id == dataset.schema_id => Ok(()),
            Some(_) => Err(Rejection::UnknownFormat),
            None => Err(Rejection::UnknownDataset),
        }
    }

    fn operation(&self, given: &OperationsSlot<'_>, dataset: &Dataset) -> Result<Operation, Rejection> {
        let (data, identity, identity_dataset) = match given {
            OperationsSlot::Absent => return Ok(Operation::Create),
            OperationsSlot::Other => return Err(Rejection::InvalidOperations),
            OperationsSlot::Given { data, identity, identity_dataset } => (data, identity, identity_dataset),
        };
        let text = |slot: &Slot<'_>| match *slot {
            Slot::Absent => Ok(None),
            Slot::Text(text) => Ok(Some(text.decode().into_owned())),
            Slot::Other => Err(Rejection::InvalidOperations),
        };
        let operation = match text(data)?.as_deref() {
            None | Some("create") => Operation::Create,
            Some("merge") => Operation::Merge,
            Some("delete") => Operation::Delete,
            Some(_) => return Err(Rejection::InvalidOperations),
        };
        match (text(identity)?.as_deref(), text(identity_dataset)?) {
            (None, _) => Ok(operation),
            // Identities can only be added, and into a dataset of their own that has the same schema. Documented.
            (Some("create"), Some(id)) => {
                let other =
                    self.plan.dataset(self.admitted.inlet().sandbox, &id).ok_or(Rejection::UnknownDataset)?;
                let fits = other.no != dataset.no && other.schema_id == dataset.schema_id;
                if fits { Ok(operation) } else { Err(Rejection::InvalidOperations) }
            }
            (Some(_), _) => Err(Rejection::InvalidOperations),
        }
    }

    fn frame(
        &self,
        flow: Option<&Arc<Flow>>,
        dataset: &Dataset,
        operation: Operation,
        form: Form,
        index: usize,
    ) -> FrameHeader {
        let inlet = self.admitted.inlet();
        FrameHeader {
            sandbox: inlet.sandbox,
            generation: inlet.generation,
            inlet: inlet.no,
            flow: flow.map_or(FlowNo(0), |flow| flow.no),
            dataset: dataset.no,
            schema: dataset.schema_no,
            schema_major: dataset.schema_major,
            // The log's writer stamps it.
            received: Millis(0),
            authenticated: self.admitted.authenticated(),
            // A batch has fewer messages than that.
            index: u32::try_from(index).unwrap_or(u32::MAX),
            operation,
            form,
        }
    }
}

/// The schema of a message: `xdmMeta` must name one, and the header no other.
fn schemas<'a>(header: &Header<'a>, body: &Body<'a>) -> Result<Named<'a>, Rejection> {
    let meta = named(body.schema)?.ok_or(Rejection::UnknownFormat)?;
    let Some(head) = named(header.schema)? else {
        return Ok(meta);
    };
    let agree = head.id == meta.id
        && match (head.major, meta.major) {
            (Some(head), Some(meta)) => head == meta,
            _ => true,
        };
    if !agree {
        return Err(Rejection::UnknownFormat);
    }
    Ok(Named { id: head.id, major: head.major.or(meta.major) })
}

fn named<'a>(schema: SchemaSlot<'a>) -> Result<Option<Named<'a>>, Rejection> {
    let (id, content_type) = match schema {
        SchemaSlot::Absent => return Ok(None),
        SchemaSlot::Other => return Err(Rejection::UnknownFormat),
        SchemaSlot::Ref { id, content_type } => (id, content_type),
    };
    let id = id.text().map_err(|_| Rejection::UnknownFormat)?.ok_or(Rejection::UnknownFormat)?;
    let content_type = content_type.text().map_err(|_| Rejection::UnknownFormat)?;
    Ok(Some(Named { id, major: content_type.as_deref().and_then(major_version) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::single;
    use crate::testing::{self, ORG, S1, S2};

    /// Checks a message at an inlet, with the request's flow and dataset. The outcome is
    /// `flow/dataset operation form payload`, or the text of the rejection.
    fn check_with(inlet: &str, flow: Option<&str>, dataset: Option<&str>, text: &str, expected: &str) {
        let plan = testing::plan();
        let admitted = testing::admitted(&plan, inlet);
        let hints = Hints { flow: flow.map(str::to_owned), dataset: dataset.map(str::to_owned) };
        let rules = Rules { plan: &plan, admitted: &admitted, hints: &hints };
        let outcome = match rules.check(&single(text.as_bytes()).unwrap(), 7) {
            Ok(accepted) => {
                let header = &accepted.header;
                assert_eq!((header.index, header.generation, header.authenticated), (7, 3, false));
                let payload = &text[accepted.payload.clone()];
                let payload = if payload == text { "whole" } else { payload };
                format!(
                    "{}/{} {:?} {:?} {payload}",
                    header.flow, header.dataset, header.operation, header.form
                )
            }
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(outcome, expected, "{text}");
    }

    fn check(inlet: &str, text: &str, expected: &str) {
        check_with(inlet, None, None, text, expected);
    }

    /// An XDM message with that header and a body of schema 1.
    fn xdm(header: &str) -> String {
        format!(
            r#"{{"header":{header},"body":{{"xdmMeta":{{"schemaRef":{{"id":"{S1}"}}}},"xdmEntity":{{"_id":"1"}}}}}}"#
        )
    }

    fn schema(id: &str, content_type: &str) -> String {
        format!(r#"{{"id":"{id}","contentType":"{content_type}"}}"#)
    }

    fn both(head: &str, meta: &str) -> String {
        format!(
            r#"{{"header":{{"schemaRef":{head}}},"body":{{"xdmMeta":{{"schemaRef":{meta}}},"xdmEntity":{{}}}}}}"#
        )
    }

    const LOGGED: &str = "1/1 Create Envelope whole";
    const FORMAT: &str = "Message has unknown xdm format";
    const HEADER: &str = "The 'header' field is mandatory. Provide a valid 'header' value and try again.";
    const WRONG_ORG: &str = "Message has an absent or wrong ims org in the header";
    const FLOW: &str = "Message has unknown flow id";
    const DATASET: &str = "Message has unknown dataset id";
    const OPERATIONS: &str = "Message has invalid operations in the header";

    #[test]
    fn parts_of_an_envelope() {
        check("xdm", &xdm(&format!(r#"{{"schemaRef":{{"id":"{S1}"}}}}"#)), LOGGED);
        check("xdm", "{}", HEADER);
        check("xdm", r#"{"body":{}}"#, HEADER);
        check("xdm", r#"{"header":null,"body":{}}"#, HEADER);
        check("xdm", r#"{"header":"x","body":{}}"#, HEADER);
        check("xdm", r#"{"header":[],"body":{}}"#, HEADER);
        check("xdm", &format!(r#"{{"header":{{"schemaRef":{{"id":"{S1}"}}}}}}"#), FORMAT);
        for body in
            ["null", "7", "\"x\"", "[]", "{}", r#"{"xdmEntity":{}}"#, r#"{"xdmMeta":{},"xdmEntity":{}}"#]
        {
            check("xdm", &format!(r#"{{"header":{{"schemaRef":{{"id":"{S1}"}}}},"body":{body}}}"#), FORMAT);
        }
        for text in ["7", "\"x\"", "null", "true", "[]", "[{}]"] {
            check("xdm", text, FORMAT);
        }
        // Found out later, and kept as a failed record with its reason.
        check(
            "xdm",
            &format!(r#"{{"header":{{}},"body":{{"xdmMeta":{{"schemaRef":{{"id":"{S1}"}}}}}}}}"#),
            LOGGED,
        );
        check("xdm", "{\"header\":{},\"body\":{},\"a\":1e999}", "Invalid JSON: a number is out of range");
        check("xdm", r#"{"header":{"a":"\ud800"}}"#, "Invalid JSON: a lone surrogate is no character");
    }

    #[test]
    fn orgs() {
        check("xdm", &xdm(&format!(r#"{{"imsOrgId":"{ORG}"}}"#)), LOGGED);
        check("xdm", &xdm(r#"{"imsOrgId":null}"#), LOGGED);
        for org in ["\"B@AdobeOrg\"", "\"\"", "7", "{}", "\"a@adobeorg\""] {
            check("xdm", &xdm(&format!(r#"{{"imsOrgId":{org}}}"#)), WRONG_ORG);
        }
        check("raw", r#"{"header":{"imsOrgId":"B@AdobeOrg","flowId":"mapped"},"body":{}}"#, WRONG_ORG);
        // The org is looked at before the schema, the header before the org.
        check("xdm", r#"{"header":{"imsOrgId":"B"},"body":{}}"#, WRONG_ORG);
    }

    #[test]
    fn schema_references() {
        let plain = format!(r#"{{"id":"{S1}"}}"#);
        for content_type in [
            "application/vnd.adobe.xed-full+json;version=1",
            "application/vnd.adobe.xed-full-notext+json; version=1.0",
            "application/vnd.adobe.xed+json;1",
            "application/vnd.adobe.xed+json",
            "",
        ] {
            check("xdm", &both(&schema(S1, content_type), &plain), LOGGED);
            check("xdm", &both(&plain, &schema(S1, content_type)), LOGGED);
            check("xdm", &both(&schema(S1, content_type), &schema(S1, "x;version=1.4")), LOGGED);
        }
        check("xdm", &both(&schema(S1, "x;version=2"), &plain), FORMAT);
        check("xdm", &both(&plain, &schema(S1, "x;version=2")), FORMAT);
        check("xdm", &both(&schema(S1, "x;version=2"), &schema(S1, "x;version=1")), FORMAT);
        check("xdm", &both(&plain, &schema(S2, "")), FORMAT);
        check("xdm", &both(&schema(S2, ""), &schema(S2, "")), FORMAT);
        check(
            "xdm",
            &both(&schema("https://ns.adobe.com/x", ""), &schema("https://ns.adobe.com/x", "")),
            FORMAT,
        );
        for wrong in ["7", "\"x\"", "{}", "[]", r#"{"id":""}"#, r#"{"id":7}"#, r#"{"contentType":"x"}"#] {
            check("xdm", &both(wrong, &plain), FORMAT);
            check("xdm", &both(&plain, wrong), FORMAT);
        }
        check("xdm", &both(&plain, "null"), FORMAT);
        check("xdm", &both(&format!(r#"{{"id":"{S1}","contentType":7}}"#), &plain), FORMAT);
    }

    #[test]
    fn a_schema_may_be_left_to_the_flow() {
        check("xdm", &xdm("{}"), LOGGED);
        check("xdm", &xdm(r#"{"schemaRef":null}"#), LOGGED);
        check("xdm", &xdm(r#"{"xdmSchema":{"name":"x"}}"#), FORMAT);
        check("xdm", &xdm(r#"{"msgType":"xdmEntityCreate"}"#), FORMAT);
        check(
            "xdm",
            &xdm(&format!(r#"{{"msgType":"xdmEntityCreate","schemaRef":{{"id":"{S1}"}}}}"#)),
            LOGGED,
        );
        check("bare", &xdm(r#"{"datasetId":"d1"}"#), FORMAT);
        check(
            "bare",
            &xdm(&format!(r#"{{"datasetId":"d1","schemaRef":{{"id":"{S1}"}}}}"#)),
            "0/1 Create Envelope whole",
        );
    }

    #[test]
    fn flows_of_an_envelope() {
        check("xdm", &xdm(r#"{"flowId":"stored"}"#), LOGGED);
        check_with("xdm", Some("stored"), None, &xdm("{}"), LOGGED);
        check_with("xdm", Some("nonsense"), None, &xdm(r#"{"flowId":"stored"}"#), LOGGED);
        check_with("xdm", Some("stored"), None, &xdm(r#"{"flowId":""}"#), LOGGED);
        check_with("xdm", Some("nonsense"), None, &xdm("{}"), FLOW);
        for flow in ["\"nonsense\"", "\"disabled\"", "\"mapped\"", "7", "[\"stored\"]"] {
            check("xdm", &xdm(&format!(r#"{{"flowId":{flow}}}"#)), FLOW);
        }
        check("bare", &xdm(r#"{"flowId":"stored"}"#), FLOW);
        check("bare", &xdm(&format!(r#"{{"schemaRef":{{"id":"{S1}"}}}}"#)), DATASET);
    }

    #[test]
    fn datasets_of_an_envelope() {
        let named = |dataset: &str| xdm(&format!(r#"{{"schemaRef":{{"id":"{S1}"}},"datasetId":{dataset}}}"#));
        let bare = xdm(&format!(r#"{{"schemaRef":{{"id":"{S1}"}}}}"#));
        check("xdm", &named("\"d1\""), LOGGED);
        // The message goes before the flow, and is then not the flow's unless it says so.
        check("xdm", &named("\"d3\""), "0/3 Create Envelope whole");
        check_with("xdm", Some("stored"), None, &named("\"d3\""), "1/3 Create Envelope whole");
        check_with("xdm", None, Some("d3"), &bare, "0/3 Create Envelope whole");
        check_with("xdm", None, Some("d3"), &named("\"d1\""), LOGGED);
        check_with("bare", None, Some("d1"), &bare, "0/1 Create Envelope whole");
        check("xdm", &named("\"d2\""), FORMAT);
        check("xdm", &named("\"nonsense\""), DATASET);
        check("xdm", &named("\"other-sandbox\""), DATASET);
        check("xdm", &named("7"), DATASET);
        check_with("xdm", None, Some("nonsense"), &bare, DATASET);
    }

    #[test]
    fn raw_records() {
        let check = |text: &str, expected: &str| check_with("raw", Some("mapped"), None, text, expected);
        check(r#"{"a":1}"#, "2/1 Create Raw whole");
        check(r#" {"a":1} "#, r#"2/1 Create Raw {"a":1}"#);
        check("{}", "2/1 Create Raw whole");
        check(r#"{"header":{},"body":{"a":1}}"#, r#"2/1 Create Raw {"a":1}"#);
        check(r#"{"header":{"flowId":"plain"},"body":{"a":1}}"#, r#"3/1 Create Raw {"a":1}"#);
        check(r#"{"header":{},"body":{"a":1},"body":{"b":2}}"#, r#"2/1 Create Raw {"b":2}"#);
        // Not the wrapped form: the whole is the record, whatever its members are called.
        check(r#"{"header":{"flowId":"plain"},"body":{"a":1},"c":1}"#, "2/1 Create Raw whole");
        check(r#"{"header":"x","body":{"a":1}}"#, "2/1 Create Raw whole");
        check(r#"{"header":{"flowId":"nonsense"}}"#, "2/1 Create Raw whole");
        check(r#"{"body":{}}"#, "2/1 Create Raw whole");
        for text in
            ["7", "null", "\"x\"", "[{}]", r#"{"header":{},"body":7}"#, r#"{"header":{},"body":[{}]}"#]
        {
            check(text, "Message is not a JSON object");
        }
    }

    #[test]
    fn routes_of_raw_records() {
        check_with("raw", None, None, "{}", FLOW);
        check_with("raw", Some("nonsense"), None, "{}", FLOW);
        check_with("raw", Some("stored"), None, "{}", FLOW);
        check_with("raw", Some("disabled"), None, "{}", FLOW);
        check_with("one-raw", None, None, "{}", "2/1 Create Raw whole");
        check_with("one-raw", None, Some("d3"), "{}", "2/3 Create Raw whole");
        check_with("raw", Some("mapped"), Some("d3"), "{}", "2/3 Create Raw whole");
        check_with("raw", Some("mapped"), Some("d2"), "{}", FORMAT);
        check_with("raw", Some("mapped"), Some("nonsense"), "{}", DATASET);
        check_with("raw", Some("lost"), None, "{}", DATASET);
        check_with("raw", None, Some("d1"), "{}", FLOW);
        check("raw", r#"{"header":{"flowId":"mapped","datasetId":"d3"},"body":{}}"#, "2/3 Create Raw {}");
    }

    #[test]
    fn operations() {
        let check = |operations: &str, expected: &str| {
            let text = format!(r#"{{"header":{{"flowId":"mapped","operations":{operations}}},"body":{{}}}}"#);
            check_with("raw", None, None, &text, expected);
        };
        check("null", "2/1 Create Raw {}");
        check("{}", "2/1 Create Raw {}");
        check(r#"{"data":"create"}"#, "2/1 Create Raw {}");
        check(r#"{"data":"merge"}"#, "2/1 Merge Raw {}");
        check(r#"{"data":"delete"}"#, "2/1 Delete Raw {}");
        check(r#"{"data":"merge","identity":"create","identityDatasetId":"d3"}"#, "2/1 Merge Raw {}");
        check(r#"{"identity":"create","identityDatasetId":"d3"}"#, "2/1 Create Raw {}");
        check(r#"{"identity":"create"}"#, OPERATIONS);
        check(r#"{"identity":"merge","identityDatasetId":"d3"}"#, OPERATIONS);
        check(r#"{"identity":"create","identityDatasetId":"d1"}"#, OPERATIONS);
        check(r#"{"identity":"create","identityDatasetId":"d2"}"#, OPERATIONS);
        check(r#"{"identity":"create","identityDatasetId":"nonsense"}"#, DATASET);
        for wrong in ["7", "[]", "\"merge\"", r#"{"data":"upsert"}"#, r#"{"data":"Merge"}"#, r#"{"data":1}"#]
        {
            check(wrong, OPERATIONS);
        }
        check_with("xdm", None, None, &xdm(r#"{"operations":{"data":"merge"}}"#), "1/1 Merge Envelope whole");
    }
}
