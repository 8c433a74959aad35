//! What can go wrong with a database, and how it reads as the outcome of a call: class, cause, next step, whether anything stayed.
//!
//! Not here: what follows from a class (`deliver::outcome`, `intake::poll`).

use std::io;
use std::time::Duration;

use super::link::Broken;
use crate::connector::call::CallError;
use crate::connector::http::guard::Blocked;
use crate::connector::http::mask::{Mask, escape};
use crate::connector::manifest::{SqlDriver, SqlErrorRule};
use crate::model::ErrorClass;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Statement(#[from] Broken),
    #[error("no answer after {0:?}")]
    Slow(Duration),
    #[error("all {connections} connections were busy for {waited:?}")]
    Busy { connections: u32, waited: Duration },
    #[error("{0}")]
    Blocked(#[from] Blocked),
    #[error("the name {host} has no address: {cause}")]
    Name { host: String, cause: io::Error },
    #[error("cannot connect: {0}")]
    Connect(Broken),
    #[error("cannot connect: no answer after {0:?}")]
    ConnectSlow(Duration),
    #[error("it concerns {found} rows in place of {expected}")]
    Rows { found: u64, expected: String, class: ErrorClass, message: Option<String> },
    /// The manifest, the record or the stored cursor does not allow to ask.
    #[error("{0}")]
    Unfit(String),
    #[error("the end of the transaction: {0}")]
    Commit(Box<Fault>),
}

/// What an error is held against.
pub(super) struct Terms<'t> {
    pub system: &'t str,
    pub driver: SqlDriver,
    pub rules: &'t [SqlErrorRule],
    pub mask: &'t Mask,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Fault {
        Fault::Statement(Broken::Database(error))
    }
}

impl Terms<'_> {
    pub fn error(&self, fault: &Fault, what: &str) -> Box<CallError> {
        let rule = fault.code(self.driver).and_then(|code| self.rules.iter().find(|rule| rule.code == code));
        let (class, sent) = self.class(fault, rule);
        let own = if let Fault::Rows { message, .. } = fault { message.clone() } else { None };
        let said =
            own.or_else(|| rule.and_then(|rule| rule.message.clone())).unwrap_or_else(|| fault.said(self.driver));
        Box::new(CallError {
            class,
            system: self.system.to_owned(),
            what: what.to_owned(),
            status: None,
            message: escape(&self.mask.text(&said), 600),
            next_step: next_step(fault, class).to_owned(),
            retry_after: None,
            sent,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }

    /// The class, and whether what was asked may stand there. Before the end of its transaction nothing does.
    fn class(&self, fault: &Fault, rule: Option<&SqlErrorRule>) -> (ErrorClass, bool) {
        match fault {
            Fault::Commit(inner) => {
                // Only the database itself can say that a transaction has failed at its end; and not while it goes down.
                let code = inner.code(self.driver);
                let refused = code.as_deref().is_some_and(|code| refuses_at_the_end(self.driver, code));
                if refused { (self.class(inner, rule).0, false) } else { (ErrorClass::UnknownOutcome, true) }
            }
            Fault::Rows { class, .. } => (*class, false),
            Fault::Unfit(_) => (ErrorClass::Data, false),
            Fault::Slow(_) | Fault::Busy { .. } | Fault::Name { .. } | Fault::ConnectSlow(_) => {
                (ErrorClass::Transient, false)
            }
            Fault::Blocked(_) => (ErrorClass::Permission, false),
            Fault::Statement(broken) | Fault::Connect(broken) => {
                let by_table = || match (broken, fault.code(self.driver)) {
                    (Broken::Database(_), Some(code)) => by_code(self.driver, &code),
                    (Broken::Database(error), None) => without_code(error),
                    (
                        Broken::Column { .. } | Broken::Parameter { .. } | Broken::TooMany(_) | Broken::TooLarge(_),
                        _,
                    ) => ErrorClass::Data,
                };
                (rule.map_or_else(by_table, |rule| rule.class), false)
            }
        }
    }
}

impl Fault {
    /// The database's own code.
    pub fn code(&self, driver: SqlDriver) -> Option<String> {
        let error = self.answered()?;
        match driver {
            SqlDriver::Mysql => {
                let error = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
                Some(error.number().to_string())
            }
            SqlDriver::Postgres | SqlDriver::Sqlite => error.code().map(|code| code.into_owned()),
        }
    }

    /// What the database itself answered.
    fn answered(&self) -> Option<&dyn sqlx::error::DatabaseError> {
        if let Fault::Commit(inner) = self {
            return inner.answered();
        }
        if let Fault::Statement(Broken::Database(error)) | Fault::Connect(Broken::Database(error)) = self {
            return error.as_database_error();
        }
        None
    }

    fn said(&self, driver: SqlDriver) -> String {
        let Some(error) = self.answered() else { return self.to_string() };
        let detail = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().and_then(|error| error.detail());
        let detail = detail.map_or_else(String::new, |detail| format!(" ({detail})"));
        let code = self.code(driver).map_or_else(String::new, |code| format!("; code {code}"));
        let said = format!("the database says: {}{detail}{code}", error.message());
        if matches!(self, Fault::Connect(_)) { format!("cannot connect: {said}") } else { said }
    }
}

fn without_code(error: &sqlx::Error) -> ErrorClass {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            ErrorClass::Transient
        }
        _ => ErrorClass::Data,
    }
}

fn refuses_at_the_end(driver: SqlDriver, code: &str) -> bool {
    match driver {
        SqlDriver::Postgres => ["23", "40", "22", "P0", "25"].iter().any(|class| code.starts_with(class)),
        SqlDriver::Mysql => ["1205", "1213", "1062", "1452", "1451", "1792"].contains(&code),
        // It is in this process, and answers.
        SqlDriver::Sqlite => true,
    }
}

fn by_code(driver: SqlDriver, code: &str) -> ErrorClass {
    match driver {
        SqlDriver::Postgres => postgres(code),
        SqlDriver::Mysql => mysql(code.parse().unwrap_or_default()),
        SqlDriver::Sqlite => sqlite(code.parse().unwrap_or_default()),
    }
}

fn postgres(code: &str) -> ErrorClass {
    match (code, code.get(..2).unwrap_or_default()) {
        ("23505" | "23P01", _) => ErrorClass::Conflict,
        ("42501", _) => ErrorClass::Permission,
        ("55P03" | "57014" | "55006", _) => ErrorClass::Transient,
        (_, "28") => ErrorClass::Auth,
        // Connection, rollback, resources, operator, system, internal.
        (_, "08" | "40" | "53" | "57" | "58" | "XX") => ErrorClass::Transient,
        (_, _) => ErrorClass::Data,
    }
}

fn mysql(code: u16) -> ErrorClass {
    match code {
        1062 | 1586 | 1022 => ErrorClass::Conflict,
        1045 | 1698 | 1130 | 1251 | 1524 => ErrorClass::Auth,
        1044 | 1142 | 1143 | 1227 | 1370 | 1290 | 1410 => ErrorClass::Permission,
        // Too many connections, going down, locks, time, disk, lost.
        1040
        | 1203
        | 1226
        | 1053
        | 1077
        | 1079
        | 1927
        | 1205
        | 1213
        | 1206
        | 1969
        | 3024
        | 1317
        | 1021
        | 1041
        | 1037
        | 1038
        | 1158..=1161
        | 1184
        | 1129
        | 3100..=3101
        | 2002..=2013 => ErrorClass::Transient,
        _ => ErrorClass::Data,
    }
}

/// The lower byte is the kind, the rest says more.
fn sqlite(code: u32) -> ErrorClass {
    match (code, code & 0xff) {
        (1555 | 2067 | 2579, _) => ErrorClass::Conflict,
        // Busy, locked, out of memory, interrupted, input or output, full, protocol, schema changed.
        (_, 5 | 6 | 7 | 9 | 10 | 13 | 15 | 17) => ErrorClass::Transient,
        (_, 3 | 8 | 14 | 23) => ErrorClass::Permission,
        (_, _) => ErrorClass::Data,
    }
}

fn next_step(fault: &Fault, class: ErrorClass) -> &'static str {
    match (fault, class) {
        (Fault::Blocked(_), _) => {
            "add the database's address to the connection's `allow_networks`, or use `tls: verify` to a public one"
        }
        (Fault::Commit(_), ErrorClass::UnknownOutcome) => {
            "what became of it is found out by itself before it is tried again"
        }
        (Fault::Busy { .. }, _) => "it is tried again by itself; raise `sql.pool` if it stays so",
        (Fault::Slow(_), _) => {
            "it is tried again by itself; raise `sql.timeouts.statement`, or add an index for the statement"
        }
        (Fault::Statement(Broken::Column { .. }), _) => {
            "convert the column in the query, or say in the manifest what it is"
        }
        (Fault::Statement(Broken::TooMany(_)), _) => "end the query with `LIMIT :limit`",
        (Fault::Statement(Broken::TooLarge(_)), _) => "lower `page` of the stream",
        (_, ErrorClass::Auth) => "check user and password in the connection's settings",
        (_, ErrorClass::Permission) => "grant the connection's user what the statement needs",
        (_, ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::UnknownOutcome | ErrorClass::Bug) => {
            "it is tried again by itself"
        }
        (_, ErrorClass::Data | ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::UnmappedValue) => {
            "correct the record, the mapping or the connector's statement, then retry"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_class() {
        for (code, class) in [
            ("40001", ErrorClass::Transient),
            ("40P01", ErrorClass::Transient),
            ("57014", ErrorClass::Transient),
            ("53300", ErrorClass::Transient),
            ("23505", ErrorClass::Conflict),
            ("23502", ErrorClass::Data),
            ("22003", ErrorClass::Data),
            ("42501", ErrorClass::Permission),
            ("28P01", ErrorClass::Auth),
            ("25006", ErrorClass::Data),
            ("42P01", ErrorClass::Data),
        ] {
            assert_eq!(postgres(code), class, "{code}");
        }
        for (code, class) in [
            (1213, ErrorClass::Transient),
            (1205, ErrorClass::Transient),
            (1969, ErrorClass::Transient),
            (1062, ErrorClass::Conflict),
            (1048, ErrorClass::Data),
            (1406, ErrorClass::Data),
            (1264, ErrorClass::Data),
            (1142, ErrorClass::Permission),
            (1045, ErrorClass::Auth),
            (1146, ErrorClass::Data),
        ] {
            assert_eq!(mysql(code), class, "{code}");
        }
        for (code, class) in [
            (5, ErrorClass::Transient),
            (517, ErrorClass::Transient),
            (2067, ErrorClass::Conflict),
            (1555, ErrorClass::Conflict),
            (1299, ErrorClass::Data),
            (275, ErrorClass::Data),
            (8, ErrorClass::Permission),
        ] {
            assert_eq!(sqlite(code), class, "{code}");
        }
    }
}
