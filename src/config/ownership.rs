//! The system of record of a field: changes of it are taken from its owner only.
//!
//! Not here: applying the rule (process).

use crate::model::{Entity, FieldPath, PathError};

use super::yaml::{Diagnostic, Diagnostics, Spanned, suggest};

#[derive(Debug, Clone)]
pub struct Ownership {
    pub entity: Entity,
    pub field: FieldPath,
    /// The path as written, without the entity.
    pub path: String,
    /// A connection's name.
    pub owner: Spanned<String>,
}

/// `order.payment_status: psp`
pub(super) fn link(
    key: &Spanned<String>,
    owner: Spanned<String>,
    connections: &[&str],
    problems: &mut Diagnostics,
) -> Option<Ownership> {
    if !connections.contains(&owner.as_str()) {
        let message = format!("no connection is named `{}`", owner.escape_debug());
        problems.push(Diagnostic::new(&owner.place, message).help(suggest(&owner, connections)));
    }
    let (entity, path) = key.split_once('.').unwrap_or((key.as_str(), ""));
    let Some(known) = Entity::parse(entity) else {
        let entities: Vec<&str> = Entity::ALL.iter().map(|entity| entity.as_str()).collect();
        let message = format!("`{}` is not an entity", entity.escape_debug());
        let help = format!("{}; write `order.payment_status: <connection>`", suggest(entity, &entities));
        problems.push(Diagnostic::new(&key.place, message).help(help));
        return None;
    };
    match FieldPath::parse(known, path) {
        Ok(field) => Some(Ownership { entity: known, field, path: path.to_owned(), owner }),
        Err(error) => {
            problems.push(unknown_field(key, &error));
            None
        }
    }
}

pub(super) fn unknown_field(written: &Spanned<String>, error: &PathError) -> Diagnostic {
    Diagnostic::new(&written.place, error.to_string()).help("use a field of the canonical schema")
}
