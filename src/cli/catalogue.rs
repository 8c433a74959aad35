//! The catalogue of connectors as a page, and one connector's capabilities as a table; not here: what they are
//! (`connector::capability`).

use std::fmt::Write as _;

use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use crate::config::yaml::Choice;
use crate::connector::capability::{Capability, StreamCapability, capability};
use crate::connector::manifest::Category;
use crate::connector::registry::Registry;

/// docs/catalog.md; a test compares them.
pub fn catalogue(registry: &Registry) -> String {
    let all: Vec<Capability> = registry.connectors().map(|connector| capability(registry, connector)).collect();
    let mut text = String::from(INTRODUCTION);
    let known = Category::ALL.iter().map(|(word, _)| Some(*word));
    for category in known.chain([None]) {
        let of_category: Vec<&Capability> = all.iter().filter(|one| one.category == category).collect();
        if of_category.is_empty() {
            continue;
        }
        let _infallible = writeln!(text, "\n## {}", category.map_or("Others", heading));
        of_category.into_iter().for_each(|one| section(&mut text, one));
    }
    text
}

const INTRODUCTION: &str = "# Catalogue

What each shipped connector reads and writes. This page is what `syncline connectors --markdown` prints; a test compares them. What is
proven of it is in the table of [conformance.md](conformance.md).

**Read**: a list or query with the cursor that it goes on from (`snapshot`: the whole list each time), webhooks (`read again`: the vendor is
asked before a push is believed), one record by its key. **Deletions**: how the hub learns of them. **Write**: operations, and in brackets why
a repetition has no second effect (`key`: the vendor remembers an idempotency key; `looked up`: asked before; `natural`: it states a result),
how many go in one request, and whether the vendor is asked when it is applied. **Mapping**: which ways it is shipped for.
◇ marks connectors of which something is said to be unverified in their README or manifest. None was run against a live account.
";

fn heading(category: &'static str) -> &'static str {
    match Category::ALL.iter().find(|(word, _)| *word == category).map(|(_, category)| *category) {
        Some(Category::Storefront) => "Storefronts",
        Some(Category::Erp) => "ERP",
        Some(Category::Crm) => "CRM",
        Some(Category::Payments) => "Payments",
        Some(Category::Bank) => "Bank statements",
        Some(Category::Edi) => "EDI",
        Some(Category::Files) => "Files",
        Some(Category::Database) => "Databases",
        Some(Category::Events) => "Events",
        Some(Category::Sandbox) => "Sandbox",
        None => "Others",
    }
}

fn section(text: &mut String, one: &Capability) {
    let mark = if one.unverified { " ◇" } else { "" };
    let auth =
        one.auth.as_deref().filter(|word| *word != "none").map_or_else(String::new, |word| format!(" · auth `{word}`"));
    let _infallible = writeln!(
        text,
        "\n### {}{mark}\n[`{}`](../connectors/{}/README.md) · {}{auth}\n",
        one.title,
        one.name,
        one.name,
        one.transports.join(", ")
    );
    text.push_str("| stream | entity | read | deletions | write | mapping |\n|---|---|---|---|---|---|\n");
    for stream in &one.streams {
        let cells = cells(stream);
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    }
}

fn cells(stream: &StreamCapability) -> [String; 6] {
    let list = |words: &[String]| if words.is_empty() { "-".to_owned() } else { words.join("; ") };
    let words = |words: &[&str]| if words.is_empty() { "-".to_owned() } else { words.join(", ") };
    [
        stream.stream.clone(),
        stream.entity.to_owned(),
        list(&stream.reads),
        words(&stream.deletions),
        list(&stream.writes),
        words(&stream.mapping),
    ]
}

/// The same for a terminal.
pub(super) fn matrix(one: &Capability, to: &mut Surroundings) -> Result<(), CliError> {
    let auth = one.auth.as_ref().map_or_else(String::new, |word| format!(", auth {word}"));
    let category = one.category.map_or_else(String::new, |word| format!("{word}, "));
    to.line(&clean(&format!("{} ({category}{}{auth})", one.title, one.transports.join(", "))))?;
    let mut table = Table::new(&["STREAM", "ENTITY", "READ", "DELETIONS", "WRITE", "MAPPING"]);
    for stream in &one.streams {
        table.row(cells(stream).into_iter().map(|cell| clean(&cell)).collect());
    }
    table.print(to)?;
    if one.unverified {
        to.line("Something of it is unverified: see below and in its manifest.")?;
    }
    to.line("")?;
    Ok(())
}
