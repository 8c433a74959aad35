//! A row's value as the text of a cell.

use serde_json::{Map, Value};

use crate::connector::file::error::FileCause;

/// Exact text of a scalar; a missing field is an error, because a misspelt name must not write an empty column.
pub(super) fn text_of(row: &Map<String, Value>, field: &str) -> Result<String, FileCause> {
    match row.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(true)) => Ok("true".to_owned()),
        Some(Value::Bool(false)) => Ok("false".to_owned()),
        Some(Value::Null) => Ok(String::new()),
        Some(Value::Array(_)) => Err(FileCause::Unwritable { what: format!("the list {field:?}") }),
        Some(Value::Object(_)) => Err(FileCause::Unwritable { what: format!("the object {field:?}") }),
        None => Err(FileCause::Unwritable { what: format!("a row without the field {field:?}") }),
    }
}
