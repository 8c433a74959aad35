//! The ERP as the rest of the sandbox sees it: it ships, receives goods and publishes files.
//!
//! Not here: routes (`api`) and when the warehouse works (`traffic`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::drop_box::{DropBox, DroppedFile};
use super::ledger::{Delivery, ErpLedger, Snapshot, Stock};
use super::stock_file::Trailer;
use super::{delivery_file, stock_file};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock::{self, compact_date};
use crate::sandbox::faults::{Fault, FaultDesk};
use crate::sandbox::options::{Credentials, SandboxError, SandboxOptions};
use crate::sandbox::sync::locked;

/// Added to every quantity of a file that must be refused, so that a hub that applied it gives itself away.
pub const POISON: i64 = 1_000_000;

#[derive(Debug)]
pub struct Erp {
    ledger: Mutex<ErpLedger>,
    catalogue: Arc<Catalogue>,
    user: String,
    password: String,
    desk: Arc<FaultDesk>,
    stock_box: DropBox,
    delivery_box: DropBox,
    stock_sequence: AtomicU64,
    delivery_sequence: AtomicU64,
}

impl Erp {
    pub fn new(
        options: &SandboxOptions,
        credentials: &Credentials,
        catalogue: Arc<Catalogue>,
        desk: Arc<FaultDesk>,
    ) -> Result<Self, SandboxError> {
        let mut rng = fastrand::Rng::with_seed(options.seed ^ 0xE29);
        Ok(Erp {
            ledger: Mutex::new(ErpLedger::new(&catalogue, &mut rng)),
            catalogue,
            user: credentials.erp_user.clone(),
            password: credentials.erp_password.clone(),
            desk,
            stock_box: DropBox::new(&options.drop_dir)?,
            delivery_box: DropBox::new(&options.drop_dir)?,
            stock_sequence: AtomicU64::new(0),
            delivery_sequence: AtomicU64::new(0),
        })
    }

    pub fn ledger(&self) -> &Mutex<ErpLedger> {
        &self.ledger
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn login(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }

    /// Ships what is ready and untouched for `after_s` seconds, and publishes the deliveries in one file.
    pub async fn ship(&self, after_s: i64) -> Result<usize, SandboxError> {
        let now_s = clock::now_s();
        let deliveries = locked(&self.ledger).ship(&self.catalogue, now_s - after_s, now_s);
        if deliveries.is_empty() {
            return Ok(0);
        }
        self.drop_deliveries(&deliveries, now_s).await?;
        Ok(deliveries.len())
    }

    async fn drop_deliveries(&self, deliveries: &[Delivery], now_s: i64) -> Result<(), SandboxError> {
        let sequence = self.delivery_sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = delivery_file::render(deliveries, sequence, now_s).into_bytes();
        let file = DroppedFile { name: format!("DESADV_{sequence:07}.xml"), bytes };
        let before = self.delivery_box.put(file, self.marker_pause()).await?;
        self.maybe_repeat(&self.delivery_box, before).await
    }

    pub fn receive(&self, product: usize, quantity: i64) {
        locked(&self.ledger).receive(product, quantity);
    }

    /// Publishes a full snapshot; now and then after one whose trailer is wrong.
    pub async fn drop_stock(&self) -> Result<(), SandboxError> {
        if self.desk.strikes(Fault::FileWrongTrailer) {
            self.drop_bad_stock().await?;
        }
        self.drop_good_stock(self.marker_pause()).await
    }

    /// The night after which nothing changes any more.
    pub async fn drop_final_stock(&self) -> Result<(), SandboxError> {
        self.drop_good_stock(Duration::ZERO).await
    }

    async fn drop_good_stock(&self, marker_after: Duration) -> Result<(), SandboxError> {
        let sequence = self.stock_sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let stock = {
            let mut ledger = locked(&self.ledger);
            let stock = ledger.stock.clone();
            let available = stock.iter().map(|stock| stock.available()).collect();
            // Published before the file is complete: a hub can then never be ahead of the ledger.
            ledger.snapshots.push(Snapshot { sequence, available });
            stock
        };
        let file = self.stock_file(&stock, sequence, Trailer::Right)?;
        let before = self.stock_box.put(file, marker_after).await?;
        self.maybe_repeat(&self.stock_box, before).await
    }

    async fn drop_bad_stock(&self) -> Result<(), SandboxError> {
        let sequence = self.stock_sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let mut stock = locked(&self.ledger).stock.clone();
        for stock in &mut stock {
            stock.on_hand += POISON;
        }
        let trailer = if sequence.is_multiple_of(2) { Trailer::WrongCount } else { Trailer::WrongTotal };
        let file = self.stock_file(&stock, sequence, trailer)?;
        // Never kept as the newest: a repeated bad file would be a second fault under the first one's name.
        self.stock_box.repeat(&file).await
    }

    fn stock_file(&self, stock: &[Stock], sequence: u64, trailer: Trailer) -> Result<DroppedFile, SandboxError> {
        let now_s = clock::now_s();
        let bytes = stock_file::render(&self.catalogue, stock, sequence, now_s, trailer)?;
        Ok(DroppedFile { name: format!("BESTAND_{}_{sequence:07}.csv", compact_date(now_s)), bytes })
    }

    fn marker_pause(&self) -> Duration {
        if self.desk.strikes(Fault::FileLateMarker) { self.desk.rates().file_marker_late_by } else { Duration::ZERO }
    }

    async fn maybe_repeat(&self, into: &DropBox, before: Option<DroppedFile>) -> Result<(), SandboxError> {
        match before {
            Some(file) if self.desk.strikes(Fault::FileRepeated) => into.repeat(&file).await,
            Some(_) | None => Ok(()),
        }
    }
}
