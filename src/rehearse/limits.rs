//! What the vendors' configured limits let through in the long run; pure. Not here: keeping them (the HTTP engine).
//!
//! A bucket hides a limit from a short rehearsal, so it is computed, not only watched.

use crate::connector::manifest::{RateLimit, RateScheme};

use super::figures::VendorLimit;

const DAY_S: u64 = 86_400;

/// What was measured of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calls {
    pub(super) made: u64,
    /// Deliveries and readings that these calls were for.
    pub(super) records: u64,
    /// Deliveries and readings that the load caused, done or not.
    pub(super) caused: u64,
    pub(super) load_ms: u64,
}

/// `None` where the vendor sets no limit or nothing was caused there.
pub(super) fn judge(connection: &str, limit: &RateLimit, calls: Calls) -> Option<VendorLimit> {
    let all = match &limit.scheme {
        RateScheme::Unlimited => return None,
        RateScheme::LeakyBucket { leak_per_s, .. } => u64::from(*leak_per_s) * 1_000,
        RateScheme::Cost { restore_per_s, cost, .. } => u64::from(*restore_per_s) * 1_000 / u64::from(*cost).max(1),
        RateScheme::FixedWindow { requests, per, .. } | RateScheme::SlidingWindow { requests, per, .. } => {
            u64::from(*requests) * 1_000_000 / u64::try_from(per.as_millis()).unwrap_or(u64::MAX).max(1)
        }
    };
    if calls.caused == 0 {
        return None;
    }
    let kept_free = u64::from(limit.keep_free.basis_points);
    let allowed = all * (10_000_u64.saturating_sub(kept_free)) / 10_000;
    // Nothing done yet: at least one call each.
    let each = (calls.made * 1_000).checked_div(calls.records).unwrap_or_default().max(1_000);
    let needed = each * calls.caused * 1_000 / calls.load_ms.max(1);
    let possible = allowed * 1_000 / each;
    Some(VendorLimit {
        connection: connection.to_owned(),
        allowed_milli_calls_per_s: allowed,
        milli_calls_per_record: each,
        needed_milli_calls_per_s: needed,
        possible_milli_records_per_s: possible,
        possible_records_per_day: possible * DAY_S / 1_000,
        exceeded: needed > allowed,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::yaml::Percent;

    #[test]
    fn a_bucket_is_judged_by_its_leak() {
        let scheme = RateScheme::LeakyBucket { size: 40, leak_per_s: 2, usage_header: None };
        let limit = RateLimit { scheme, concurrency: 4, keep_free: Percent { basis_points: 1_000 } };
        // 20 deliveries of 50 were done with 40 calls in 10 s: the bucket's forty hid the limit.
        let calls = Calls { made: 40, records: 20, caused: 50, load_ms: 10_000 };
        let found = judge("shop", &limit, calls).unwrap();
        assert_eq!((found.allowed_milli_calls_per_s, found.milli_calls_per_record), (1_800, 2_000));
        assert_eq!(found.needed_milli_calls_per_s, 10_000);
        assert_eq!((found.possible_milli_records_per_s, found.possible_records_per_day), (900, 77_760));
        assert!(found.exceeded);
        let few = Calls { made: 4, records: 2, caused: 2, load_ms: 10_000 };
        assert!(!judge("shop", &limit, few).unwrap().exceeded);
        assert_eq!(judge("shop", &limit, Calls { caused: 0, ..few }), None);
    }
}
