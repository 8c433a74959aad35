//! What changed between two states of a record, field by field.
//!
//! Not here: what the change means (see `event`), who may make it (process).

use super::schema::Field;
use super::{Object, Record, Value};

/// One changed field. Lists are compared by position.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Where: `total`, `lines[1].quantity`, `extra.shop.id`.
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// The field is not part of the content hash.
    pub volatile: bool,
    /// The field says something about a person.
    pub personal: bool,
}

struct Marks {
    volatile: bool,
    personal: bool,
}

pub(crate) fn diff(before: &Record, after: &Record) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    diff_objects(before.root(), after.root(), "", &Marks { volatile: false, personal: false }, &mut changes);
    let keys = before.extra().keys().chain(after.extra().keys().filter(|key| !before.extra().contains_key(*key)));
    for key in keys {
        let (old, new) = (before.extra().get(key), after.extra().get(key));
        if old != new {
            changes.push(change(&format!("extra.{key}"), old, new, &Marks { volatile: false, personal: false }));
        }
    }
    changes
}

fn change(path: &str, before: Option<&Value>, after: Option<&Value>, marks: &Marks) -> FieldChange {
    FieldChange {
        path: path.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
        volatile: marks.volatile,
        personal: marks.personal,
    }
}

fn diff_objects(before: &Object, after: &Object, prefix: &str, marks: &Marks, changes: &mut Vec<FieldChange>) {
    for (index, field) in before.fields().iter().enumerate() {
        let path = if prefix.is_empty() { field.name.to_owned() } else { format!("{prefix}.{}", field.name) };
        diff_values(before.slot(index), after.slot(index), &path, &marks.under(field), changes);
    }
}

impl Marks {
    fn under(&self, field: &Field) -> Marks {
        Marks { volatile: self.volatile || field.volatile, personal: self.personal || field.personal }
    }
}

fn diff_values(
    before: Option<&Value>,
    after: Option<&Value>,
    path: &str,
    marks: &Marks,
    changes: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => diff_objects(old, new, path, marks, changes),
        (Some(Value::List(old)), Some(Value::List(new))) => {
            for index in 0..old.len().max(new.len()) {
                diff_values(old.get(index), new.get(index), &format!("{path}[{index}]"), marks, changes);
            }
        }
        (old, new) if old == new => {}
        (old, new) => changes.push(change(path, old, new, marks)),
    }
}
