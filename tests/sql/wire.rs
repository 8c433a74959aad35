//! A wire to a server that can be cut at the one moment that matters: before the end of a transaction arrives, or before its answer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cut {
    Nothing = 0,
    BeforeCommit = 1,
    BeforeAnswer = 2,
}

pub struct Wire {
    pub port: u16,
    cut: Arc<AtomicU8>,
}

impl Wire {
    pub async fn to(server: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicU8::new(Cut::Nothing as u8));
        let shared = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await;
                if let Ok(server) = server {
                    tokio::spawn(carry(client, server, Arc::clone(&shared)));
                }
            }
        });
        Wire { port, cut }
    }

    pub fn cut(&self, at: Cut) {
        self.cut.store(at as u8, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, server: TcpStream, cut: Arc<AtomicU8>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let silent = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&silent);
    let up = async move {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_client.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            if buffer[..read].windows(6).any(|word| word == b"COMMIT") {
                match cut.load(Ordering::SeqCst) {
                    at if at == Cut::BeforeCommit as u8 => return,
                    at if at == Cut::BeforeAnswer as u8 => told.store(true, Ordering::SeqCst),
                    _ => {}
                }
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_server.read(&mut buffer).await.unwrap_or(0);
            // The server has answered: what it did stands.
            if read == 0 || silent.load(Ordering::SeqCst) || to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = up => {}, () = down => {} }
}
