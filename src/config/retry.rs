//! Named retry policies: how long a transient failure is tried again.
//!
//! Not here: which failures are transient (error classes), the jitter, vendors' own wishes (`Retry-After` always wins).

use std::time::Duration;

use super::yaml::{Context, Decode, Node};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    pub name: String,
    /// Before the second attempt; doubles with each.
    pub first_delay: Duration,
    pub max_delay: Duration,
    /// After this long the job becomes a dead letter.
    pub give_up_after: Duration,
}

impl RetryPolicy {
    /// Policies that every configuration has; one of the same name replaces it.
    pub fn built_in() -> Vec<Self> {
        let policy = |name: &str, first_s: u64, max_s: u64, give_up_s: u64| Self {
            name: name.to_owned(),
            first_delay: Duration::from_secs(first_s),
            max_delay: Duration::from_secs(max_s),
            give_up_after: Duration::from_secs(give_up_s),
        };
        vec![
            policy("standard", 2, 15 * 60, 24 * 3600),
            policy("patient", 10, 3600, 7 * 86_400),
            policy("brief", 1, 60, 3600),
        ]
    }
}

/// The name comes from the key that the policy stands under.
#[derive(Debug, Clone)]
pub(super) struct Delays {
    first: Duration,
    max: Duration,
    give_up: Duration,
}

impl Delays {
    pub(super) fn named(self, name: String) -> RetryPolicy {
        RetryPolicy { name, first_delay: self.first, max_delay: self.max, give_up_after: self.give_up }
    }
}

impl Decode for Delays {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "retry policy")?;
        let first = map.required::<Duration>("first_delay");
        let (max, give_up) = (map.required("max_delay"), map.required("give_up_after"));
        if let (Some(first), Some(max), Some(give_up)) = (first, max, give_up)
            && (first.is_zero() || max < first || give_up < max)
        {
            let help = "0 < first_delay <= max_delay <= give_up_after";
            cx.error(map.span(), "the delays do not grow", help);
        }
        map.finish();
        Some(Self { first: first?, max: max?, give_up: give_up? })
    }
}
