//! What is asked for, in words: formats by their names, and the name and type of the file that comes back.
//!
//! Not here: writing it (`write`).

use crate::recon::report::Report;

use super::csv::Dialect;
use super::section::Section;
use super::write::Format;

/// Formats as commands and addresses name them.
pub const FORMATS: [&str; 5] = ["csv", "csv-archive", "jsonl", "xlsx", "pdf"];

/// An export that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    #[error("`{0}` is no format of an export: csv, csv-archive, jsonl, xlsx, pdf")]
    Format(String),
    #[error("`{0}` is no section of a report: {all}", all = sections())]
    Section(String),
    #[error("`{option}` is for {only}; leave it out, or ask for that")]
    Option { option: &'static str, only: &'static str },
}

impl Format {
    /// By its name. A section is one CSV file's, a dialect CSV's; without a section it is the breaks.
    pub fn parse(word: &str, section: Option<&str>, dialect: Dialect) -> Result<Format, AskedError> {
        let section = match section {
            None => None,
            Some(name) => {
                Some(Section::parse(&name.replace('-', "_")).ok_or_else(|| AskedError::Section(name.to_owned()))?)
            }
        };
        let format = match word {
            "csv" => return Ok(Format::Csv(section.unwrap_or(Section::Breaks), dialect)),
            "csv-archive" => Format::CsvArchive(dialect),
            "jsonl" => Format::JsonLines,
            "xlsx" => Format::Xlsx,
            "pdf" => Format::Pdf,
            other => return Err(AskedError::Format(other.to_owned())),
        };
        if section.is_some() {
            return Err(AskedError::Option { option: "section", only: "csv" });
        }
        if dialect != Dialect::default() && format != Format::CsvArchive(dialect) {
            return Err(AskedError::Option { option: "bom and semicolon", only: "csv and csv-archive" });
        }
        Ok(format)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv(_, _) => "text/csv; charset=utf-8",
            Format::CsvArchive(_) => "application/zip",
            Format::JsonLines => "application/x-ndjson",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Pdf => "application/pdf",
        }
    }

    /// `payouts-to-bank_2026-10-01_2026-10-31_run-1.xlsx`, of one section `..._run-1_breaks.csv`.
    pub fn file_name(self, report: &Report, run: i64) -> String {
        let period = match &report.cover.period {
            [_, to] if to.is_empty() => "all".to_owned(),
            [from, to] if from == to => from.clone(),
            [from, to] => format!("{from}_{to}"),
        };
        let stem = format!("{}_{period}_run-{run}", report.cover.reconciliation);
        match self {
            Format::Csv(section, _) => format!("{stem}_{}.csv", section.as_str()),
            Format::CsvArchive(_) => format!("{stem}.zip"),
            Format::JsonLines => format!("{stem}.jsonl"),
            Format::Xlsx => format!("{stem}.xlsx"),
            Format::Pdf => format!("{stem}.pdf"),
        }
    }
}

fn sections() -> String {
    Section::ALL.map(Section::as_str).join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::finance::export::Separator;

    #[test]
    fn words_and_what_goes_with_them() {
        let plain = Dialect::default();
        for word in FORMATS {
            Format::parse(word, None, plain).unwrap();
        }
        assert_eq!(Format::parse("csv", None, plain), Ok(Format::Csv(Section::Breaks, plain)));
        assert_eq!(Format::parse("csv", Some("tie-out"), plain), Ok(Format::Csv(Section::TieOut, plain)));
        let european = Dialect { bom: true, separator: Separator::Semicolon };
        assert_eq!(Format::parse("csv-archive", None, european), Ok(Format::CsvArchive(european)));
        for (word, section, dialect, why) in [
            ("xls", None, plain, "`xls` is no format"),
            ("csv", Some("brakes"), plain, "cover, inputs, findings"),
            ("pdf", Some("breaks"), plain, "`section` is for csv;"),
            ("xlsx", None, european, "csv and csv-archive"),
        ] {
            let error = Format::parse(word, section, dialect).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
