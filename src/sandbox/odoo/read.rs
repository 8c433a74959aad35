//! Reading: `search`, `search_count`, `read`, `search_read`, and `web_search_read` with its specification.
//!
//! Not here: which rows a domain means (`domain`). `web_search_read` is not in the reference sheet (unverified): records
//! wrapped in `{length, records}`, a many2one as its id, or as an object of the fields asked for.

use serde_json::{Map, Value, json};

use super::cell::Cell;
use super::db::Db;
use super::domain;
use super::fault::Fault;
use super::models::{self, Kind};

const MOST_AT_ONCE: usize = 1_000;

/// The part of a call's context that reading heeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    pub location: Option<i64>,
    pub inactive_too: bool,
}

pub struct Reader<'a> {
    pub db: &'a Db,
    pub model: &'a str,
    pub scope: Scope,
}

impl Reader<'_> {
    /// Ids in order, from `offset`, at most `limit`.
    pub fn search(&self, given: &Value, options: &Map<String, Value>) -> Result<Vec<i64>, Fault> {
        let mut found = self.all(given)?;
        let order = options.get("order").and_then(Value::as_str).unwrap_or("id");
        let keys: Vec<(&str, bool)> = order.split(',').map(order_key).collect();
        for (field, _) in &keys {
            models::kind(self.model, field).ok_or_else(|| Fault::field(self.model, field))?;
        }
        let mut sorted: Vec<(Vec<Cell>, i64)> = found
            .drain(..)
            .map(|id| (keys.iter().map(|(field, _)| self.db.value(self.model, id, field, None)).collect(), id))
            .collect();
        sorted.sort_by(|(one, _), (other, _)| {
            let by_key = keys.iter().enumerate().map(|(at, (_, descending))| {
                let order = sort_rank(one.get(at)).cmp(&sort_rank(other.get(at)));
                if *descending { order.reverse() } else { order }
            });
            by_key.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        let number = |name: &str| options.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(MOST_AT_ONCE);
        Ok(sorted.into_iter().map(|(_, id)| id).skip(number("offset").unwrap_or(0)).take(limit).collect())
    }

    pub fn count(&self, given: &Value) -> Result<usize, Fault> {
        Ok(self.all(given)?.len())
    }

    fn all(&self, given: &Value) -> Result<Vec<i64>, Fault> {
        let none = Vec::new();
        let terms = match given {
            Value::Null => &none,
            Value::Array(terms) => terms,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return Err(Fault::value("a domain is a list"));
            }
        };
        domain::check(self.model, terms)?;
        let hides =
            models::kind(self.model, "active").is_some() && !self.scope.inactive_too && !domain::names(terms, "active");
        let mut found = Vec::new();
        for (id, row) in self.db.table(self.model) {
            let hidden = hides && row.get("active") == Some(&Cell::Flag(false));
            if !hidden && domain::admits(self.db, self.model, id, terms)? {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// A many2one is `[id, name]`, a one2many a list of ids; without fields all of them.
    pub fn read(&self, ids: &[i64], fields: Option<&Value>) -> Result<Value, Fault> {
        let all: Vec<&str> = models::model(self.model)
            .map(|(_, fields)| fields.iter().chain(models::COMMON).map(|(name, _)| *name).collect())
            .unwrap_or_default();
        let asked: Option<Vec<&str>> = fields
            .and_then(Value::as_array)
            .filter(|f| !f.is_empty())
            .map(|f| f.iter().filter_map(Value::as_str).collect());
        let names = asked.unwrap_or(all);
        let mut kinds = Vec::new();
        for name in names {
            kinds.push((name, models::kind(self.model, name).ok_or_else(|| Fault::field(self.model, name))?));
        }
        let mut records = Vec::new();
        for id in ids {
            self.db.row(self.model, *id).ok_or_else(|| Fault::missing(self.model, *id))?;
            let mut record = Map::new();
            record.insert("id".to_owned(), json!(id));
            for (name, kind) in &kinds {
                record.insert((*name).to_owned(), self.shown(*id, name, *kind));
            }
            records.push(Value::Object(record));
        }
        Ok(Value::Array(records))
    }

    fn shown(&self, id: i64, field: &str, kind: Kind) -> Value {
        match kind {
            Kind::Ref(other) => match self.db.cell(self.model, id, field).whole() {
                Some(to) => json!([to, self.db.display_name(other, to)]),
                None => json!(false),
            },
            Kind::Many(other, inverse) => json!(self.db.pointing(other, inverse, id)),
            Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time => self.plain(id, field),
        }
    }

    fn plain(&self, id: i64, field: &str) -> Value {
        // Every third record's amounts show that they are binary fractions.
        self.db.value(self.model, id, field, self.scope.location).json(id % 3 == 0)
    }

    /// Records by specification: what is asked for, as deep as it is asked for.
    pub fn web(&self, ids: &[i64], specification: &Value) -> Result<Vec<Value>, Fault> {
        let Some(wanted) = specification.as_object() else { return Err(Fault::value("specification must be a dict")) };
        for name in wanted.keys() {
            models::kind(self.model, name).ok_or_else(|| Fault::field(self.model, name))?;
        }
        let mut records = Vec::new();
        for id in ids {
            let mut record = Map::new();
            record.insert("id".to_owned(), json!(id));
            for (name, inner) in wanted {
                let Some(kind) = models::kind(self.model, name) else { continue };
                record.insert(name.clone(), self.deep(*id, name, kind, inner.get("fields"))?);
            }
            records.push(Value::Object(record));
        }
        Ok(records)
    }

    fn deep(&self, id: i64, field: &str, kind: Kind, inner: Option<&Value>) -> Result<Value, Fault> {
        let (other, ids) = match kind {
            Kind::Ref(other) => (other, self.db.cell(self.model, id, field).whole().into_iter().collect()),
            Kind::Many(other, inverse) => (other, self.db.pointing(other, inverse, id)),
            Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time => return Ok(self.plain(id, field)),
        };
        let records = match inner {
            Some(fields) => Reader { db: self.db, model: other, scope: self.scope }.web(&ids, fields)?,
            None => ids.iter().map(|id| json!(id)).collect(),
        };
        Ok(match kind {
            Kind::Ref(_) => records.into_iter().next().unwrap_or(json!(false)),
            Kind::Many(..) | Kind::Text | Kind::Flag | Kind::Whole | Kind::Number | Kind::Time => Value::Array(records),
        })
    }
}

fn order_key(text: &str) -> (&str, bool) {
    let mut words = text.split_whitespace();
    let field = words.next().unwrap_or("id");
    (field, words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc")))
}

fn sort_rank(cell: Option<&Cell>) -> (i64, &str) {
    match cell {
        Some(Cell::Whole(n) | Cell::Micro(n) | Cell::Time(n)) => (*n, ""),
        Some(Cell::Text(text)) => (0, text),
        Some(Cell::Flag(flag)) => (i64::from(*flag), ""),
        Some(Cell::Empty) | None => (i64::MIN, ""),
    }
}
