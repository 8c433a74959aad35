//! How fast a vendor lets us ask.
//!
//! Not here: keeping the budget (the HTTP engine); one budget is shared by everything that uses the connection.

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Node, Percent, Spanned};
use crate::mapping::expr::Template;

#[derive(Debug, Clone)]
pub struct RateLimit {
    pub scheme: RateScheme,
    /// Requests in flight at once.
    pub concurrency: u32,
    /// The part of the budget that automatic work leaves for people (checks, retries by hand).
    pub keep_free: Percent,
}

#[derive(Debug, Clone)]
pub enum RateScheme {
    Unlimited,
    /// `usage_header` holds `used/size` after each answer and overrules our own count.
    LeakyBucket {
        size: u32,
        leak_per_s: u32,
        usage_header: Option<String>,
    },
    /// `remaining_header` and `reset_header` (how long until, or the Unix time of, the next window, in `reset_header_unit`) overrule our own count.
    FixedWindow {
        requests: u32,
        per: Duration,
        remaining_header: Option<String>,
        reset_header: Option<String>,
        reset_header_unit: ResetUnit,
    },
    /// `requests` in any `per`; `remaining_header` overrules our own count.
    SlidingWindow {
        requests: u32,
        per: Duration,
        remaining_header: Option<String>,
    },
    /// Points of which calls cost unequal numbers (`cost` of a request, else `cost` here). What is left and how fast it comes
    /// back is read from each answer, over `headers` and `body`, and overrules our own count.
    Cost {
        size: u32,
        restore_per_s: u32,
        cost: u32,
        left: Option<Spanned<Template>>,
        maximum: Option<Spanned<Template>>,
        restore: Option<Spanned<Template>>,
    },
}

impl Default for RateLimit {
    /// Polite towards a vendor that states nothing.
    fn default() -> Self {
        Self { scheme: RateScheme::Unlimited, concurrency: 4, keep_free: Percent { basis_points: 1_000 } }
    }
}

crate::choice! {
    pub enum ResetUnit ("unit of a reset header") { Seconds = "s", Milliseconds = "ms" }
}

crate::choice! {
    enum Scheme ("rate limit scheme") {
        None = "none",
        LeakyBucket = "leaky_bucket",
        FixedWindow = "fixed_window",
        SlidingWindow = "sliding_window",
        Cost = "cost",
    }
}

impl Decode for RateLimit {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "rate_limit")?;
        let default = Self::default();
        let concurrency = map.or("concurrency", default.concurrency);
        let keep_free = map.or("keep_free", default.keep_free);
        let scheme = match map.required::<Scheme>("scheme")? {
            Scheme::None => Some(RateScheme::Unlimited),
            Scheme::LeakyBucket => {
                let usage_header = map.optional("usage_header");
                let (size, leak_per_s) = (map.required("size"), map.required("leak_per_s"));
                size.zip(leak_per_s).map(|(size, leak_per_s)| RateScheme::LeakyBucket {
                    size,
                    leak_per_s,
                    usage_header,
                })
            }
            Scheme::FixedWindow => {
                let (remaining_header, reset_header) = (map.optional("remaining_header"), map.optional("reset_header"));
                let reset_header_unit = map.or("reset_header_unit", ResetUnit::Seconds);
                let (requests, per) = (map.required("requests"), map.required("per"));
                requests.zip(per).map(|(requests, per)| RateScheme::FixedWindow {
                    requests,
                    per,
                    remaining_header,
                    reset_header,
                    reset_header_unit,
                })
            }
            Scheme::SlidingWindow => {
                let remaining_header = map.optional("remaining_header");
                let (requests, per) = (map.required("requests"), map.required("per"));
                requests.zip(per).map(|(requests, per)| RateScheme::SlidingWindow { requests, per, remaining_header })
            }
            Scheme::Cost => {
                let (left, maximum, restore) = (map.optional("left"), map.optional("maximum"), map.optional("restore"));
                let (size, restore_per_s) = (map.required("size"), map.required("restore_per_s"));
                let cost = map.or("cost", 1);
                size.zip(restore_per_s).map(|(size, restore_per_s)| RateScheme::Cost {
                    size,
                    restore_per_s,
                    cost,
                    left,
                    maximum,
                    restore,
                })
            }
        };
        let positive = match &scheme {
            Some(RateScheme::LeakyBucket { size, leak_per_s, .. }) => *size > 0 && *leak_per_s > 0,
            Some(RateScheme::FixedWindow { requests, per, .. } | RateScheme::SlidingWindow { requests, per, .. }) => {
                *requests > 0 && !per.is_zero()
            }
            Some(RateScheme::Cost { size, restore_per_s, cost, .. }) => *size > 0 && *restore_per_s > 0 && *cost > 0,
            Some(RateScheme::Unlimited) | None => true,
        };
        if !positive || concurrency == 0 || keep_free.basis_points > 5_000 {
            let help = "sizes, rates, costs and concurrency are at least 1; `keep_free` is at most 50%";
            map.context().error(map.span(), "this limit would let no request through", help);
        }
        map.finish();
        Some(Self { scheme: scheme?, concurrency, keep_free })
    }
}
