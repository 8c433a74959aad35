//! CSV reports in sections to rows, with the counts and sums that their footers state.
//!
//! Not here: quoting and line ends (csv_record).

use std::collections::BTreeMap;
use std::io::Read;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::collect::Collector;
use super::csv_record::Record;
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{CsvSections, RecordRole, SectionScope, SectionSum};
use crate::connector::file::row::Place;
use crate::connector::file::totals::add_exactly;

use super::csv::CsvReader;

/// Currencies of one report.
const MOST_GROUPS: usize = 1_000;

pub(super) fn read<R: Read>(
    sections: &CsvSections,
    reader: &mut CsvReader<'_, R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let mut report = Report {
        sections,
        names: None,
        section: Map::new(),
        begun: false,
        ended: false,
        counts: [0; 2],
        sums: vec![BTreeMap::new(); sections.sums.len()],
    };
    while !reader.ended() {
        let place = reader.record.place;
        if let Some(cause) = reader.record.problem.take() {
            return Err(collector.error(cause).at(place));
        }
        report.record(&reader.record, place, collector)?;
        reader.next(collector)?;
    }
    if report.begun && !report.ended {
        return Err(collector.error(FileCause::MissingTrailer));
    }
    Ok(())
}

struct Report<'f> {
    sections: &'f CsvSections,
    names: Option<Vec<String>>,
    section: Map<String, Value>,
    begun: bool,
    ended: bool,
    /// Rows of the section, of the report.
    counts: [u64; 2],
    /// Per declared sum, by group.
    sums: Vec<BTreeMap<String, Decimal>>,
}

impl Report<'_> {
    fn record(&mut self, record: &Record, place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        let tag = record.field(0).unwrap_or_default().trim().to_owned();
        let error = |cause: FileCause| collector.error(cause).at(place).column(tag.clone());
        if self.ended {
            return Err(error(FileCause::AfterTrailer));
        }
        if !self.begun && tag != self.sections.first {
            return Err(error(FileCause::HeaderNotFirst { found: tag.clone() }));
        }
        if self.begun && tag == self.sections.first {
            return Err(error(FileCause::SecondHeader));
        }
        self.begun = true;
        self.ended = tag == self.sections.last;
        let known = self.footer(&tag, record).map_err(error)?;
        if let Some(head) = self.sections.heads.iter().find(|head| head.tag == tag) {
            let fields = record.fields().skip(1).map(|field| Value::String(field.to_owned()));
            self.section.extend(head.columns.iter().cloned().zip(fields));
        } else if tag == self.sections.names {
            self.names = Some(names(record).map_err(error)?);
            self.begin_section().map_err(error)?;
        } else if tag == self.sections.rows {
            let fields = self.row(record).map_err(error)?;
            self.add(&fields).map_err(|(column, cause)| collector.error(cause).at(place).column(column))?;
            let place = Place { row: self.counts[1], ..place };
            collector.record(RecordRole::Data, None, fields, place)?;
        } else if !(known || tag == self.sections.first || tag == self.sections.last) {
            return Err(error(FileCause::UnknownRecordType { code: tag.clone() }));
        }
        Ok(())
    }

    fn begin_section(&mut self) -> Result<(), FileCause> {
        self.all_accounted_for(|scope| scope == SectionScope::Section)?;
        self.counts[0] = 0;
        for (index, sum) in self.sections.sums.iter().enumerate() {
            if sum.scope == SectionScope::Section {
                self.sums[index].clear();
            }
        }
        Ok(())
    }

    fn row(&self, record: &Record) -> Result<Map<String, Value>, FileCause> {
        let names =
            self.names.as_ref().ok_or_else(|| FileCause::HeaderNotFirst { found: self.sections.rows.clone() })?;
        let (expected, found) = (names.len() + 1, record.len());
        if expected != found {
            return Err(FileCause::Ragged { expected, found });
        }
        let fields = record.fields().skip(1).map(|field| Value::String(field.to_owned()));
        let mut row: Map<String, Value> = names.iter().cloned().zip(fields).collect();
        row.insert("section".to_owned(), Value::Object(self.section.clone()));
        Ok(row)
    }

    fn add(&mut self, row: &Map<String, Value>) -> Result<(), (String, FileCause)> {
        for count in &mut self.counts {
            *count += 1;
        }
        let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
        for (index, sum) in self.sections.sums.iter().enumerate() {
            let missing = [&sum.column, &sum.group].into_iter().find(|column| !row.contains_key(*column));
            if let Some(column) = missing {
                let cause = FileCause::MissingColumns { names: vec![column.clone()] };
                return Err((column.clone(), cause));
            }
            let digits = text(&sum.column);
            let counts = sum.only.as_ref().is_none_or(|(column, value)| text(column) == value);
            if digits.is_empty() || !counts {
                continue;
            }
            let bad = |reason| (sum.column.clone(), FileCause::BadNumber { text: digits.to_owned(), reason });
            let value = DecimalForm::POINT.parse(digits).map_err(bad)?;
            let groups = &mut self.sums[index];
            if groups.len() == MOST_GROUPS && !groups.contains_key(text(&sum.group)) {
                return Err((sum.group.clone(), FileCause::TooManyGroups { limit: MOST_GROUPS }));
            }
            let total = groups.entry(text(&sum.group).to_owned()).or_default();
            *total = add_exactly(*total, value).ok_or_else(|| bad("the sum needs more digits than fit"))?;
        }
        Ok(())
    }

    /// Compares what a footer states; `false` if the tag is no footer's.
    fn footer(&mut self, tag: &str, record: &Record) -> Result<bool, FileCause> {
        let mut known = false;
        let stated = |position: usize| record.field(position).unwrap_or_default().trim();
        let bad =
            |text: &str, wanted| FileCause::BadControlValue { name: tag.to_owned(), text: text.to_owned(), wanted };
        for count in self.sections.counts.iter().filter(|count| count.tag == tag) {
            known = true;
            let expected: u64 = stated(1).parse().map_err(|_| bad(stated(1), "a whole number"))?;
            let found = match count.scope {
                SectionScope::Section => self.counts[0],
                SectionScope::Report => self.counts[1],
            };
            if expected != found {
                return Err(FileCause::CountMismatch { source_name: tag.to_owned(), expected, found, rejected: 0 });
            }
        }
        for (sum, groups) in self.sections.sums.iter().zip(&mut self.sums).filter(|(sum, _)| sum.tag == tag) {
            known = true;
            let group = stated(1);
            let text = stated(sum.position - 1);
            let expected = DecimalForm::POINT.parse(text).map_err(|_| bad(text, "a number"))?;
            // What a footer has accounted for is done; what remains at the report's end nobody did.
            let found = groups.remove(group).unwrap_or_default();
            if expected != found {
                return Err(FileCause::SumMismatch {
                    source_name: format!("{tag} {group}, column {}", sum.position),
                    column: describe(sum),
                    expected,
                    found,
                    rejected: 0,
                });
            }
        }
        if self.ended {
            self.all_accounted_for(|_| true)?;
        }
        Ok(known)
    }

    /// A currency with rows but without a footer would pass unchecked.
    fn all_accounted_for(&self, due: impl Fn(SectionScope) -> bool) -> Result<(), FileCause> {
        for (sum, groups) in self.sections.sums.iter().zip(&self.sums).filter(|(sum, _)| due(sum.scope)) {
            if let Some((group, _)) = groups.iter().find(|(_, sum)| !sum.is_zero()) {
                return Err(FileCause::ControlValueMissing {
                    name: format!("{} {group} for {}", sum.tag, describe(sum)),
                });
            }
        }
        Ok(())
    }
}

fn describe(sum: &SectionSum) -> String {
    match &sum.only {
        Some((_, value)) => format!("{} ({value})", sum.column),
        None => sum.column.clone(),
    }
}

fn names(record: &Record) -> Result<Vec<String>, FileCause> {
    let words = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ");
    let names: Vec<String> = record.fields().skip(1).map(words).collect();
    let mut seen = std::collections::HashSet::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(FileCause::UnnamedColumn { position: index + 2 });
        }
        if name == "section" || !seen.insert(name) {
            return Err(FileCause::DuplicateColumn { name: name.clone() });
        }
    }
    Ok(names)
}
