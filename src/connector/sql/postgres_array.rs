//! PostgreSQL's arrays of one dimension on the wire: lists in records and parameters.
//!
//! Not here: what an element is (`postgres`).

use serde_json::Value;
use sqlx::postgres::PgTypeInfo;

use super::param::Param;
use super::postgres::{bytes_of, decode};
use super::times::Naive;
use crate::connector::manifest::SqlValueKind;

pub(super) fn write(param: &Param, element: &PgTypeInfo, naive: &Naive) -> Result<Vec<u8>, String> {
    let Param::Json(Value::Array(items)) = param else { return Err("is not a list".to_owned()) };
    let oid = element.oid().ok_or("is a list of elements whose type the server did not name")?.0;
    let mut elements = Vec::new();
    for item in items {
        match Param::of(item.clone(), SqlValueKind::Auto)? {
            Param::Null => elements.extend((-1_i32).to_be_bytes()),
            item => {
                let bytes = bytes_of(&item, element, naive)?;
                elements.extend(count(bytes.len())?.to_be_bytes());
                elements.extend(bytes);
            }
        }
    }
    let dimensions = i32::from(!items.is_empty());
    let has_null = i32::from(items.iter().any(Value::is_null));
    let mut bytes = Vec::with_capacity(20 + elements.len());
    bytes.extend(dimensions.to_be_bytes());
    bytes.extend(has_null.to_be_bytes());
    bytes.extend(oid.to_be_bytes());
    if dimensions > 0 {
        bytes.extend(count(items.len())?.to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
    }
    bytes.extend(elements);
    Ok(bytes)
}

fn count(length: usize) -> Result<i32, String> {
    i32::try_from(length).map_err(|_| "is too long a list".to_owned())
}

pub(super) fn read(bytes: &[u8], element: &PgTypeInfo, naive: &Naive) -> Result<Value, String> {
    let mut rest = bytes;
    let dimensions = take(&mut rest)?;
    let (_, _) = (take(&mut rest)?, take(&mut rest)?);
    match dimensions {
        0 => return Ok(Value::Array(Vec::new())),
        1 => {}
        more => return Err(format!("is an array of {more} dimensions; write `to_json(...)` in the query")),
    }
    let length = take(&mut rest)?;
    take(&mut rest)?;
    let mut items = Vec::new();
    for _ in 0..length {
        let item = match usize::try_from(take(&mut rest)?) {
            Err(_) => Value::Null,
            Ok(size) => {
                let (item, after) = rest.split_at_checked(size).ok_or("is a cut-off array")?;
                rest = after;
                decode(item, element, naive)?
            }
        };
        items.push(item);
    }
    Ok(Value::Array(items))
}

fn take(rest: &mut &[u8]) -> Result<i32, String> {
    let (number, after) = rest.split_first_chunk::<4>().ok_or("is a cut-off array")?;
    *rest = after;
    Ok(i32::from_be_bytes(*number))
}
