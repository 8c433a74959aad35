//! The ERP at work: it imports, delivers, counts and publishes until it is told to finish.
//!
//! Not here: the form of what it reads and writes (`order`, `messages`) and what goes wrong with files (`outbox`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::document::Idoc;
use super::inbox::{Arrived, Inbox};
use super::ledger::{IdocLedger, IdocStatus, Taken};
use super::messages::{self, Told};
use super::number::external;
use super::order::{self, Refusal};
use super::outbox::Outbox;
use super::soap::{PATH, Session};
use super::tree::Node;
use super::verdict::judge;
use super::{IdocMirror, IdocOptions, PlacedOrder};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;
use crate::sandbox::faults::{Fault, FaultDesk, Faults};
use crate::sandbox::options::SandboxError;
use crate::sandbox::serve::{Server, listen};
use crate::sandbox::sync::locked;
use crate::sandbox::verdict::Verdict;

/// What all parts of the ERP share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: IdocOptions,
    pub(super) catalogue: Catalogue,
    pub(super) ledger: Mutex<IdocLedger>,
    pub(super) session: Mutex<Session>,
    pub(super) desk: Arc<FaultDesk>,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    inbox: Inbox,
    outbox: Outbox,
    rng: Mutex<fastrand::Rng>,
    problems: Mutex<Vec<String>>,
    tasks: TaskTracker,
}

/// An ERP on two folders and one loopback port; runs until it is shut down.
#[derive(Debug)]
pub struct IdocErp {
    state: Arc<State>,
    address: SocketAddr,
    working: AtomicBool,
    closing: CancellationToken,
    stop: CancellationToken,
    servers: TaskTracker,
}

/// How far things are; all counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdocProgress {
    pub orders: u64,
    pub deliveries: u64,
    pub stock_changes: u64,
}

impl IdocErp {
    /// Makes the folders and opens the address; no work yet.
    pub async fn start(options: IdocOptions) -> Result<IdocErp, SandboxError> {
        let desk = Arc::new(FaultDesk::new(options.seed, options.faults.clone()));
        let catalogue = Catalogue::new(options.products);
        let mut rng = fastrand::Rng::with_seed(options.seed ^ 0x1D0C);
        let state = Arc::new(State {
            ledger: Mutex::new(IdocLedger::new(&catalogue, &mut rng)),
            catalogue,
            session: Mutex::default(),
            desk: Arc::clone(&desk),
            user: "COMMUSER",
            password: "sandbox-sap-password",
            inbox: Inbox::new(options.dir.join("inbound"))?,
            outbox: Outbox::new(options.dir.join("outbound"), Arc::clone(&desk), &options)?,
            rng: Mutex::new(rng),
            problems: Mutex::default(),
            tasks: TaskTracker::new(),
            options,
        });
        let (stop, servers) = (CancellationToken::new(), TaskTracker::new());
        let (listener, address) = listen("idoc erp", None).await?;
        let endpoint = Arc::clone(&state);
        let calls = Arc::new(AtomicU64::new(0));
        let server = Server { endpoint, desk, calls, stop: stop.clone(), tasks: servers.clone() };
        servers.spawn(Arc::new(server).run(listener));
        Ok(IdocErp {
            state,
            address,
            working: AtomicBool::new(false),
            closing: CancellationToken::new(),
            stop,
            servers,
        })
    }

    /// Where the hub leaves orders, each announced by an empty `.done`.
    pub fn inbound_dir(&self) -> &Path {
        self.state.inbox.dir()
    }

    /// Where the ERP leaves `DESADV_`, `LOISTD_` and `ALEAUD_` files.
    pub fn outbound_dir(&self) -> &Path {
        self.state.outbox.dir()
    }

    /// `http://127.0.0.1:port`; calls go to `/sap/bc/soap/rfc`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn soap_url(&self) -> String {
        format!("{}{PATH}", self.base_url())
    }

    /// User and password of the SOAP address.
    pub fn login(&self) -> (&'static str, &'static str) {
        (self.state.user, self.state.password)
    }

    /// Starts importing, delivering and publishing; a second call does nothing.
    pub fn start_work(&self) {
        if self.working.swap(true, Ordering::Relaxed) {
            return;
        }
        let tasks = &self.state.tasks;
        tasks.spawn(Arc::clone(&self.state).keep(self.state.options.import_every, self.closing.clone(), Round::Import));
        let every = self.state.options.warehouse_every;
        tasks.spawn(Arc::clone(&self.state).keep(every, self.closing.clone(), Round::Warehouse));
        tasks.spawn(Arc::clone(&self.state).keep(self.state.options.stock_every, self.closing.clone(), Round::Stock));
    }

    /// Imports what is there, delivers and issues all of it, publishes the last stock, waits for late files and clears
    /// away the halves of files that nobody will finish.
    pub async fn finish(&self) {
        self.closing.cancel();
        self.state.tasks.close();
        self.state.tasks.wait().await;
        self.state.tasks.reopen();
        self.state.turn(Round::Import).await;
        self.state.reprocess(Duration::ZERO).await;
        for round in [Round::Warehouse, Round::Warehouse, Round::Stock] {
            self.state.turn(round).await;
        }
        self.state.tasks.close();
        self.state.tasks.wait().await;
        self.state.noted(self.state.outbox.tidy().await);
    }

    /// Ends all misbehaviour; what is half-written or late still comes to its end.
    pub fn calm(&self) {
        self.state.desk.set(Faults::none());
    }

    pub fn set_faults(&self, faults: Faults) {
        self.state.desk.set(faults);
    }

    /// Injections so far by kind.
    pub fn faults(&self) -> BTreeMap<String, u64> {
        self.state.desk.counts()
    }

    pub fn progress(&self) -> IdocProgress {
        let ledger = locked(&self.state.ledger);
        IdocProgress {
            orders: ledger.orders.len() as u64,
            deliveries: ledger.deliveries.len() as u64,
            stock_changes: ledger.published.values().map(|told| told.len() as u64).sum(),
        }
    }

    /// Every status that an inbound IDoc had, oldest first.
    pub fn statuses(&self) -> Vec<IdocStatus> {
        locked(&self.state.ledger).statuses.clone()
    }

    /// The articles that it knows.
    pub fn skus(&self) -> Vec<String> {
        self.state.catalogue.products().iter().map(|product| product.sku.clone()).collect()
    }

    /// Are the placed orders booked, and does the other side know deliveries and stock as they are?
    pub fn verdict(&self, placed: &[PlacedOrder], mirror: &IdocMirror) -> Verdict {
        let mut verdict = judge(&locked(&self.state.ledger), placed, mirror);
        verdict.problems = locked(&self.state.problems).clone();
        verdict
    }

    /// Ends everything on the spot.
    pub async fn shutdown(self) {
        self.closing.cancel();
        self.stop.cancel();
        self.state.tasks.close();
        self.state.tasks.wait().await;
        self.servers.close();
        self.servers.wait().await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Import,
    Warehouse,
    Stock,
}

impl State {
    async fn keep(self: Arc<Self>, every: Duration, closing: CancellationToken, round: Round) {
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => return,
                () = tokio::time::sleep(every) => self.turn(round).await,
            }
        }
    }

    async fn turn(self: &Arc<Self>, round: Round) {
        match round {
            Round::Import => {
                let imported = self.import().await;
                self.noted(imported);
                self.reprocess(self.options.reprocess_after).await;
            }
            Round::Warehouse => self.warehouse(),
            Round::Stock => self.publish_stock(),
        }
    }

    fn noted(&self, outcome: Result<(), SandboxError>) {
        if let Err(problem) = outcome {
            locked(&self.problems).push(problem.to_string());
        }
    }

    async fn import(self: &Arc<Self>) -> Result<(), SandboxError> {
        for file in self.inbox.arrived().await? {
            self.import_file(&file);
            if self.desk.strikes(Fault::IdocImportedTwice) {
                self.import_file(&file);
            }
            self.inbox.clear(&file).await?;
        }
        Ok(())
    }

    fn import_file(self: &Arc<Self>, file: &Arrived) {
        match &file.idocs {
            Ok(idocs) => {
                let told = idocs.iter().filter_map(|idoc| self.take(idoc)).collect();
                self.acknowledge(told);
            }
            Err(cause) => locked(&self.ledger).unreadable.push((file.name(), cause.clone())),
        }
    }

    /// Takes one IDoc; gives what its sender is told, if anything.
    fn take(&self, idoc: &Node) -> Option<Told> {
        let identity = order::identity(idoc);
        let docnum = identity.0.clone();
        let reference = idoc.child("E1EDK01").map_or("", |header| header.field("BELNR"));
        let read = order::read(idoc, &self.options.profile, &self.catalogue);
        let locked_by = self.desk.strikes(Fault::IdocRejected);
        let locked_by = locked_by.then(|| Refusal::application("V1", "042", "Sold-to party is locked by user MUELLER"));
        let told = match locked(&self.ledger).take(identity, reference, read, locked_by) {
            Taken::Posted(order) => posted(docnum, order),
            Taken::Known => return None,
            Taken::Waiting(refusal) | Taken::Refused(refusal) => Told {
                docnum,
                status: refusal.status,
                class: refusal.class,
                message: refusal.number,
                text: refusal.text,
                order: None,
            },
        };
        Some(told).filter(|_| !self.desk.strikes(Fault::IdocAckMissing))
    }

    async fn reprocess(self: &Arc<Self>, after: Duration) {
        let posted_now = locked(&self.ledger).reprocess(after);
        self.acknowledge(posted_now.into_iter().map(|(docnum, order)| posted(docnum, order)).collect());
    }

    fn acknowledge(self: &Arc<Self>, told: Vec<Told>) {
        let now_s = clock::now_s();
        let idocs = {
            let mut ledger = locked(&self.ledger);
            told.iter().map(|told| messages::status(ledger.next_number(), told, now_s)).collect()
        };
        self.send("ALEAUD", idocs);
    }

    fn warehouse(self: &Arc<Self>) {
        let (now_s, width) = (clock::now_s(), self.material_width());
        let idocs = {
            let mut ledger = locked(&self.ledger);
            let made = ledger.deliver(|| locked(&self.rng).u8(0..3) == 0);
            let mut changed = ledger.issue(&made, now_s);
            changed.extend(&made);
            let mut idocs = Vec::new();
            for number in changed {
                let docnum = ledger.next_number();
                let delivery = ledger.delivery(number);
                idocs.extend(delivery.map(|d| messages::delivery(docnum, d, width, &self.options.profile, now_s)));
            }
            idocs
        };
        self.receive_goods();
        self.send("DESADV", idocs);
    }

    /// A few articles come in, some of them by the half.
    fn receive_goods(&self) {
        let products = self.catalogue.products();
        let mut rng = locked(&self.rng);
        let mut ledger = locked(&self.ledger);
        for _ in 0..3 {
            let Some(product) = products.get(rng.usize(0..products.len())) else { continue };
            if let Some(stock) = ledger.stock.get_mut(&external(&product.sku)) {
                *stock += rng.i64(1..200) * 500;
            }
        }
    }

    fn publish_stock(self: &Arc<Self>) {
        let (now_s, width) = (clock::now_s(), self.material_width());
        let wide = locked(&self.rng).bool();
        let idocs = {
            let mut ledger = locked(&self.ledger);
            let profile = &self.options.profile;
            let changed = ledger.publish();
            let idoc = |(material, on_hand): (String, i64)| {
                messages::stock(ledger.next_number(), &material, on_hand, width, wide, profile, now_s)
            };
            changed.into_iter().map(idoc).collect()
        };
        self.send("LOISTD", idocs);
    }

    /// Older systems have materials of 18 places, newer ones of 40.
    fn material_width(&self) -> usize {
        if self.options.seed.is_multiple_of(2) { 18 } else { 40 }
    }

    /// Leaves a file without waiting for it: a late one lets later ones pass.
    fn send(self: &Arc<Self>, kind: &'static str, idocs: Vec<Idoc>) {
        let state = Arc::clone(self);
        self.tasks.spawn(async move {
            let outcome = state.outbox.put(kind, idocs).await;
            state.noted(outcome);
        });
    }
}

fn posted(docnum: String, order: u64) -> Told {
    let text = "Application document posted".to_owned();
    Told { docnum, status: "53", class: "V1", message: "311", text, order: Some(order) }
}
