//! A mapping file as written: decoded and overlaid, not yet checked against the schema.
//!
//! Not here: what the cells mean for an entity (see `inbound`, `outbound`).

use std::sync::Arc;

use crate::config::yaml::{Context, Decode, Diagnostic, Diagnostics, Node, Place, Scalar, Source, Spanned, parse};
use crate::model::Entity;

use super::crosswalk::{Exponents, set_exponent};
use super::nulls::NullWord;
use super::number_format::DecimalSign;
use super::snippets;
use super::test_spec::TestSpec;
use super::time_format::Ambiguous;

crate::choice! {
    /// The type a cell is written or read as, where the schema does not decide.
    pub enum As ("type") {
        Text = "text", Integer = "integer", Number = "number", Bool = "bool", Money = "money", Minor = "minor",
    }
}

crate::choice! {
    /// What is written for a field that has no value.
    pub enum Absent ("form of absent values") { Omit = "omit", Null = "null", Empty = "empty" }
}

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// In major units, with decimals.
    Decimal,
    /// As a whole number of minor units.
    Minor,
}

/// Where a cell's value comes from.
#[derive(Debug, Clone)]
pub(super) enum SourceSpec {
    Path(Spanned<String>),
    /// In only: several lists, one after the other.
    Lists(Vec<Spanned<String>>),
    Expr(Spanned<String>),
    Const(Scalar),
    /// Out only: the remote id of the record that the field names, or one of its extras.
    Ref {
        field: Spanned<String>,
        extra: Option<Spanned<String>>,
    },
    Nothing,
}

/// One cell as written.
#[derive(Debug, Clone)]
pub(super) struct CellSpec {
    pub place: Place,
    pub source: SourceSpec,
    /// Given as `money` or `minor`: the value is an amount.
    pub amount: Option<Amount>,
    pub form: Option<As>,
    /// `from`, `expr` or `const` of the currency of an amount.
    pub currency: Option<Box<CellSpec>>,
    pub values: Option<Spanned<String>>,
    pub optional: bool,
    pub required: bool,
    pub personal: bool,
    pub sum: bool,
    /// The path was given as `each`: the cell is a list.
    pub each: bool,
    /// Only items for which this holds.
    pub when: Option<Spanned<String>>,
    pub joins: Vec<JoinSpec>,
    pub fields: Option<Vec<FieldSpec>>,
    pub format: Option<Spanned<String>>,
    pub style: Style,
    pub absent: Option<Absent>,
}

/// `join`: the items of another list that belong to an item of `each`.
#[derive(Debug, Clone)]
pub(super) struct JoinSpec {
    pub name: Spanned<String>,
    pub list: Spanned<String>,
    pub when: Option<Spanned<String>>,
    /// A list inside each item of `list`: its items are what is joined.
    pub items: Option<Spanned<String>>,
    /// Path in the item of `each`, and in the joined one.
    pub here: Spanned<String>,
    pub there: Spanned<String>,
    pub optional: bool,
}

/// How the payload writes things; given per cell, or for all cells under `defaults`.
#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    pub zone: Option<Spanned<String>>,
    pub ambiguous: Option<Ambiguous>,
    pub decimal: Option<DecimalSign>,
    pub grouping: Option<Spanned<String>>,
    pub trailing_minus: Option<bool>,
    pub trim: Option<bool>,
    pub nulls: Option<Vec<NullWord>>,
}

/// `target: cell`.
#[derive(Debug, Clone)]
pub(super) struct FieldSpec {
    pub target: Spanned<String>,
    pub cell: CellSpec,
}

/// A whole mapping file.
#[derive(Debug)]
pub(super) struct MappingSpec {
    pub connector: String,
    pub entity: Entity,
    pub place: Place,
    pub inward: Option<Vec<FieldSpec>>,
    pub outward: Option<Vec<FieldSpec>>,
    pub exponents: Vec<(Spanned<String>, u32)>,
    pub defaults: Style,
    pub tests: Vec<TestSpec>,
}

impl MappingSpec {
    /// Reads the shipped file and overlays: a field of a later file replaces the same field of an earlier one.
    pub(super) fn load(sources: &[Arc<Source>]) -> Result<MappingSpec, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut merged: Option<MappingSpec> = None;
        for source in sources {
            let root = match parse(source) {
                Ok(root) => root,
                Err(problems) => {
                    found.extend(problems);
                    continue;
                }
            };
            let cx = Context::new(source);
            let spec = read(&root, &cx);
            found.extend(cx.finish());
            merged = match (merged, spec) {
                (Some(base), Some(over)) => Some(base.overlay(over, &mut found)),
                (base, over) => base.or(over),
            };
        }
        found.into_result(merged)
    }

    fn overlay(mut self, over: MappingSpec, found: &mut Diagnostics) -> MappingSpec {
        if (&self.connector, self.entity) != (&over.connector, over.entity) {
            let message = format!("this overlay is of another mapping than {}/{}", self.connector, self.entity);
            found.push(Diagnostic::new(&over.place, message));
        }
        self.inward = overlay_fields(self.inward, over.inward);
        self.outward = overlay_fields(self.outward, over.outward);
        self.exponents.extend(over.exponents);
        self.defaults = over.defaults.or(&self.defaults);
        self.tests.extend(over.tests);
        self
    }

    pub(super) fn exponents(&self, base: &Exponents, found: &mut Diagnostics) -> Exponents {
        let mut exponents = base.clone();
        for (code, exponent) in &self.exponents {
            let cx = Context::new(&code.place.source);
            set_exponent(&mut exponents, code, &code.place, *exponent, &cx);
            found.extend(cx.finish());
        }
        exponents
    }
}

fn overlay_fields(base: Option<Vec<FieldSpec>>, over: Option<Vec<FieldSpec>>) -> Option<Vec<FieldSpec>> {
    let (mut base, over) = match (base, over) {
        (Some(base), Some(over)) => (base, over),
        (base, over) => return base.or(over),
    };
    for field in over {
        match base.iter_mut().find(|known| known.target.value == field.target.value) {
            Some(known) => *known = field,
            None => base.push(field),
        }
    }
    Some(base)
}

impl Style {
    /// This style, and `base` where it says nothing.
    pub(super) fn or(self, base: &Style) -> Style {
        Style {
            zone: self.zone.or_else(|| base.zone.clone()),
            ambiguous: self.ambiguous.or(base.ambiguous),
            decimal: self.decimal.or(base.decimal),
            grouping: self.grouping.or_else(|| base.grouping.clone()),
            trailing_minus: self.trailing_minus.or(base.trailing_minus),
            trim: self.trim.or(base.trim),
            nulls: self.nulls.or_else(|| base.nulls.clone()),
        }
    }

    fn read(reader: &crate::config::yaml::MapReader<'_>) -> Style {
        Style {
            zone: reader.optional("zone"),
            ambiguous: reader.optional("ambiguous"),
            decimal: reader.optional("decimal"),
            grouping: reader.optional("grouping"),
            trailing_minus: reader.optional("trailing_minus"),
            trim: reader.optional("trim"),
            nulls: reader.optional("nulls"),
        }
    }
}

impl Decode for Style {
    fn decode(node: &Node, cx: &Context) -> Option<Style> {
        let reader = cx.map(node, "defaults")?;
        let style = Style::read(&reader);
        reader.finish();
        Some(style)
    }
}

fn read(root: &Node, cx: &Context) -> Option<MappingSpec> {
    let reader = cx.map(root, "mapping file")?;
    let name: Option<Spanned<String>> = reader.required("mapping");
    let snippets = reader.node("let").map(|node| snippets::read(node, cx)).unwrap_or_default();
    let inward = reader.node("in").and_then(|node| read_fields(&snippets.expand(node, cx), cx));
    let outward = reader.node("out").and_then(|node| read_fields(&snippets.expand(node, cx), cx));
    if !reader.has("in") && !reader.has("out") && !reader.has("tests") {
        cx.error(root.span, "a mapping has `in`, `out` or both", "add the direction that this connector needs");
    }
    let exponents = reader.named("exponents");
    let defaults = reader.optional("defaults").unwrap_or_default();
    let tests = reader.list("tests");
    reader.finish();
    let name = name?;
    let parts = name.value.split_once('/').and_then(|(connector, entity)| Some((connector, Entity::parse(entity)?)));
    let Some((connector, entity)) = parts else {
        let known: Vec<&str> = Entity::ALL.iter().map(|entity| entity.as_str()).collect();
        let message = format!("`{}` is not `connector/entity`", name.value);
        cx.push(Diagnostic::new(&name.place, message).help(format!("the entities are {}", known.join(", "))));
        return None;
    };
    let connector = connector.to_owned();
    Some(MappingSpec { connector, entity, place: name.place, inward, outward, exponents, defaults, tests })
}

fn read_fields(node: &Node, cx: &Context) -> Option<Vec<FieldSpec>> {
    let fields = cx.named(node, "fields", |entry, cx| CellSpec::decode(&entry.value, cx))?;
    Some(fields.into_iter().map(|(target, cell)| FieldSpec { target, cell }).collect())
}

impl CellSpec {
    fn plain(place: Place, source: SourceSpec) -> CellSpec {
        CellSpec {
            place,
            source,
            amount: None,
            form: None,
            currency: None,
            values: None,
            optional: false,
            required: false,
            personal: false,
            sum: false,
            each: false,
            when: None,
            joins: Vec::new(),
            fields: None,
            format: None,
            style: Style::default(),
            absent: None,
        }
    }
}

impl Decode for CellSpec {
    fn decode(node: &Node, cx: &Context) -> Option<CellSpec> {
        let place = cx.place(node.span);
        if node.scalar().is_some() {
            let path = Spanned::<String>::decode(node, cx)?;
            return Some(CellSpec::plain(place, SourceSpec::Path(path)));
        }
        let reader = cx.map(node, "cell")?;
        let source = read_source(&reader, cx);
        let form: Option<As> = reader.optional("as");
        let amount = match (reader.has("money"), reader.has("minor"), form) {
            (true, _, _) | (_, _, Some(As::Money)) => Some(Amount::Decimal),
            (_, true, _) | (_, _, Some(As::Minor)) => Some(Amount::Minor),
            (false, false, Some(As::Text | As::Integer | As::Number | As::Bool) | None) => None,
        };
        let cell = CellSpec {
            amount,
            form,
            currency: reader.optional("currency"),
            values: reader.optional("values"),
            optional: reader.or("optional", false),
            required: reader.or("required", false),
            personal: reader.or("personal", false),
            sum: reader.or("sum", false),
            each: reader.has("each"),
            when: reader.optional("when"),
            joins: reader.node("join").map(|node| read_joins(node, cx)).unwrap_or_default(),
            fields: reader.node("fields").and_then(|node| read_fields(node, cx)),
            format: reader.optional("format"),
            style: Style::read(&reader),
            absent: read_absent(&reader),
            ..CellSpec::plain(place, SourceSpec::Nothing)
        };
        if cell.optional && cell.required {
            reader.error("optional", "a cell is optional or required, not both", "remove one of them");
        }
        if let (false, Some(key)) = (cell.each, ["when", "join"].into_iter().find(|key| reader.has(key))) {
            reader.error(key, format!("`{key}` chooses among the items of a list"), "it goes with `each` and `fields`");
        }
        // Put in place by `snippets`; asked for so that a misspelt key is told of it.
        let _asked = reader.entry("use");
        reader.finish();
        Some(CellSpec { source: source?, ..cell })
    }
}

/// `absent: null` reads as a key without a value to everybody else.
fn read_absent(reader: &crate::config::yaml::MapReader<'_>) -> Option<Absent> {
    let null = reader.entry("absent").is_some_and(|entry| entry.value.is_null());
    if null { Some(Absent::Null) } else { reader.optional("absent") }
}

/// One join, or a list of them; those that fail have been reported.
fn read_joins(node: &Node, cx: &Context) -> Vec<JoinSpec> {
    match node.seq() {
        Some(nodes) => nodes.iter().filter_map(|node| JoinSpec::decode(node, cx)).collect(),
        None => JoinSpec::decode(node, cx).into_iter().collect(),
    }
}

impl Decode for JoinSpec {
    fn decode(node: &Node, cx: &Context) -> Option<JoinSpec> {
        let reader = cx.map(node, "join")?;
        let (name, list) = (reader.required("as"), reader.required("list"));
        let (when, items) = (reader.optional("when"), reader.optional("items"));
        let on = match reader.node("on") {
            Some(on) if on.scalar().is_some() => {
                Spanned::decode(on, cx).map(|path: Spanned<String>| (path.clone(), path))
            }
            Some(on) => {
                let sides = cx.map(on, "the two sides of a join")?;
                let (here, there) = (sides.required("item"), sides.required("list"));
                sides.finish();
                here.zip(there)
            }
            None => {
                reader.missing("on");
                None
            }
        };
        let optional = reader.or("optional", false);
        reader.finish();
        let (here, there) = on?;
        Some(JoinSpec { name: name?, list: list?, when, items, here, there, optional })
    }
}

/// Exactly one of the source keys; `None` has been reported.
fn read_source(reader: &crate::config::yaml::MapReader<'_>, cx: &Context) -> Option<SourceSpec> {
    const KEYS: [&str; 7] = ["from", "each", "money", "minor", "expr", "const", "ref"];
    let given: Vec<&str> = KEYS.into_iter().filter(|key| reader.has(key)).collect();
    let constant = reader.entry("const");
    let lists = reader.entry("each").filter(|entry| entry.value.seq().is_some());
    if let (Some(entry), ["each"]) = (lists, given.as_slice()) {
        let _asked = (reader.entry("from"), reader.entry("money"), reader.entry("minor"), reader.entry("expr"));
        let _asked = (reader.entry("ref"), reader.entry("extra"));
        return Vec::decode(&entry.value, cx).map(SourceSpec::Lists);
    }
    let mut paths: Vec<Option<Spanned<String>>> = Vec::new();
    for key in ["from", "each", "money", "minor"] {
        if reader.has(key) {
            paths.push(reader.optional(key));
        } else {
            let _asked = reader.entry(key);
        }
    }
    let expression: Option<Spanned<String>> = reader.optional("expr");
    let field: Option<Spanned<String>> = reader.optional("ref");
    let extra: Option<Spanned<String>> = reader.optional("extra");
    match given.as_slice() {
        [] if reader.has("fields") => Some(SourceSpec::Nothing),
        [] => {
            cx.error(reader.span(), "the cell has no source", format!("give one of {}", KEYS.join(", ")));
            None
        }
        ["expr"] => expression.map(SourceSpec::Expr),
        ["const"] => {
            let entry = constant?;
            match entry.value.scalar() {
                Some(scalar) => Some(SourceSpec::Const(scalar.clone())),
                None => {
                    cx.expected(&entry.value, "text, a number, true or false");
                    None
                }
            }
        }
        ["ref"] => field.map(|field| SourceSpec::Ref { field, extra }),
        [_] => paths.into_iter().next().flatten().map(SourceSpec::Path),
        [first, second, ..] => {
            let message = format!("the cell has two sources, `{first}` and `{second}`");
            reader.error(second, message, "keep one of them");
            None
        }
    }
}
