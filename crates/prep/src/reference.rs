//! The reference page of the language, written from the entries themselves.

use crate::arity::{Need, Parameter};
use crate::functions::{CATEGORIES, Example, Function};
use crate::methods::METHODS;
use crate::operators::OPERATORS;
use crate::switches::SWITCHES;

/// The reference page as Markdown: functions by group, methods, operators, switches.
pub fn reference() -> String {
    let mut page = String::from(
        "# The mapping language\n\n\
         Made from the entries in `crates/prep/src`; `cargo xtask golden` writes it anew. Results are shown as JSON. \
         `now()` is 2024-02-03T04:05:06.789Z in the examples. A null first argument gives null, unless said otherwise.\n\n\
         ## Functions\n",
    );
    for category in CATEGORIES {
        page.push_str(&format!("\n### {}\n", category.title));
        for function in category.functions {
            function_entry(&mut page, function);
        }
    }
    page.push_str("\n## Methods\n\nCalled on a value, as in `name.trim()`. A method of null is null.\n");
    for method in METHODS {
        let names = method.names.iter().map(|name| syntax(&format!("value.{name}"), method.args));
        page.push_str(&format!(
            "\n#### {} -> {}\n\n{}\n",
            names.collect::<Vec<_>>().join(", "),
            method.returns.word(),
            method.doc
        ));
        examples(&mut page, method.examples);
    }
    page.push_str("\n## Operators\n\nLoosest first.\n\n| operator | name | operands | meaning | example |\n| --- | --- | --- | --- | --- |\n");
    for operator in OPERATORS {
        let word = operator.word.map(|word| format!(", `{word}`")).unwrap_or_default();
        let (expression, result) = operator.example;
        let row = format!(
            "`{}`{word} | {} | {} | {} | `{expression}` → `{result}`",
            operator.symbol, operator.method, operator.operands, operator.doc
        );
        page.push_str(&format!("| {} |\n", cell(&row)));
    }
    page.push_str(
        "\n## Switches\n\n\
         Where the vendor's documents are silent or contradict themselves, the language has made a choice. Each can be made \
         the other way: by `prep.switches` in the settings of the server, by `--switch NAME=SIDE` of `tributary prep`. Whether \
         nulls are written and whether a warning fails the record is said by each mapping set itself, in `allowNullValues` and \
         `strictMapping`.\n\n\
         | switch | of | decides | default | other side |\n| --- | --- | --- | --- | --- |\n",
    );
    for switch in SWITCHES {
        let [default, other] =
            switch.sides.each_ref().map(|side| format!("`{}`: {}", side.name, side.meaning));
        let (name, section, decides) = (switch.name, switch.section, switch.decides);
        page.push_str(&format!("| `{name}` | {section} | {decides} | {default} | {other} |\n"));
    }
    page
}

/// A bar inside backticks still ends a cell; only those between cells, which have blanks around them, stay.
fn cell(row: &str) -> String {
    row.split(" | ").map(|part| part.replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
}

fn function_entry(page: &mut String, function: &Function) {
    let name = function.names[0];
    page.push_str(&format!(
        "\n#### {} -> {}\n\n{}",
        syntax(name, function.args),
        function.returns.word(),
        function.doc
    ));
    if let Some(aliases) = function.names.get(1..).filter(|aliases| !aliases.is_empty()) {
        let aliases = aliases.iter().map(|alias| format!("`{alias}`")).collect::<Vec<_>>().join(", ");
        page.push_str(&format!(" Also {aliases}."));
    }
    page.push('\n');
    examples(page, function.examples);
}

fn syntax(name: &str, args: &[Parameter]) -> String {
    let text = args.iter().map(|arg| {
        let more = match arg.need {
            Need::Once => "",
            Need::Optional => "?",
            Need::Repeated | Need::Rest => "…",
        };
        format!("{}{more}: {}", arg.name, arg.kind.word())
    });
    format!("{name}({})", text.collect::<Vec<_>>().join(", "))
}

fn examples(page: &mut String, examples: &[Example]) {
    page.push_str("\n```text\n");
    for Example { record, expression, result, doubt } in examples {
        if !record.is_empty() {
            page.push_str(&format!("on {record}\n"));
        }
        page.push_str(&format!("{expression}\n  => {result}\n"));
        if !doubt.is_empty() {
            page.push_str(&format!("  (doubted: {doubt})\n"));
        }
    }
    page.push_str("```\n");
}

#[cfg(test)]
mod tests {
    #[test]
    fn reference_page_is_current() {
        let path = "../../docs/reference/functions.md";
        let page = super::reference();
        if std::env::var("TRIBUTARY_GOLDEN").is_ok_and(|mode| mode == "write") {
            std::fs::write(path, &page).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == page, "docs/reference/functions.md is out of date: run `cargo xtask golden`");
    }
}
