//! The load: orders sent in a closed loop (as fast as answers come) or an open one (at planned instants).
//!
//! Not here: rendering the requests (see `webhook`), the figures (see `sample`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::ledger::Ledger;
use crate::wire::Wire;

/// Connections that an open loop may use at a time; more than the rate ever needs unless the other side stalls.
const OPEN_CONNECTIONS: usize = 64;

/// Rendered requests of the orders `first..first + requests.len()`.
pub struct Load {
    pub address: SocketAddr,
    pub first: u64,
    pub requests: Vec<Vec<u8>>,
    pub ledger: Arc<Ledger>,
}

impl Load {
    fn end(&self) -> u64 {
        self.first + self.requests.len() as u64
    }

    async fn send(&self, wire: &mut Wire, index: u64) -> io::Result<()> {
        let at = usize::try_from(index - self.first).map_err(io::Error::other)?;
        let request = self.requests.get(at).ok_or_else(|| io::Error::other("an order beyond the load"))?;
        wire.send(request).await?;
        let status = wire.response().await?;
        self.ledger.answered(index, status);
        Ok(())
    }

    async fn connect(&self) -> io::Result<Wire> {
        Wire::new(TcpStream::connect(self.address).await?)
    }

    /// Each connection sends its next order when the last one is answered. Latency counts from the send.
    pub fn closed(self, connections: usize) -> Outcome<()> {
        let load = Arc::new(self);
        let next = Arc::new(AtomicU64::new(load.first));
        run((0..connections).map(|_| {
            let (load, next) = (Arc::clone(&load), Arc::clone(&next));
            async move {
                let mut wire = load.connect().await?;
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    if index >= load.end() {
                        return Ok(());
                    }
                    load.ledger.planned(index, load.ledger.now_ns());
                    load.send(&mut wire, index).await?;
                }
            }
        }))
    }

    /// `rate` orders a second, whatever the answers do. Latency counts from the planned instant, so an order that waits
    /// for a stalled system counts its waiting. A sleeping thread plans: an async timer is up to a millisecond late.
    pub fn open(self, rate: u32) -> Outcome<()> {
        let load = Arc::new(self);
        let (plan, due) = mpsc::unbounded_channel();
        let due = Arc::new(Mutex::new(due));
        let planner = {
            let load = Arc::clone(&load);
            std::thread::Builder::new().name("planner".to_owned()).spawn(move || {
                let (start, start_ns) = (Instant::now(), load.ledger.now_ns());
                for (step, index) in (load.first..load.end()).enumerate() {
                    let after = Duration::from_secs(step as u64) / rate;
                    std::thread::sleep((start + after).saturating_duration_since(Instant::now()));
                    load.ledger.planned(index, start_ns + u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
                    if plan.send(index).is_err() {
                        return;
                    }
                }
            })?
        };
        let outcome = run((0..OPEN_CONNECTIONS).map(|_| {
            let (load, due) = (Arc::clone(&load), Arc::clone(&due));
            async move {
                let mut wire = load.connect().await?;
                loop {
                    let index = due.lock().await.recv().await;
                    match index {
                        Some(index) => load.send(&mut wire, index).await?,
                        None => return Ok(()),
                    }
                }
            }
        }));
        drop(due);
        planner.join().map_err(|_| "the planning thread ended in a panic")?;
        outcome
    }
}

/// Drives all connections on this thread; the first that fails ends the run.
fn run(connections: impl Iterator<Item = impl Future<Output = io::Result<()>> + Send + 'static>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for connection in connections {
            tasks.spawn(connection);
        }
        while let Some(finished) = tasks.join_next().await {
            finished?.map_err(|error| format!("a webhook connection failed: {error}"))?;
        }
        Ok(())
    })
}
