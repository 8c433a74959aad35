//! A leg: what two systems state about the same things, sorted into clusters of what truly belongs together.
//!
//! Not here: where the lines come from (`rows`), what is done to them (`mutation`).

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::money::Currency;

use super::expected::Expected;
use super::workdays::Workdays;

/// Minor units by which an order's total may differ for rounding, at most one per taxed line.
pub const ROUNDING_CAP: u32 = 3;

/// Bank lines that come later than so many days after their payout are late.
pub const LATE_AFTER_DAYS: u16 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegKind {
    /// Shop's orders, ERP's orders.
    Orders,
    /// ERP's payments, processor's captures: 1:N.
    Captures,
    /// Processor's movements, its payouts: N:1.
    Payouts,
    /// Payouts, bank lines by trace: N:1.
    Bank,
    /// Processor's categories by payout, ERP's clearing entries: N:M.
    Clearing,
    /// Shop's refunds, processor's refunds, each with its charge.
    Refunds,
    /// Processor's dispute movements, ERP's entries: N:M.
    Disputes,
}

impl LegKind {
    pub const ALL: [LegKind; 7] = [
        LegKind::Orders,
        LegKind::Captures,
        LegKind::Payouts,
        LegKind::Bank,
        LegKind::Clearing,
        LegKind::Refunds,
        LegKind::Disputes,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            LegKind::Orders => "orders",
            LegKind::Captures => "captures",
            LegKind::Payouts => "payouts",
            LegKind::Bank => "bank",
            LegKind::Clearing => "clearing",
            LegKind::Refunds => "refunds",
            LegKind::Disputes => "disputes",
        }
    }

    /// Names of the keys in `Line::keys`; the first one is what a cluster shares.
    pub fn keys(self) -> [&'static str; 2] {
        match self {
            LegKind::Orders => ["order", "storefront"],
            LegKind::Captures => ["payment", "transaction"],
            LegKind::Payouts => ["payout", "transaction"],
            LegKind::Bank => ["trace", "payout"],
            LegKind::Clearing => ["payout", "entry"],
            LegKind::Refunds => ["refund", "charge"],
            LegKind::Disputes => ["dispute", "entry"],
        }
    }

    /// Whether all lines of a key are one group; otherwise one line stands against one.
    pub fn is_grouped(self) -> bool {
        match self {
            LegKind::Orders | LegKind::Refunds => false,
            LegKind::Captures | LegKind::Payouts | LegKind::Bank | LegKind::Clearing | LegKind::Disputes => true,
        }
    }

    /// Business days after which B must have what A has.
    pub fn due_days(self) -> u16 {
        match self {
            LegKind::Orders | LegKind::Captures | LegKind::Refunds => 1,
            LegKind::Clearing | LegKind::Disputes => 2,
            LegKind::Payouts | LegKind::Bank => 3,
        }
    }

    /// What is on A only, on B only.
    pub fn missing(self) -> [&'static str; 2] {
        match self {
            LegKind::Bank => ["PAYOUT_NOT_RECEIVED", "UNIDENTIFIED_DEPOSIT"],
            LegKind::Orders
            | LegKind::Captures
            | LegKind::Payouts
            | LegKind::Clearing
            | LegKind::Refunds
            | LegKind::Disputes => ["MISSING_IN_B", "MISSING_IN_A"],
        }
    }

    /// States of A and B that agree, and those that only lag behind.
    pub fn states(self) -> [&'static [(&'static str, &'static str)]; 2] {
        match self {
            LegKind::Orders => {
                [&[("paid", "invoiced"), ("refunded", "credited")], &[("paid", "open"), ("refunded", "open")]]
            }
            LegKind::Captures => [&[("captured", "succeeded")], &[("captured", "pending")]],
            LegKind::Payouts | LegKind::Bank | LegKind::Clearing | LegKind::Refunds | LegKind::Disputes => [&[], &[]],
        }
    }

    /// Compared fields: name, and what a difference is called.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            LegKind::Orders => &[("customer", "FIELD_MISMATCH")],
            LegKind::Captures => &[("fee", "UNEXPECTED_FEE")],
            LegKind::Payouts | LegKind::Bank | LegKind::Clearing | LegKind::Refunds | LegKind::Disputes => &[],
        }
    }

    /// Parts that may explain a difference, and what they prove.
    pub fn parts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            LegKind::Orders => &[("tax", "TAX"), ("shipping", "SHIPPING"), ("discount", "DISCOUNT")],
            LegKind::Captures => &[("uncaptured", "PARTIAL_CAPTURE"), ("fee", "FEE")],
            LegKind::Payouts | LegKind::Bank | LegKind::Clearing | LegKind::Refunds | LegKind::Disputes => &[],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Amount(i64),
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub keys: [Option<String>; 2],
    pub currency: Currency,
    /// In minor units.
    pub amount: i64,
    pub day: i32,
    pub status: Option<&'static str>,
    pub parent: Option<String>,
    /// In the order of `LegKind::fields`.
    pub fields: Vec<Value>,
    /// In the order of `LegKind::parts`.
    pub parts: Vec<Option<i64>>,
    pub lines: u32,
    /// What could not be translated.
    pub unmapped: Option<String>,
}

impl Line {
    pub(super) fn new(key: Option<&str>, other: Option<&str>, currency: Currency, amount: i64, day: i32) -> Line {
        Line {
            keys: [key, other].map(|key| key.map(str::to_owned)),
            currency,
            amount,
            day,
            status: None,
            parent: None,
            fields: Vec::new(),
            parts: Vec::new(),
            lines: 0,
            unmapped: None,
        }
    }
}

/// What truly belongs together: lines of A and of B.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub key: String,
    pub sides: [Vec<Line>; 2],
}

impl Cluster {
    /// `B − A` by currency, where it is not 0.
    pub fn variance(&self) -> BTreeMap<Currency, i64> {
        let mut variance: BTreeMap<Currency, i64> = BTreeMap::new();
        for (sign, line) in
            self.sides.iter().zip([-1, 1]).flat_map(|(lines, sign)| lines.iter().map(move |line| (sign, line)))
        {
            *variance.entry(line.currency).or_default() += sign * line.amount;
        }
        variance.retain(|_, amount| *amount != 0);
        variance
    }

    /// One line on each side.
    pub fn is_pair(&self) -> bool {
        self.sides.iter().all(|lines| lines.len() == 1)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.sides.iter().flatten()
    }
}

/// Two statements, what truly belongs together in them, and what must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub kind: LegKind,
    pub days: Workdays,
    pub clusters: Vec<Cluster>,
    /// Charges that exist.
    pub parents: BTreeSet<String>,
    pub expected: Vec<Expected>,
}

impl Leg {
    /// A statement's lines in an order that tells nothing, each with its cluster's number.
    pub fn statement(&self, side: usize, seed: u64) -> Vec<(usize, Line)> {
        let clusters = self.clusters.iter().enumerate();
        let mut lines: Vec<(usize, Line)> =
            clusters.flat_map(|(at, cluster)| cluster.sides[side].iter().map(move |line| (at, line.clone()))).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut lines);
        lines
    }
}
