//! What a judgement says: counts by kind, and the first details of each.
//!
//! Not here: how a kind is found.

use crate::sandbox::courier::Vendor;

/// Details kept; the counts go on.
const MOST_DETAILS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// A record never arrived.
    Lost,
    /// A record exists more than once.
    Doubled,
    /// The other side holds an earlier version, or held a newer one before.
    Stale,
    /// The other side holds something that was never true.
    Wrong,
    /// A forged call was answered with 2xx.
    ForgeryAccepted,
}

impl FindingKind {
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Lost => "lost",
            FindingKind::Doubled => "doubled",
            FindingKind::Stale => "stale",
            FindingKind::Wrong => "wrong",
            FindingKind::ForgeryAccepted => "forgery accepted",
        }
    }
}

/// One disagreement: at which vendor, about which record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    /// Where the record is missing or differs.
    pub vendor: Vendor,
    pub key: String,
    pub detail: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: {}: {}", self.kind.name(), self.vendor, self.key, self.detail)
    }
}

/// The judgement over all ledgers at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub orders_checked: u64,
    pub payments_checked: u64,
    pub stock_checked: u64,
    pub deliveries_checked: u64,
    pub lost: u64,
    pub doubled: u64,
    pub stale: u64,
    pub wrong: u64,
    pub forgery_accepted: u64,
    /// The first hundred disagreements.
    pub details: Vec<Finding>,
    /// Failures of the sandbox itself; a verdict with any is worth nothing.
    pub problems: Vec<String>,
}

impl Verdict {
    /// No disagreement, no accepted forgery, and a sandbox in working order.
    pub fn clean(&self) -> bool {
        self.findings() == 0 && self.problems.is_empty()
    }

    pub fn findings(&self) -> u64 {
        self.lost + self.doubled + self.stale + self.wrong + self.forgery_accepted
    }

    pub fn add(&mut self, kind: FindingKind, vendor: Vendor, key: impl Into<String>, detail: impl Into<String>) {
        let count = match kind {
            FindingKind::Lost => &mut self.lost,
            FindingKind::Doubled => &mut self.doubled,
            FindingKind::Stale => &mut self.stale,
            FindingKind::Wrong => &mut self.wrong,
            FindingKind::ForgeryAccepted => &mut self.forgery_accepted,
        };
        *count += 1;
        if self.details.len() < MOST_DETAILS {
            self.details.push(Finding { kind, vendor, key: key.into(), detail: detail.into() });
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "checked {} orders, {} payments, {} stock levels, {} deliveries",
            self.orders_checked, self.payments_checked, self.stock_checked, self.deliveries_checked
        )?;
        writeln!(
            f,
            "lost {}, doubled {}, stale {}, wrong {}, forgeries accepted {}",
            self.lost, self.doubled, self.stale, self.wrong, self.forgery_accepted
        )?;
        for finding in &self.details {
            writeln!(f, "  {finding}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  sandbox out of order: {problem}")?;
        }
        Ok(())
    }
}
