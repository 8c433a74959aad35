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
    /// The credentials were refused: the connection pauses and its owner is alerted; the jobs wait, none is dropped.
    Auth = "auth",
    /// The payload was refused or cannot be mapped: a dead letter at once, a person corrects the record or the mapping.
    Data = "data",
    /// The credentials are good but lack a right: the connection's stream pauses and its owner is alerted.
    Permission = "permission",
    /// The object does not exist there: the binding is checked, then created anew or made a dead letter by the flow's rule.
    NotFound = "not_found",
    /// Somebody else changed it first: read again, decide again with the new state, then retry.
    Conflict = "conflict",
    /// The request was sent and no answer came: the job is `unknown`, resolved by a look-up, never repeated blindly.
    UnknownOutcome = "unknown_outcome",
    /// A value that no crosswalk lists: a dead letter in the unmapped-value list; adding the value releases all that wait for it.
    UnmappedValue = "unmapped_value",
    /// The hub contradicted itself: a dead letter with full context, and an alarm for its maintainers.
    Bug = "bug",
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
