//! One side: where its rows come from, and which of their values are what.
//!
//! Not here: reading them.

use std::sync::Arc;

use crate::choice;
use crate::config::Endpoint;
use crate::config::yaml::{Context, Decode, Entry, Kind, MapReader, Node, Span};
use crate::finance::record_rows::RecordRows;
use crate::recon::large::FieldKind;
use crate::recon::row::Side;
use crate::recon::rules::RuleSet;
use crate::recon::unit::Unit;
use crate::store::StreamId;

use super::files::{self, Files};

/// A side of a reconciliation.
#[derive(Debug, Clone)]
pub struct SideSpec {
    pub title: String,
    pub from: From,
    /// Where it says so.
    pub from_span: Span,
    /// What becomes of records of the hub's, once bound to its streams; files have theirs beside their readers.
    pub rows: Option<Arc<RecordRows>>,
    /// Aligned with the rules' keys; nothing where this side has no such key.
    pub keys: Vec<Option<Cell>>,
    pub amount: Cell,
    /// Rows that one record becomes, each with an amount of its own (gross, fee); nothing if it is one row of `amount`.
    pub split: Vec<(Arc<str>, Cell)>,
    /// A column or path with the currency, if the amount does not carry it.
    pub currency: Option<Cell>,
    /// One unit for all rows.
    pub unit: Option<Unit>,
    pub date: Option<Cell>,
    pub status: Option<Cell>,
    pub parent: Option<Cell>,
    pub category: Option<Cell>,
    pub lines: Option<Cell>,
    pub fields: Vec<Option<Cell>>,
    pub parts: Vec<Option<Cell>>,
    pub exclude: Vec<Exclusion>,
    named: Named,
}

/// Cells by the author's names, before they are brought into the rules' order.
#[derive(Debug, Clone, Default)]
struct Named {
    keys: Vec<(Arc<str>, Cell)>,
    fields: Vec<(Arc<str>, Cell)>,
    parts: Vec<(Arc<str>, Cell)>,
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum From {
    /// Delimited text with a header, by column names.
    Table(Table),
    /// What a connector's file stream reads, by paths in its canonical records.
    Files(Vec<Files>),
    /// What the hub knows of a stream: its mirror, by canonical fields.
    Mirror(StreamId),
    /// A stream as its system has it when the run begins, read completely; by canonical fields.
    Live(StreamId),
}

impl From {
    /// Paths or patterns of its files, below the installation.
    pub fn patterns(&self) -> Vec<&str> {
        match self {
            From::Table(table) => vec![&table.files],
            From::Files(sets) => sets.iter().map(|files| files.files.as_str()).collect(),
            From::Mirror(_) | From::Live(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Table {
    /// A path or pattern below the installation: `statements/bank-*.csv`.
    pub files: String,
    pub delimiter: u8,
}

/// A value of a row: a column's name, or a path in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub from: String,
    pub kind: FieldKind,
    /// An amount counts with its sign turned.
    pub negate: bool,
    pub span: Span,
}

/// Rows that are out of scope, by name.
#[derive(Debug, Clone)]
pub struct Exclusion {
    pub name: Arc<str>,
    pub from: String,
    pub is: Vec<String>,
    /// Or: everything that is none of these.
    pub is_not: Vec<String>,
    pub span: Span,
}

choice! {
    enum CellKind ("type of value") {
        Text = "text",
        Amount = "amount",
        Date = "date",
    }
}

impl Decode for Cell {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        if matches!(node.kind, Kind::Scalar(_)) {
            let from = String::decode(node, cx)?;
            return Some(Cell { from, kind: FieldKind::Text, negate: false, span: node.span });
        }
        let map = cx.map(node, "the value")?;
        let from = map.required("from");
        let kind = match map.or("type", CellKind::Text) {
            CellKind::Text => FieldKind::Text,
            CellKind::Amount => FieldKind::Amount,
            CellKind::Date => FieldKind::Date,
        };
        let negate = map.or("negate", false);
        map.finish();
        Some(Cell { from: from?, kind, negate, span: node.span })
    }
}

impl SideSpec {
    /// Reads a side; everything wrong with it is reported.
    pub(super) fn decode_as(node: &Node, cx: &Context, side: Side) -> Option<SideSpec> {
        let map = cx.map(node, format!("side {}", side.as_str().to_lowercase()))?;
        let from = from(&map, cx);
        let exclude = map.node("exclude").map(|node| exclusions(node, cx)).unwrap_or_default();
        let unit = map.node("unit").and_then(|node| match Unit::parse(node.as_str().unwrap_or_default()) {
            Ok(unit) => Some(unit),
            Err(error) => {
                cx.error(node.span, error.to_string(), "a currency such as `EUR`, or `pcs`");
                None
            }
        });
        let title = map.required("title");
        let named = Named { keys: cells(&map, "keys"), fields: cells(&map, "fields"), parts: cells(&map, "parts") };
        let amounts = amounts(&map, cx);
        let currency: Option<Cell> = map.optional("currency");
        if let (Some((From::Table(_), _)), None, None) = (&from, &currency, &unit) {
            map.error(
                "amount",
                "the amounts have no currency",
                "add `currency: <column>`, or `unit: EUR` for all rows",
            );
        }
        if let Some((From::Table(_), _)) = &from {
            only_for_records(&amounts, &exclude, cx);
        }
        let (date, status, parent) = (map.optional("date"), map.optional("status"), map.optional("parent"));
        let (category, lines) = (map.optional("category"), map.optional("lines"));
        map.finish();
        let (amount, split) = amounts?;
        let (from, from_span) = from?;
        Some(SideSpec {
            title: title.unwrap_or_default(),
            keys: Vec::new(),
            amount,
            split,
            currency,
            unit,
            date,
            status,
            parent,
            category,
            lines,
            fields: Vec::new(),
            parts: Vec::new(),
            exclude,
            from,
            from_span,
            rows: None,
            named,
        })
    }

    pub(super) fn key_names(&self) -> Vec<Arc<str>> {
        self.named.keys.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn field_names(&self) -> Vec<Arc<str>> {
        self.named.fields.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn part_names(&self) -> Vec<Arc<str>> {
        self.named.parts.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Brings named cells into the rules' order.
    pub(super) fn align(&mut self, rules: &RuleSet) {
        fn order<'n>(names: impl Iterator<Item = &'n Arc<str>>, cells: &[(Arc<str>, Cell)]) -> Vec<Option<Cell>> {
            let cell = |name: &Arc<str>| cells.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.clone());
            names.map(cell).collect()
        }
        self.keys = order(rules.keys.iter(), &self.named.keys);
        self.fields = order(rules.fields.iter().map(|field| &field.name), &self.named.fields);
        self.parts = order(rules.parts.iter().map(|part| &part.name), &self.named.parts);
    }
}

/// Names of both sides, each once, in the order in which they are first stated.
pub(super) fn names(sides: [Option<&SideSpec>; 2], of: fn(&SideSpec) -> Vec<Arc<str>>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in sides.into_iter().flatten().flat_map(of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn cells(map: &MapReader<'_>, key: &'static str) -> Vec<(Arc<str>, Cell)> {
    map.named::<Cell>(key).into_iter().map(|(name, cell)| (name.value.into(), cell)).collect()
}

/// Exactly one of them, and where it stands.
fn from(map: &MapReader<'_>, cx: &Context) -> Option<(From, Span)> {
    let stream = |node: &Node| {
        let Endpoint { connection, stream } = Endpoint::decode(node, cx)?;
        Some(StreamId { connection, stream })
    };
    let found = ["table", "files", "mirror", "live"].map(|key| Some((key, map.node(key)?)));
    let mut found = found.into_iter().flatten();
    let Some((key, node)) = found.next() else {
        map.missing("table");
        return None;
    };
    if let Some((other, _)) = found.next() {
        map.error(other, format!("the side is a `{key}` already"), "a side comes from one place: keep one of them");
    }
    let found = match key {
        "files" => files::decode(node, cx).map(From::Files),
        "mirror" => stream(node).map(From::Mirror),
        "live" => stream(node).map(From::Live),
        _ => table(node, cx).map(From::Table),
    };
    Some((found?, node.span))
}

type Amounts = (Cell, Vec<(Arc<str>, Cell)>);

/// `amount: net`, or `amount: { gross: amount, fee: { from: fee, negate: true } }` for a row of each.
fn amounts(map: &MapReader<'_>, cx: &Context) -> Option<Amounts> {
    let Some(node) = map.node("amount") else {
        map.missing("amount");
        return None;
    };
    if !matches!(node.kind, Kind::Map(_)) || node.get("from").is_some() {
        return Cell::decode(node, cx).map(|cell| (cell, Vec::new()));
    }
    let named = cx.named(node, "amounts", |entry, cx| Cell::decode(&entry.value, cx))?;
    let split: Vec<(Arc<str>, Cell)> = named.into_iter().map(|(name, cell)| (name.value.into(), cell)).collect();
    let first = split.first().map(|(_, cell)| cell.clone());
    if first.is_none() {
        cx.error(node.span, "no amount is named", "for example `amount: net`");
    }
    Some((first?, split))
}

/// A table's rows are its lines as they stand.
fn only_for_records(amounts: &Option<Amounts>, exclude: &[Exclusion], cx: &Context) {
    let help = "read the file with `files:` and the connector `csv`, or add a column to it";
    if let Some((cell, split)) = amounts
        && (cell.negate || !split.is_empty())
    {
        cx.error(cell.span, "the amount is one value, as it stands", help);
    }
    for exclusion in exclude.iter().filter(|exclusion| !exclusion.is_not.is_empty()) {
        cx.error(exclusion.span, "`is_not` is not for tables; their exclusions list what `is` out", help);
    }
}

fn table(node: &Node, cx: &Context) -> Option<Table> {
    if matches!(node.kind, Kind::Scalar(_)) {
        return Some(Table { files: String::decode(node, cx)?, delimiter: b',' });
    }
    let map = cx.map(node, "table")?;
    let files = map.required("path");
    let delimiter = map.or("delimiter", ",".to_owned());
    let byte = match delimiter.as_str() {
        "tab" => Some(b'\t'),
        text => text.bytes().next().filter(|byte| text.len() == 1 && byte.is_ascii() && !byte.is_ascii_alphanumeric()),
    };
    if byte.is_none() {
        map.error("delimiter", format!("`{delimiter}` separates nothing"), "one character such as `;`, or `tab`");
    }
    map.finish();
    Some(Table { files: files?, delimiter: byte? })
}

fn exclusions(node: &Node, cx: &Context) -> Vec<Exclusion> {
    let read = |entry: &Entry, cx: &Context| {
        let map = cx.map(&entry.value, format!("exclusion `{}`", entry.key))?;
        let from = map.required("from");
        let listed = |key| match map.node(key) {
            Some(node) if matches!(node.kind, Kind::Seq(_)) => Vec::<String>::decode(node, cx),
            Some(node) => String::decode(node, cx).map(|text| vec![text]),
            None => Some(Vec::new()),
        };
        let (is, is_not) = (listed("is"), listed("is_not"));
        match (map.has("is"), map.has("is_not")) {
            (false, false) => map.missing("is"),
            (true, true) => {
                map.error("is_not", "an exclusion goes one way", "`is` lists what is out, `is_not` what stays")
            }
            (true, false) | (false, true) => {}
        }
        map.finish();
        let name = entry.key.as_str().into();
        Some(Exclusion { name, from: from?, is: is?, is_not: is_not?, span: entry.value.span })
    };
    let named = cx.named(node, "exclusions", read).unwrap_or_default();
    named.into_iter().map(|(_, exclusion)| exclusion).collect()
}
