//! What a message is made of: the members of its header that matter, and where its parts lie in the text.
//!
//! One walk finds them and checks the whole text. Of duplicate members the last counts, here as in the parser that refine
//! uses. Nothing is judged here; `check` does that.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::{Fault, Kind, Scanner, Syntax, Text};

/// A member that should hold text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Slot<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    Text(Text<'a>),
    Other,
}

impl<'a> Slot<'a> {
    /// The text; `None` when absent or empty. Clients leave unset variables behind as empty strings.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, NotText> {
        match self {
            Slot::Absent => Ok(None),
            Slot::Text(text) => Ok(Some(text.decode()).filter(|text| !text.is_empty())),
            Slot::Other => Err(NotText),
        }
    }
}

/// The member is there and is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText;

/// `schemaRef`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum SchemaSlot<'a> {
    #[default]
    Absent,
    Ref {
        id: Slot<'a>,
        content_type: Slot<'a>,
    },
    Other,
}

/// `header.operations`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum OperationsSlot<'a> {
    #[default]
    Absent,
    Given {
        data: Slot<'a>,
        identity: Slot<'a>,
        identity_dataset: Slot<'a>,
    },
    Other,
}

/// The members of `header` that the inlet reads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header<'a> {
    pub(crate) schema: SchemaSlot<'a>,
    pub(crate) org: Slot<'a>,
    pub(crate) dataset: Slot<'a>,
    pub(crate) flow: Slot<'a>,
    pub(crate) operations: OperationsSlot<'a>,
    /// `xdmSchema` or `msgType` is there: an envelope of the first generation, whose schema is never guessed.
    pub(crate) legacy: bool,
}

/// `body`.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
    /// `xdmMeta.schemaRef`.
    pub(crate) schema: SchemaSlot<'a>,
    /// `xdmEntity`.
    pub(crate) entity: Option<Range<usize>>,
}

/// The header, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum HeaderSlot<'a> {
    #[default]
    Absent,
    Object(Header<'a>),
    Other,
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
    pub(crate) header: HeaderSlot<'a>,
    pub(crate) body: Option<Body<'a>>,
    /// There are members besides `header` and `body`.
    pub(crate) more: bool,
    /// JSON, but not what a record may hold.
    pub(crate) fault: Option<Fault>,
}

/// Reads a text that is one message.
pub(crate) fn single(text: &[u8]) -> Result<Message<'_>, Syntax> {
    let mut scanner = Scanner::new(text)?;
    let message = message(&mut scanner)?;
    scanner.end()?;
    Ok(message)
}

/// Why a text is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBatch {
    Syntax(Syntax),
    /// Outside the messages.
    Fault(Fault),
    /// No array `messages`, or one with nothing in it.
    Empty,
    TooMany,
}

impl From<Syntax> for NoBatch {
    fn from(syntax: Syntax) -> Self {
        NoBatch::Syntax(syntax)
    }
}

/// What is found in a batch, in order.
pub(crate) enum Part<'m, 'a> {
    /// The messages begin; those before, of an earlier duplicate of `messages`, do not count.
    Begin,
    Message(&'m Message<'a>),
}

/// Reads a text that is a batch: `{"messages": […]}`, or the bare array.
pub(crate) fn batch<'a>(
    text: &'a [u8],
    messages_max: usize,
    mut on: impl FnMut(Part<'_, 'a>),
) -> Result<(), NoBatch> {
    let mut scanner = Scanner::new(text)?;
    let mut count = 0;
    let mut read = |scanner: &mut Scanner<'a>| -> Result<(), Syntax> {
        count = 0;
        on(Part::Begin);
        if scanner.peek()? != Kind::Array {
            return scanner.pass();
        }
        // Faults of a message are its own; one that stood before must not be taken for its.
        let outer = scanner.take_fault();
        scanner.elements(|scanner| {
            let message = scanner.alone(message)?;
            count += 1;
            if count <= messages_max {
                on(Part::Message(&message));
            }
            Ok(())
        })?;
        scanner.restore_fault(outer);
        Ok(())
    };
    match scanner.peek()? {
        Kind::Array => read(&mut scanner)?,
        Kind::Object => scanner.members(|scanner, key| match &*key.decode() {
            "messages" => read(scanner),
            _ => scanner.pass(),
        })?,
        _ => scanner.pass()?,
    }
    scanner.end()?;
    match scanner.take_fault() {
        Some(fault) => Err(NoBatch::Fault(fault)),
        None if count == 0 => Err(NoBatch::Empty),
        None if count > messages_max => Err(NoBatch::TooMany),
        None => Ok(()),
    }
}

fn message<'a>(scanner: &mut Scanner<'a>) -> Result<Message<'a>, Syntax> {
    let kind = scanner.peek()?;
    let start = scanner.position();
    let mut message = Message {
        kind,
        span: start..start,
        header: HeaderSlot::Absent,
        body: None,
        more: false,
        fault: None,
    };
    if kind == Kind::Object {
        scanner.members(|scanner, key| {
            match &*key.decode() {
                "header" => message.header = header(scanner)?,
                "body" => message.body = Some(body(scanner)?),
                _ => {
                    message.more = true;
                    scanner.skip()?;
                }
            }
            Ok(())
        })?;
    } else {
        scanner.skip()?;
    }
    message.span.end = scanner.position();
    message.fault = scanner.take_fault();
    Ok(message)
}

fn header<'a>(scanner: &mut Scanner<'a>) -> Result<HeaderSlot<'a>, Syntax> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(HeaderSlot::Other);
    }
    let mut header = Header::default();
    scanner.members(|scanner, key| {
        match &*key.decode() {
            "schemaRef" => header.schema = schema(scanner)?,
            "imsOrgId" => header.org = slot(scanner)?,
            "datasetId" => header.dataset = slot(scanner)?,
            "flowId" => header.flow = slot(scanner)?,
            "operations" => header.operations = operations(scanner)?,
            "xdmSchema" | "msgType" => {
                header.legacy = true;
                scanner.skip()?;
            }
            _ => scanner.pass()?,
        }
        Ok(())
    })?;
    Ok(HeaderSlot::Object(header))
}

fn body<'a>(scanner: &mut Scanner<'a>) -> Result<Body<'a>, Syntax> {
    let kind = scanner.peek()?;
    let start = scanner.position();
    let mut body = Body { kind, span: start..start, schema: SchemaSlot::Absent, entity: None };
    if kind == Kind::Object {
        scanner.members(|scanner, key| {
            match &*key.decode() {
                "xdmMeta" => body.schema = meta(scanner)?,
                "xdmEntity" => body.entity = Some(scanner.skip()?),
                _ => scanner.pass()?,
            }
            Ok(())
        })?;
    } else {
        scanner.skip()?;
    }
    body.span.end = scanner.position();
    Ok(body)
}

fn meta<'a>(scanner: &mut Scanner<'a>) -> Result<SchemaSlot<'a>, Syntax> {
    let mut found = SchemaSlot::Absent;
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(found);
    }
    scanner.members(|scanner, key| {
        if key.decode() == "schemaRef" {
            found = schema(scanner)?;
        } else {
            scanner.skip()?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn schema<'a>(scanner: &mut Scanner<'a>) -> Result<SchemaSlot<'a>, Syntax> {
    match scanner.peek()? {
        Kind::Object => {}
        kind => {
            scanner.skip()?;
            return Ok(if kind == Kind::Null { SchemaSlot::Absent } else { SchemaSlot::Other });
        }
    }
    let (mut id, mut content_type) = (Slot::Absent, Slot::Absent);
    scanner.members(|scanner, key| {
        match &*key.decode() {
            "id" => id = slot(scanner)?,
            "contentType" => content_type = slot(scanner)?,
            _ => scanner.pass()?,
        }
        Ok(())
    })?;
    Ok(SchemaSlot::Ref { id, content_type })
}

fn operations<'a>(scanner: &mut Scanner<'a>) -> Result<OperationsSlot<'a>, Syntax> {
    match scanner.peek()? {
        Kind::Object => {}
        kind => {
            scanner.skip()?;
            return Ok(if kind == Kind::Null { OperationsSlot::Absent } else { OperationsSlot::Other });
        }
    }
    let (mut data, mut identity, mut identity_dataset) = (Slot::Absent, Slot::Absent, Slot::Absent);
    scanner.members(|scanner, key| {
        match &*key.decode() {
            "data" => data = slot(scanner)?,
            "identity" => identity = slot(scanner)?,
            "identityDatasetId" => identity_dataset = slot(scanner)?,
            _ => scanner.pass()?,
        }
        Ok(())
    })?;
    Ok(OperationsSlot::Given { data, identity, identity_dataset })
}

fn slot<'a>(scanner: &mut Scanner<'a>) -> Result<Slot<'a>, Syntax> {
    match scanner.peek()? {
        Kind::String => scanner.string().map(Slot::Text),
        Kind::Null => scanner.skip().map(|_| Slot::Absent),
        _ => scanner.skip().map(|_| Slot::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header<'_> {
        match single(text.as_bytes()).unwrap().header {
            HeaderSlot::Object(header) => header,
            other => panic!("{other:?}"),
        }
    }

    fn text(slot: Slot<'_>) -> String {
        match slot.text() {
            Ok(text) => text.map_or("absent".to_owned(), Cow::into_owned),
            Err(NotText) => "not text".to_owned(),
        }
    }

    #[test]
    fn members_of_the_header() {
        for (json, expected) in [
            (r#"{"header":{"flowId":"f"}}"#, "f"),
            (r#"{"header":{"flowId":"f","flowId":"g"}}"#, "g"),
            (r#"{"header":{"flowId":"f"},"header":{"flowId":"g"}}"#, "g"),
            (r#"{"header":{"flowId":"f"},"header":{}}"#, "absent"),
            (r#"{"header":{"flow\u0049d":"\u0066"}}"#, "f"),
            (r#"{"header":{"flowId":null}}"#, "absent"),
            (r#"{"header":{"flowId":""}}"#, "absent"),
            (r#"{"header":{"flowId":7}}"#, "not text"),
            (r#"{"header":{"flowId":["f"]}}"#, "not text"),
            (r#"{"header":{"FlowId":"f"}}"#, "absent"),
            (r#"{"header":{"x":{"flowId":"f"}}}"#, "absent"),
            (r#"{"flowId":"f","header":{}}"#, "absent"),
        ] {
            assert_eq!(text(header(json).flow), expected, "{json}");
        }
    }

    #[test]
    fn parts_lie_where_they_are_said_to() {
        let json = r#" {"header": {"a":1} , "body" : {"xdmMeta":{"schemaRef":{"id":"s"}}, "xdmEntity": {"b":[1]} } } "#;
        let message = single(json.as_bytes()).unwrap();
        assert_eq!(&json[message.span.clone()], json.trim());
        let body = message.body.unwrap();
        assert_eq!(&json[body.entity.clone().unwrap()], r#"{"b":[1]}"#);
        assert!(json[body.span.clone()].starts_with(r#"{"xdmMeta""#));
        let SchemaSlot::Ref { id, content_type } = body.schema else { panic!("no schemaRef") };
        assert_eq!((text(id), text(content_type)), ("s".to_owned(), "absent".to_owned()));
        assert!(!message.more);
    }

    #[test]
    fn the_last_body_counts() {
        let json = r#"{"body":{"xdmEntity":1},"body":{"xdmEntity":2,"xdmEntity":3}}"#;
        let body = single(json.as_bytes()).unwrap().body.unwrap();
        assert_eq!(&json[body.entity.unwrap()], "3");
        let json = r#"{"body":{"xdmEntity":1},"body":{}}"#;
        assert_eq!(single(json.as_bytes()).unwrap().body.unwrap().entity, None);
    }

    fn batch_of(json: &str) -> Result<Vec<String>, NoBatch> {
        let mut found = Vec::new();
        batch(json.as_bytes(), 3, |part| match part {
            Part::Begin => found.clear(),
            Part::Message(message) => {
                let fault = message.fault.map_or(String::new(), |fault| format!("!{fault:?}"));
                found.push(format!("{}{fault}", &json[message.span.clone()]));
            }
        })?;
        Ok(found)
    }

    #[test]
    fn batches() {
        for (json, expected) in [
            (r#"{"messages":[{"a":1},2]}"#, vec![r#"{"a":1}"#, "2"]),
            (r#"[ {} , [] ]"#, vec!["{}", "[]"]),
            (r#"{"a":[{}],"messages":[1],"b":2}"#, vec!["1"]),
            (r#"{"messages":[1],"messages":[2,3]}"#, vec!["2", "3"]),
            (r#"{"messages":[1,2,3,4],"messages":[5]}"#, vec!["5"]),
            (r#"[1e999,"ok"]"#, vec!["1e999!NumberRange", "\"ok\""]),
            (r#"{"messages":[{"a":"\ud800"},1]}"#, vec![r#"{"a":"\ud800"}!LoneSurrogate"#, "1"]),
        ] {
            assert_eq!(batch_of(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_batch() {
        for (json, expected) in [
            ("{}", NoBatch::Empty),
            ("[]", NoBatch::Empty),
            (r#"{"messages":[]}"#, NoBatch::Empty),
            (r#"{"messages":null}"#, NoBatch::Empty),
            (r#"{"messages":{"a":1}}"#, NoBatch::Empty),
            (r#"{"messages":[1],"messages":"x"}"#, NoBatch::Empty),
            ("7", NoBatch::Empty),
            ("[1,2,3,4]", NoBatch::TooMany),
            (r#"{"a":1e999,"messages":[1]}"#, NoBatch::Fault(Fault::NumberRange)),
            (r#"{"messages":[1],"a":"\udc00"}"#, NoBatch::Fault(Fault::LoneSurrogate)),
        ] {
            assert_eq!(batch_of(json).unwrap_err(), expected, "{json}");
        }
        for json in ["", "[1", "[1,]", "{\"messages\":[1]}x", "{\"messages\":[{]}", "[nul]"] {
            assert!(matches!(batch_of(json), Err(NoBatch::Syntax(_))), "{json}");
        }
    }

    #[test]
    fn a_message_of_a_batch_may_be_as_deep_as_one_alone() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let max = crate::limits::DEPTH_MAX;
        let json = format!("{{\"messages\":[{},{},1]}}", deep(max), deep(max + 1));
        let found = batch_of(&json).unwrap();
        assert!(!found[0].contains('!') && found[1].ends_with("!TooDeep") && found[2] == "1");
    }

    #[test]
    fn bounded_by_text_that_is_deep_everywhere() {
        for part in ["header", "body", "x"] {
            let json = format!("{{\"{part}\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
            assert_eq!(single(json.as_bytes()).unwrap().fault, Some(Fault::TooDeep), "{part}");
        }
        let json = format!("{{\"header\":{{\"schemaRef\":{{\"id\":{}", "{\"a\":".repeat(100_000));
        assert!(single(json.as_bytes()).is_err());
    }
}
