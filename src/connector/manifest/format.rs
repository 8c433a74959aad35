//! Reading a file format's declaration: `format:` of a stream that reads or writes files.
//!
//! Not here: what the declaration means (`connector::file`).

use crate::config::yaml::{Context, Decode, Entry, MapReader, Node};
use crate::connector::file::compression::Compression;
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::encoding::Encoding;
use crate::connector::file::format::{
    ColumnNames, CsvFormat, CsvRecordType, CsvRecordTypes, EdiSyntax, EmptyPolicy, FileFormat, FileSpec, JsonFormat,
    JsonLinesFormat, LineEnd, RecordRole, Repeats, RowPolicy, StatementSyntax, XmlFormat, check,
};
use crate::connector::file::ties::Equation;
use crate::connector::file::totals::{ControlTotals, ControlValue, TotalCheck};

use super::{edi, fixed, sections, statement};

crate::choice! {
    enum FormatType ("file format") {
        Csv = "csv",
        Fixed = "fixed",
        Xml = "xml",
        JsonLines = "json_lines",
        Json = "json",
        X12 = "x12",
        Edifact = "edifact",
        Mt940 = "mt940",
        Bai2 = "bai2",
        Camt053 = "camt053",
    }
}

crate::choice! {
    enum CompressionWord ("compression") { None = "none", Gzip = "gzip" }
}

crate::choice! {
    enum Rows ("row policy") { AllOrNothing = "all_or_nothing", Rejects = "reject_bad_rows" }
}

crate::choice! {
    enum Empty ("empty-file policy") { Error = "error", NoChanges = "no_changes" }
}

crate::choice! {
    enum Role ("record role") { Header = "header", Data = "data", Trailer = "trailer" }
}

crate::choice! {
    enum LineEndWord ("line end") { Lf = "lf_or_crlf", Cr = "cr" }
}

crate::choice! {
    enum RepeatsWord ("rule for repeated elements") { Refuse = "refuse", Array = "array" }
}

crate::choice! {
    /// How a partner writes numbers: `1234.56`, `1234,56`, `1,234.56`, `1.234,56`, `1'234.56`, `1 234,56`.
    pub(super) enum DecimalWord ("decimal form") {
        Point = "point",
        Comma = "comma",
        GroupedPoint = "grouped_point",
        GroupedComma = "grouped_comma",
        Swiss = "grouped_apostrophe",
        Blank = "grouped_blank",
    }
}

crate::choice! {
    enum CheckWord ("control total") {
        Count = "count",
        Sum = "sum",
        Sequence = "sequence",
        Row = "row",
        ZeroSum = "zero_sum",
        Distinct = "distinct",
    }
}

impl Decode for FileSpec {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "file format")?;
        let encoding = map.or("encoding", Encoding::default());
        let compression = match map.or("compression", CompressionWord::None) {
            CompressionWord::None => Compression::None,
            CompressionWord::Gzip => Compression::Gzip,
        };
        let rows = match map.or("rows", Rows::AllOrNothing) {
            Rows::AllOrNothing => RowPolicy::AllOrNothing,
            Rows::Rejects => RowPolicy::RowRejects,
        };
        let empty = match map.or("empty", Empty::Error) {
            Empty::Error => EmptyPolicy::Error,
            Empty::NoChanges => EmptyPolicy::NoChanges,
        };
        let totals = ControlTotals { checks: map.list("totals"), control_file_name: map.optional("control_file_name") };
        let format = match map.required::<FormatType>("type")? {
            FormatType::Csv => csv(&map).map(FileFormat::Csv),
            FormatType::Fixed => fixed::read(&map).map(FileFormat::Fixed),
            FormatType::Xml => xml(&map).map(FileFormat::Xml),
            FormatType::JsonLines => Some(FileFormat::JsonLines(JsonLinesFormat {})),
            FormatType::Json => {
                let records: Option<String> = map.optional("records");
                let records = records.map(|path| path.split('.').map(str::to_owned).collect()).unwrap_or_default();
                Some(FileFormat::Json(JsonFormat { records }))
            }
            FormatType::X12 => edi::read(&map, EdiSyntax::X12).map(|format| FileFormat::Edi(Box::new(format))),
            FormatType::Edifact => edi::read(&map, EdiSyntax::Edifact).map(|format| FileFormat::Edi(Box::new(format))),
            FormatType::Mt940 => Some(FileFormat::Statement(statement::mt940(&map))),
            FormatType::Bai2 => Some(FileFormat::Statement(statement::read(&map, StatementSyntax::Bai2))),
            FormatType::Camt053 => Some(FileFormat::Statement(statement::read(&map, StatementSyntax::Camt053))),
        };
        let position = map.optional("position");
        let only = map.node("only").map(|node| statement::only(node, cx));
        map.finish();
        let only = match only {
            None => None,
            Some(only) => Some(only?),
        };
        let spec = Self { format: format?, encoding, compression, rows, empty, totals, only, position };
        if let Err(cause) = check(&spec) {
            cx.error(node.span, format!("this file format cannot work: {cause}"), "correct the part that is named");
        }
        Some(spec)
    }
}

fn csv(map: &MapReader<'_>) -> Option<CsvFormat> {
    let delimiter = character(map, "delimiter", ',');
    let quote = if map.or("quoted", true) { Some(character(map, "quote", '"')?) } else { None };
    let comment = if map.has("comment") { Some(character(map, "comment", '#')?) } else { None };
    let line_end = line_end(map);
    let names = column_names(map);
    let (skip_records, sep_line) = (map.or("skip_records", 0), map.or("sep_line", true));
    let trailing_empty_column = map.or("trailing_empty_column", false);
    let skip_repeated_names = map.or("skip_repeated_names", false);
    let skip_empty_records = map.or("skip_empty_records", false);
    let final_line_end = map.or("final_line_end", false);
    Some(CsvFormat {
        delimiter: delimiter?,
        quote,
        names: names?,
        line_end,
        skip_records,
        sep_line,
        comment,
        trailing_empty_column,
        skip_repeated_names,
        skip_empty_records,
        final_line_end,
    })
}

/// One character; `tab` by name, because a tab cannot be seen in a file.
pub(super) fn character(map: &MapReader<'_>, key: &'static str, default: char) -> Option<char> {
    let Some(node) = map.node(key) else { return Some(default) };
    let text = node.as_str().unwrap_or_default();
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("tab", _, _) => Some('\t'),
        (_, Some(one), None) => Some(one),
        (_, _, _) => {
            map.context().expected(node, "one character, or `tab`");
            None
        }
    }
}

pub(super) fn line_end(map: &MapReader<'_>) -> LineEnd {
    match map.or("line_end", LineEndWord::Lf) {
        LineEndWord::Lf => LineEnd::LfOrCrLf,
        LineEndWord::Cr => LineEnd::Cr,
    }
}

/// `columns: first_row` (with `required`), `columns: [a, b]`, or `record_types`.
fn column_names(map: &MapReader<'_>) -> Option<ColumnNames> {
    let required = map.list("required");
    if let Some(node) = map.node("sections") {
        return sections::read(node, map.context()).map(ColumnNames::Sections);
    }
    let types = map.node("record_types").map(|node| record_types(node, map.context()));
    match (map.node("columns"), types) {
        (None, Some(types)) => types.map(ColumnNames::ByRecordType),
        (Some(_), Some(_)) => {
            map.error("columns", "`columns` and `record_types` exclude each other", "keep one of them");
            None
        }
        (Some(node), None) if node.as_str() == Some("first_row") => Some(ColumnNames::FirstRow { required }),
        (Some(node), None) => Vec::decode(node, map.context()).map(ColumnNames::Given),
        (None, None) => {
            let help = "write `columns: first_row`, `columns: [sku, quantity]`, or `record_types`";
            map.context().error(map.span(), "the format does not say how its columns are named", help);
            None
        }
    }
}

fn record_types(node: &Node, cx: &Context) -> Option<CsvRecordTypes> {
    let map = cx.map(node, "record_types")?;
    let column = map.or("column", 1);
    let read = |entry: &Entry, cx: &Context| {
        let map = cx.map(&entry.value, format!("record type `{}`", entry.key))?;
        let (role, columns) = (role(&map), map.required("columns"));
        map.finish();
        Some(CsvRecordType { code: entry.key.clone(), role: role?, columns: columns? })
    };
    let types = match map.node("types") {
        Some(node) => cx.named(node, "record types", read),
        None => {
            map.missing("types");
            None
        }
    };
    map.finish();
    Some(CsvRecordTypes { column, types: types?.into_iter().map(|(_, kind)| kind).collect() })
}

pub(super) fn role(map: &MapReader<'_>) -> Option<RecordRole> {
    Some(match map.required::<Role>("role")? {
        Role::Header => RecordRole::Header,
        Role::Data => RecordRole::Data,
        Role::Trailer => RecordRole::Trailer,
    })
}

fn xml(map: &MapReader<'_>) -> Option<XmlFormat> {
    let (record, lists, attributes) = (map.required("record"), map.list("lists"), map.or("attributes", true));
    let repeats = match map.or("repeats", RepeatsWord::Refuse) {
        RepeatsWord::Refuse => Repeats::Refuse,
        RepeatsWord::Array => Repeats::Array,
    };
    Some(XmlFormat { record: record?, lists, repeats, attributes })
}

impl Decode for Encoding {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let found = node.as_str().and_then(Encoding::by_name);
        if found.is_none() {
            let known: Vec<&str> = Encoding::ALL.iter().map(|encoding| encoding.name()).collect();
            let message = format!("{} is not a known encoding", node.describe());
            cx.error(node.span, message, crate::config::yaml::suggest(node.as_str().unwrap_or_default(), &known));
        }
        found
    }
}

impl Decode for TotalCheck {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "control total")?;
        let word = map.required::<CheckWord>("check")?;
        let stated = match word {
            CheckWord::Count | CheckWord::Sum | CheckWord::Sequence => stated(&map),
            CheckWord::Row | CheckWord::ZeroSum | CheckWord::Distinct => None,
        };
        let check = match word {
            CheckWord::Row => {
                let (column, equation) = (map.required("column"), equation(&map));
                column.map(|column| Self::Row { column, equation })
            }
            CheckWord::ZeroSum => Some(Self::ZeroSum { per: map.list("per"), equation: equation(&map) }),
            CheckWord::Distinct => Some(Self::Distinct { columns: map.list("columns") }),
            CheckWord::Count => {
                let record_type = map.optional("record_type");
                stated.map(|stated| Self::Count { stated, record_type })
            }
            CheckWord::Sum => {
                let (record_type, column) = (map.optional("record_type"), map.required("column"));
                let form = decimal(map.or("decimal", DecimalWord::Point));
                let stated_form = map.optional("stated_decimal").map_or(form, decimal);
                let positives_only = map.or("positives_only", false);
                stated.zip(column).map(|(stated, column)| Self::Sum {
                    stated,
                    record_type,
                    column,
                    form,
                    stated_form,
                    positives_only,
                })
            }
            CheckWord::Sequence => {
                let wraps_after = map.optional("wraps_after");
                stated.map(|stated| Self::Sequence { stated, wraps_after })
            }
        };
        map.finish();
        check
    }
}

fn equation(map: &MapReader<'_>) -> Equation {
    let form = decimal(map.or("decimal", DecimalWord::Point));
    Equation { plus: map.list("plus"), minus: map.list("minus"), form }
}

fn stated(map: &MapReader<'_>) -> Option<ControlValue> {
    let places = [
        map.optional("header").map(ControlValue::Header),
        map.optional("trailer").map(ControlValue::Trailer),
        map.optional("control_file").map(ControlValue::ControlFile),
    ];
    let mut given = places.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(place), None) => Some(place),
        (_, _) => {
            let help = "write exactly one of `header: <column>`, `trailer: <column>`, `control_file: <key>`";
            map.context().error(map.span(), "the control total does not say where it stands", help);
            None
        }
    }
}

pub(super) fn decimal(word: DecimalWord) -> DecimalForm {
    match word {
        DecimalWord::Point => DecimalForm::POINT,
        DecimalWord::Comma => DecimalForm::COMMA,
        DecimalWord::GroupedPoint => DecimalForm { point: '.', group: Some(',') },
        DecimalWord::GroupedComma => DecimalForm::GROUPED_COMMA,
        DecimalWord::Swiss => DecimalForm { point: '.', group: Some('\'') },
        DecimalWord::Blank => DecimalForm { point: ',', group: Some(' ') },
    }
}
