//! Vendors in this process, the daemon beside it, and what happens to it between the first order and the last; not here:
//! the judgement (`oracle`).

use std::time::Duration;

use syncline::cli::demo::installation;
use syncline::sandbox::{Faults, Sandbox, SandboxOptions, WebhookRetry};
use tokio::time::Instant;

use crate::oracle::{Findings, Rows, judge};
use crate::supervisor::{Life, Supervisor, lasting_address};

/// How long the last work may take once nothing fails any more.
const DRAIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Nothing new for so long is quiet: longer than the hub waits between two polls.
const STILL: Duration = Duration::from_secs(3);
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Rehearsal {
    pub sandbox: Sandbox,
    pub supervisor: Supervisor,
    _folder: tempfile::TempDir,
}

/// How long it took from the start of a process until it was ready, for each life that lived to be.
#[derive(Debug, Default)]
pub struct Restarts(Vec<Duration>);

impl Restarts {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[sorted.len() / 2]
    }

    pub fn longest(&self) -> Duration {
        self.0.iter().copied().max().unwrap()
    }
}

impl Rehearsal {
    /// Everything set up, the daemon at its first life, no traffic yet.
    pub async fn begin(seed: u64, order_every: Duration, mutation: Option<&'static str>) -> (Rehearsal, Life) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = SandboxOptions::new(seed, folder.path().join("drop"));
        options.faults = Faults::rough();
        options.order_every = order_every;
        options.shop_bucket = (400, 200);
        options.psp_calls_per_s = 400;
        // A vendor that comes again soon and does not lose patience: each restart is met by a crowd.
        options.webhook_retry = WebhookRetry {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            tries: 60,
            ..WebhookRetry::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (installed, address) = (folder.path().join("hub"), lasting_address());
        installation::write(&installed, &sandbox, address).unwrap();
        let supervisor = Supervisor::new(installed, address, mutation);
        let mut life = supervisor.start();
        supervisor.until_ready(&mut life).await;
        sandbox.set_psp_webhook_target(supervisor.webhook_url("psp").await);
        (Rehearsal { sandbox, supervisor, _folder: folder }, life)
    }

    /// Kills at random moments of a life, some of them before it is ready, and starts the next at once.
    pub async fn kills(&self, rng: &mut fastrand::Rng, kills: u32, mut life: Life) -> (Life, Restarts) {
        let mut restarts = Restarts::default();
        for _ in 0..kills {
            let moment = life.began + Duration::from_millis(rng.u64(200..2500));
            tokio::select! {
                took = self.supervisor.until_ready(&mut life) => {
                    restarts.0.push(took);
                    tokio::time::sleep_until(moment).await;
                }
                () = tokio::time::sleep_until(moment) => {}
            }
            life.kill(&self.supervisor).await;
            life = self.supervisor.start();
        }
        restarts.0.push(self.supervisor.until_ready(&mut life).await);
        (life, restarts)
    }

    /// The vendors behave from now on, finish every order's life and tell the last news.
    pub async fn end_traffic(&self) {
        self.sandbox.calm();
        self.sandbox.stop_traffic().await.unwrap();
    }

    /// Until nothing is under way anywhere and all ledgers agree; what was left if that does not happen is for the judge.
    pub async fn settle(&self, patience: Duration) -> Duration {
        let rows = Rows::open(&self.supervisor.database()).await;
        let began = Instant::now();
        let mut since = None;
        while began.elapsed() < patience {
            let quiet = self.sandbox.progress().webhooks_waiting == 0
                && self.nothing_left_in_files()
                && self.sandbox.verdict().clean()
                && rows.open_work().await.is_empty();
            // A poll that was cut off by the last kill may still bring what no webhook did.
            since = if quiet { Some(since.unwrap_or_else(Instant::now)) } else { None };
            if since.is_some_and(|since| since.elapsed() > STILL) {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        since.map_or_else(|| began.elapsed(), |since| since - began)
    }

    /// No file of the ERP waits to be read or is being read: its rows would be news once more.
    fn nothing_left_in_files(&self) -> bool {
        let drop_dir = self.sandbox.drop_dir();
        let announced = std::fs::read_dir(drop_dir).unwrap();
        let mut names = announced.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_empty = |stream: &str| {
            std::fs::read_dir(drop_dir.join("work").join(stream)).is_ok_and(|claimed| claimed.count() == 0)
        };
        names.all(|name| !name.ends_with(".done")) && ["stock", "deliveries"].into_iter().all(is_empty)
    }

    pub async fn drain(&self) -> Duration {
        self.settle(DRAIN).await
    }

    pub async fn judge(&self) -> Findings {
        judge(&self.supervisor, &self.sandbox.acknowledged(), self.sandbox.verdict()).await
    }

    pub async fn received(&self) -> i64 {
        Rows::open(&self.supervisor.database()).await.received().await
    }

    /// Waits until the vendors hold that many acknowledgements.
    pub async fn until_acknowledged(&self, webhooks: u64) {
        let began = Instant::now();
        while self.sandbox.progress().webhooks_acknowledged < webhooks {
            assert!(began.elapsed() < DRAIN, "{:?}\n{}", self.sandbox.progress(), self.supervisor.last_words());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
