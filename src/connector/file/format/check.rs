//! Whether a declared format can work at all, before any file is opened.

use std::collections::HashSet;

use super::check_edi;
use super::{
    ColumnNames, CsvFormat, CsvSections, FileFormat, FileSpec, FixedField, FixedFormat, FixedKind, FixedLineEnd,
    FixedRecordTypes, JsonFormat, JsonLinesFormat, RecordRole, RowPolicy, Sign, XmlFormat,
};
use crate::connector::file::error::FileCause;
use crate::connector::file::totals::ControlTotals;

/// Refuses a format that no file can satisfy or that is ambiguous; the message says which part.
pub fn check(spec: &FileSpec) -> Result<(), FileCause> {
    match &spec.format {
        FileFormat::Csv(format) => check_csv(format),
        FileFormat::Fixed(format) => check_fixed(format),
        FileFormat::Xml(format) => check_xml(format, &spec.totals),
        FileFormat::JsonLines(JsonLinesFormat {}) => no_records_of_control(&spec.totals),
        FileFormat::Json(JsonFormat { .. }) => no_records_of_control(&spec.totals),
        FileFormat::Edi(format) => check_edi::check(format),
        FileFormat::Statement(_) => check_statement(spec),
    }
    .map_err(FileCause::Format)
}

type Checked = Result<(), String>;

fn check_statement(spec: &FileSpec) -> Checked {
    if spec.rows != RowPolicy::AllOrNothing {
        return Err("a statement is applied whole or not at all; leave `rows` out".to_owned());
    }
    no_records_of_control(&spec.totals)
}

fn check_csv(format: &CsvFormat) -> Checked {
    let special: Vec<char> = [Some(format.delimiter), format.quote, format.comment].into_iter().flatten().collect();
    if let Some(bad) = special.iter().find(|c| !c.is_ascii() || matches!(c, '\r' | '\n' | '\0' | '\u{1a}')) {
        return Err(format!("{bad:?} cannot be a delimiter, quote or comment character: use one ASCII character"));
    }
    if special.iter().collect::<HashSet<_>>().len() != special.len() {
        return Err("delimiter, quote and comment character must differ".to_owned());
    }
    match &format.names {
        ColumnNames::FirstRow { required } => distinct("required column", required.iter()),
        ColumnNames::Given(columns) => check_columns(columns),
        ColumnNames::ByRecordType(records) => {
            if format.skip_repeated_names {
                return Err("`skip_repeated_names` needs column names in the first row".to_owned());
            }
            distinct("record type", records.types.iter().map(|kind| &kind.code))?;
            one_header_and_trailer(records.types.iter().map(|kind| kind.role))?;
            for kind in &records.types {
                check_columns(&kind.columns)?;
                if !(1..=kind.columns.len()).contains(&records.column) {
                    return Err(format!(
                        "record type {:?} has no column {} to hold its type",
                        kind.code, records.column
                    ));
                }
            }
            Ok(())
        }
        ColumnNames::Sections(sections) => check_sections(sections),
    }
}

/// Each tag has one meaning, but for footers, which may state several things.
fn check_sections(sections: &CsvSections) -> Checked {
    let single = sections.heads.iter().map(|head| &head.tag).chain([&sections.names, &sections.rows]);
    distinct("record tag", single.clone())?;
    let footers = sections.counts.iter().map(|count| &count.tag).chain(sections.sums.iter().map(|sum| &sum.tag));
    let singles: HashSet<&String> = single.collect();
    if let Some(tag) = footers.into_iter().find(|tag| singles.contains(tag)) {
        return Err(format!("{tag:?} cannot be a footer and something else"));
    }
    if sections.first == sections.last || singles.contains(&sections.last) {
        return Err(format!("{:?} cannot be the last record and something else", sections.last));
    }
    match sections.sums.iter().find(|sum| sum.position < 3) {
        Some(sum) => Err(format!("a sum of {:?} cannot stand before position 3: tag and group come first", sum.tag)),
        None => Ok(()),
    }
}

fn check_columns(columns: &[String]) -> Checked {
    if columns.is_empty() || columns.iter().any(String::is_empty) {
        return Err("columns must be given and have names".to_owned());
    }
    distinct("column", columns.iter())
}

fn distinct<'a>(what: &str, mut names: impl Iterator<Item = &'a String>) -> Checked {
    let mut seen = HashSet::new();
    match names.find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(format!("{what} {twice:?} is declared twice")),
        None => Ok(()),
    }
}

fn one_header_and_trailer(roles: impl Iterator<Item = RecordRole>) -> Checked {
    let roles: Vec<RecordRole> = roles.collect();
    let count = |role| roles.iter().filter(|other| **other == role).count();
    if count(RecordRole::Header) > 1 || count(RecordRole::Trailer) > 1 {
        return Err("at most one record type can be the header and one the trailer".to_owned());
    }
    if count(RecordRole::Data) == 0 {
        return Err("at least one record type must be data".to_owned());
    }
    Ok(())
}

fn check_fixed(format: &FixedFormat) -> Checked {
    if format.record_length == 0 {
        return Err("the record length must be at least 1".to_owned());
    }
    if format.short_lines && format.line_end == FixedLineEnd::None {
        return Err("`short_lines` needs line ends".to_owned());
    }
    match &format.records {
        FixedRecordTypes::One(fields) => check_fields(format, fields),
        FixedRecordTypes::ByCode { start, length, types } => {
            inside(format, "record type", *start, *length)?;
            distinct("record type", types.iter().map(|kind| &kind.code))?;
            one_header_and_trailer(types.iter().map(|kind| kind.role))?;
            if let Some(kind) = types.iter().find(|kind| kind.code.chars().count() != *length) {
                return Err(format!("record type {:?} is not {length} characters long", kind.code));
            }
            types.iter().try_for_each(|kind| check_fields(format, &kind.fields))
        }
    }
}

fn check_fields(format: &FixedFormat, fields: &[FixedField]) -> Checked {
    distinct("field", fields.iter().map(|field| &field.name))?;
    if fields.is_empty() {
        return Err("fields must be given".to_owned());
    }
    let mut spans = Vec::new();
    for field in fields {
        inside(format, &field.name, field.start, field.length)?;
        spans.push((field.start, field.start + field.length, &field.name));
        if let FixedKind::Number { implied_decimals, sign } = field.kind {
            if implied_decimals > 28 || field.length > 38 {
                return Err(format!("number {:?} is longer than 38 digits or has more than 28 decimals", field.name));
            }
            if let Sign::At(position) = sign {
                inside(format, &format!("sign of {}", field.name), position, 1)?;
                spans.push((position, position + 1, &field.name));
            }
        }
    }
    spans.sort_unstable();
    match spans.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(pair) => Err(format!("fields {:?} and {:?} overlap", pair[0].2, pair[1].2)),
        None => Ok(()),
    }
}

fn inside(format: &FixedFormat, what: &str, start: usize, length: usize) -> Checked {
    let end = start.saturating_add(length);
    if start == 0 || length == 0 || end - 1 > format.record_length {
        return Err(format!(
            "{what} at {start}, length {length}, does not fit into {} positions",
            format.record_length
        ));
    }
    Ok(())
}

fn check_xml(format: &XmlFormat, totals: &ControlTotals) -> Checked {
    let path = format.record.strip_prefix("//").unwrap_or(&format.record);
    let simple = !format.record.starts_with("//") || !path.contains('/');
    if path.is_empty() || !simple || path.split('/').any(|name| name.is_empty() || name.contains(':')) {
        return Err(format!("record path {:?} must be `root/name` or `//name`, with local names", format.record));
    }
    no_records_of_control(totals)
}

fn no_records_of_control(totals: &ControlTotals) -> Checked {
    if totals.uses_header_or_trailer() {
        return Err("only CSV and fixed width have header and trailer records; use a control file".to_owned());
    }
    Ok(())
}
