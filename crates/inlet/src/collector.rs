//! The collector: from a request to its answer.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use journal::{Journal, NewFrame, Operation};
use tokio::sync::Semaphore;
use vocab::{Clock, Look, Millis, Read, Tape, random};

use crate::check::{Accepted, Hints, Rules};
use crate::envelope::{self, NoBatch, Part};
use crate::limits::{Limits, MESSAGES_MAX, SYNC_VALIDATIONS_MAX, SYNC_VIOLATIONS_MAX, TOKEN_BYTES_MAX};
use crate::outcome::{Batch, Invalid, One, Refusal, Rejection, Validated};
use crate::plan::{Dataset, Flow, Inlet, Plan};
use crate::pressure::{Pressure, Reservation};

/// Says whether a token may write to an inlet. In memory: it is asked on every request that carries one.
pub trait Authorizer: Send + Sync {
    fn authorize(&self, token: &str, inlet: &Inlet) -> Result<(), AuthError>;
}

/// Why a token is not good for an inlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// Malformed, forged, expired or revoked.
    Invalid,
    /// A good token of another org or sandbox.
    Forbidden,
}

/// A request that may send its body.
#[derive(Clone)]
pub struct Admitted {
    inlet: Arc<Inlet>,
    authenticated: bool,
}

impl Admitted {
    #[cfg(test)]
    pub(crate) fn without_token(inlet: Arc<Inlet>) -> Self {
        Self { inlet, authenticated: false }
    }

    pub fn inlet(&self) -> &Arc<Inlet> {
        &self.inlet
    }

    /// Whether the request carried a token that is good for this inlet: the trust mark of its records.
    pub fn authenticated(&self) -> bool {
        self.authenticated
    }
}

/// A request with its body.
pub struct Call {
    pub admitted: Admitted,
    /// The flow that the request names outside its messages.
    pub flow: Option<String>,
    /// The dataset that the request names outside its messages.
    pub dataset: Option<String>,
    /// Whether synchronous validation was asked for; `None` when the request says nothing. A batch ignores it.
    pub sync_validation: Option<bool>,
    /// At most [`Limits::body_bytes`], inflated.
    pub body: Bytes,
}

/// Takes records in. One per process; all methods may run at the same time.
pub struct Collector {
    journal: Journal,
    plan: Arc<ArcSwap<Plan>>,
    authorizer: Arc<dyn Authorizer>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    pressure: Pressure,
    validations: Semaphore,
}

impl Collector {
    pub fn new(
        journal: Journal,
        plan: Arc<ArcSwap<Plan>>,
        authorizer: Arc<dyn Authorizer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_limits(journal, plan, authorizer, clock, Limits::default())
    }

    pub fn with_limits(
        journal: Journal,
        plan: Arc<ArcSwap<Plan>>,
        authorizer: Arc<dyn Authorizer>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        let pressure = Pressure::new(clock.clone(), &limits);
        let validations = Semaphore::new(SYNC_VALIDATIONS_MAX);
        Self { journal, plan, authorizer, clock, limits, pressure, validations }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Looks the inlet up and checks the token, before anything of the body is read. `inlet` is the path segment,
    /// `authorization` the header's value: `Bearer` and a token, or the bare token.
    pub fn admit(&self, inlet: &str, authorization: Option<&str>) -> Result<Admitted, Refusal> {
        let plan = self.plan.load();
        let inlet = plan.inlet(inlet).ok_or(Refusal::NotFound)?.clone();
        let token = authorization.and_then(token);
        let authorized = match token {
            Some(token) if token.len() > TOKEN_BYTES_MAX => Err(Refusal::TokenInvalid),
            Some(token) => self.authorizer.authorize(token, &inlet).map_err(|error| match error {
                AuthError::Invalid => Refusal::TokenInvalid,
                AuthError::Forbidden => Refusal::Forbidden,
            }),
            None => Err(Refusal::TokenMissing),
        };
        match authorized {
            Ok(()) => Ok(Admitted { inlet, authenticated: true }),
            Err(refusal) if inlet.authentication_required => Err(refusal),
            // On an open inlet a token that is not good is no error; the records say that nobody vouches for them.
            Err(_) => Ok(Admitted { inlet, authenticated: false }),
        }
    }

    /// Waits for room for a body of so many bytes. For bodies beyond [`crate::limits::SMALL_BODY_BYTES`], and for compressed
    /// ones, whose size is not known; held until the request is answered.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, Refusal> {
        self.pressure.reserve(bytes).await
    }

    /// Takes one message in. On `Ok` it is on stable storage.
    pub async fn one(&self, call: Call) -> Result<One, Refusal> {
        let Call { admitted, flow, dataset, sync_validation, body } = call;
        let inlet = admitted.inlet.clone();
        let plan = self.plan.load_full();
        let hints = Hints { flow, dataset };
        let message = envelope::single(&body).map_err(|syntax| Refusal::Syntax(inlet.clone(), syntax))?;
        let rules = Rules { plan: &plan, admitted: &admitted, hints: &hints };
        let accepted =
            rules.check(&message, 0).map_err(|rejection| Refusal::Rejected(inlet.clone(), rejection))?;
        let validated = match sync_validation {
            None => Validated::Unasked,
            Some(false) => Validated::Skipped,
            Some(true) => {
                self.validate(&inlet, &body, &accepted).await?;
                Validated::Passed
            }
        };
        let frame = NewFrame { header: accepted.header, payload: body.slice(accepted.payload) };
        let attempt = || self.journal.append(vec![frame.clone()]);
        let appended = self.pressure.append(body.len(), attempt).await?;
        let xaction_id =
            journal::xaction_id(appended.received, self.journal.partition(), appended.first_offset);
        Ok(One { inlet, xaction_id, received: appended.received, validated })
    }

    /// Takes the messages of a batch in, all good ones in one piece. On `Ok` they are on stable storage.
    pub async fn batch(&self, call: Call) -> Result<Batch, Refusal> {
        let Call { admitted, flow, dataset, body, .. } = call;
        let inlet = admitted.inlet.clone();
        let (outcomes, frames) = {
            let plan = self.plan.load();
            let hints = Hints { flow, dataset };
            split(&Rules { plan: &plan, admitted: &admitted, hints: &hints }, &body)
                .map_err(|fault| no_batch(&inlet, fault))?
        };
        if frames.is_empty() {
            return Ok(Batch { inlet, batch_id: random::uuid(), received: self.clock.now(), outcomes });
        }
        let appended = self.pressure.append(body.len(), || self.journal.append(frames.clone())).await?;
        let batch_id =
            journal::batch_uuid(self.journal.epoch(), self.journal.partition(), appended.first_offset);
        Ok(Batch { inlet, batch_id, received: appended.received, outcomes })
    }

    /// Maps and validates a message on a thread for long work: how long depends on the record and the schema's patterns.
    async fn validate(
        &self,
        inlet: &Arc<Inlet>,
        body: &Bytes,
        accepted: &Accepted<'_>,
    ) -> Result<(), Refusal> {
        // A merge is a part of a record and a delete none at all; neither is validated whole, now or later.
        if accepted.header.operation != Operation::Create {
            return Ok(());
        }
        let invalid = |invalid| Refusal::Invalid(inlet.clone(), invalid);
        let record = accepted.record.clone().ok_or_else(|| invalid(Invalid::EntityMissing))?;
        let record = body.slice(record);
        let flow = accepted.flow.cloned();
        let dataset = accepted.dataset.clone();
        let now = self.clock.now();
        // The semaphore is never closed.
        let _turn = self.validations.acquire().await;
        let judged = tokio::task::spawn_blocking(move || judge(&record, flow.as_deref(), &dataset, now));
        judged.await.map_err(|_| Refusal::Failed)?.map_err(invalid)
    }
}

/// The same two steps that refine takes later.
fn judge(record: &[u8], flow: Option<&Flow>, dataset: &Dataset, now: Millis) -> Result<(), Invalid> {
    // The text was checked as a part of the message; what is deeper than that would have been refused.
    let (tape, _) = Tape::default().parse(record);
    let input = tape.root();
    if matches!(input.look(), Look::Null) {
        return Err(Invalid::EntityMissing);
    }
    let Some(mapping) = flow.and_then(|flow| flow.mapping.as_ref()) else {
        return valid(input, dataset);
    };
    let mapped = mapping.apply(input, &prep::Context { now, seed: 0 });
    if let Some(reason) = mapping.refuses(&mapped) {
        return Err(Invalid::Mapping(reason));
    }
    if mapped.written == 0 {
        return Err(Invalid::NothingMapped);
    }
    valid(mapped.record(), dataset)
}

fn valid<'t>(record: impl Read<'t>, dataset: &Dataset) -> Result<(), Invalid> {
    let violations = dataset.schema.validate(record, SYNC_VIOLATIONS_MAX).list;
    if violations.is_empty() { Ok(()) } else { Err(Invalid::Violations(violations)) }
}

type Split = (Vec<Option<Rejection>>, Vec<NewFrame>);

/// Checks each message of a batch: what became of it, and the frames of those to be logged. These share the body's memory.
fn split(rules: &Rules<'_>, body: &Bytes) -> Result<Split, NoBatch> {
    let mut outcomes: Vec<Option<Rejection>> = Vec::new();
    let mut frames = Vec::new();
    envelope::batch(body, MESSAGES_MAX, |part| match part {
        Part::Begin => {
            outcomes.clear();
            frames.clear();
        }
        Part::Message(message) => match rules.check(message, outcomes.len()) {
            Ok(accepted) => {
                frames.push(NewFrame { header: accepted.header, payload: body.slice(accepted.payload) });
                outcomes.push(None);
            }
            Err(rejection) => outcomes.push(Some(rejection)),
        },
    })?;
    Ok((outcomes, frames))
}

fn no_batch(inlet: &Arc<Inlet>, fault: NoBatch) -> Refusal {
    let inlet = inlet.clone();
    match fault {
        NoBatch::Syntax(syntax) => Refusal::Syntax(inlet, syntax),
        NoBatch::Fault(fault) => Refusal::Rejected(inlet, Rejection::Fault(fault)),
        NoBatch::Empty => Refusal::NoMessages(inlet),
        NoBatch::TooMany => Refusal::TooManyMessages(inlet),
    }
}

/// The token of an `Authorization` header. The scheme's case does not matter, and it may be left out. Source: the legacy
/// guide sends the bare token.
fn token(value: &str) -> Option<&str> {
    let value = value.trim();
    let token = match value.split_once([' ', '\t']) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        // Another scheme's credentials are no token of ours; they are looked at as one and found invalid.
        Some(_) => value,
        None if value.eq_ignore_ascii_case("bearer") => "",
        None => value,
    };
    Some(token).filter(|token| !token.is_empty())
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("journal", &self.journal).field("limits", &self.limits).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use journal::Form;
    use vocab::FlowNo;

    use super::*;
    use crate::testing::{Bench, S1, bench, bench_with, inlet_id};

    /// A request without a token.
    fn call(bench: &Bench, inlet: &str, body: impl Into<Bytes>) -> Call {
        let admitted = bench.collector.admit(&inlet_id(inlet), None).ok().unwrap();
        Call { admitted, flow: None, dataset: None, sync_validation: None, body: body.into() }
    }

    fn message(id: &str) -> String {
        format!(
            r#"{{"header":{{"schemaRef":{{"id":"{S1}"}}}},"body":{{"xdmMeta":{{"schemaRef":{{"id":"{S1}"}}}},"xdmEntity":{{"_id":"{id}"}}}}}}"#
        )
    }

    #[test]
    fn tokens_in_headers() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("BEARER\t abc ", Some("abc")),
            ("abc", Some("abc")),
            (" abc ", Some("abc")),
            ("Basic abc", Some("Basic abc")),
            ("Bearer a b", Some("a b")),
            ("Bearer", None),
            ("Bearer ", None),
            ("", None),
            ("  ", None),
        ] {
            assert_eq!(token(value), expected, "{value:?}");
        }
    }

    #[tokio::test]
    async fn who_is_admitted() {
        let bench = bench();
        let check = |inlet: &str, authorization: Option<&str>, expected: &str| {
            let outcome = match bench.collector.admit(inlet, authorization) {
                Ok(admitted) if admitted.authenticated() => "trusted",
                Ok(_) => "admitted",
                Err(Refusal::NotFound) => "not found",
                Err(Refusal::TokenMissing) => "missing",
                Err(Refusal::TokenInvalid) => "invalid",
                Err(Refusal::Forbidden) => "forbidden",
                Err(_) => "other",
            };
            assert_eq!(outcome, expected, "{inlet} {authorization:?}");
        };
        let (open, closed) = (inlet_id("xdm"), inlet_id("closed"));
        check(&open, None, "admitted");
        check(&open, Some("Bearer good"), "trusted");
        check(&open, Some("good"), "trusted");
        check(&open, Some("Bearer bad"), "admitted");
        check(&open, Some("Bearer foreign"), "admitted");
        check(&open, Some(""), "admitted");
        check(&closed, None, "missing");
        check(&closed, Some(" "), "missing");
        check(&closed, Some("Bearer "), "missing");
        check(&closed, Some("Bearer bad"), "invalid");
        check(&closed, Some("Basic good"), "invalid");
        check(&closed, Some(&"a".repeat(60_000)), "invalid");
        check(&closed, Some("Bearer foreign"), "forbidden");
        check(&closed, Some("bearer good"), "trusted");
        check("xdm-connection", None, "admitted");
        check(&inlet_id("off"), None, "not found");
        check(&inlet_id("none"), None, "not found");
        check("batch", None, "not found");
        check("", None, "not found");
    }

    #[tokio::test]
    async fn durable_ack() {
        let bench = bench();
        let text = message("1");
        let one = bench.collector.one(call(&bench, "xdm", text.clone())).await.ok().unwrap();
        assert_eq!(bench.journal.synced(), 1, "on stable storage when the answer is made");
        let frames = bench.frames();
        assert_eq!(frames[0].payload, text.as_bytes());
        assert_eq!((frames[0].header.form, frames[0].header.flow), (Form::Envelope, FlowNo(1)));
        assert_eq!(frames[0].header.received, one.received);
        assert_eq!(one.xaction_id, format!("{}:0:0", one.received.0));
        assert_eq!(one.validated, Validated::Unasked);
    }

    #[tokio::test]
    async fn the_trust_mark_is_logged() {
        let bench = bench();
        for (token, expected) in [(None, false), (Some("Bearer bad"), false), (Some("Bearer good"), true)] {
            let admitted = bench.collector.admit(&inlet_id("xdm"), token).ok().unwrap();
            let call = Call { admitted, ..call(&bench, "xdm", message("1")) };
            assert!(bench.collector.one(call).await.is_ok());
            assert_eq!(bench.frames().last().unwrap().header.authenticated, expected, "{token:?}");
        }
    }

    #[tokio::test]
    async fn one_outcome_for_each_message_of_a_batch() {
        let bench = bench();
        let bad = r#"{"body":{}}"#;
        let body = format!(r#"{{"messages":[{bad},{},{},7,{}]}}"#, message("a"), message("b"), message("c"));
        let batch = bench.collector.batch(call(&bench, "xdm", body)).await.ok().unwrap();
        let expected = [Some(Rejection::HeaderMissing), None, None, Some(Rejection::UnknownFormat), None];
        assert_eq!(batch.outcomes, expected);
        let frames = bench.frames();
        let logged: Vec<_> = frames.iter().map(|frame| (frame.header.index, frame.payload.clone())).collect();
        assert_eq!(logged, [(1, message("a").into()), (2, message("b").into()), (4, message("c").into())]);
        let position = journal::parse_batch_uuid(&batch.batch_id);
        assert_eq!(position, Some((bench.journal.epoch(), 0, 0)), "the id tells where the records are");
        assert_eq!(batch.received, frames[0].header.received);
    }

    #[tokio::test]
    async fn a_batch_of_which_nothing_is_logged() {
        let bench = bench();
        let batch = bench.collector.batch(call(&bench, "xdm", "[{},{}]")).await.ok().unwrap();
        assert_eq!(batch.outcomes, [Some(Rejection::HeaderMissing); 2]);
        assert_eq!(journal::parse_batch_uuid(&batch.batch_id), None);
        assert_eq!(bench.journal.synced(), 0);
    }

    #[tokio::test]
    async fn raw_records_are_logged_without_their_wrapping() {
        let bench = bench();
        let body = r#"{"messages":[{"id":"1"},{"header":{"flowId":"plain"},"body":{"_id":"2"}}]}"#;
        let call = Call { flow: Some("mapped".to_owned()), ..call(&bench, "raw", body) };
        assert!(bench.collector.batch(call).await.is_ok());
        let frames = bench.frames();
        assert_eq!((frames[0].payload.as_ref(), frames[0].header.flow), (&br#"{"id":"1"}"#[..], FlowNo(2)));
        assert_eq!((frames[1].payload.as_ref(), frames[1].header.flow), (&br#"{"_id":"2"}"#[..], FlowNo(3)));
        assert!(frames.iter().all(|frame| frame.header.form == Form::Raw));
    }

    #[tokio::test]
    async fn refused_as_a_whole() {
        let bench = bench();
        for text in ["", "{", "{\"a\":1,}", "\u{feff}{}", "{} {}", "\u{0}", "nul"] {
            assert!(
                matches!(bench.collector.one(call(&bench, "xdm", text)).await, Err(Refusal::Syntax(..))),
                "{text}"
            );
            assert!(
                matches!(bench.collector.batch(call(&bench, "xdm", text)).await, Err(Refusal::Syntax(..))),
                "{text}"
            );
        }
        assert!(matches!(
            bench.collector.one(call(&bench, "xdm", &b"{\"a\":\"\xff\"}"[..])).await,
            Err(Refusal::Syntax(..))
        ));
        for text in ["{}", "[]", "7", r#"{"messages":[]}"#, r#"{"messages":{}}"#] {
            assert!(
                matches!(bench.collector.batch(call(&bench, "xdm", text)).await, Err(Refusal::NoMessages(_))),
                "{text}"
            );
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let refusal = bench.collector.one(call(&bench, "xdm", deep)).await;
        assert!(matches!(refusal, Err(Refusal::Rejected(_, Rejection::Fault(_)))));
        assert_eq!(bench.journal.synced(), 0);
    }

    #[tokio::test]
    async fn a_bad_message_harms_no_other() {
        let bench = bench();
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let digits = "9".repeat(100_000);
        for bad in [
            deep.as_str(),
            &digits,
            "1e999",
            r#"{"header":"\ud800"}"#,
            "null",
            r#"{"header":{"imsOrgId":"x"}}"#,
        ] {
            let before = bench.journal.synced();
            let body = format!("[{},{bad},{}]", message("1"), message("2"));
            let batch = bench.collector.batch(call(&bench, "xdm", body)).await.ok().unwrap();
            assert!(matches!(batch.outcomes[..], [None, Some(_), None]), "{bad:.40}");
            assert_eq!(bench.journal.synced(), before + 2, "{bad:.40}");
        }
    }

    /// What synchronous validation says of a raw record.
    async fn validated(bench: &Bench, inlet: &str, flow: &str, wish: Option<bool>, body: String) -> String {
        let call = Call { flow: Some(flow.to_owned()), sync_validation: wish, ..call(bench, inlet, body) };
        match bench.collector.one(call).await {
            Ok(one) => format!("{:?}", one.validated),
            Err(Refusal::Invalid(_, Invalid::Violations(list))) => format!("{} violations", list.len()),
            Err(Refusal::Invalid(_, invalid)) => format!("{invalid:?}"),
            Err(_) => "refused".to_owned(),
        }
    }

    #[tokio::test]
    async fn synchronous_validation() {
        let bench = bench();
        let extra = r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}"#;
        let xdm = |entity: &str| {
            format!(
                r#"{{"header":{{}},"body":{{"xdmMeta":{{"schemaRef":{{"id":"{S1}"}}}},"xdmEntity":{entity}}}}}"#
            )
        };
        for (inlet, flow, wish, body, expected, logged) in [
            ("xdm", "stored", None, xdm(extra), "Unasked", true),
            ("xdm", "stored", Some(false), xdm(extra), "Skipped", true),
            ("xdm", "stored", Some(true), xdm(extra), "5 violations", false),
            ("xdm", "stored", Some(true), xdm(r#"{"x":1}"#), "1 violations", false),
            ("xdm", "stored", Some(true), xdm(r#"{"_id":"1"}"#), "Passed", true),
            ("xdm", "stored", Some(true), xdm("null"), "EntityMissing", false),
            ("raw", "plain", Some(true), r#"{"_id":"1","name":"a"}"#.to_owned(), "Passed", true),
            ("raw", "plain", Some(true), r#"{"id":"1"}"#.to_owned(), "1 violations", false),
            ("raw", "mapped", Some(true), r#"{"id":"1","more":2}"#.to_owned(), "Passed", true),
            ("raw", "mapped", Some(true), r#"{"more":2}"#.to_owned(), "NothingMapped", false),
            (
                "raw",
                "plain",
                Some(true),
                r#"{"header":{"operations":{"data":"delete"}},"body":{"x":1}}"#.to_owned(),
                "Passed",
                true,
            ),
        ] {
            let before = bench.journal.synced();
            assert_eq!(validated(&bench, inlet, flow, wish, body.clone()).await, expected, "{body}");
            assert_eq!(bench.journal.synced() - before, u64::from(logged), "{body}");
        }
        let none = format!(r#"{{"header":{{}},"body":{{"xdmMeta":{{"schemaRef":{{"id":"{S1}"}}}}}}}}"#);
        assert_eq!(validated(&bench, "xdm", "stored", Some(true), none.clone()).await, "EntityMissing");
        assert_eq!(validated(&bench, "xdm", "stored", None, none).await, "Unasked");
    }

    #[tokio::test]
    async fn a_batch_ignores_synchronous_validation() {
        let bench = bench();
        let call = Call {
            sync_validation: Some(true),
            flow: Some("plain".to_owned()),
            ..call(&bench, "raw", r#"[{"x":1}]"#)
        };
        assert_eq!(bench.collector.batch(call).await.ok().unwrap().outcomes, [None]);
    }

    #[tokio::test]
    async fn a_new_plan_counts_at_once() {
        let bench = bench();
        let admitted = bench.collector.admit(&inlet_id("xdm"), None).ok().unwrap();
        let mut plan = Plan::clone(&bench.plan.load());
        plan.inlets.clear();
        plan.datasets.clear();
        bench.plan.store(Arc::new(plan));
        assert!(matches!(bench.collector.admit(&inlet_id("xdm"), None), Err(Refusal::NotFound)));
        let call =
            Call { admitted, flow: None, dataset: None, sync_validation: None, body: message("1").into() };
        let refusal = bench.collector.one(call).await;
        assert!(
            matches!(refusal, Err(Refusal::Rejected(_, Rejection::UnknownDataset))),
            "its dataset is gone"
        );
    }

    /// The inlet has no way to the metadata database: it needs a plan and a log, and its crate knows no other.
    #[tokio::test]
    async fn hot_path_alone() {
        let manifest = include_str!("../Cargo.toml");
        for crate_ in ["store", "control", "lake", "sqlx"] {
            assert!(!manifest.contains(&format!("{crate_}.")), "{crate_}");
        }
        let bench = bench();
        assert!(bench.collector.one(call(&bench, "xdm", message("1"))).await.is_ok());
        assert!(bench.collector.batch(call(&bench, "xdm", format!("[{}]", message("2")))).await.is_ok());
    }

    #[tokio::test]
    async fn bounded_number_of_messages() {
        let bench = bench();
        let body = |messages| format!("[{}]", vec!["{}"; messages].join(","));
        let call_of =
            |messages| Call { flow: Some("plain".to_owned()), ..call(&bench, "raw", body(messages)) };
        let refused = bench.collector.batch(call_of(MESSAGES_MAX + 1)).await;
        assert!(matches!(refused, Err(Refusal::TooManyMessages(_))));
        assert_eq!(bench.journal.synced(), 0);
        let taken = bench.collector.batch(call_of(MESSAGES_MAX)).await.ok().unwrap();
        assert!(taken.outcomes.len() == MESSAGES_MAX && taken.outcomes.iter().all(Option::is_none));
        assert_eq!(bench.journal.synced(), MESSAGES_MAX as u64);
    }

    #[tokio::test]
    async fn bounded_by_a_full_log() {
        let limits = Limits { hold: Duration::from_millis(50), ..Limits::default() };
        let bench = bench_with(limits, |settings| {
            settings.segment_bytes = 4 << 20;
            settings.log_bytes_max = 8 << 20;
        });
        let filler = "x".repeat(900 << 10);
        let mut logged = 0;
        let refusal = loop {
            match bench.collector.one(call(&bench, "xdm", message(&filler))).await {
                Ok(_) => logged += 1,
                Err(refusal) => break refusal,
            }
            assert!(logged < 20, "the log has a bound");
        };
        assert!(matches!(refusal, Refusal::Full));
        assert!(logged > 2);
        assert_eq!(bench.journal.synced(), logged, "what was refused is not there");
    }

    #[tokio::test]
    async fn refused_when_the_log_is_closed() {
        let bench = bench();
        bench.journal.close().await;
        let refusal = bench.collector.one(call(&bench, "xdm", message("1"))).await;
        assert!(matches!(refusal, Err(Refusal::Closed { .. })));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_have_ids_of_their_own() {
        let bench = bench();
        let mut running = tokio::task::JoinSet::new();
        for id in 0..50 {
            let collector = bench.collector.clone();
            let call = call(&bench, "xdm", message(&id.to_string()));
            running.spawn(async move { collector.one(call).await.ok().unwrap().xaction_id });
        }
        let ids: HashSet<String> = running.join_all().await.into_iter().collect();
        assert_eq!((ids.len(), bench.journal.synced()), (50, 50));
    }
}
