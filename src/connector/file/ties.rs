//! Sums that a report must satisfy without stating them: within each row, and to nothing within each group of rows.
//!
//! Not here: stated totals (`totals`).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::decimal::DecimalForm;
use super::error::FileCause;
use super::totals::add_exactly;

/// Groups of one file; more is not what the columns are for.
const MOST_GROUPS: usize = 100_000;

/// Columns added and taken away. Empty fields count as nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equation {
    pub plus: Vec<String>,
    pub minus: Vec<String>,
    pub form: DecimalForm,
}

/// Sums of the rows so far, by group.
pub(super) type Groups = BTreeMap<Vec<String>, Decimal>;

impl Equation {
    pub(super) fn of(&self, row: &Map<String, Value>) -> Result<Decimal, (String, FileCause)> {
        let mut sum = Decimal::ZERO;
        let signed =
            self.plus.iter().map(|column| (column, false)).chain(self.minus.iter().map(|column| (column, true)));
        for (column, negative) in signed {
            let Some(value) = number(row, column, self.form)? else { continue };
            sum = add_exactly(sum, if negative { -value } else { value })
                .ok_or_else(|| (column.clone(), too_many(&value.to_string())))?;
        }
        Ok(sum)
    }

    /// The row's own sum must be what `column` says, where it says something.
    pub(super) fn check(&self, column: &str, row: &Map<String, Value>) -> Result<(), (String, FileCause)> {
        let found = self.of(row)?;
        match number(row, column, self.form)? {
            Some(stated) if stated != found => {
                Err((column.to_owned(), FileCause::RowDoesNotTie { column: column.to_owned(), stated, found }))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn group(
        &self,
        per: &[String],
        row: &Map<String, Value>,
        groups: &mut Groups,
    ) -> Result<(), (String, FileCause)> {
        let value = self.of(row)?;
        let text = |column: &String| row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key: Vec<String> = per.iter().map(text).collect();
        if groups.len() == MOST_GROUPS && !groups.contains_key(&key) {
            return Err((per.join(", "), FileCause::TooManyGroups { limit: MOST_GROUPS }));
        }
        let sum = groups.entry(key).or_default();
        let column = || self.plus.first().cloned().unwrap_or_default();
        *sum = add_exactly(*sum, value).ok_or_else(|| (column(), too_many(&value.to_string())))?;
        Ok(())
    }
}

/// A row that agrees with an earlier one: told apart by nothing, one of them would be lost.
pub(super) fn distinct(
    columns: &[String],
    row: &Map<String, Value>,
    groups: &mut Groups,
) -> Result<(), (String, FileCause)> {
    let text = |column: &String| row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned();
    let key: Vec<String> = columns.iter().map(text).collect();
    let again = groups.insert(key, Decimal::ZERO).is_some();
    if again { Err((columns.join(", "), FileCause::RowAgain)) } else { Ok(()) }
}

/// The first group that does not come out even.
pub(super) fn uneven(per: &[String], groups: &Groups) -> Option<FileCause> {
    let (key, sum) = groups.iter().find(|(_, sum)| !sum.is_zero())?;
    let names: Vec<String> = per.iter().zip(key).map(|(column, value)| format!("{column} {value}")).collect();
    Some(FileCause::GroupDoesNotTie { group: names.join(", "), sum: *sum })
}

fn too_many(text: &str) -> FileCause {
    FileCause::BadNumber { text: text.to_owned(), reason: "the sum needs more digits than fit" }
}

fn number(row: &Map<String, Value>, column: &str, form: DecimalForm) -> Result<Option<Decimal>, (String, FileCause)> {
    let text = match row.get(column) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => "not a number".to_owned(),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |reason| (column.to_owned(), FileCause::BadNumber { text: text.clone(), reason });
    form.parse(&text).map(Some).map_err(bad)
}
