//! The group Analytics: event strings and product strings of Adobe Analytics.
//!
//! An event string is a comma-separated list of `name[=value][:id]`. A product string is a comma-separated list of
//! products, each `category;name;quantity;price;events;evars`; the events and eVars of a product are separated by `|`.
//! The last two functions stand only in a hidden part of the vendor's reference.

use super::{Function, Kind, Nulls, ex};
use crate::arity::{Parameter, arg};
use crate::eval::{Args, Outcome};
use crate::value::Value;

static EVENTS_AND_NAME: &[Parameter] = &[arg("events", Kind::String), arg("event", Kind::String)];
static PRODUCTS: &[Parameter] = &[arg("products", Kind::String)];
static PRODUCTS_AND_EVENT: &[Parameter] = &[arg("products", Kind::String), arg("event", Kind::String)];
static PRODUCTS_AND_EVAR: &[Parameter] = &[arg("products", Kind::String), arg("evar", Kind::String)];

/// The positions of events and eVars in a product.
const EVENTS: usize = 4;
const EVARS: usize = 5;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["aa_get_event_id"],
        args: EVENTS_AND_NAME,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The id of an event in an event string: what follows the colon; null without one.",
        examples: &[
            ex(r#"aa_get_event_id("event9=2:77", "event9")"#, r#""77""#),
            ex(r#"aa_get_event_id("event9=2", "event9")"#, r#"null"#),
        ],
        eval: |a| event(a, |event| event.id),
    },
    Function {
        names: &["aa_get_event_value"],
        args: EVENTS_AND_NAME,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The value of an event in an event string: what stands between the equals sign and the colon, 1 for an event without it; null when there is no such event.",
        examples: &[
            ex(r#"aa_get_event_value("event1,event9=2:77", "event9")"#, r#""2""#),
            ex(r#"aa_get_event_value("event9", "event9")"#, r#""1""#),
            ex(r#"aa_get_event_value("event9", "event1")"#, r#"null"#),
        ],
        eval: |a| event(a, |event| Some(event.value_or_one())),
    },
    Function {
        names: &["aa_get_product_categories"],
        args: PRODUCTS,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The category of each product in a product string; null where it is missing.",
        examples: &[ex(r#"aa_get_product_categories("C;n1,;n2")"#, r#"["C",null]"#)],
        eval: |a| position(a, 0),
    },
    Function {
        names: &["aa_get_product_names"],
        args: PRODUCTS,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The name of each product in a product string; null where it is missing.",
        examples: &[ex(r#"aa_get_product_names("C;n1,;n2")"#, r#"["n1","n2"]"#)],
        eval: |a| position(a, 1),
    },
    Function {
        names: &["aa_get_product_quantities"],
        args: PRODUCTS,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The quantity of each product in a product string; null where it is missing.",
        examples: &[ex(r#"aa_get_product_quantities("C;n1;2,;n2")"#, r#"["2",null]"#)],
        eval: |a| position(a, 2),
    },
    Function {
        names: &["aa_get_product_prices"],
        args: PRODUCTS,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The price of each product in a product string; null where it is missing.",
        examples: &[ex(r#"aa_get_product_prices("C;n1;2;9.50,;n2;1;0")"#, r#"["9.50","0"]"#)],
        eval: |a| position(a, 3),
    },
    Function {
        names: &["aa_get_product_event_values"],
        args: PRODUCTS_AND_EVENT,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The value of an event for each product; null for a product without the event.",
        examples: &[
            ex(r#"aa_get_product_event_values(";a;1;2;event1=9:x", "event1")"#, r#"["9"]"#),
            ex(
                r#"aa_get_product_event_values(";a;;;event1=9|event2=3,;b;;;event2", "event2")"#,
                r#"["3","1"]"#,
            ),
        ],
        eval: |a| product_events(a, |event| event.value_or_one().to_owned().into()),
    },
    Function {
        names: &["aa_get_product_evars"],
        args: PRODUCTS_AND_EVAR,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The text of an eVar for each product; null for a product without it.",
        examples: &[ex(
            r#"aa_get_product_evars(";a;1;2;;eVar1=red|eVar2=S,;b", "eVar1")"#,
            r#"["red",null]"#,
        )],
        eval: product_evars,
    },
    Function {
        names: &["aa_get_product_events"],
        args: PRODUCTS_AND_EVENT,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The id and value of an event for each product, as objects; null for a product without the event.",
        examples: &[ex(
            r#"aa_get_product_events(";a;1;2;event1=9:x,;b", "event1")"#,
            r#"[{"id":"x","value":"9"},null]"#,
        )],
        eval: |a| {
            product_events(a, |event| {
                let id = event.id.map_or(Value::Null, |id| id.to_owned().into());
                Value::object([("id".into(), id), ("value".into(), event.value_or_one().to_owned().into())])
            })
        },
    },
    Function {
        names: &["aa_get_product_event_ids"],
        args: PRODUCTS_AND_EVENT,
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The id of an event for each product; null for a product without one.",
        examples: &[ex(
            r#"aa_get_product_event_ids(";a;1;2;event1=9:x,;b;;;event1", "event1")"#,
            r#"["x",null]"#,
        )],
        eval: |a| product_events(a, |event| event.id.map_or(Value::Null, |id| id.to_owned().into())),
    },
];

/// One event of an event string or a product.
#[derive(Clone, Copy)]
struct Event<'t> {
    name: &'t str,
    value: Option<&'t str>,
    id: Option<&'t str>,
}

impl<'t> Event<'t> {
    fn parse(text: &'t str) -> Self {
        let (rest, id) = halves(text.trim(), ':');
        let (name, value) = halves(rest, '=');
        Self { name: name.trim(), value, id }
    }

    /// An event without a value counts once.
    fn value_or_one(self) -> &'t str {
        self.value.unwrap_or("1")
    }

    fn find(list: &'t str, separator: char, name: &str) -> Option<Self> {
        list.split(separator).map(Event::parse).find(|event| event.name == name.trim())
    }
}

/// A text up to a separator, and what follows it unless that is empty.
fn halves(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after.trim()).filter(|after| !after.is_empty())),
        None => (text, None),
    }
}

fn text<'e>(found: Option<&str>) -> Value<'e> {
    found.map_or(Value::Null, |text| text.to_owned().into())
}

/// Something of the event that the second argument names.
fn event<'e>(a: &mut Args<'_, 'e>, take: impl for<'t> Fn(Event<'t>) -> Option<&'t str>) -> Outcome<'e> {
    let (events, name) = (a.text(0)?, a.text(1)?);
    Ok(text(Event::find(&events, ',', &name).and_then(take)))
}

/// What `take` makes of each product; the empty text has none.
fn products<'e>(a: &mut Args<'_, 'e>, take: impl Fn(&str) -> Value<'e>) -> Outcome<'e> {
    let list = a.text(0)?;
    a.budget().touch(list.len())?;
    let products = list.split(',').filter(|_| !list.trim().is_empty());
    let values: Vec<Value<'e>> = products.map(take).collect();
    a.budget().work(values.len())?;
    Ok(Value::array(values))
}

/// One position of a product, unless it is empty.
fn at(product: &str, position: usize) -> Option<&str> {
    product.split(';').nth(position).map(str::trim).filter(|text| !text.is_empty())
}

fn position<'e>(a: &mut Args<'_, 'e>, position: usize) -> Outcome<'e> {
    products(a, |product| text(at(product, position)))
}

fn product_events<'e>(a: &mut Args<'_, 'e>, take: impl Fn(Event<'_>) -> Value<'e>) -> Outcome<'e> {
    let name = a.text(1)?;
    products(a, |product| {
        let found = at(product, EVENTS).and_then(|events| Event::find(events, '|', &name));
        found.map_or(Value::Null, &take)
    })
}

fn product_evars<'e>(a: &mut Args<'_, 'e>) -> Outcome<'e> {
    let name = a.text(1)?;
    products(a, |product| {
        let mut evars = at(product, EVARS).unwrap_or_default().split('|').map(|evar| halves(evar, '='));
        text(evars.find(|(evar, _)| evar.trim() == name.trim()).and_then(|(_, value)| value))
    })
}
