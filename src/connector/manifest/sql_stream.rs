//! What a stream asks of a database: the query that is walked or the outbox that is emptied, and the statements of a write.
//!
//! Not here: the database (`sql`), how a statement is read (`sql_text`), whether the parts fit together (`check_sql`).

use std::time::Duration;

use serde_json::Value;

use super::read::Cursor;
use super::sql::members;
use super::write::OpKind;
use crate::config::yaml::{Context, Decode, Kind, MapReader, Node, Place, Spanned};
use crate::mapping::expr::{Path, Template};
use crate::model::ErrorClass;

/// Parameters of `query`: `:cursor`, `:after.<column>`, `:limit`, `:settings.<name>`. Its rows ascend by the cursor's column and
/// then by the columns of `after`.
#[derive(Debug, Clone)]
pub struct SqlRead {
    pub query: Spanned<String>,
    pub progress: SqlProgress,
    /// Columns that tell rows of one cursor value apart, with a value below all others: what `:after.<column>` is on the first page.
    pub after: Vec<(String, Value)>,
    /// Rows of a page: `:limit`.
    pub page: u32,
    /// Text columns that hold JSON.
    pub json: Vec<String>,
    /// One record: parameters `:key` and `:settings.<name>`.
    pub get: Option<Spanned<String>>,
    pub every: Duration,
}

#[derive(Debug, Clone)]
pub enum SqlProgress {
    Cursor(Cursor),
    Outbox(Outbox),
}

/// A table of what is to be sent: rows are read in order, and done with once the hub holds them durably.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Run for each row; parameters `:row.<column>` and `:settings.<name>`.
    pub done: Spanned<String>,
    /// The column that holds the record as JSON; `None`: the row is the record.
    pub payload: Option<String>,
}

#[derive(Debug, Clone)]
pub struct SqlWrite {
    /// At most one of each kind.
    pub operations: Vec<SqlOperation>,
}

/// All statements of an operation are one transaction.
#[derive(Debug, Clone)]
pub struct SqlOperation {
    pub kind: OpKind,
    pub statements: Vec<SqlStatement>,
    /// Over `settings`, `record`, `key` and `steps`.
    pub id: Option<Spanned<Template>>,
    pub version: Option<Spanned<Template>>,
    pub idempotency: SqlIdempotency,
    pub place: Place,
}

/// Templates of `with` see what a write sees, and `item` where `each` is given. The first row that a named statement returns is
/// `{steps.<name>}`; where it returns none, `{steps.<name>.last_insert_id}` and `.affected` are there.
#[derive(Debug, Clone)]
pub struct SqlStatement {
    pub name: Option<String>,
    pub sql: Spanned<String>,
    pub with: Vec<(String, SqlValue)>,
    /// A list in the record: the statement runs for each of its elements.
    pub each: Option<Spanned<Path>>,
    pub rows: Option<RowCount>,
    /// What it means when fewer rows than `rows` are concerned.
    pub class: ErrorClass,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCount {
    pub least: u64,
    pub most: u64,
}

#[derive(Debug, Clone)]
pub struct SqlValue {
    pub value: Spanned<Template>,
    pub kind: SqlValueKind,
}

crate::choice! {
    /// What a value becomes, where the database does not say what it expects (MySQL, SQLite) or is to be told otherwise.
    pub enum SqlValueKind ("value kind") {
        Auto = "auto",
        Text = "text",
        Decimal = "decimal",
        /// RFC 3339 text becomes a moment.
        Time = "time",
        /// Base64 text becomes bytes.
        Bytes = "bytes",
        Json = "json",
    }
}

/// Why doing the operation again does not repeat its effect.
#[derive(Debug, Clone)]
pub enum SqlIdempotency {
    /// The statements state a result.
    Natural,
    /// Asked before the first attempt and after every unknown outcome; `id` is the column with the object's id.
    Lookup { query: Spanned<String>, with: Vec<(String, SqlValue)>, id: String },
    /// A table of keys in the same database: `claim` comes first in the transaction and concerns a row exactly when `:idempotency_key` is
    /// new. Otherwise nothing else is done, and `found` says what the first time made.
    Key { claim: Spanned<String>, found: Option<Spanned<String>>, ttl: Duration },
}

crate::choice! {
    enum Scheme ("idempotency scheme") { Natural = "natural", Lookup = "lookup", Key = "key" }
}

impl SqlRead {
    pub fn cursor(&self) -> Option<&Cursor> {
        match &self.progress {
            SqlProgress::Cursor(cursor) => Some(cursor),
            SqlProgress::Outbox(_) => None,
        }
    }

    pub fn outbox(&self) -> Option<&Outbox> {
        match &self.progress {
            SqlProgress::Outbox(outbox) => Some(outbox),
            SqlProgress::Cursor(_) => None,
        }
    }

    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let query = map.required("query");
        let progress = match (map.has("cursor"), map.has("outbox")) {
            (true, true) => {
                map.error("outbox", "`cursor` and `outbox` exclude each other", "an outbox is read from its beginning");
                None
            }
            (false, true) => map.optional("outbox").map(SqlProgress::Outbox),
            (_, false) => map.required("cursor").map(SqlProgress::Cursor),
        };
        let after =
            map.node("after").map(|node| members(node, map.context(), "columns with values", |e| least(&e.value)));
        let (page, json, get) = (map.or("page", 500), map.list("json"), map.optional("get"));
        let every = map.or("every", Duration::from_secs(60));
        if every < Duration::from_secs(1) {
            map.error("every", "polling faster than once a second is refused", "write `every: 1s` or more");
        }
        if !(1..=10_000).contains(&page) {
            map.error("page", "a page holds 1 to 10000 rows", "it is held in memory as a whole");
        }
        Some(Self { query: query?, progress: progress?, after: after.unwrap_or_default(), page, json, get, every })
    }
}

/// A plain number stays one; everything else is text.
fn least(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Scalar(scalar) => {
            let number = serde_json::from_str::<serde_json::Number>(&scalar.text).ok().filter(|_| scalar.plain);
            Some(number.map_or_else(|| Value::String(scalar.text.clone()), Value::Number))
        }
        Kind::Seq(_) | Kind::Map(_) => None,
    }
}

impl Decode for Outbox {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "outbox")?;
        let (done, payload) = (map.required("done"), map.optional("payload"));
        map.finish();
        Some(Self { done: done?, payload })
    }
}

const KINDS: [(&str, OpKind); 5] = [
    ("create", OpKind::Create),
    ("update", OpKind::Update),
    ("upsert", OpKind::Upsert),
    ("set", OpKind::Set),
    ("delete", OpKind::Delete),
];

impl SqlWrite {
    pub fn operation(&self, kind: OpKind) -> Option<&SqlOperation> {
        self.operations.iter().find(|operation| operation.kind == kind)
    }

    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let mut whole = true;
        let mut operations = Vec::new();
        for (key, kind) in KINDS {
            if let Some(node) = map.node(key) {
                match SqlOperation::read(kind, node, map.context()) {
                    Some(operation) => operations.push(operation),
                    None => whole = false,
                }
            }
        }
        whole.then_some(Self { operations })
    }
}

impl SqlOperation {
    fn read(kind: OpKind, node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, format!("write operation `{}`", kind.as_str()))?;
        let statements = map.required::<Vec<SqlStatement>>("statements");
        let (id, version) = (map.optional("id"), map.optional("version"));
        let idempotency = match (map.has("idempotency"), kind) {
            (true, _) => map.optional("idempotency"),
            (false, OpKind::Update | OpKind::Upsert | OpKind::Set | OpKind::Delete) => Some(SqlIdempotency::Natural),
            (false, OpKind::Create) => {
                let help = "add `idempotency:` with scheme natural (a unique key, ON CONFLICT), lookup (ask before creating) or key";
                map.error("idempotency", "a create without idempotency could create twice", help);
                None
            }
        };
        if statements.as_ref().is_some_and(Vec::is_empty) {
            map.error("statements", "an operation without statements", "write at least one");
        }
        map.finish();
        let place = cx.place(node.span);
        Some(Self { kind, statements: statements?, id, version, idempotency: idempotency?, place })
    }
}

impl Decode for SqlStatement {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "statement")?;
        let (name, sql) = (map.optional("name"), map.required("sql"));
        let (with, each) = (with(&map), map.optional("each"));
        let (rows, class) = (map.optional("rows"), map.or("class", ErrorClass::NotFound));
        let message = map.optional("message");
        map.finish();
        Some(Self { name, sql: sql?, with, each, rows, class, message })
    }
}

fn with(map: &MapReader<'_>) -> Vec<(String, SqlValue)> {
    let cx = map.context();
    let read = |entry: &crate::config::yaml::Entry| SqlValue::decode(&entry.value, cx);
    map.node("with").map(|node| members(node, cx, "names with values", read)).unwrap_or_default()
}

/// A bare template, or `{ value: ..., as: time }`.
impl Decode for SqlValue {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) | Kind::Seq(_) => {
                Spanned::decode(node, cx).map(|value| Self { value, kind: SqlValueKind::Auto })
            }
            Kind::Map(_) => {
                let map = cx.map(node, "value")?;
                let (value, kind) = (map.required("value"), map.or("as", SqlValueKind::Auto));
                map.finish();
                Some(Self { value: value?, kind })
            }
        }
    }
}

/// `1`, or `1..2`.
impl Decode for RowCount {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = node.as_str().unwrap_or_default();
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let count = least.parse().ok().zip(most.parse().ok()).map(|(least, most)| Self { least, most });
        if count.is_none_or(|count| count.least > count.most) {
            cx.error(
                node.span,
                format!("{} is not a number of rows", node.describe()),
                "write `1`, or a range: `1..2`",
            );
            return None;
        }
        count
    }
}

impl Decode for SqlIdempotency {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "idempotency")?;
        let idempotency = match map.required::<Scheme>("scheme")? {
            Scheme::Natural => Some(Self::Natural),
            Scheme::Lookup => {
                let (query, with, id) = (map.required("query"), with(&map), map.required("id"));
                query.zip(id).map(|(query, id)| Self::Lookup { query, with, id })
            }
            Scheme::Key => {
                let (claim, found, ttl) = (map.required("claim"), map.optional("found"), map.required("ttl"));
                claim.zip(ttl).map(|(claim, ttl)| Self::Key { claim, found, ttl })
            }
        };
        map.finish();
        idempotency
    }
}
