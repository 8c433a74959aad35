//! Domains: lists in prefix notation that say which rows are meant.
//!
//! Not here: order and pages (`read`).

use serde_json::Value;

use super::cell::{Cell, micro_of, time_of};
use super::db::Db;
use super::fault::Fault;
use super::models::{self, Kind};

const OPERATORS: [&str; 11] = ["=", "!=", ">", ">=", "<", "<=", "in", "not in", "like", "ilike", "=ilike"];

/// Refuses what no row could tell: a malformed domain is an error in an empty table, too.
pub fn check(model: &str, domain: &[Value]) -> Result<(), Fault> {
    let mut depth = 0_usize;
    for term in domain.iter().rev() {
        match term {
            Value::String(operator) => {
                let wanted = if operator == "!" { 1 } else { 2 };
                if !["&", "|", "!"].contains(&operator.as_str()) || depth < wanted {
                    return Err(Fault::value(format!("Domain is malformed: {}", Value::from(domain))));
                }
                depth -= wanted - 1;
            }
            Value::Array(leaf) => {
                let [Value::String(path), Value::String(operator), _] = leaf.as_slice() else {
                    return Err(Fault::value(format!("Invalid leaf {term}")));
                };
                if operator != "child_of" && !OPERATORS.contains(&operator.as_str()) {
                    return Err(Fault::value(format!("Invalid operator {operator}")));
                }
                let mut model = model;
                for field in path.split('.') {
                    match models::kind(model, field).ok_or_else(|| Fault::field(model, field))? {
                        Kind::Ref(other) | Kind::Many(other, _) => model = other,
                        Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time => {}
                    }
                }
                depth += 1;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                return Err(Fault::value(format!("Invalid domain term {term}")));
            }
        }
    }
    Ok(())
}

/// Whether a row is in the domain, which was checked; terms that no operator joins are joined by "and".
pub fn admits(db: &Db, model: &str, id: i64, domain: &[Value]) -> Result<bool, Fault> {
    let mut stack: Vec<bool> = Vec::new();
    for term in domain.iter().rev() {
        let outcome = match term {
            Value::String(operator) => {
                let (one, other) = (stack.pop(), if operator == "!" { Some(true) } else { stack.pop() });
                match (operator.as_str(), one, other) {
                    ("&", Some(one), Some(other)) => one && other,
                    ("|", Some(one), Some(other)) => one || other,
                    ("!", Some(one), _) => !one,
                    _ => return Err(Fault::value(format!("Domain is malformed: {}", Value::from(domain)))),
                }
            }
            Value::Array(leaf) => match leaf.as_slice() {
                [Value::String(path), Value::String(operator), value] => holds(db, model, id, path, operator, value)?,
                _ => return Err(Fault::value(format!("Invalid leaf {term}"))),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                return Err(Fault::value(format!("Invalid domain term {term}")));
            }
        };
        stack.push(outcome);
    }
    Ok(stack.into_iter().all(|held| held))
}

/// Whether the domain speaks of a field itself, which shows inactive rows.
pub fn names(domain: &[Value], field: &str) -> bool {
    domain.iter().any(|term| term.as_array().and_then(|leaf| leaf.first()).and_then(Value::as_str) == Some(field))
}

fn holds(db: &Db, model: &str, id: i64, path: &str, operator: &str, value: &Value) -> Result<bool, Fault> {
    let (kind, cells) = resolve(db, model, id, path)?;
    let equal = |cell: &Cell| equals(kind, cell, value);
    let held = match operator {
        "=" => cells.iter().any(equal),
        "!=" => !cells.iter().any(equal),
        "in" | "not in" => {
            let Some(values) = value.as_array() else { return Err(Fault::value("in wants a list")) };
            let found = cells.iter().any(|cell| values.iter().any(|value| equals(kind, cell, value)));
            found == (operator == "in")
        }
        ">" | ">=" | "<" | "<=" => {
            let Some(than) = rank(kind, value) else {
                return Err(Fault::value(format!("{path} cannot be compared with {value}")));
            };
            cells.iter().any(|cell| compared(cell, operator, than))
        }
        "like" | "ilike" | "=ilike" => {
            let Some(pattern) = value.as_str() else { return Err(Fault::value(format!("{operator} wants a text"))) };
            cells.iter().any(|cell| like(cell.as_text(), pattern, operator))
        }
        "child_of" => {
            let root = value.as_i64().ok_or_else(|| Fault::value("child_of wants an id"))?;
            cells.iter().any(|cell| cell.whole().is_some_and(|location| db.below(location, root)))
        }
        _ => return Err(Fault::value(format!("Invalid operator {operator}"))),
    };
    Ok(held)
}

/// The cells at the end of a dotted path; several behind a one2many.
fn resolve(db: &Db, model: &str, id: i64, path: &str) -> Result<(Kind, Vec<Cell>), Fault> {
    let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
    let kind = models::kind(model, field).ok_or_else(|| Fault::field(model, field))?;
    let (other, ids) = match kind {
        Kind::Ref(other) => (other, db.cell(model, id, field).whole().into_iter().collect()),
        Kind::Many(other, inverse) => (other, db.pointing(other, inverse, id)),
        Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time => ("", Vec::new()),
    };
    match (rest, kind) {
        (None, Kind::Many(..)) => Ok((kind, ids.into_iter().map(Cell::Whole).collect())),
        (None, _) => Ok((kind, vec![db.value(model, id, field, None)])),
        (Some(rest), Kind::Ref(_) | Kind::Many(..)) => {
            let mut found = Vec::new();
            let mut at_end = Kind::Text;
            for id in ids {
                let (kind, cells) = resolve(db, other, id, rest)?;
                at_end = kind;
                found.extend(cells);
            }
            if found.is_empty() {
                found.push(Cell::Empty);
            }
            Ok((at_end, found))
        }
        (Some(_), Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time) => Err(Fault::field(model, path)),
    }
}

fn equals(kind: Kind, cell: &Cell, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Empty | Cell::Flag(false), Value::Bool(false) | Value::Null) => true,
        (Cell::Flag(flag), Value::Bool(wanted)) => flag == wanted,
        (Cell::Text(text), Value::String(wanted)) => text == wanted,
        (Cell::Whole(whole), Value::Number(_)) => value.as_i64() == Some(*whole),
        (Cell::Micro(_) | Cell::Time(_), _) => rank(kind, value).is_some_and(|wanted| compared(cell, "=", wanted)),
        (Cell::Empty | Cell::Flag(_) | Cell::Text(_) | Cell::Whole(_), _) => false,
    }
}

fn rank(kind: Kind, value: &Value) -> Option<i64> {
    match kind {
        Kind::Time => time_of(value),
        Kind::Number => micro_of(value),
        Kind::Whole | Kind::Ref(_) | Kind::Many(..) => value.as_i64(),
        Kind::Text | Kind::Flag => None,
    }
}

fn compared(cell: &Cell, operator: &str, than: i64) -> bool {
    let is = match cell {
        Cell::Whole(is) | Cell::Micro(is) | Cell::Time(is) => *is,
        Cell::Empty | Cell::Flag(_) | Cell::Text(_) => return false,
    };
    match operator {
        ">" => is > than,
        ">=" => is >= than,
        "<" => is < than,
        "<=" => is <= than,
        _ => is == than,
    }
}

/// `like` and `ilike` look inside; `=ilike` is the whole text, where `_` and `%` are wildcards.
fn like(text: &str, pattern: &str, operator: &str) -> bool {
    match operator {
        "like" => text.contains(pattern),
        "ilike" => text.to_lowercase().contains(&pattern.to_lowercase()),
        _ => matches(
            &text.to_lowercase().chars().collect::<Vec<_>>(),
            &pattern.to_lowercase().chars().collect::<Vec<_>>(),
        ),
    }
}

fn matches(text: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('%', rest)), _) => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
        (Some(('_', rest)), Some((_, further))) => matches(further, rest),
        (Some((wanted, rest)), Some((is, further))) => wanted == is && matches(further, rest),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
