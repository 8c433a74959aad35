//! The classes of failure: the class alone decides what happens next to a record or a job.
//!
//! Not here: how a vendor's answer is put into a class (connector manifests), retry delays (queue).

use std::fmt;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// Why something failed, named by what is to be done about it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorClass { $($(#[$doc])* $variant,)+ }

        impl ErrorClass {
            pub const ALL: &'static [ErrorClass] = &[$(ErrorClass::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorClass::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Option<ErrorClass> {
                match text { $($text => Some(ErrorClass::$variant),)+ _ => None }
            }
        }
    };
}

classes! {
    /// The other side is unreachable, slow or failing: retried with backoff until the retry policy gives up,
    /// then a dead letter. Counts towards the connection's breaker.
    Transient = "transient",
    /// The vendor asked us to slow down: retried after the time it named; does not use up attempts.
    RateLimited = "rate_limited",
    /// The credentials were refused: everything bound for the connection waits, none is dropped; tried again from time to
    /// time, and after a reload with other credentials.
    Auth = "auth",
    /// The payload was refused or cannot be mapped: a dead letter at once, a person corrects the record or the mapping.
    Data = "data",
    /// The credentials are good but lack a right: a dead letter at once, as for data, because a right may lack for this
    /// record alone; a person grants it and retries the issue, which holds all records that lack it.
    Permission = "permission",
    /// The object does not exist there, or what the record refers to never arrived: a dead letter at once.
    NotFound = "not_found",
    /// Somebody else changed it first: retried with the present state until the retry policy gives up, then a dead letter.
    Conflict = "conflict",
    /// The request was sent and no answer came: the job is `unknown`, resolved by a look-up or by its idempotency key, never
    /// repeated blindly; a dead letter if the retry policy gives up before.
    UnknownOutcome = "unknown_outcome",
    /// A value that no crosswalk lists: a dead letter in the unmapped-value list; adding the value releases all that wait for it.
    UnmappedValue = "unmapped_value",
    /// The hub contradicted itself: a dead letter with full context, to be reported to its maintainers.
    Bug = "bug",
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
