//! Reading the declaration of files that the hub writes: `format:` of a file sink.
//!
//! Not here: files that are read (`format`), writing (`connector::file::write`).

use crate::config::yaml::{Context, Decode, Entry, Kind, MapReader, Node};
use crate::connector::file::Encoding;
use crate::connector::file::encoding::Unmappable;
use crate::connector::file::format::EdiSyntax;
use crate::connector::file::write::{
    ControlCell, CsvWrite, FixedWrite, Formulas, OutColumn, OutLineEnd, Quoting, WriteFormat, WriteSpec, XmlWrite,
};

use super::format::{DecimalWord, character, decimal};
use super::{edi_out, fixed};

crate::choice! {
    enum FormatType ("file format") {
        Csv = "csv",
        Fixed = "fixed",
        Xml = "xml",
        JsonLines = "json_lines",
        X12 = "x12",
        Edifact = "edifact",
    }
}

crate::choice! {
    enum LineEndWord ("line end") { CrLf = "crlf", Lf = "lf" }
}

crate::choice! {
    enum QuotingWord ("quoting rule") { WhenNeeded = "when_needed", Always = "always" }
}

crate::choice! {
    enum UnmappableWord ("rule for characters that do not exist") { Fail = "fail", Transliterate = "transliterate", Replace = "replace" }
}

crate::choice! {
    enum FormulasWord ("formula rule") { Keep = "keep", Neutralise = "neutralise" }
}

impl Decode for WriteSpec {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "file format")?;
        let encoding = map.or("encoding", Encoding::default());
        let unmappable = match map.or("unmappable", UnmappableWord::Fail) {
            UnmappableWord::Fail => Unmappable::Fail,
            UnmappableWord::Transliterate => Unmappable::Transliterate,
            UnmappableWord::Replace => Unmappable::Replace(character(&map, "replacement", '?')?),
        };
        let byte_order_mark = map.or("byte_order_mark", false);
        let line_end = match map.or("line_end", LineEndWord::CrLf) {
            LineEndWord::CrLf => OutLineEnd::CrLf,
            LineEndWord::Lf => OutLineEnd::Lf,
        };
        let format = match map.required::<FormatType>("type")? {
            FormatType::Csv => csv(&map).map(WriteFormat::Csv),
            FormatType::Fixed => fixed_width(&map).map(WriteFormat::Fixed),
            FormatType::Xml => xml(&map).map(WriteFormat::Xml),
            FormatType::JsonLines => Some(WriteFormat::JsonLines),
            FormatType::X12 => edi_out::read(&map, EdiSyntax::X12, encoding).map(|edi| WriteFormat::Edi(Box::new(edi))),
            FormatType::Edifact => {
                edi_out::read(&map, EdiSyntax::Edifact, encoding).map(|edi| WriteFormat::Edi(Box::new(edi)))
            }
        };
        map.finish();
        Some(Self { format: format?, encoding, unmappable, byte_order_mark, line_end })
    }
}

fn csv(map: &MapReader<'_>) -> Option<CsvWrite> {
    let delimiter = character(map, "delimiter", ',');
    let quote = if map.or("quoted", true) { Some(character(map, "quote", '"')?) } else { None };
    let quoting = match map.or("quoting", QuotingWord::WhenNeeded) {
        QuotingWord::WhenNeeded => Quoting::WhenNeeded,
        QuotingWord::Always => Quoting::Always,
    };
    let (columns, names_row) = (map.required::<Vec<OutColumn>>("columns"), map.or("names_row", true));
    let (header, trailer) = (map.optional("header"), map.optional("trailer"));
    let numeric_columns = map.list("numeric_columns");
    let formulas = match map.or("formulas", FormulasWord::Keep) {
        FormulasWord::Keep => Formulas::Keep,
        FormulasWord::Neutralise => Formulas::Neutralise { numeric_columns },
    };
    if columns.as_ref().is_some_and(Vec::is_empty) {
        map.error("columns", "a file without columns", "name at least one field");
    }
    Some(CsvWrite { delimiter: delimiter?, quote, quoting, columns: columns?, names_row, header, trailer, formulas })
}

fn fixed_width(map: &MapReader<'_>) -> Option<FixedWrite> {
    let format = fixed::read(map);
    let data = map.optional("data");
    let cells =
        |key: &'static str| map.named::<ControlCell>(key).into_iter().map(|(name, cell)| (name.value, cell)).collect();
    let (header, trailer) = (cells("header"), cells("trailer"));
    Some(FixedWrite { format: format?, data, header, trailer })
}

fn xml(map: &MapReader<'_>) -> Option<XmlWrite> {
    let record = map.required("record");
    let root_attributes = map.named("root_attributes").into_iter().map(|(name, value)| (name.value, value)).collect();
    Some(XmlWrite { record: record?, root_attributes })
}

/// A field's name, or `{ literal: D }`.
impl Decode for OutColumn {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) | Kind::Seq(_) => String::decode(node, cx).map(Self::Field),
            Kind::Map(_) => {
                let map = cx.map(node, "column")?;
                let literal = map.required("literal");
                map.finish();
                literal.map(Self::Literal)
            }
        }
    }
}

/// Text, or `{ given: date }`, `{ count: 7 }` (digits), `{ sum: quantity, decimal: comma }`.
impl Decode for ControlCell {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) | Kind::Seq(_) => String::decode(node, cx).map(Self::Literal),
            Kind::Map(entries) => {
                let map = cx.map(node, "control cell")?;
                let given = map.optional("given").map(Self::Given);
                let count = map.optional("count").map(|width| Self::Count { width });
                let form = decimal(map.or("decimal", DecimalWord::Point));
                let positives_only = map.or("positives_only", false);
                let sum = map.optional("sum").map(|field| Self::Sum { field, form, positives_only });
                let kinds = entries
                    .iter()
                    .filter(|Entry { key, .. }| matches!(key.as_str(), "given" | "count" | "sum"))
                    .count();
                if kinds != 1 {
                    cx.error(node.span, "a control cell is one thing", "write text, or one of `given`, `count`, `sum`");
                }
                map.finish();
                given.or(count).or(sum)
            }
        }
    }
}
