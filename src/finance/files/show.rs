//! Records of a file once more, by their places, for people to look at.
//!
//! Not here: whether the file is the one that a run had read (`lines`), what is compared (`record_rows`).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::connector::file::{FileError, FileLimits, FileRow, ReadContext, read};
use crate::model::{Object, Value};

use super::bound::Bound;
use super::read::{place, record};
use crate::finance::record_rows::plain;

/// A record's fields that have one value each, in the schema's order.
pub type Shown = Vec<(String, String)>;

/// What the file says at these places. The file was read before: what it says otherwise does not matter here.
pub fn records(bound: &Bound, path: &Path, numbers: &[u64]) -> Result<BTreeMap<u64, Shown>, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let limits = FileLimits::default();
    let context = ReadContext { file: &name, limits: &limits, previous_sequence: None, control_file: None };
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut found = BTreeMap::new();
    let mut stop = None;
    let mut sink = |row: FileRow| {
        let number = place(bound, &row);
        if numbers.contains(&number) {
            let record = record(bound, &row).map_err(|why| {
                stop = Some(format!("{name}, record {number}: {why}"));
                FileError::sink("the record cannot be shown")
            })?;
            let mut shown = Vec::new();
            fields(record.root(), "", &mut shown);
            found.insert(number, shown);
        }
        Ok(())
    };
    let ended = read(&bound.spec, context, file, &mut sink);
    match (stop, ended) {
        (Some(why), _) => Err(why),
        (None, Err(error)) => Err(error.to_string()),
        (None, Ok(_)) => Ok(found),
    }
}

fn fields(object: &Object, within: &str, into: &mut Shown) {
    for (field, value) in object.iter() {
        let name = format!("{within}{}", field.name);
        match value {
            Some(Value::Object(inner)) => fields(inner, &format!("{name}."), into),
            Some(Value::Money(money)) => into.push((name, format!("{} {}", money.to_decimal(), money.currency()))),
            Some(value) => into.extend(plain(value).map(|text| (name, text))),
            None => {}
        }
    }
}
