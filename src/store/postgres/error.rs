//! What an error of the database means: may it pass, was it the connection, is the disk full; not here: what is done then.

use std::io;

use crate::store::contract::StoreError;

/// The connection is of no use any more.
pub(super) fn breaks_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| is_of_connection(&code)),
        _ => false,
    }
}

/// 08 connection exceptions, 57P the server shuts down or has cut the session off, 25006 it has become a standby: the address
/// may lead to the new primary.
fn is_of_connection(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("57P") || code == "25006"
}

/// 40 serialization failures and deadlocks, 55P03 a lock that was not given in time.
fn is_of_chance(code: &str) -> bool {
    code.starts_with("40") || code == "55P03"
}

/// Whether the same may succeed at once, or over a new connection. Time that has run out is not tried for again.
pub(super) fn is_transient(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Io(cause)) => cause.kind() != io::ErrorKind::TimedOut,
        StoreError::Database(sqlx::Error::Database(cause)) => {
            cause.code().is_some_and(|code| is_of_connection(&code) || is_of_chance(&code))
        }
        StoreError::Database(error) => breaks_connection(error),
        StoreError::Open { .. }
        | StoreError::Migrate(_)
        | StoreError::Full(_)
        | StoreError::Corrupt { .. }
        | StoreError::Refused(_)
        | StoreError::Unreachable { .. }
        | StoreError::Closed
        | StoreError::InDoubt { .. } => false,
    }
}

/// A full disk is told apart, and a server that cannot be reached: callers answer 503 and go on by themselves.
pub(super) fn classify(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(sqlx::Error::Database(cause)) if cause.code().is_some_and(|code| is_full(&code)) => {
            StoreError::Full(cause.to_string())
        }
        StoreError::Database(inner) if breaks_connection(&inner) => {
            StoreError::Unreachable { database: "server".to_owned(), cause: inner.to_string() }
        }
        other => other,
    }
}

/// 53100 disk full, 53200 out of memory; 53400 a limit of the configuration.
fn is_full(code: &str) -> bool {
    matches!(code, "53100" | "53200" | "53400")
}

/// Time has run out.
pub(super) fn timed_out(what: &str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (code, connection, chance) in [
            ("08006", true, false),
            ("57P01", true, false),
            ("57P03", true, false),
            ("25006", true, false),
            ("40001", false, true),
            ("40P01", false, true),
            ("55P03", false, true),
            ("57014", false, false),
            ("23505", false, false),
            ("22021", false, false),
            ("53100", false, false),
        ] {
            assert_eq!((is_of_connection(code), is_of_chance(code)), (connection, chance), "{code}");
        }
        assert!(is_full("53100") && !is_full("23505"));
    }

    #[test]
    fn time_that_ran_out_is_not_tried_for_again() {
        assert!(!is_transient(&StoreError::Database(timed_out("a commit"))));
        let reset = sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(is_transient(&StoreError::Database(reset)));
    }
}
