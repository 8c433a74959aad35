//! Whether a manifest's database and the statements that go to it fit together: parameters, order, what a read may be.
//!
//! Not here: whether tables and columns exist (the database says so when it is asked).

use jiff::tz::TimeZone;

use super::check::Checker;
use super::read::{Cursor, CursorKind};
use super::references;
use super::scope::{self, Scope};
use super::sql::{Sql, SqlAddress, SqlDriver, SqlTls};
use super::sql_stream::{SqlIdempotency, SqlOperation, SqlProgress, SqlRead, SqlStatement, SqlValue, SqlWrite};
use super::sql_text::Statement;
use super::stream::Stream;
use super::write::OpKind;
use crate::config::yaml::{Spanned, suggest};

/// What a query may begin with. The transaction is read-only besides.
const READS: [&str; 5] = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW"];
/// What a write may begin with: nothing that ends the transaction of all its statements, as MySQL does for definitions of tables.
const WRITES: [&str; 7] = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "SELECT", "WITH"];

impl Checker<'_> {
    pub(super) fn sql(&self, sql: &Sql) {
        let tls = |tls: &SqlTls| {
            self.template(tls.mode.as_ref(), scope::CONNECTION);
            self.template(tls.authority.as_ref(), scope::CREDENTIALS);
        };
        match &sql.address {
            SqlAddress::Url { url, tls: protection } => {
                self.template(Some(url), scope::CREDENTIALS);
                tls(protection);
            }
            SqlAddress::Server(server) => {
                [Some(&server.host), server.port.as_ref(), Some(&server.database), Some(&server.user)]
                    .into_iter()
                    .for_each(|part| self.template(part, scope::CONNECTION));
                self.template(server.password.as_ref(), scope::CREDENTIALS);
                tls(&server.tls);
            }
            SqlAddress::File(file) => self.template(Some(file), scope::FOLDER),
        }
        if let Some(naive) = &sql.naive
            && TimeZone::get(naive).is_err()
        {
            let help = "write a name of the time zone database, such as UTC or Europe/Berlin";
            self.error(&naive.place, format!("`{}` is not a time zone", naive.escape_debug()), help);
        }
        sql.session.iter().for_each(|text| drop(self.statement(sql.driver, text, "a session statement", &[])));
        if let Some(check) = &self.manifest.sql_check {
            self.query(sql.driver, &check.query, "a check", &[]);
            self.template(check.shows.as_ref(), scope::SQL_CHECK);
        }
    }

    pub(super) fn sql_read(&self, stream: &Stream, read: &SqlRead) {
        let Some(driver) = self.driver(stream, "read") else { return };
        let after: Vec<String> = read.after.iter().map(|(column, _)| format!("after.{column}")).collect();
        let mut known: Vec<&str> = after.iter().map(String::as_str).chain(["limit"]).collect();
        let asks_cursor = read.cursor().is_some_and(|cursor| cursor.kind != CursorKind::Snapshot);
        if asks_cursor {
            known.push("cursor");
        }
        let used = self.query(driver, &read.query, "a read", &known);
        for name in known.iter().filter(|name| used.as_ref().is_some_and(|used| !used.iter().any(|u| u == *name))) {
            let help = match *name {
                "limit" => "end it with `LIMIT :limit`: pages are what keeps memory bounded",
                "cursor" => "add `WHERE changed_at > :cursor OR ...`, or use `cursor: { kind: snapshot }`",
                _ => {
                    "compare with it, so that the next page begins behind the last row: `(changed_at, id) > (:cursor, :after.id)`"
                }
            };
            self.error(&read.query.place, format!("the query does not use `:{name}`"), help);
        }
        match &read.progress {
            SqlProgress::Cursor(cursor) => self.sql_cursor(read, cursor),
            SqlProgress::Outbox(outbox) => {
                let row = |name: &str| name.starts_with("row.");
                if let Some(done) = self.statement_with(driver, &outbox.done, "an outbox's `done`", &[], &row)
                    && !done.parameters().any(row)
                {
                    let help = "name the row: `WHERE id = :row.id`";
                    self.error(&outbox.done.place, "the statement would be done with all rows at once", help);
                }
            }
        }
        let snapshot = read.cursor().is_none_or(|cursor| cursor.kind == CursorKind::Snapshot);
        if snapshot && read.after.is_empty() {
            let help = "add `after: { id: 0 }`, `WHERE id > :after.id` and `ORDER BY id`";
            self.error(&read.query.place, "the query cannot be read page by page", help);
        }
        if let Some(get) = &read.get
            && let Some(used) = self.query(driver, get, "a get", &["key"])
            && !used.iter().any(|name| name == "key")
        {
            self.error(&get.place, "get does not use `:key`", "it would read the same record for every key");
        }
    }

    fn sql_cursor(&self, read: &SqlRead, cursor: &Cursor) {
        self.template(cursor.start.as_ref(), scope::START);
        let place = cursor.field.as_ref().map_or(&read.query.place, |field| &field.place);
        if cursor.time.is_some() || cursor.send_as.is_some() {
            let help = "remove `format`; `sql.naive` states the zone of timestamps without one";
            self.error(place, "a database tells times by their type", help);
        }
        match cursor.kind {
            CursorKind::Token | CursorKind::DeltaLink => {
                self.error(place, "a table has no such cursor", "use `kind: time`, `unix`, `id` or `snapshot`");
            }
            CursorKind::Time | CursorKind::Unix if read.after.is_empty() => {
                let help = "add `after: { id: 0 }` and compare `(changed_at, id) > (:cursor, :after.id)`";
                self.error(place, "rows of the same time would be lost at the edge of a page", help);
            }
            CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Snapshot => {}
        }
    }

    pub(super) fn sql_write(&self, stream: &Stream, write: &SqlWrite) {
        let Some(driver) = self.driver(stream, "write") else { return };
        if write.operations.is_empty() {
            let help = "add create, update, upsert, set or delete";
            self.error(&stream.name.place, format!("write of stream `{}` has no operation", *stream.name), help);
        }
        write.operations.iter().for_each(|operation| self.sql_operation(driver, operation));
    }

    fn sql_operation(&self, driver: SqlDriver, operation: &SqlOperation) {
        let mut steps: Vec<&str> = Vec::new();
        let mut addressed = false;
        for statement in &operation.statements {
            addressed |= self.sql_statement(driver, statement, &steps);
            steps.extend(statement.name.as_deref());
        }
        if matches!(operation.kind, OpKind::Update | OpKind::Delete) && !addressed {
            let help = "use `:key`, or a value of the record in `with`";
            self.error(&operation.place, "no statement says which row it changes", help);
        }
        self.template_with(operation.id.as_ref(), scope::SQL_RESPONSE, &steps);
        self.template_with(operation.version.as_ref(), scope::SQL_RESPONSE, &steps);
        match &operation.idempotency {
            SqlIdempotency::Natural => {}
            SqlIdempotency::Lookup { query, with, .. } => {
                let known = self.values(with, scope::SQL_WRITE, &[]);
                self.query(driver, query, "a look-up", &known);
            }
            SqlIdempotency::Key { claim, found, .. } => {
                let used = self.statement(driver, claim, "a claim", &OWN);
                if used.is_some_and(|used| !used.parameters().any(|name| name == "idempotency_key")) {
                    let help = "insert the key into a table where it is unique, and do nothing where it is there";
                    self.error(&claim.place, "the claim does not use `:idempotency_key`", help);
                }
                found.iter().for_each(|found| drop(self.query(driver, found, "what was found", &OWN)));
            }
        }
    }

    /// Whether it says which row it concerns.
    fn sql_statement(&self, driver: SqlDriver, statement: &SqlStatement, steps: &[&str]) -> bool {
        let scope = if statement.each.is_some() { scope::SQL_ITEM } else { scope::SQL_WRITE };
        let mut known = self.values(&statement.with, scope, steps);
        known.extend(OWN);
        let Some(read) = self.statement(driver, &statement.sql, "a statement", &known) else { return true };
        let verb = read.verb();
        // A procedure of MySQL may end the transaction by itself; one of PostgreSQL cannot, inside of one.
        let calls = verb == "CALL" && driver == SqlDriver::Postgres;
        if !calls && !WRITES.contains(&verb.as_str()) {
            let help = "all statements of an operation are one transaction, which the hub begins and ends";
            self.error(&statement.sql.place, format!("{verb} does not belong in a write"), help);
        }
        for (name, value) in &statement.with {
            if !read.parameters().any(|used| used == name) {
                let message = format!("the statement does not use `:{name}`");
                self.error(&value.value.place, message, "remove it, or use it");
            }
        }
        read.parameters().next().is_some()
    }

    /// The names that they give.
    fn values<'v>(&self, with: &'v [(String, SqlValue)], scope: Scope, steps: &[&str]) -> Vec<&'v str> {
        with.iter()
            .map(|(name, value)| {
                self.references(&references::of_template(&value.value), &value.value.place, scope, steps);
                name.as_str()
            })
            .collect()
    }

    /// A statement that reads; the names of its parameters.
    fn query(&self, driver: SqlDriver, text: &Spanned<String>, what: &str, known: &[&str]) -> Option<Vec<String>> {
        let statement = self.statement(driver, text, what, known)?;
        let verb = statement.verb();
        if !READS.contains(&verb.as_str()) {
            let help = "a query only reads: SELECT, WITH, VALUES, TABLE or SHOW";
            self.error(&text.place, format!("{what} begins with {verb}"), help);
        }
        Some(statement.parameters().map(str::to_owned).collect())
    }

    fn statement(&self, driver: SqlDriver, text: &Spanned<String>, what: &str, known: &[&str]) -> Option<Statement> {
        self.statement_with(driver, text, what, known, &|_| false)
    }

    fn statement_with(
        &self,
        driver: SqlDriver,
        text: &Spanned<String>,
        what: &str,
        known: &[&str],
        also: &dyn Fn(&str) -> bool,
    ) -> Option<Statement> {
        let statement = match Statement::parse(driver, text) {
            Ok(statement) => statement,
            Err(reason) => {
                self.error(&text.place, format!("{what} cannot be read: {reason}"), "write one statement");
                return None;
            }
        };
        for name in statement.parameters().filter(|name| !known.contains(name) && !also(name)) {
            if let Some(setting) = name.strip_prefix("settings.") {
                let (root, member) = ("settings".to_owned(), Some(setting.to_owned()));
                let reference = references::Reference { root, member, whole: true };
                self.references(&[reference], &text.place, scope::SQL, &[]);
            } else {
                self.error(&text.place, format!("{what} has no parameter `:{name}`"), suggest(name, known));
            }
        }
        Some(statement)
    }

    /// `None` has been reported.
    fn driver(&self, stream: &Stream, what: &str) -> Option<SqlDriver> {
        if self.node.get("sql").is_none() {
            let message = format!("{what} of stream `{}` needs a database", *stream.name);
            self.error(&stream.name.place, message, "add `sql:` with `driver` at the top level");
        }
        self.manifest.sql.as_ref().map(|sql| sql.driver)
    }
}

/// What every statement of a write may use.
const OWN: [&str; 2] = ["key", "idempotency_key"];
