//! What the ERP is told before it starts, and what a caller brings to the judgement: the orders that were placed and
//! what the other side was told.
//!
//! Not here: the judgement (`verdict`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::profile::Profile;
use crate::sandbox::faults::Faults;
use crate::sandbox::money::Currency;

/// Everything that decides how the ERP behaves.
#[derive(Debug, Clone)]
pub struct IdocOptions {
    pub seed: u64,
    /// `inbound` (the hub writes) and `outbound` (the ERP writes) are made in it.
    pub dir: PathBuf,
    pub faults: Faults,
    pub profile: Profile,
    /// Number of materials, as in the catalogue of the other vendors.
    pub products: usize,
    /// Pause between two looks into the inbound folder.
    pub import_every: Duration,
    /// Pause between two rounds of the warehouse.
    pub warehouse_every: Duration,
    /// Pause between two publications of stock.
    pub stock_every: Duration,
    /// Whether an outbound file is announced by an empty `.done` beside it.
    pub markers: bool,
    /// How long a file stands half-written.
    pub half_written_for: Duration,
    /// Longest pause by which a late file falls behind the ones after it.
    pub late_by: Duration,
    /// How long an IDoc in status 51 waits until it is processed again.
    pub reprocess_after: Duration,
    /// Calls that change something until the session's token is stale.
    pub csrf_calls: u32,
}

impl IdocOptions {
    /// A calm, quick ERP.
    pub fn new(seed: u64, dir: impl Into<PathBuf>) -> Self {
        IdocOptions {
            seed,
            dir: dir.into(),
            faults: Faults::none(),
            profile: Profile::default(),
            products: 20,
            import_every: Duration::from_millis(50),
            warehouse_every: Duration::from_millis(200),
            stock_every: Duration::from_millis(1000),
            markers: true,
            half_written_for: Duration::from_millis(500),
            late_by: Duration::from_secs(2),
            reprocess_after: Duration::from_secs(1),
            csrf_calls: 25,
        }
    }
}

/// An order as it was placed, before any hub saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    pub number: String,
    pub placed_s: i64,
    pub currency: Currency,
    pub shipping_minor: i64,
    pub lines: Vec<PlacedLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedLine {
    pub sku: String,
    pub quantity_thousandths: i64,
    pub unit_minor: i64,
    pub discount_minor: i64,
}

/// What the hub told the other side, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdocMirror {
    /// Every quantity on hand, in thousandths, by article.
    pub stock: BTreeMap<String, Vec<i64>>,
    pub deliveries: Vec<ToldDelivery>,
}

/// One telling of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldDelivery {
    pub number: String,
    pub order: String,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub shipped_s: Option<i64>,
    /// Article and thousandths.
    pub lines: Vec<(String, i64)>,
}
