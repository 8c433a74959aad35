//! Crosswalks: value to value, between a vendor's vocabulary and the canonical one, both ways; and the vendor's
//! minor-unit exponents. Read from `mappings/<connector>/values.yaml`, overlaid by the installation's own.
//!
//! Not here: a default. A value that is not listed stops its record.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::yaml::{Context, Decode, Diagnostic, Diagnostics, Node, Place, Source, parse};
use crate::model::Currency;

/// One table. Keys and values are text; JSON null is the key `null`, true and false are `true` and `false`.
#[derive(Debug, Clone, Default)]
pub struct Crosswalk {
    name: String,
    inward: HashMap<String, String>,
    outward: HashMap<String, String>,
    entries: Vec<(String, String, Place)>,
}

impl Crosswalk {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Vendor's value to canonical value.
    pub fn inward(&self, vendor: &str) -> Option<&str> {
        self.inward.get(vendor).map(String::as_str)
    }

    /// Canonical value to the vendor's.
    pub fn outward(&self, canonical: &str) -> Option<&str> {
        self.outward.get(canonical).map(String::as_str)
    }

    /// Every vendor value with its canonical value and where it is written.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, &Place)> {
        self.entries.iter().map(|(vendor, canonical, place)| (vendor.as_str(), canonical.as_str(), place))
    }
}

/// All of a connector's crosswalks and exponents.
#[derive(Debug, Clone, Default)]
pub struct Values {
    crosswalks: HashMap<String, Arc<Crosswalk>>,
    exponents: Exponents,
}

/// Currencies whose minor unit a system counts otherwise than ISO 4217.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exponents(Vec<(Currency, u32)>);

impl Exponents {
    pub fn get(&self, currency: Currency) -> u32 {
        let known = self.0.iter().find(|(known, _)| *known == currency);
        known.map_or_else(|| currency.exponent(), |(_, exponent)| *exponent)
    }

    pub(super) fn set(&mut self, currency: Currency, exponent: u32) {
        self.0.retain(|(known, _)| *known != currency);
        self.0.push((currency, exponent));
    }
}

/// Lines of one table in order, each with the vendor's value and its place.
type Lines = Vec<(String, Line, Place)>;

/// One line of a table. In `{ to: voided, reverse: false }` the line is not used for the way back.
struct Line {
    canonical: String,
    reverse: bool,
}

impl Decode for Line {
    fn decode(node: &Node, cx: &Context) -> Option<Line> {
        if node.entries().is_none() {
            return String::decode(node, cx).map(|canonical| Line { canonical, reverse: true });
        }
        let reader = cx.map(node, "crosswalk line")?;
        let (canonical, reverse) = (reader.required("to"), reader.or("reverse", true));
        reader.finish();
        Some(Line { canonical: canonical?, reverse })
    }
}

impl Values {
    /// Reads the shipped file and then the installation's overlays, later ones winning line by line.
    pub fn load(sources: &[Arc<Source>]) -> Result<Values, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut tables: Vec<(String, Lines)> = Vec::new();
        let mut values = Values::default();
        for source in sources {
            match parse(source) {
                Ok(root) => found.extend(values.read(&root, source, &mut tables)),
                Err(problems) => found.extend(problems),
            }
        }
        for (name, lines) in tables {
            let table = build(&name, lines, &mut found);
            values.crosswalks.insert(name, Arc::new(table));
        }
        found.into_result(Some(values))
    }

    pub fn crosswalk(&self, name: &str) -> Option<&Arc<Crosswalk>> {
        self.crosswalks.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.crosswalks.keys().map(String::as_str)
    }

    pub fn exponents(&self) -> &Exponents {
        &self.exponents
    }

    fn read(&mut self, root: &Node, source: &Arc<Source>, tables: &mut Vec<(String, Lines)>) -> Diagnostics {
        let cx = Context::new(source);
        if let Some(reader) = cx.map(root, "values file") {
            let _connector: Option<String> = reader.required("values");
            for (code, exponent) in reader.named::<u32>("exponents") {
                set_exponent(&mut self.exponents, &code, &code.place, exponent, &cx);
            }
            if let Some(node) = reader.node("crosswalks") {
                let read = |entry: &crate::config::yaml::Entry, cx: &Context| {
                    cx.named(&entry.value, "values", |line, cx| Line::decode(&line.value, cx))
                };
                for (name, lines) in cx.named(node, "crosswalks", read).unwrap_or_default() {
                    let lines = lines.into_iter().map(|(vendor, line)| (vendor.value, line, vendor.place)).collect();
                    overlay(tables, name.value, lines);
                }
            }
            reader.finish();
        }
        cx.finish()
    }
}

pub(super) fn set_exponent(exponents: &mut Exponents, code: &str, place: &Place, exponent: u32, cx: &Context) {
    match Currency::parse(code) {
        Ok(currency) if exponent <= 6 => exponents.set(currency, exponent),
        Ok(_) => cx.push(Diagnostic::new(place, format!("exponent {exponent} of {code} is not between 0 and 6"))),
        Err(error) => cx.push(Diagnostic::new(place, error.to_string())),
    }
}

fn overlay(tables: &mut Vec<(String, Lines)>, name: String, lines: Lines) {
    match tables.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => {
            known.retain(|(vendor, _, _)| !lines.iter().any(|(newer, _, _)| newer == vendor));
            known.extend(lines);
        }
        None => tables.push((name, lines)),
    }
}

fn build(name: &str, lines: Lines, found: &mut Diagnostics) -> Crosswalk {
    let mut table = Crosswalk { name: name.to_owned(), ..Crosswalk::default() };
    for (vendor, line, place) in lines {
        if line.reverse {
            if let Some(other) = table.outward.get(&line.canonical) {
                let message = format!(
                    "crosswalk `{name}`: the way back from `{}` is both `{other}` and `{vendor}`",
                    line.canonical
                );
                found.push(Diagnostic::new(&place, message).help(format!(
                    "keep one of them, and write the other as `{vendor}: {{ to: {}, reverse: false }}`",
                    line.canonical
                )));
            }
            table.outward.entry(line.canonical.clone()).or_insert_with(|| vendor.clone());
        }
        table.inward.insert(vendor.clone(), line.canonical.clone());
        table.entries.push((vendor, line.canonical, place));
    }
    table
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SHIPPED: &str = "values: shop\nexponents: { ISK: 2 }\ncrosswalks:\n  status:\n    open: pending\n    done: paid\n    void: { to: voided, reverse: false }\n    expired: voided\n    null: unpaid\n";

    #[test]
    fn values_go_both_ways_and_overlays_win() {
        let overlay = "values: shop\ncrosswalks:\n  status:\n    done: authorised\n    settled: paid\n";
        let values = Values::load(&[Source::new("values.yaml", SHIPPED), Source::new("own.yaml", overlay)]).unwrap();
        let status = values.crosswalk("status").unwrap();
        assert_eq!((status.inward("done"), status.inward("settled")), (Some("authorised"), Some("paid")));
        assert_eq!((status.outward("paid"), status.outward("voided")), (Some("settled"), Some("expired")));
        assert_eq!((status.inward("null"), status.inward("OPEN")), (Some("unpaid"), None));
        let isk = Currency::parse("ISK").unwrap();
        assert_eq!((values.exponents().get(isk), isk.exponent()), (2, 0));
    }

    #[test]
    fn an_ambiguous_way_back_is_refused_with_its_place() {
        let text = SHIPPED.replace("{ to: voided, reverse: false }", "voided") + "bogus: 1\n";
        let problems = Values::load(&[Source::new("values.yaml", text)]).unwrap_err();
        let shown = problems.to_string();
        assert!(shown.contains("values.yaml:8:5: crosswalk `status`: the way back from `voided`"), "{shown}");
        assert!(shown.contains("unknown key `bogus`"), "{shown}");
    }
}
