//! The group User Agent. What is unknown is `Unknown`, a version that is unknown `??`, as in the vendor's analyser.

use super::{Function, Kind, Nulls, on};
use crate::arity::{Parameter, arg};
use crate::eval::{Args, Outcome};
use crate::user_agent::Agent;

static USER_AGENT: &[Parameter] = &[arg("userAgent", Kind::String)];

const PIXEL: &str = r#"{"ua":"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.6167.101 Mobile Safari/537.36"}"#;
const IPHONE: &str = r#"{"ua":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"}"#;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["ua_os_name"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The name of the operating system in a user-agent string.",
        examples: &[on(PIXEL, "ua_os_name(ua)", r#""Android""#), on(IPHONE, "ua_os_name(ua)", r#""iOS""#)],
        eval: |a| about(a, |agent| agent.os.to_owned()),
    },
    Function {
        names: &["ua_os_version_major"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The name of the operating system with the main part of its version.",
        examples: &[
            on(PIXEL, "ua_os_version_major(ua)", r#""Android 14""#),
            on(IPHONE, "ua_os_version_major(ua)", r#""iOS 17""#),
        ],
        eval: |a| about(a, |agent| agent.os_name_version_major()),
    },
    Function {
        names: &["ua_os_version"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The version of the operating system.",
        examples: &[
            on(PIXEL, "ua_os_version(ua)", r#""14""#),
            on(IPHONE, "ua_os_version(ua)", r#""17.2.1""#),
        ],
        eval: |a| about(a, |agent| agent.os_version.clone()),
    },
    Function {
        names: &["ua_os_name_version"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The name of the operating system with its version.",
        examples: &[
            on(PIXEL, "ua_os_name_version(ua)", r#""Android 14""#),
            on(IPHONE, "ua_os_name_version(ua)", r#""iOS 17.2.1""#),
        ],
        eval: |a| about(a, |agent| agent.os_name_version()),
    },
    Function {
        names: &["ua_agent_version"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The version of the browser, app or robot.",
        examples: &[
            on(PIXEL, "ua_agent_version(ua)", r#""121.0.6167.101""#),
            on(IPHONE, "ua_agent_version(ua)", r#""17.2""#),
        ],
        eval: |a| about(a, |agent| agent.version.clone()),
    },
    Function {
        names: &["ua_agent_version_major"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The name of the browser, app or robot with the main part of its version.",
        examples: &[
            on(PIXEL, "ua_agent_version_major(ua)", r#""Chrome 121""#),
            on(IPHONE, "ua_agent_version_major(ua)", r#""Safari 17""#),
        ],
        eval: |a| about(a, |agent| agent.name_version_major()),
    },
    Function {
        names: &["ua_agent_name"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The name of the browser, app or robot.",
        examples: &[
            on(PIXEL, "ua_agent_name(ua)", r#""Chrome""#),
            on(IPHONE, "ua_agent_name(ua)", r#""Safari""#),
        ],
        eval: |a| about(a, |agent| agent.name.clone()),
    },
    Function {
        names: &["ua_device_class"],
        args: USER_AGENT,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The class of the device: Desktop, Phone, Tablet, TV, Robot, … or Unknown.",
        examples: &[
            on(PIXEL, "ua_device_class(ua)", r#""Phone""#),
            on(IPHONE, "ua_device_class(ua)", r#""Phone""#),
        ],
        eval: |a| about(a, |agent| agent.device_class.to_owned()),
    },
];

fn about<'e>(a: &mut Args<'_, 'e>, field: impl Fn(&Agent) -> String) -> Outcome<'e> {
    let text = a.text(0)?;
    // Each of some dozens of names is sought in the text.
    a.budget().touch(text.len().saturating_mul(64))?;
    Ok(field(&Agent::parse(&text)).into())
}
