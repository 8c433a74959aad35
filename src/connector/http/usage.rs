//! The vendor's own counters: from the manifest's description and an answer's headers to the rate budget.
//!
//! Not here: the budget itself (`budget`).

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::body::headers_json;
use super::budget::{Limit, RateBudget, Usage};
use crate::config::yaml::Spanned;
use crate::connector::manifest::{RateLimit, RateScheme, ResetUnit};
use crate::mapping::expr::{Scope, Template};

/// Smaller numbers in a reset header are seconds from now, larger ones a time since 1970.
const SMALLEST_PLAUSIBLE_EPOCH_S: i64 = 1_000_000_000;

/// The budget that a manifest describes.
pub fn budget(described: &RateLimit) -> RateBudget {
    let mut limits = vec![Limit::Concurrency { calls: described.concurrency }];
    match &described.scheme {
        RateScheme::Unlimited => {}
        RateScheme::LeakyBucket { size, leak_per_s, .. } => {
            limits.push(Limit::LeakyBucket { size: *size, drain: Duration::from_secs(1) / (*leak_per_s).max(1) });
        }
        RateScheme::SlidingWindow { requests, per, .. } => {
            limits.push(Limit::SlidingWindow { calls: *requests, window: *per });
        }
        RateScheme::Cost { size, restore_per_s, .. } => {
            limits.push(Limit::LeakyBucket { size: *size, drain: Duration::from_secs(1) / (*restore_per_s).max(1) });
        }
        RateScheme::FixedWindow { requests, per, .. } => {
            limits.push(Limit::FixedWindow { calls: *requests, window: *per });
        }
    }
    let percent = u8::try_from(described.keep_free.basis_points / 100).unwrap_or(u8::MAX);
    RateBudget::new(&limits, percent)
}

/// What a call costs where the request itself does not say.
pub(crate) fn default_cost(described: &RateLimit) -> u32 {
    match &described.scheme {
        RateScheme::Cost { cost, .. } => *cost,
        RateScheme::Unlimited
        | RateScheme::LeakyBucket { .. }
        | RateScheme::FixedWindow { .. }
        | RateScheme::SlidingWindow { .. } => 1,
    }
}

/// What the answer says about the counter, if the manifest says where it stands and it can be read.
pub fn read(described: &RateLimit, headers: &HeaderMap, body: &Value, now: Timestamp) -> Option<Usage> {
    let text = |name: &Option<String>| headers.get(name.as_deref()?)?.to_str().ok().map(str::trim);
    match &described.scheme {
        RateScheme::Unlimited => None,
        RateScheme::LeakyBucket { usage_header, .. } => {
            let (used, size) = text(usage_header)?.split_once('/')?;
            Some(Usage::Used { used: used.trim().parse().ok()?, size: size.trim().parse().ok()? })
        }
        RateScheme::SlidingWindow { remaining_header, .. } => {
            Some(Usage::Remaining { left: text(remaining_header)?.parse().ok()?, resets_in: None })
        }
        RateScheme::Cost { left, maximum, restore, .. } => {
            let headers = headers_json(headers);
            let scope = Scope::new().with("headers", &headers).with("body", body);
            let points = |place: &Option<Spanned<Template>>| whole(&place.as_ref()?.render(&scope).ok()?);
            Some(Usage::Points { left: points(left)?, maximum: points(maximum), restore_per_s: points(restore) })
        }
        RateScheme::FixedWindow { remaining_header, reset_header, reset_header_unit, .. } => {
            let left = text(remaining_header)?.parse().ok()?;
            let resets_in = text(reset_header).and_then(|text| text.parse().ok()).map(|number: i64| {
                let (smallest_epoch, now, milliseconds) = match reset_header_unit {
                    ResetUnit::Seconds => (SMALLEST_PLAUSIBLE_EPOCH_S, now.as_second(), 1_000),
                    ResetUnit::Milliseconds => (SMALLEST_PLAUSIBLE_EPOCH_S * 1_000, now.as_millisecond(), 1),
                };
                let left = if number < smallest_epoch { number } else { number - now };
                let left = u64::try_from(left).unwrap_or(0).saturating_mul(milliseconds);
                Duration::from_millis(left).min(super::retry_after::MAX_RETRY_AFTER)
            });
            Some(Usage::Remaining { left, resets_in })
        }
    }
}

/// Points come as `1000`, `1000.0` or `-12.5`: part of one cannot be spent, and less than none is none.
fn whole(text: &str) -> Option<u32> {
    let text = text.trim();
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok().map(|points| u32::try_from(points.max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::yaml::Percent;

    fn described(scheme: RateScheme) -> RateLimit {
        RateLimit { scheme, concurrency: 4, keep_free: Percent { basis_points: 1_000 } }
    }

    #[track_caller]
    fn check(scheme: RateScheme, pairs: &[(&'static str, &'static str)], expected: Option<Usage>) {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(read(&described(scheme), &headers.collect(), &Value::Null, now), expected);
    }

    #[test]
    fn counters_are_read_or_ignored() {
        let bucket = || RateScheme::LeakyBucket { size: 40, leak_per_s: 2, usage_header: Some("X-Usage".to_owned()) };
        check(bucket(), &[("x-usage", "32/40")], Some(Usage::Used { used: 32, size: 40 }));
        for nonsense in ["32", "a/b", "-1/40", "32/40/1", ""] {
            check(bucket(), &[("x-usage", nonsense)], None);
        }
        check(bucket(), &[], None);
        let window = || RateScheme::FixedWindow {
            requests: 10,
            per: Duration::from_secs(1),
            remaining_header: Some("x-left".to_owned()),
            reset_header: Some("x-reset".to_owned()),
            reset_header_unit: ResetUnit::Seconds,
        };
        let in_ms = || RateScheme::FixedWindow {
            requests: 10,
            per: Duration::from_secs(1),
            remaining_header: Some("x-left".to_owned()),
            reset_header: Some("x-reset".to_owned()),
            reset_header_unit: ResetUnit::Milliseconds,
        };
        for (reset, milliseconds) in [("1500", 1_500), ("1700000009250", 9_250), ("1600000000000", 0), ("-5", 0)] {
            let expected = Usage::Remaining { left: 3, resets_in: Some(Duration::from_millis(milliseconds)) };
            check(in_ms(), &[("x-left", "3"), ("x-reset", reset)], Some(expected));
        }
        let seconds = |seconds| Some(Usage::Remaining { left: 3, resets_in: Some(Duration::from_secs(seconds)) });
        check(window(), &[("x-left", "3"), ("x-reset", "7")], seconds(7));
        check(window(), &[("x-left", "3"), ("x-reset", "1700000009")], seconds(9));
        check(window(), &[("x-left", "3"), ("x-reset", "1600000000")], seconds(0));
        check(window(), &[("x-left", "3"), ("x-reset", "9223372036854775807")], seconds(86_400));
        check(window(), &[("x-left", "3"), ("x-reset", "soon")], Some(Usage::Remaining { left: 3, resets_in: None }));
        check(window(), &[("x-reset", "7")], None);
        let sliding = || RateScheme::SlidingWindow {
            requests: 10,
            per: Duration::from_secs(1),
            remaining_header: Some("x-left".to_owned()),
        };
        check(sliding(), &[("x-left", "3")], Some(Usage::Remaining { left: 3, resets_in: None }));
    }

    #[test]
    fn points_are_read_from_body_or_headers() {
        let place = || crate::config::yaml::Place {
            source: crate::config::yaml::Source::new("test.yaml", ""),
            span: crate::config::yaml::Span::START,
        };
        let at = |text: &str| Some(Spanned { value: Template::parse(text).unwrap(), place: place() });
        let limit = |left: &str| {
            described(RateScheme::Cost {
                size: 1_000,
                restore_per_s: 50,
                cost: 10,
                left: at(left),
                maximum: at("{body.cost.maximumAvailable}"),
                restore: at("{body.cost.restoreRate}"),
            })
        };
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let body: Value = serde_json::from_str(
            r#"{"cost":{"maximumAvailable":2000.0,"currentlyAvailable":1954.9,"restoreRate":100.0}}"#,
        )
        .unwrap();
        let found = read(&limit("{body.cost.currentlyAvailable}"), &HeaderMap::new(), &body, now);
        assert_eq!(found, Some(Usage::Points { left: 1_954, maximum: Some(2_000), restore_per_s: Some(100) }));
        let headers = HeaderMap::from_iter([("x-points".parse().unwrap(), "-3".parse().unwrap())]);
        let found = read(&limit("{headers['x-points']}"), &headers, &Value::Null, now);
        assert_eq!(found, Some(Usage::Points { left: 0, maximum: None, restore_per_s: None }));
        assert_eq!(read(&limit("{body.cost.currentlyAvailable}"), &headers, &Value::Null, now), None);
    }
}
