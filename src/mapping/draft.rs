//! A mapping file to begin with: what is sure as cells, what is not as comments with the reason, crosswalks beside it.
//!
//! Not here: finding the cells (`suggest`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value as Json;

use super::crosswalk::Values;
use super::mapping::Mapping;
use super::profile::Profile;
use super::suggest::{Recognised, Suggestion, suggest, suggest_fields, suggest_status};
use crate::config::yaml::Source;
use crate::model::{Entity, Field, FieldType, schema};

/// A suggestion as people and programs are shown it.
#[derive(Debug, Clone, Serialize)]
pub struct Suggested {
    /// `lines[].sku` within a list.
    pub field: String,
    pub path: String,
    /// Percent.
    pub confidence: u8,
    pub sure: bool,
    pub reason: String,
    /// The cell as a mapping writes it.
    pub cell: String,
}

/// What a sample leads to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Draft {
    pub suggestions: Vec<Suggested>,
    /// Fields that a record must have and nothing was found for.
    pub missing: Vec<String>,
    /// By crosswalk: the vendor's words, and what each is likely to mean.
    pub crosswalks: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Text of `mappings/<connector>/<entity>.yaml`; compiles as it stands.
    pub mapping: String,
    /// Text of the crosswalks that it uses; empty where it uses none.
    pub values: String,
}

struct Writing<'w> {
    profile: &'w Profile,
    draft: Draft,
    /// Lines of the table.
    table: String,
    /// Cells that are written although they must be looked at, or left out although the field is required.
    has_currency: bool,
}

pub fn draft(connector: &str, entity: Entity, profile: &Profile) -> Draft {
    let all = suggest(entity, &profile.properties(None));
    let fields = schema(entity).fields;
    let has_currency = all.iter().any(|found| found.field == "currency" && found.confidence.is_sure());
    let mut writing = Writing { profile, draft: Draft::default(), table: String::new(), has_currency };
    writing.fields(fields, "", &all, 1, None);
    let Writing { mut draft, table, .. } = writing;
    let source = format!("a sample of {} records", profile.records);
    draft.values = values(connector, &draft.crosswalks, &source);
    draft.mapping = compiling(connector, entity, &table, &draft, &source);
    draft
}

impl Writing<'_> {
    fn fields(&mut self, fields: &'static [Field], prefix: &str, all: &[Suggestion], depth: usize, list: Option<&str>) {
        for field in fields {
            let name = format!("{prefix}{}", field.name);
            match field.ty {
                FieldType::Object(inner) => self.fields(inner, &format!("{name}."), all, depth, list),
                FieldType::List(FieldType::Object(inner)) => {
                    if let Some(found) = all.iter().find(|found| found.field == name) {
                        self.list(field, inner, found, depth);
                    }
                }
                FieldType::List(_) => {}
                FieldType::Text
                | FieldType::Integer
                | FieldType::Bool
                | FieldType::Decimal
                | FieldType::Quantity
                | FieldType::Money
                | FieldType::UnitPrice
                | FieldType::Timestamp
                | FieldType::Date
                | FieldType::Currency
                | FieldType::Status(_)
                | FieldType::Ref(_) => self.cell(field, &name, all, depth, list),
            }
        }
    }

    fn list(&mut self, field: &Field, inner: &'static [Field], found: &Suggestion, depth: usize) {
        let items = suggest_fields(inner, "", &self.profile.properties(Some(&found.path)));
        let sure: BTreeSet<&str> =
            items.iter().filter(|item| item.confidence.is_sure()).map(|item| item.field.as_str()).collect();
        let whole = inner.iter().filter(|field| field.required).all(|field| sure.contains(field.name))
            && found.confidence.is_sure()
            && !sure.is_empty();
        let pad = if whole { "  ".repeat(depth) } else { format!("{}# ", "  ".repeat(depth)) };
        let optional = if self.always(&found.path) { "" } else { "\n{pad}  optional: true" }.replace("{pad}", &pad);
        self.note(found, field.name, format!("each: {}", found.path));
        let (before, begun) = (
            self.table.len(),
            format!("{pad}{}:\n{pad}  each: {}{optional}\n{pad}  fields:\n", field.name, quoted(&found.path)),
        );
        self.table.push_str(&begun);
        let body_from = self.table.len();
        self.fields(inner, "", &items, depth + 2, Some(&found.path));
        if !whole {
            let body: String = self.table[body_from..]
                .lines()
                .map(|line| format!("{}# {}\n", "  ".repeat(depth), line.trim_start_matches([' ', '#'])))
                .collect();
            self.table.truncate(body_from);
            self.table.push_str(&body);
            self.table.insert_str(
                before,
                &format!("{}# Some field that every item must have was not found for sure.\n", "  ".repeat(depth)),
            );
        }
    }

    fn always(&self, path: &str) -> bool {
        self.profile.field_at(path).is_some_and(|field| field.null + field.absent == 0)
    }

    fn note(&mut self, found: &Suggestion, field: &str, cell: String) {
        self.draft.suggestions.push(Suggested {
            field: field.to_owned(),
            path: found.path.clone(),
            confidence: found.confidence.0,
            sure: found.confidence.is_sure(),
            reason: found.reason.clone(),
            cell,
        });
    }

    fn cell(&mut self, field: &Field, name: &str, all: &[Suggestion], depth: usize, list: Option<&str>) {
        let pad = "  ".repeat(depth);
        let listed = |name: &str| list.map_or_else(|| name.to_owned(), |list| format!("{list}[].{name}"));
        let Some(found) = all.iter().find(|found| found.field == name) else {
            if field.required {
                let what = listed(name);
                let _infallible = writeln!(
                    self.table,
                    "{pad}# {name}: ?   # required, {}: nothing in the sample looks like it",
                    field.ty.name()
                );
                self.draft.missing.push(what);
            }
            return;
        };
        let optional = if field.required || self.always(&listed(&found.path)) { "" } else { ", optional: true" };
        let path = quoted(&found.path);
        let money = matches!(field.ty, FieldType::Money | FieldType::UnitPrice);
        let mut unsure = !found.confidence.is_sure() || (money && !self.has_currency);
        let mut cell = match &found.recognised {
            Recognised::Money => format!("{{ money: {path}{optional} }}"),
            Recognised::MinorUnits => format!("{{ minor: {path}{optional} }}"),
            Recognised::Time { format, zoned } => {
                let zone = if *zoned { "" } else { ", zone: UTC" };
                unsure |= !zoned;
                format!("{{ from: {path}, format: {}{zone}{optional} }}", Json::from(format.as_str()))
            }
            Recognised::Plain | Recognised::Instant => plain(&path, optional),
        };
        if let FieldType::Status(set) = field.ty {
            let (values, whole) = self.crosswalk(name, &listed(&found.path), set.values);
            unsure |= !whole;
            cell = format!("{{ from: {path}, values: {values}{optional} }}");
        }
        let reason = &found.reason;
        let line = if unsure {
            format!("{pad}# {name}: {cell}   # {}%: {reason}\n", found.confidence.0)
        } else {
            format!("{pad}{name}: {cell}   # {reason}\n")
        };
        self.table.push_str(&line);
        self.note(found, &listed(name), cell);
        if unsure && field.required {
            self.draft.missing.push(listed(name));
        }
    }

    /// Its name, and whether all words that were seen could be read.
    fn crosswalk(&mut self, field: &str, path: &str, known: &[&'static str]) -> (String, bool) {
        let name = field.replace(['.', '[', ']'], "_");
        let seen = self.profile.field_at(path).and_then(|field| field.vocabulary());
        let words: BTreeMap<String, Option<String>> = seen
            .into_iter()
            .flatten()
            .map(|(vendor, _)| {
                (vendor.clone(), suggest_status(vendor, known).map(|(canonical, _)| canonical.to_owned()))
            })
            .collect();
        let whole = !words.is_empty() && words.values().all(Option::is_some);
        if !words.is_empty() {
            self.draft.crosswalks.insert(name.clone(), words);
        }
        (name, whole)
    }
}

fn plain(path: &str, optional: &str) -> String {
    if optional.is_empty() { path.to_owned() } else { format!("{{ from: {path}{optional} }}") }
}

/// As YAML takes it.
fn quoted(path: &str) -> String {
    let bare = path.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-'));
    let plain = bare
        && path.chars().next().is_some_and(char::is_alphabetic)
        && !["null", "true", "false", "yes", "no", "on", "off"].contains(&path);
    if plain { path.to_owned() } else { Json::from(path).to_string() }
}

fn values(connector: &str, crosswalks: &BTreeMap<String, BTreeMap<String, Option<String>>>, source: &str) -> String {
    if crosswalks.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "# Words of {source}. There may be others: look into the vendor's documentation.\nvalues: {connector}\ncrosswalks:\n"
    );
    for (name, words) in crosswalks {
        let mut meant: BTreeSet<&str> = BTreeSet::new();
        if words.values().all(Option::is_none) {
            let _infallible = writeln!(text, "  # {name}:");
        } else {
            let _infallible = writeln!(text, "  {name}:");
        }
        for (vendor, canonical) in words {
            let vendor = Json::from(vendor.as_str());
            let _infallible = match canonical {
                // Two words for one meaning: only the first is written back.
                Some(canonical) if !meant.insert(canonical) => {
                    writeln!(text, "    {vendor}: {{ to: {canonical}, reverse: false }}")
                }
                Some(canonical) => writeln!(text, "    {vendor}: {canonical}"),
                None => writeln!(text, "    # {vendor}: ?"),
            };
        }
    }
    if crosswalks.values().flat_map(BTreeMap::values).all(Option::is_none) {
        text = text.replace("crosswalks:\n", "crosswalks: {}\n");
    }
    text
}

/// The table as text that compiles: what the compiler refuses becomes a comment, line by line.
fn compiling(connector: &str, entity: Entity, table: &str, draft: &Draft, source: &str) -> String {
    let head = format!(
        "# A draft from {source}: look at every line. What is not sure is a comment with its reason.\nmapping: {connector}/{entity}\n"
    );
    let write = |lines: &[String], ready: bool| {
        let table: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if ready {
            return format!("{head}in:\n{table}tests: []\n");
        }
        // A record that lacks what it must have is no record: the table is shown, not compiled.
        let table: String = lines.iter().map(|line| format!("#{line}\n")).collect();
        format!(
            "{head}# A record must also have: {}. Find them, then take the first `#` off these lines.\n#in:\n{table}tests: []\n",
            draft.missing.join(", ")
        )
    };
    let crosswalks = Values::load(
        &[Source::new("values.yaml", draft.values.clone())]
            .into_iter()
            .filter(|_| !draft.values.is_empty())
            .collect::<Vec<_>>(),
    );
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let Ok(crosswalks) = crosswalks else { return write(&lines, false) };
    for _ in 0..lines.len() + 1 {
        let text = write(&lines, true);
        let Err(problems) = Mapping::load(&[Source::new("draft.yaml", text)], &crosswalks) else {
            return write(&lines, true);
        };
        let first = problems.iter().find_map(|problem| usize::try_from(problem.line).ok()?.checked_sub(4));
        match first.and_then(|index| lines.get_mut(index)).filter(|line| !line.trim_start().starts_with('#')) {
            Some(line) => *line = format!("  # {}", line.trim_start()),
            None => return write(&lines, false),
        }
    }
    write(&lines, false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_draft_compiles_and_maps_its_own_sample() {
        let record = |number: &str, status: &str| {
            json!({ "order_number": number, "created_at": "2026-11-20T08:00:00Z", "currency": "EUR", "total_price": "12.50", "financial_status": status,
                    "customer": { "email": "a@example.com" }, "items": [{ "sku": "A", "quantity": 2, "price": "6.25" }] })
        };
        let records = [record("1", "paid"), record("2", "authorized")];
        let made = draft("acme", Entity::Order, &Profile::of(&records));
        let values = Values::load(&[Source::new("values", made.values.clone())]).unwrap();
        let mapping = Mapping::load(&[Source::new("m", made.mapping.clone())], &values)
            .unwrap_or_else(|error| panic!("{error}\n{}", made.mapping));
        assert!(mapping.maps_in(), "{}", made.mapping);
        let settings = json!({});
        let mapped = mapping.map_in(&records[1], super::super::InContext { settings: &settings }).unwrap().to_json();
        assert_eq!(mapped["payment_status"], "authorised", "{}\n{}", made.mapping, made.values);
        assert_eq!(mapped["lines"][0]["sku"], "A");
        assert!(made.missing.is_empty(), "{:?}", made.missing);
    }

    #[test]
    fn what_is_missing_is_told_and_the_file_still_loads() {
        let made = draft("acme", Entity::Order, &Profile::of(&[json!({ "id": 1, "odd": true })]));
        assert!(made.missing.contains(&"placed_at".to_owned()));
        assert!(
            Mapping::load(&[Source::new("m", made.mapping.clone())], &Values::load(&[]).unwrap()).is_ok(),
            "{}",
            made.mapping
        );
    }
}
