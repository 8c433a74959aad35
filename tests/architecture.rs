//! The structure that ARCHITECTURE.md states, read from the sources: who may know whom, and what must not occur where.
//!
//! Not here: what clippy holds already (`unwrap_used`, `expect_used`, `float_arithmetic`; see `[lints]` in Cargo.toml).
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};

use paths::{Named, depth, from_root};
use source::{Source, root, sources};

/// Longest file; a longer one is two things.
const MOST_LINES: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] =
    &[("tests/seed/mod.rs", "one morning's story, told in order: its steps build on each other")];

/// Systems that the hub is built to connect. Each is data: a manifest under `connectors/`, mappings under `mappings/`.
const VENDORS: &[&str] = &[
    "adyen",
    "bigcommerce",
    "businesscentral",
    "hubspot",
    "magento",
    "netsuite",
    "odoo",
    "paypal",
    "salesforce",
    "sap",
    "shopify",
    "square",
    "stripe",
    "woocommerce",
];

/// Names that other words contain: `disappear`, `squared`.
const PARTS_OF_WORDS: &[&str] = &["sap", "square"];

/// Folders under `connectors/` that are named after a format or a protocol.
const NO_VENDOR: &[&str] = &[
    "bai2",
    "camt053",
    "cloudevents",
    "csv",
    "edifact",
    "jsonl",
    "mt940",
    "outbox",
    "sql-mysql",
    "sql-postgres",
    "ubl",
    "webhook",
    "webhook-in",
    "x12",
    "xml",
    "process",
];

/// Files that may name vendors, and why.
const VENDORS_NAMED: &[(&str, &str)] = &[
    ("src/sandbox/", "fakes of vendors"),
    ("src/cli/demo/", "the demo connects the fakes, and shows the configuration that it does it with"),
    ("src/cli/args.rs", "the example in a command's help"),
    ("src/connector/webhook/url_escapes.rs", "the documentation of a named verification scheme"),
];

/// Macros at the crate's root, by the module that they belong to.
const MACROS: &[(&str, &str)] = &[("choice", "config")];

#[track_caller]
fn check_none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}\n  {}\n", violations.join("\n  "));
}

/// The product's own code below `src/`.
fn product() -> Vec<Source> {
    sources("src").into_iter().filter(|source| !source.is_test()).collect()
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// Cells of the table under this heading: the first column's code words, and the second's.
fn table(document: &str, heading: &str) -> Vec<(Vec<String>, Vec<String>, String)> {
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap_or(section);
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(|word| word.trim_matches('/').to_owned()).collect();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let (first, second) = (cells.next().unwrap(), cells.next().unwrap());
        (words(first), words(second), second.trim().to_owned())
    })
    .collect()
}

fn modules() -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

/// Who may know whom, by ARCHITECTURE.md. `queue::QueueHandle` allows that one name of `queue`.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let mut allowed = BTreeMap::new();
    for (who, whom, _) in table(&architecture(), "Who may know whom") {
        assert_eq!(who.len(), 1, "each module has a row of its own: {who:?}");
        assert!(allowed.insert(who[0].clone(), whom).is_none(), "two rows for {}", who[0]);
    }
    allowed
}

fn is_allowed(allowed: &[String], path: &[String]) -> bool {
    let path = path.join("::");
    allowed.iter().any(|known| path == *known || path.starts_with(&format!("{known}::")))
}

#[test]
fn the_map_names_every_module() {
    let mapped: BTreeSet<String> = table(&architecture(), "Map").into_iter().flat_map(|(names, _, _)| names).collect();
    assert_eq!(mapped, modules(), "ARCHITECTURE.md's map against src/lib.rs");
    assert_eq!(allowed().into_keys().collect::<BTreeSet<_>>(), modules(), "`Who may know whom` against src/lib.rs");
}

#[test]
fn each_module_knows_only_what_it_may() {
    let (allowed, modules) = (allowed(), modules());
    for word in allowed.values().flatten() {
        let module = word.split("::").next().unwrap();
        assert!(modules.contains(module), "ARCHITECTURE.md allows `{word}`, which is no module");
    }
    let mut violations = Vec::new();
    for source in product() {
        let own = source.module();
        let Some(may) = allowed.get(own) else { continue };
        for Named { line, mut path } in from_root(&source.code(), depth(&source.path)) {
            let Some(first) = path.first_mut() else {
                violations.push(format!("{}:{line} takes everything from the crate's root", source.path));
                continue;
            };
            if let Some((_, owner)) = MACROS.iter().find(|(name, _)| name == first) {
                *first = (*owner).to_owned();
            }
            if first != own && !is_allowed(may, &path) {
                violations.push(format!("{}:{line} knows `{}`", source.path, path.join("::")));
            }
        }
    }
    check_none("not allowed by ARCHITECTURE.md, `Who may know whom`:", &violations);
}

/// What is allowed but not done any more would allow it to come back unseen.
#[test]
fn what_modules_may_know_they_know() {
    let product = product();
    let mut violations = Vec::new();
    for (own, may) in allowed() {
        let named: Vec<Named> = product
            .iter()
            .filter(|source| source.module() == own)
            .flat_map(|source| from_root(&source.code(), depth(&source.path)))
            .collect();
        let unused = may.iter().filter(|known| !named.iter().any(|n| is_allowed(std::slice::from_ref(known), &n.path)));
        violations.extend(unused.map(|known| format!("`{own}` does not use `{known}`")));
    }
    check_none("allowed by ARCHITECTURE.md and needed by nobody:", &violations);
}

/// Finds vendors however code and prose write them: `Business Central`, `business-central`, `BusinessCentral`.
fn vendor_in<'v>(line: &str, vendors: &'v [String]) -> Option<&'v String> {
    let line = line.to_lowercase();
    let closed: String = line.chars().filter(|character| !matches!(character, '-' | '_' | ' ')).collect();
    let is_word = |name: &str| line.split(|character: char| !character.is_alphanumeric()).any(|word| word == name);
    vendors.iter().find(|name| {
        if PARTS_OF_WORDS.contains(&name.as_str()) { is_word(name) } else { closed.contains(name.as_str()) }
    })
}

fn vendors() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("connectors")).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    let own = folders.filter(|name| !NO_VENDOR.contains(&name.as_str())).map(|name| name.replace(['-', '_'], ""));
    let names: BTreeSet<String> = own.chain(VENDORS.iter().map(|name| (*name).to_owned())).collect();
    names.into_iter().collect()
}

#[test]
fn no_vendor_in_the_engine() {
    let vendors = vendors();
    let mut violations = Vec::new();
    let mut excused = BTreeSet::new();
    for source in product() {
        let reason = VENDORS_NAMED.iter().find(|(path, _)| source.path.starts_with(path));
        for (index, line) in source.all().lines().enumerate() {
            let Some(vendor) = vendor_in(line, &vendors) else { continue };
            match reason {
                Some((path, _)) => drop(excused.insert(*path)),
                None => violations.push(format!("{}:{} names {vendor}: {}", source.path, index + 1, line.trim())),
            }
        }
    }
    check_none("vendors' names in the engine; what differs between vendors is data (connectors/):", &violations);
    for (path, reason) in VENDORS_NAMED {
        assert!(excused.contains(path), "{path} ({reason}) names no vendor any more: take it off the list");
    }
}

/// The line at which one of these stands, outside the folder that they belong in.
fn outside(folder: &str, text: fn(&Source) -> String, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in product().iter().filter(|source| !source.path.starts_with(folder)) {
        let text = text(source);
        let lines = text.lines().enumerate().filter(|(_, line)| is_there(line));
        found.extend(lines.map(|(index, line)| format!("{}:{} {}", source.path, index + 1, line.trim())));
    }
    found
}

fn has_word(line: &str, wanted: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == wanted)
}

fn is_sql(line: &str) -> bool {
    let statements = [("SELECT", "FROM"), ("INSERT", "INTO"), ("UPDATE", "SET"), ("DELETE", "FROM")];
    statements.iter().any(|(verb, other)| has_word(line, verb) && has_word(line, other))
        || (has_word(line, "CREATE") && ["TABLE", "INDEX", "VIEW"].iter().any(|what| has_word(line, what)))
        || has_word(line, "PRAGMA")
}

#[test]
fn sql_only_in_the_store() {
    // Databases are vendor systems too: there the statements are data of manifests, and what the engine itself has to say to a
    // database (how a transaction begins, what its clock says) stands in one file.
    let others = |text, is_there: fn(&str) -> bool, excused: &str| {
        let found = outside("src/store/", text, is_there);
        found.into_iter().filter(|line| !line.starts_with(excused)).collect::<Vec<_>>()
    };
    let sqlx = |line: &str| has_word(line, "sqlx");
    check_none("sqlx outside src/store and src/connector/sql:", &others(Source::code, sqlx, "src/connector/sql/"));
    let dialect = "src/connector/sql/dialect.rs";
    check_none("SQL outside src/store, manifests and the dialects:", &others(Source::literals, is_sql, dialect));
    let inside = product().into_iter().filter(|source| source.path.starts_with("src/store/"));
    assert!(inside.flat_map(|source| source.literals().lines().map(is_sql).collect::<Vec<_>>()).any(|sql| sql));
}

#[test]
fn apalis_only_in_the_queue() {
    let apalis = |line: &str| ["apalis", "apalis_core"].iter().any(|name| has_word(line, name));
    check_none("apalis outside src/queue:", &outside("src/queue/", Source::code, apalis));
    let queue = product().into_iter().filter(|source| source.path.starts_with("src/queue/"));
    assert!(queue.flat_map(|source| source.code().lines().map(apalis).collect::<Vec<_>>()).any(|apalis| apalis));
}

#[test]
fn files_are_one_thing_each() {
    let all: Vec<Source> = sources("src").into_iter().chain(sources("tests")).collect();
    let long: Vec<&Source> = all.iter().filter(|source| source.lines() > MOST_LINES).collect();
    let unexcused = long.iter().filter(|source| !LONGER.iter().any(|(path, _)| *path == source.path));
    let violations: Vec<String> =
        unexcused.map(|source| format!("{} ({} lines)", source.path, source.lines())).collect();
    check_none(&format!("longer than {MOST_LINES} lines:"), &violations);
    for (path, reason) in LONGER {
        assert!(long.iter().any(|source| source.path == *path), "{path} ({reason}) is short now: take it off the list");
    }
}

#[test]
fn each_file_opens_with_its_charter() {
    let mut violations = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        let text = std::fs::read_to_string(root().join(&source.path)).unwrap();
        if !text.starts_with("//! ") {
            violations.push(source.path);
        }
    }
    check_none("does not open with what it is for (`//! …`):", &violations);
}

/// `unwrap` and `expect` are clippy's to find; only tests may switch that off.
#[test]
fn only_tests_may_unwrap() {
    let lints = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in ["unwrap_used", "expect_used", "float_arithmetic"] {
        assert!(lints.contains(&format!("{lint} = \"warn\"")), "Cargo.toml does not ask for {lint}");
    }
    let switched_off = |line: &str| line.contains("allow(") && line.contains("_used");
    check_none("switches clippy's refusal of unwrap off:", &outside("src/nowhere/", Source::code, switched_off));
}

#[test]
fn the_scanner_tells_code_from_text_comments_and_tests() {
    let text = r##"
use crate::a; // crate::comment
/* crate::block /* nested */ */ const S: &str = "crate::\"text"; const R: &str = r#"crate::"raw"#;
const C: char = '"'; const E: char = '\''; fn f<'x>(x: &'x str) -> crate::b { x }
#[cfg(test)]
mod tests { use crate::test; fn g() { let s = "}"; } }
fn after() { crate::c::d() }
"##;
    let source = Source::new("src/m/n.rs", text);
    let named: Vec<String> = from_root(&source.code(), 2).into_iter().map(|named| named.path.join("::")).collect();
    assert_eq!(named, ["a", "b", "c::d"]);
    assert!(source.literals().contains(r#"crate::\"text"#) && source.literals().contains(r#"crate::"raw"#));
    assert_eq!(from_root(&source.code(), 2)[2].line, 7);
}

#[test]
fn paths_are_spread_and_climb() {
    #[track_caller]
    fn check(code: &str, depth: usize, expected: &[&str]) {
        let named: Vec<String> = from_root(code, depth).into_iter().map(|named| named.path.join("::")).collect();
        assert_eq!(named, expected, "{code}");
    }
    check("use crate::{a::{b, c as d}, e::*, f};", 2, &["a::b", "a::c", "e", "f"]);
    check("use super::super::store::Row;", 2, &["store::Row"]);
    check("use super::super::store::Row;", 3, &[]);
    check("use super::config::{A, b::C};", 1, &["config::A", "config::b::C"]);
    check(
        "pub(crate) fn f(x: crate::model::Money) -> Option<crate::model::Date> {}",
        1,
        &["model::Money", "model::Date"],
    );
    check("crate::choice! { enum X {} }", 2, &["choice"]);
    assert_eq!((depth("src/lib.rs"), depth("src/store/mod.rs"), depth("src/store/lock.rs")), (0, 1, 2));
}

#[test]
fn vendors_are_found_as_words() {
    let vendors = vendors();
    for (line, expected) in [
        ("the Shopify way", true),
        ("x-myshopify-topic", true),
        ("BusinessCentral and Business-Central", true),
        ("fn sap_order()", true),
        ("rows disappear", false),
        ("a square root", true),
        ("squared", false),
        ("csv and webhook", false),
    ] {
        assert_eq!(vendor_in(line, &vendors).is_some(), expected, "{line}");
    }
}
