//! A hub's store filled with a believable morning, through the store's contract alone; shared by the tests of API, pages
//! and commands, and by the page server for looking at.
#![allow(dead_code)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use syncline::api::resources::reload::Reloaded;
use syncline::api::{
    About, ActionError, AppState, ConnectionInfo, Deliver, FlowInfo, FlowMode, HubView, Owner, Readiness,
    ReloadRefusal, StreamInfo, StreamRef,
};
use syncline::model::clock::Clock;
use syncline::model::{Entity, ErrorClass};
use syncline::store::sqlite::SqliteStore;
use syncline::store::{
    Ack, AckOutcome, Claimed, ConnectionHealth, ConnectionStateRow, CursorMove, DeadLetter, Dispatch, EntityKey,
    EntityWrite, NewInbox, NewJob, OwnFiles, PlannedOutcome, PlannedRow, ProcessCommit, Sighting, SourceKind, Store,
    order_key, wait_key,
};
use syncline::telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;

/// 2026-11-22T10:15:00Z
pub const NOW: i64 = 1_795_342_500_000_000;
pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

pub struct FakeHub {
    pub flows: Mutex<Vec<FlowInfo>>,
    pub ready: Mutex<Readiness>,
    pub wakes: Mutex<u32>,
    pub now: i64,
    /// Where definitions of reconciliations lie.
    pub folder: Mutex<Option<PathBuf>>,
}

#[async_trait]
impl HubView for FakeHub {
    fn about(&self) -> About {
        About {
            owner: Owner::Daemon,
            started_at: self.now - 30 * HOUR,
            config_version: "c7".to_owned(),
            listen: "127.0.0.1:8470".parse().ok(),
            public_url: None,
            warnings: vec![],
        }
    }

    fn folder(&self) -> Option<PathBuf> {
        self.folder.lock().unwrap().clone()
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        let poll = |name: &str, entity, webhook, every, read| StreamInfo {
            name: name.to_owned(),
            entity,
            reads: true,
            writes: false,
            webhook,
            poll_every_us: Some(every),
            last_read_at: Some(self.now - read),
        };
        let sink = |name: &str, entity| StreamInfo {
            name: name.to_owned(),
            entity,
            reads: false,
            writes: true,
            webhook: false,
            poll_every_us: None,
            last_read_at: None,
        };
        let connection = |id: &str, connector: &str, title: &str, streams: Vec<StreamInfo>| ConnectionInfo {
            id: id.to_owned(),
            connector: connector.to_owned(),
            title: title.to_owned(),
            webhook_url: streams.iter().any(|s| s.webhook).then(|| format!("https://hub.example.com/in/{id}/****")),
            streams,
        };
        vec![
            connection(
                "shop",
                "shopify",
                "Shop (acme.example)",
                vec![
                    poll("orders", Entity::Order, true, MINUTE, 40 * SECOND),
                    poll("customers", Entity::Customer, true, 5 * MINUTE, 2 * MINUTE),
                    sink("inventory", Entity::InventoryLevel),
                    sink("fulfilments", Entity::Fulfilment),
                ],
            ),
            connection(
                "erp",
                "odoo",
                "ERP",
                vec![
                    poll("stock", Entity::InventoryLevel, false, 30 * SECOND, 12 * SECOND),
                    poll("shipments", Entity::Fulfilment, false, MINUTE, 7 * MINUTE),
                    sink("sale_orders", Entity::Order),
                    sink("payments", Entity::Payment),
                ],
            ),
            connection("psp", "stripe", "Payments", vec![poll("payments", Entity::Payment, true, MINUTE, 20 * SECOND)]),
            connection("crm", "hubspot", "CRM", vec![sink("contacts", Entity::Customer)]),
        ]
    }

    fn flows(&self) -> Vec<FlowInfo> {
        self.flows.lock().unwrap().clone()
    }

    fn readiness(&self) -> Readiness {
        self.ready.lock().unwrap().clone()
    }

    async fn pause_flow(&self, flow: &str, _actor: &str) -> Result<(), ActionError> {
        self.set_mode(flow, FlowMode::Paused)
    }

    async fn resume_flow(&self, flow: &str, _actor: &str) -> Result<(), ActionError> {
        self.set_mode(flow, FlowMode::Live)
    }

    async fn reload(&self) -> Result<Reloaded, ReloadRefusal> {
        Ok(Reloaded {
            version: "c8".to_owned(),
            changes: vec!["flow orders-to-erp: mode paused -> live".to_owned()],
            at_restart: vec![],
        })
    }

    fn own_files(&self) -> OwnFiles {
        Arc::new(|| Ok(Vec::new()))
    }

    fn wake(&self) {
        *self.wakes.lock().unwrap() += 1;
    }
}

impl FakeHub {
    pub fn new(now: i64) -> FakeHub {
        let (ready, folder) = (Mutex::new(Readiness::Ready), Mutex::new(None));
        FakeHub { flows: Mutex::new(flows()), ready, wakes: Mutex::new(0), now, folder }
    }

    fn set_mode(&self, flow: &str, mode: FlowMode) -> Result<(), ActionError> {
        let mut flows = self.flows.lock().unwrap();
        let found = flows.iter_mut().find(|info| info.name == flow);
        let info = found.ok_or_else(|| ActionError::Refused(format!("flow {flow} does not exist")))?;
        info.mode = mode;
        Ok(())
    }
}

fn flow(
    name: &str,
    from: (&str, &str),
    to: (&str, &str),
    entity: Entity,
    deliver: Deliver,
    objective: i64,
) -> FlowInfo {
    let place =
        |(connection, stream): (&str, &str)| StreamRef { connection: connection.to_owned(), stream: stream.to_owned() };
    FlowInfo {
        name: name.to_owned(),
        from: place(from),
        to: place(to),
        entity: Some(entity),
        deliver,
        mode: FlowMode::Live,
        freshness_objective_us: objective,
        untold: vec![],
        needs: if entity == Entity::Order { vec!["customer".to_owned(), "lines.sku".to_owned()] } else { vec![] },
    }
}

pub fn flows() -> Vec<FlowInfo> {
    use Deliver::{Every, Latest};
    vec![
        flow("orders-to-erp", ("shop", "orders"), ("erp", "sale_orders"), Entity::Order, Every, 2 * MINUTE),
        flow("stock-to-shop", ("erp", "stock"), ("shop", "inventory"), Entity::InventoryLevel, Latest, MINUTE),
        flow("payments-to-erp", ("psp", "payments"), ("erp", "payments"), Entity::Payment, Every, 5 * MINUTE),
        flow("customers-to-crm", ("shop", "customers"), ("crm", "contacts"), Entity::Customer, Latest, 10 * MINUTE),
        flow("shipments-to-shop", ("erp", "shipments"), ("shop", "fulfilments"), Entity::Fulfilment, Every, 2 * MINUTE),
    ]
}

/// One received state of one record.
pub struct Rec<'a> {
    pub flow: &'a str,
    pub key: &'a str,
    pub natural: &'a str,
    pub kind: &'a str,
    pub doc: &'a str,
    pub payload: &'a str,
    pub source: SourceKind,
    pub at: i64,
}

pub struct World {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub hub: Arc<FakeHub>,
    revisions: HashMap<String, i64>,
    dedupe: u64,
}

impl World {
    pub async fn open(dir: &Path) -> World {
        World::open_at(dir, NOW).await
    }

    pub async fn open_at(dir: &Path, now: i64) -> World {
        let store = SqliteStore::open(dir.join("syncline.db")).await.unwrap();
        World {
            store: Arc::new(store),
            clock: Clock::manual(now),
            hub: Arc::new(FakeHub::new(now)),
            revisions: HashMap::new(),
            dedupe: 0,
        }
    }

    pub fn state(&self, dir: &Path) -> AppState {
        let (store, hub) = (Arc::clone(&self.store), Arc::clone(&self.hub));
        AppState::new(store, hub, self.clock.clone(), Metrics::default(), dir.to_owned(), CancellationToken::new())
    }

    pub fn now(&self) -> i64 {
        self.clock.now_us()
    }

    async fn append(&mut self, connection: &str, stream: &str, rec: &Rec<'_>) -> i64 {
        self.dedupe += 1;
        let row = NewInbox {
            connection: connection.to_owned(),
            stream: stream.to_owned(),
            source: rec.source,
            dedupe_key: format!("d{}", self.dedupe),
            topic: if rec.source == SourceKind::Webhook { format!("{stream}/updated") } else { String::new() },
            headers: String::new(),
            place: String::new(),
            payload: rec.payload.as_bytes().to_vec(),
            received_at: rec.at,
        };
        self.store.append_inbox(vec![row], None).await.unwrap()[0].id
    }

    /// Received, understood, queued.
    pub async fn receive(&mut self, rec: Rec<'_>) {
        let info = flows().into_iter().find(|info| info.name == rec.flow).unwrap();
        let (connection, stream) = (info.from.connection.clone(), info.from.stream.clone());
        let inbox_id = self.append(&connection, &stream, &rec).await;
        let revision = self.revisions.entry(format!("{connection}/{stream}/{}", rec.key)).or_default();
        *revision += 1;
        let outcome = PlannedOutcome::Apply {
            state: EntityWrite {
                id: EntityKey { connection: connection.clone(), stream: stream.clone(), key: rec.key.to_owned() },
                entity: info.entity.unwrap(),
                natural_key: rec.natural.to_owned(),
                version: rec.at,
                revision: *revision,
                hash: format!("{:032x}", rec.at),
                doc: rec.doc.to_owned(),
                deleted: false,
                seen_by: rec.source,
                as_of: rec.at,
            },
            kind: rec.kind.to_owned(),
            occurred_at: Some(rec.at - SECOND),
            jobs: vec![NewJob {
                flow: info.name.clone(),
                lane: info.to.connection.clone(),
                stream: info.to.stream.clone(),
                latest: info.deliver == Deliver::Latest,
                order_key: order_key(&info.to.connection, &info.to.stream, &connection, rec.key),
                held: None,
            }],
        };
        let sighting = match rec.source {
            SourceKind::Webhook => Some(Sighting::ByWebhook),
            // Only streams that have both ways in tell lost webhooks.
            SourceKind::Poll if connection != "erp" => Some(Sighting::ByPoll),
            SourceKind::Poll | SourceKind::File | SourceKind::Fetch | SourceKind::Split => None,
        };
        self.commit(&rec, inbox_id, &connection, &stream, info.entity.unwrap(), outcome, sighting).await;
    }

    /// Received and put aside, or dead.
    pub async fn receive_as(&mut self, rec: Rec<'_>, outcome: PlannedOutcome) {
        let info = flows().into_iter().find(|info| info.name == rec.flow).unwrap();
        let (connection, stream) = (info.from.connection.clone(), info.from.stream.clone());
        let inbox_id = self.append(&connection, &stream, &rec).await;
        self.commit(&rec, inbox_id, &connection, &stream, info.entity.unwrap(), outcome, None).await;
    }

    #[allow(clippy::too_many_arguments)]
    async fn commit(
        &mut self,
        rec: &Rec<'_>,
        inbox_id: i64,
        connection: &str,
        stream: &str,
        entity: Entity,
        outcome: PlannedOutcome,
        sighting: Option<Sighting>,
    ) {
        let row = PlannedRow {
            inbox_id,
            connection: connection.to_owned(),
            received_at: rec.at,
            stream: stream.to_owned(),
            entity: entity.as_str().to_owned(),
            key: rec.key.to_owned(),
            outcome,
            sighting,
        };
        let commit = ProcessCommit { rows: vec![row], now: rec.at + 3_000 };
        let processed = self.store.commit_processed(commit).await.unwrap();
        assert!(processed.conflicts.is_empty(), "{} was planned on an old state", rec.key);
    }

    /// A record that another system has, seen by reading it.
    pub async fn mirror(&mut self, connection: &str, stream: &str, key: &str, natural: &str, doc: &str, at: i64) {
        let (flow, kind) = ("orders-to-erp", "OrderPlaced");
        let rec = Rec { flow, key, natural, kind, doc, payload: doc, source: SourceKind::Poll, at };
        let inbox_id = self.append(connection, stream, &rec).await;
        let outcome = PlannedOutcome::Apply {
            state: EntityWrite {
                id: EntityKey { connection: connection.to_owned(), stream: stream.to_owned(), key: key.to_owned() },
                entity: Entity::Order,
                natural_key: natural.to_owned(),
                version: at,
                revision: 1,
                hash: "m".to_owned(),
                doc: doc.to_owned(),
                deleted: false,
                seen_by: SourceKind::Poll,
                as_of: at,
            },
            kind: kind.to_owned(),
            occurred_at: None,
            jobs: vec![],
        };
        self.commit(&rec, inbox_id, connection, stream, Entity::Order, outcome, None).await;
    }

    /// Claims what is due in a lane and settles it as `outcome` says.
    pub async fn deliver(&self, lane: &str, now: i64, outcome: impl Fn(&Claimed) -> Outcome) {
        let tick = |now, acks, claims| Dispatch {
            owner: "node-1".to_owned(),
            now,
            lease_until: now + MINUTE,
            acks,
            claims,
            ..Dispatch::default()
        };
        let claimed = self.store.dispatch(tick(now, vec![], vec![(lane.to_owned(), 1000)])).await.unwrap().claimed;
        let acks = claimed.iter().filter_map(|job| outcome(job).ack(job)).collect();
        self.store.dispatch(tick(now + 180_000, acks, vec![])).await.unwrap();
    }

    pub async fn health(&self, connection: &str, state: ConnectionHealth, reason: &str, until: Option<i64>) {
        let (connection, reason) = (connection.to_owned(), reason.to_owned());
        let changed_at = self.now() - 4 * MINUTE;
        let row = ConnectionStateRow { connection, state, reason, until, failures: 6, changed_at };
        self.store.set_connection_state(row).await.unwrap();
    }

    pub async fn cursor(&self, connection: &str, stream: &str, value: &str, at: i64) {
        let cursor =
            CursorMove { connection: connection.to_owned(), stream: stream.to_owned(), value: value.to_owned(), at };
        self.store.append_inbox(vec![], Some(cursor)).await.unwrap();
    }
}

/// How a claimed job ends.
pub enum Outcome {
    Done {
        request: String,
        response: String,
    },
    Retry(String, i64),
    Unknown(i64),
    Wait(String, i64),
    Dead {
        letter: DeadLetter,
        status: u16,
        request: String,
        response: String,
    },
    /// Still under way.
    Running,
}

impl Outcome {
    fn ack(self, job: &Claimed) -> Option<Ack> {
        let remote_id = format!("{}", 40_000 + job.claim.job_id);
        let (outcome, class, status, request, response) = match self {
            Outcome::Done { request, response } => {
                let done = AckOutcome::Done {
                    remote_id,
                    remote_version: None,
                    sent_hash: "h".to_owned(),
                    echo: String::new(),
                };
                (done, None, Some(201), request, response)
            }
            Outcome::Retry(error, run_at) => {
                let retry = AckOutcome::Retry { run_at, counts: true, error: error.clone() };
                (
                    retry,
                    Some(ErrorClass::Transient),
                    Some(503),
                    "POST /api/orders\n\n{}".to_owned(),
                    format!("503 Service Unavailable\n\n{error}"),
                )
            }
            Outcome::Unknown(run_at) => {
                let unknown = AckOutcome::Unknown { run_at, error: "no answer within 30 s".to_owned() };
                (unknown, Some(ErrorClass::UnknownOutcome), None, "POST /api/orders\n\n{}".to_owned(), String::new())
            }
            Outcome::Wait(wait_for, check_at) => {
                let wait = AckOutcome::Wait { wait_for, check_at, error: "its customer is not there yet".to_owned() };
                (wait, None, None, String::new(), String::new())
            }
            Outcome::Dead { letter, status, request, response } => {
                let class = letter.class;
                (AckOutcome::Dead(letter), Some(class), Some(status), request, response)
            }
            Outcome::Running => return None,
        };
        Some(Ack { claim: job.claim, outcome, class, status, request, response })
    }
}

pub fn order_doc(number: &str, minor: i64) -> String {
    format!(
        r##"{{"number":"{number}","placed_at":"2026-11-22T09:58:00Z","currency":"EUR","total":{{"amount_minor":{minor},"currency":"EUR"}},"payment_status":"paid","fulfilment_status":"unfulfilled","customer":"C-12","lines":[{{"sku":"MUG-BLUE","quantity":"2","unit_price":{{"amount":"14.95","currency":"EUR"}}}},{{"sku":"TEE-M","quantity":"1","unit_price":{{"amount":"18.00","currency":"EUR"}}}}]}}"##
    )
}

pub fn order_payload(id: &str, number: &str, total: &str) -> String {
    format!(
        r##"{{"id":{id},"name":"{number}","created_at":"2026-11-22T10:58:00+01:00","currency":"EUR","total_price":"{total}","financial_status":"paid","email":"ann@example.com","line_items":[{{"sku":"MUG-BLUE","quantity":2,"price":"14.95"}},{{"sku":"TEE-M","quantity":1,"price":"18.00"}}]}}"##
    )
}

fn done(job: &Claimed) -> Outcome {
    Outcome::Done {
        request: format!("POST /api/{}\nIdempotency-Key: {}\n\n{}", job.stream, job.idempotency_key, job.doc),
        response: format!("201 Created\n\n{{\"id\":{}}}", 40_000 + job.claim.job_id),
    }
}

fn refused(title: &str, fingerprint: &str, flow: &str, class: ErrorClass, detail: &str, next_step: &str) -> DeadLetter {
    DeadLetter {
        scope: flow.to_owned(),
        class,
        fingerprint: fingerprint.to_owned(),
        title: title.to_owned(),
        detail: detail.to_owned(),
        next_step: next_step.to_owned(),
    }
}

/// A few records with one of each fate: order #1001 delivered, #1002 dead, #1003 to be retried; a payment unread.
pub async fn few(world: &mut World) {
    let now = world.now();
    for (key, number, at) in [("820", "#1001", now - 20 * MINUTE), ("821", "#1002", now - 10 * MINUTE)] {
        let (doc, payload) = (order_doc(number, 4790), order_payload(key, number, "47.90"));
        let (flow, kind) = ("orders-to-erp", "OrderPlaced");
        let rec =
            Rec { flow, key, natural: number, kind, doc: &doc, payload: &payload, source: SourceKind::Webhook, at };
        world.receive(rec).await;
        if key == "820" {
            world.deliver("erp", at + 2 * SECOND, done).await;
        } else {
            world.deliver("erp", at + 2 * SECOND, |_| unknown_sku()).await;
        }
    }
    let (doc, payload) = (order_doc("#1003", 1495), order_payload("822", "#1003", "14.95"));
    let rec = Rec {
        flow: "orders-to-erp",
        key: "822",
        natural: "#1003",
        kind: "OrderPlaced",
        doc: &doc,
        payload: &payload,
        source: SourceKind::Poll,
        at: now - MINUTE,
    };
    world.receive(rec).await;
    world
        .deliver("erp", now - 58 * SECOND, |_| {
            Outcome::Retry("the ERP is in maintenance".to_owned(), now + 20 * SECOND)
        })
        .await;
    let letter = refused(
        "payment status \"requires_capture\" is not listed",
        "unmapped:psp:requires_capture",
        "psp",
        ErrorClass::UnmappedValue,
        "field status of payment pi_3Qx: value \"requires_capture\" is in no crosswalk",
        "add the value to mappings/stripe/values.yaml, then retry",
    );
    let rec = Rec {
        flow: "payments-to-erp",
        key: "pi_3Qx",
        natural: "pi_3Qx",
        kind: "",
        doc: "",
        payload: r#"{"id":"pi_3Qx","amount":4790,"currency":"eur","status":"requires_capture"}"#,
        source: SourceKind::Webhook,
        at: now - 5 * MINUTE,
    };
    world.receive_as(rec, PlannedOutcome::Dead(letter)).await;
    world.cursor("shop", "orders", "2026-11-22T10:13:30Z", now - 40 * SECOND).await;
}

/// #1002 with a line less, as a person corrects it.
pub fn corrected_order() -> String {
    r##"{"number":"#1002","placed_at":"2026-11-22T09:58:00Z","currency":"EUR","total":{"amount_minor":2990,"currency":"EUR"},"lines":[{"sku":"MUG-BLUE","quantity":"2"}]}"##.to_owned()
}

fn unknown_sku() -> Outcome {
    Outcome::Dead {
        letter: refused(
            "ERP refuses an order line: product TEE-M is unknown",
            "erp:422:unknown-product",
            "orders-to-erp",
            ErrorClass::Data,
            "422 from erp: line 2: product TEE-M does not exist",
            "create the product in the ERP or correct the SKU, then retry",
        ),
        status: 422,
        request: "POST /api/sale_orders\nAuthorization: ****\n\n{\"ref\":\"#1002\"}".to_owned(),
        response: "422 Unprocessable\n\n{\"error\":\"line 2: product TEE-M does not exist\"}".to_owned(),
    }
}

/// A day of a small merchant, with the troubles of an ordinary morning.
pub async fn day(world: &mut World) {
    let now = world.now();
    let mut random = fastrand::Rng::with_seed(7);
    let names = ["orders-to-erp", "stock-to-shop", "payments-to-erp", "customers-to-crm", "shipments-to-shop"];
    for slice in 0..96_i64 {
        let at = now - 24 * HOUR + slice * 15 * MINUTE;
        let daytime = 1 + (slice - 10).rem_euclid(96).min(70) / 14;
        for turn in 0..daytime + random.i64(0..3) {
            for (index, flow) in names.iter().enumerate() {
                let id = slice * 50 + turn * 5 + index as i64;
                let at = at + random.i64(0..10 * MINUTE);
                let number = format!("#{}", 2000 + id);
                let (natural, doc) = match *flow {
                    "orders-to-erp" => (number.clone(), order_doc(&number, 1000 + id * 7)),
                    "stock-to-shop" => (
                        format!("SKU-{:03}", id % 40),
                        format!(r#"{{"sku":"SKU-{:03}","on_hand":"{}"}}"#, id % 40, id % 17),
                    ),
                    _ => (format!("{flow}-{id}"), format!(r#"{{"reference":"{id}"}}"#)),
                };
                let key = if *flow == "stock-to-shop" { natural.clone() } else { format!("{}", 9_000_000 + id) };
                let source = if *flow == "stock-to-shop" || *flow == "shipments-to-shop" || random.u8(0..40) == 0 {
                    SourceKind::Poll
                } else {
                    SourceKind::Webhook
                };
                let kind = "OrderPlaced";
                let rec = Rec { flow, key: &key, natural: &natural, kind, doc: &doc, payload: &doc, source, at };
                world.receive(rec).await;
            }
        }
        for lane in ["erp", "shop", "crm"] {
            world.deliver(lane, at + 11 * MINUTE, done).await;
        }
    }
    for turn in 0..9 {
        let (key, payload) = (format!("old-{turn}"), r#"{"id":1}"#);
        let rec = Rec {
            flow: "orders-to-erp",
            key: &key,
            natural: "",
            kind: "",
            doc: "",
            payload,
            source: SourceKind::Poll,
            at: now - HOUR - turn,
        };
        let outcome =
            if turn % 3 == 0 { PlannedOutcome::Superseded } else { PlannedOutcome::Ignored("unchanged".to_owned()) };
        world.receive_as(rec, outcome).await;
    }
    few(world).await;
    troubles(world, now).await;
}

async fn troubles(world: &mut World, now: i64) {
    for turn in 0..14_i64 {
        let number = format!("#{}", 1010 + turn);
        let (key, doc) = (format!("{}", 900 + turn), order_doc(&number, 4000 + turn * 100));
        let payload = order_payload(&key, &number, "40.00");
        let (flow, kind) = ("orders-to-erp", "OrderPlaced");
        let at = now - (240 - turn * 12) * SECOND;
        let rec = Rec {
            flow,
            key: &key,
            natural: &number,
            kind,
            doc: &doc,
            payload: &payload,
            source: SourceKind::Webhook,
            at,
        };
        world.receive(rec).await;
    }
    world
        .deliver("erp", now - 30 * SECOND, |job| match job.claim.job_id % 6 {
            0 => Outcome::Unknown(now + 15 * SECOND),
            1 => Outcome::Wait(wait_key("erp", Entity::Customer, "C-77"), now + MINUTE),
            2 => Outcome::Running,
            3 => unknown_sku(),
            _ => Outcome::Retry("connection reset by peer".to_owned(), now + 45 * SECOND),
        })
        .await;
    for turn in 0..3_i64 {
        let sku = format!("SKU-{turn:03}");
        let doc = format!(r#"{{"sku":"{sku}","on_hand":"{}","location":"main"}}"#, 20 - turn);
        let (flow, kind) = ("stock-to-shop", "InventoryUpdated");
        let rec = Rec {
            flow,
            key: &sku,
            natural: &sku,
            kind,
            doc: &doc,
            payload: &doc,
            source: SourceKind::Poll,
            at: now - 50 * SECOND,
        };
        world.receive(rec).await;
    }
    world
        .health(
            "erp",
            ConnectionHealth::Open,
            "6 of the last 10 calls failed: connection reset by peer",
            Some(now + 40 * SECOND),
        )
        .await;
    let doc = order_doc("#1001", 4970).replace("unfulfilled", "fulfilled");
    world.mirror("erp", "sale_orders", "S00041", "#1001", &doc, now - 15 * MINUTE).await;
    world.cursor("erp", "stock", "2026-11-22T10:14:48Z", now - 12 * SECOND).await;
    world.cursor("psp", "payments", "evt_1Qx8TZ", now - 20 * SECOND).await;
    world.hub.set_mode("customers-to-crm", FlowMode::Paused).unwrap();
}
