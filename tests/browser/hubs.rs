//! Two hubs to look at: one in this process over a store filled with a merchant's day, and the real daemon in a fresh
//! installation, which is posted to as a vendor would. Not here: what is looked at.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use syncline::api::AppState;
use syncline::api::server::{ServerLimits, serve};
use syncline::cli::ADDRESS_FILE;
use syncline::finance::desk::RunAsked;
use syncline::finance::period::Period;
use syncline::finance::workflow::{Ask, Role};
use syncline::model::Date;
use syncline::model::clock::Clock;
use syncline::store::SourceKind;
use syncline::web;
use tokio_util::sync::DropGuard;

use super::chromium::PATIENCE;
use super::month;
use super::seed::{self, Rec, World};

/// What some vendors call an id, in a row without a place to break it.
pub const LONG: &str = "gid-9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0-very-long-tail-of-an-id";

pub struct Served {
    pub base: String,
    /// Pages of breaks of several kinds.
    pub breaks: Vec<(&'static str, String)>,
    _stop: DropGuard,
    _dir: tempfile::TempDir,
}

/// Pages and API over real HTTP.
pub async fn served(filled: bool) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open_at(dir.path(), Clock::System.now_us()).await;
    if filled {
        seed::day(&mut world).await;
        long(&mut world).await;
    } else {
        world.hub.flows.lock().unwrap().clear();
    }
    *world.hub.folder.lock().unwrap() = Some(dir.path().to_owned());
    if filled {
        month::write(dir.path(), 6_000);
        month::write_story(dir.path());
    }
    let state = world.state(dir.path());
    let breaks = if filled { reconcile(&state).await } else { Vec::new() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, web::app(&state), ServerLimits::default(), state.stop().clone()));
    Served { base, breaks, _stop: state.stop().clone().drop_guard(), _dir: dir }
}

/// A month of orders, compared; payouts compared, worked on, and signed.
async fn reconcile(state: &AppState) -> Vec<(&'static str, String)> {
    let desk = state.desk().unwrap();
    let run = async |name: &str| {
        let period = Some(Period::parse("2026-11").unwrap());
        let as_of = Some(Date::parse("2026-11-30").unwrap());
        let asked = RunAsked { period, as_of, input_dir: None, actor: "ann".to_owned() };
        desk.run(name, asked).await.unwrap()
    };
    let orders = run("orders").await;
    let orders = desk.report(orders).await.unwrap();
    let first = |code: &str| orders.breaks.iter().find(|item| item.code.as_deref() == Some(code)).unwrap().id.clone();
    let page = |name: &str, id: &str| format!("/reconciliations/{name}/breaks/{id}");
    let mut pages: Vec<(&'static str, String)> = [
        ("break-missing", "MISSING_IN_B"),
        ("break-amount", "AMOUNT_UNDER"),
        ("break-field", "FIELD_MISMATCH"),
        ("break-status", "STATUS_MISMATCH"),
    ]
    .map(|(name, code)| (name, page("orders", &first(code))))
    .to_vec();
    let twice = orders.breaks.iter().find(|item| item.code.as_deref() == Some("DUPLICATE_A")).unwrap();
    let key = syncline::api::encode(twice.key.as_deref().unwrap());
    pages.push(("story", format!("/reconciliations/stories/money?key={key}")));
    pages.push(("story-ask", "/reconciliations/stories/money".to_owned()));
    pages.push(("story-unknown", "/reconciliations/stories/money?key=nothing-like-it".to_owned()));
    let bank = run("payouts-to-bank").await;
    let report = desk.report(bank).await.unwrap();
    let of = |key: &str| report.breaks.iter().find(|item| item.key.as_deref() == Some(key)).unwrap().id.clone();
    let (short, lost) = (of("po_2"), of("po_9"));
    let name = "payouts-to-bank";
    pages.push(("break-written-off", page(name, &short)));
    pages.push(("break-assigned", page(name, &lost)));
    let suggested = report.breaks.iter().find(|item| item.id != short && item.id != lost).unwrap();
    pages.push(("break-suggested", page(name, &suggested.id)));
    desk.act(name, &lost, "ann", Ask::Assign { owner: "cleo".to_owned() }).await.unwrap();
    let comment = Ask::Comment { text: "The bank was asked on the phone; it looks for the transfer.".to_owned() };
    desk.act(name, &lost, "cleo", comment).await.unwrap();
    let off = Ask::WriteOff { code: "BANK_FEE".to_owned(), reason: "fee of the transfer".to_owned() };
    desk.act(name, &short, "ann", off).await.unwrap();
    desk.sign(bank, Role::Preparer, "ann", "totals agreed with both statements").await.unwrap();
    desk.sign(bank, Role::Approver, "bob", "looked at each break").await.unwrap();
    pages
}

async fn long(world: &mut World) {
    let doc = serde_json::json!({ "number": LONG, "note": LONG.repeat(4) }).to_string();
    let rec = Rec {
        flow: "orders-to-erp",
        key: LONG,
        natural: LONG,
        kind: "OrderPlaced",
        doc: &doc,
        payload: &doc,
        source: SourceKind::Webhook,
        at: world.now() - seed::SECOND,
    };
    world.receive(rec).await;
}

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const PATH: &str = "a-path-nobody-guesses";

/// `syncline run` on an installation that takes signed events and writes files.
pub struct Daemon {
    pub base: String,
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    pub fn start() -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("secrets")).unwrap();
        fs::write(dir.path().join("secrets/partner"), format!("whsec_{SECRET}")).unwrap();
        fs::write(dir.path().join("secrets/path"), PATH).unwrap();
        fs::write(dir.path().join("syncline.yaml"), CONFIG).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.args(["run", "--config"]).arg(dir.path());
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut daemon = Daemon { base: String::new(), child, dir };
        daemon.base = format!("http://{}", daemon.address());
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn address(&mut self) -> String {
        let file: PathBuf = self.dir.path().join("data").join(ADDRESS_FILE);
        let end = Instant::now() + PATIENCE;
        loop {
            match fs::read_to_string(&file) {
                Ok(address) if !address.trim().is_empty() => return address.trim().to_owned(),
                _ => {}
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the hub ended: {}", self.log());
            assert!(Instant::now() < end, "the hub never told its address: {}", self.log());
            // Only between two looks; what is waited for is the file.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// As a vendor posts: signed, and answered with 2xx when it is stored.
    pub async fn post(&self, id: &str, order: serde_json::Value) {
        // The hub is another process: its own provider is not ours. A second call finds the first one's.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let now = jiff::Timestamp::now();
        let event = serde_json::json!({
            "specversion": "1.0", "id": id, "source": "/shop", "type": "order.upserted", "time": now.to_string(), "data": order,
        });
        let (body, seconds) = (event.to_string(), now.as_second());
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(SECRET).unwrap()).unwrap();
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        let request = reqwest::Client::builder()
            .build()
            .unwrap()
            .post(format!("{}/hooks/partner/{PATH}", self.base))
            .header("content-type", "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}: {}", answer.status(), self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = "
hub: { listen: 127.0.0.1:0, database: 'sqlite:data/syncline.db', data_dir: data }
connections:
  partner:
    connector: webhook
    settings: { secret: '${file:secrets/partner}' }
    path_secret: ${file:secrets/path}
  files:
    connector: jsonl
    settings: { folder_in: in, folder_out: out }
flows:
  orders-archive: { from: partner.orders, to: files.records, mode: live, freshness: 2m }
";
