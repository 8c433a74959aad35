//! Control totals: the partner states what the file contains, and nothing is applied unless it does.
//!
//! Not here: what happens to a refused file (drop), checksums of control files (only counts and sums are compared).

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::decimal::DecimalForm;
use super::error::{FileCause, FileError};
use super::ties::{Equation, Groups, distinct, uneven};

/// The checks agreed with the partner; all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlTotals {
    pub checks: Vec<TotalCheck>,
    /// Key of the control file that names its data file, checked if given (`FILE`).
    pub control_file_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TotalCheck {
    /// Number of data rows; of one record type if `record_type` is given.
    Count { stated: ControlValue, record_type: Option<String> },
    /// Sum of a column over data rows. Empty fields count as nothing.
    Sum {
        stated: ControlValue,
        record_type: Option<String>,
        column: String,
        /// How the rows write the column.
        form: DecimalForm,
        /// How the stated sum is written.
        stated_form: DecimalForm,
        /// Leave negative values out, as some partners do.
        positives_only: bool,
    },
    /// Within each row, the column is what the equation's columns make.
    Row { column: String, equation: Equation },
    /// Over the rows that agree in `per`, the equation's columns make nothing.
    ZeroSum { per: Vec<String>, equation: Equation },
    /// No two rows agree in these columns.
    Distinct { columns: Vec<String> },
    /// The stated number must be the previous file's plus 1. `wraps_after` is followed by 1.
    Sequence { stated: ControlValue, wraps_after: Option<u64> },
}

/// Where the partner states a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlValue {
    Header(String),
    Trailer(String),
    /// A key of the `.ctl` file.
    ControlFile(String),
}

impl ControlValue {
    fn name(&self) -> String {
        match self {
            Self::Header(name) => format!("{name} of the header record"),
            Self::Trailer(name) => format!("{name} of the trailer record"),
            Self::ControlFile(name) => format!("{name} of the control file"),
        }
    }
}

impl ControlTotals {
    pub fn uses_header_or_trailer(&self) -> bool {
        self.checks.iter().any(|check| match check.stated() {
            Some(ControlValue::Header(_) | ControlValue::Trailer(_)) => true,
            Some(ControlValue::ControlFile(_)) | None => false,
        })
    }
}

impl ControlTotals {
    /// Whether files of this stream are numbered, so that none can be left out or come twice unseen.
    pub fn numbers_files(&self) -> bool {
        self.checks.iter().any(|check| match check {
            TotalCheck::Sequence { .. } => true,
            TotalCheck::Count { .. }
            | TotalCheck::Sum { .. }
            | TotalCheck::Row { .. }
            | TotalCheck::ZeroSum { .. }
            | TotalCheck::Distinct { .. } => false,
        })
    }
}

impl TotalCheck {
    fn stated(&self) -> Option<&ControlValue> {
        match self {
            Self::Count { stated, .. } | Self::Sum { stated, .. } | Self::Sequence { stated, .. } => Some(stated),
            Self::Row { .. } | Self::ZeroSum { .. } | Self::Distinct { .. } => None,
        }
    }
}

/// A `.ctl` file: `FILE=stock.csv;ROWS=1532;SUM_QTY=48211`, pairs separated by `;` or line ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlFile {
    values: Vec<(String, String)>,
}

impl ControlFile {
    /// Longest control file that is looked at.
    pub const LIMIT_BYTES: u64 = 64 << 10;

    pub fn parse(text: &str) -> Result<Self, FileCause> {
        let mut values: Vec<(String, String)> = Vec::new();
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\u{1a}']);
        for pair in text.split([';', '\r', '\n']).map(str::trim).filter(|pair| !pair.is_empty()) {
            let bad =
                |wanted| FileCause::BadControlValue { name: "control file".to_owned(), text: pair.to_owned(), wanted };
            let (key, value) = pair.split_once('=').ok_or_else(|| bad("KEY=VALUE"))?;
            if values.iter().any(|(other, _)| other == key.trim()) {
                return Err(bad("a key that occurs once"));
            }
            values.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Self { values })
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Running totals of one read.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    totals: &'a ControlTotals,
    counts: Vec<u64>,
    sums: Vec<Decimal>,
    groups: Vec<Groups>,
}

/// The control values known at one moment of the read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated<'a> {
    pub(super) file: &'a str,
    pub(super) header: Option<&'a Map<String, Value>>,
    pub(super) trailer: Option<&'a Map<String, Value>>,
    pub(super) control_file: Option<&'a ControlFile>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(totals: &'a ControlTotals) -> Self {
        let checks = totals.checks.len();
        Self { totals, counts: vec![0; checks], sums: vec![Decimal::ZERO; checks], groups: vec![Groups::new(); checks] }
    }

    /// Adds one data row; an unreadable number in a summed column is that row's error.
    pub(super) fn add(
        &mut self,
        record_type: Option<&str>,
        row: &Map<String, Value>,
    ) -> Result<(), (String, FileCause)> {
        let mut next = self.sums.clone();
        for (index, check) in self.totals.checks.iter().enumerate() {
            if let TotalCheck::Row { column, equation } = check {
                equation.check(column, row)?;
            }
            if let TotalCheck::Distinct { columns } = check {
                distinct(columns, row, &mut self.groups[index])?;
            }
            if let TotalCheck::ZeroSum { per, equation } = check {
                equation.group(per, row, &mut self.groups[index])?;
            }
            let TotalCheck::Sum { record_type: wanted, column, form, positives_only, .. } = check else { continue };
            if wanted.is_some() && wanted.as_deref() != record_type {
                continue;
            }
            let text = match row.get(column) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                None | Some(Value::Null) => String::new(),
                Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => "not a number".to_owned(),
            };
            if text.trim().is_empty() {
                continue;
            }
            let bad = |reason| (column.clone(), FileCause::BadNumber { text: text.clone(), reason });
            let value = form.parse(&text).map_err(bad)?;
            if !(*positives_only && value.is_sign_negative()) {
                next[index] =
                    add_exactly(next[index], value).ok_or_else(|| bad("the sum needs more digits than fit"))?;
            }
        }
        self.sums = next;
        self.count(record_type);
        Ok(())
    }

    /// Counts a data row that is in the file, also if it was rejected.
    pub(super) fn count(&mut self, record_type: Option<&str>) {
        for (index, check) in self.totals.checks.iter().enumerate() {
            if let TotalCheck::Count { record_type: wanted, .. } = check
                && (wanted.is_none() || wanted.as_deref() == record_type)
            {
                self.counts[index] += 1;
            }
        }
    }

    /// The header's sequence number, checked as soon as the header is known so that a gap stops before any row.
    pub(super) fn check_sequence(&self, stated: &Stated<'_>, previous: Option<u64>) -> Result<Option<u64>, FileError> {
        let mut sequence = None;
        for check in &self.totals.checks {
            let TotalCheck::Sequence { stated: place, wraps_after } = check else { continue };
            let found: u64 = stated.integer(place)?;
            let expected = previous.map(|last| if *wraps_after == Some(last) { 1 } else { last.saturating_add(1) });
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                let cause = FileCause::SequenceMismatch { expected, found };
                return Err(FileError::new(stated.file, cause).column(place.name()));
            }
            sequence = Some(found);
        }
        Ok(sequence)
    }

    /// Compares what was found with what is stated.
    pub(super) fn check(&self, stated: &Stated<'_>, rejected: u64) -> Result<(), FileError> {
        for (index, check) in self.totals.checks.iter().enumerate() {
            match check {
                TotalCheck::Sequence { .. } | TotalCheck::Row { .. } | TotalCheck::Distinct { .. } => {}
                TotalCheck::ZeroSum { per, .. } => {
                    if let Some(cause) = uneven(per, &self.groups[index]) {
                        return Err(FileError::new(stated.file, cause));
                    }
                }
                TotalCheck::Count { stated: place, .. } => {
                    let (expected, found) = (stated.integer(place)?, self.counts[index]);
                    if expected != found {
                        let cause = FileCause::CountMismatch { source_name: place.name(), expected, found, rejected };
                        return Err(FileError::new(stated.file, cause));
                    }
                }
                TotalCheck::Sum { stated: place, column, stated_form, .. } => {
                    let (expected, found) = (stated.decimal(place, *stated_form)?, self.sums[index]);
                    if expected != found {
                        let cause = FileCause::SumMismatch {
                            source_name: place.name(),
                            column: column.clone(),
                            expected,
                            found,
                            rejected,
                        };
                        return Err(FileError::new(stated.file, cause));
                    }
                }
            }
        }
        self.check_control_file_name(stated)
    }

    fn check_control_file_name(&self, stated: &Stated<'_>) -> Result<(), FileError> {
        let Some(key) = &self.totals.control_file_name else { return Ok(()) };
        let expected = stated.text(&ControlValue::ControlFile(key.clone()))?;
        if expected == stated.file {
            return Ok(());
        }
        let cause = FileCause::ControlFileName { expected: expected.to_owned(), found: stated.file.to_owned() };
        Err(FileError::new(stated.file, cause))
    }
}

impl<'a> Stated<'a> {
    fn text(&self, place: &ControlValue) -> Result<&'a str, FileError> {
        let in_record = |record: Option<&'a Map<String, Value>>, name: &str| record?.get(name)?.as_str();
        let found = match place {
            ControlValue::Header(name) => in_record(self.header, name),
            ControlValue::Trailer(name) => in_record(self.trailer, name),
            ControlValue::ControlFile(name) => self.control_file.and_then(|file| file.get(name)),
        };
        found.ok_or_else(|| FileError::new(self.file, FileCause::ControlValueMissing { name: place.name() }))
    }

    fn integer(&self, place: &ControlValue) -> Result<u64, FileError> {
        let text = self.text(place)?;
        let digits = text.trim();
        let parsed = if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None };
        parsed.ok_or_else(|| self.bad(place, text, "a whole number"))
    }

    fn decimal(&self, place: &ControlValue, form: DecimalForm) -> Result<Decimal, FileError> {
        let text = self.text(place)?;
        form.parse(text).map_err(|_| self.bad(place, text, "a number in the declared form"))
    }

    fn bad(&self, place: &ControlValue, text: &str, wanted: &'static str) -> FileError {
        FileError::new(self.file, FileCause::BadControlValue { name: place.name(), text: text.to_owned(), wanted })
    }
}

/// The library's addition may round when the result has too many digits; a control total must not.
pub(super) fn add_exactly(left: Decimal, right: Decimal) -> Option<Decimal> {
    let sum = left.checked_add(right)?;
    (sum.scale() == left.scale().max(right.scale())).then_some(sum)
}
