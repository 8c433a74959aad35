//! Conditions on records: a flow's `when`.
//!
//! Not here: what happens to records that do not pass.

use serde_json::Value as Json;

use super::expr::{Expression, ExpressionError, Scope};
use crate::config::yaml::suggest;
use crate::model::{Entity, Record, schema};

/// An expression over `record` that is true or false, checked against the entity's schema.
#[derive(Debug, Clone)]
pub struct Filter {
    expression: Expression,
}

impl Filter {
    /// Compiles the condition and refuses fields of `record` that the entity does not have.
    pub fn compile(entity: Entity, source: &str) -> Result<Filter, ExpressionError> {
        let expression = Expression::compile_for(source, &["record"])?;
        check_members(entity, &expression)?;
        Ok(Filter { expression })
    }

    pub fn source(&self) -> &str {
        self.expression.source()
    }

    /// An error is a fault of the condition, not an answer: the record stops with class `data`.
    pub fn matches(&self, record: &Record) -> Result<bool, ExpressionError> {
        let scope: Json = match self.expression.members_of("record") {
            Some(members) => record.to_scope_of(members),
            None => record.to_scope(),
        };
        self.expression.eval_bool(&Scope::new().with("record", &scope))
    }
}

/// Refuses fields of `record` that records of `entity` do not have.
pub(super) fn check_members(entity: Entity, expression: &Expression) -> Result<(), ExpressionError> {
    let known: Vec<&str> =
        schema(entity).fields.iter().map(|field| field.name).chain(std::iter::once("extra")).collect();
    let source = expression.source();
    for member in expression.members_of("record").unwrap_or_default() {
        if !known.contains(&member.as_str()) {
            return Err(ExpressionError {
                expression: source.to_owned(),
                reason: format!("{entity} has no field `{member}`; {}", suggest(member, &known)),
                column: source.find(&format!("record.{member}")).map(|at| source[..at].chars().count() + 8),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn order() -> Record {
        let text = r##"{"number":"#1","placed_at":"2026-11-20T10:00:00Z","currency":"EUR","total":{"amount_minor":4790,"currency":"EUR"},"payment_status":"paid","lines":[{"quantity":"2"}],"extra":{"shop.test":true}}"##;
        Record::from_canonical_json(Entity::Order, text).unwrap()
    }

    #[track_caller]
    fn check(source: &str, expected: Result<bool, &str>) {
        let found = Filter::compile(Entity::Order, source).and_then(|filter| filter.matches(&order()));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{source}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{source}: {found}"),
            (found, expected) => panic!("{source}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn conditions_read_canonical_fields() {
        check("record.payment_status in [\"paid\", \"authorised\"]", Ok(true));
        check("record.total.amount > 47.89 && record.total.currency == \"EUR\"", Ok(true));
        check("record.cancelled_at == ()", Ok(true));
        check("record.lines[0].quantity == 2", Ok(true));
        check("!record.extra[\"shop.test\"]", Ok(false));
        check("record.payment_stauts == \"paid\"", Err("did you mean `payment_status`?"));
        check("record.total", Err("a condition is true or false"));
        check("record.payment_status ==", Err("expression"));
    }
}
