//! The target: takes deliveries, books them, answers 200; on a thread of its own.
//!
//! Not here: judging what was delivered (see `ledger` and `referee`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::Outcome;
use crate::ledger::Ledger;
use crate::wire::Wire;

pub struct Target {
    pub address: SocketAddr,
    /// Whether answers are given at once.
    gate: watch::Sender<bool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// Serves until dropped. `delay` is how long each answer takes.
    pub fn start(ledger: Arc<Ledger>, delay: Duration) -> Outcome<Target> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (gate, gate_state) = watch::channel(true);
        let thread = std::thread::Builder::new().name("target".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    outcome = accept(listener, ledger, delay, gate_state) => if let Err(error) = outcome {
                        eprintln!("pipebench: the target cannot accept: {error}");
                    },
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Target { address, gate, stop: Some(stop), thread: Some(thread) })
    }

    /// Takes deliveries but answers none until `release`.
    pub fn hold(&self) {
        self.gate.send_replace(false);
    }

    pub fn release(&self) {
        self.gate.send_replace(true);
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("pipebench: the target's thread ended in a panic");
        }
    }
}

async fn accept(
    listener: TcpListener,
    ledger: Arc<Ledger>,
    delay: Duration,
    gate: watch::Receiver<bool>,
) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (ledger, gate) = (Arc::clone(&ledger), gate.clone());
        tokio::spawn(async move {
            // A connection cut in the middle shows as a missing delivery, or as a second one after a retry.
            if let Err(error) = serve(stream, &ledger, delay, gate).await {
                eprintln!("pipebench: the target lost a connection: {error}");
            }
        });
    }
}

async fn serve(stream: TcpStream, ledger: &Ledger, delay: Duration, mut gate: watch::Receiver<bool>) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    while let Some(body) = wire.request().await? {
        let body = match ledger.deliver(body) {
            Some(index) => format!(r#"{{"id":"T{index}"}}"#),
            None => "{}".to_owned(),
        };
        gate.wait_for(|open| *open).await.map_err(io::Error::other)?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let length = body.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        wire.send(answer.as_bytes()).await?;
    }
    Ok(())
}
