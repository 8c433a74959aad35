//! A wire between the hub and its database that can be cut when the server has done what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens on a port of its own and passes everything on.
pub struct Wire {
    port: u16,
    armed: Arc<Mutex<Option<&'static str>>>,
}

impl Wire {
    pub fn to(server: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed: Arc<Mutex<Option<&'static str>>> = Arc::default();
        let word = Arc::clone(&armed);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
                let cut = Arc::new(Mutex::new(false));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (word, cutting) = (Arc::clone(&word), Arc::clone(&cut));
                std::thread::spawn(move || pass(from, to, |piece| watch(piece, &word, &cutting)));
                std::thread::spawn(move || pass(server, client, |_| !*cut.lock().unwrap()));
            }
        });
        Wire { port, armed }
    }

    /// The same address through the wire.
    pub fn url(&self, url: &str, server: u16) -> String {
        url.replace(&format!(":{server}/"), &format!(":{}/", self.port))
    }

    /// The next message with this word reaches the server, its answer nobody.
    pub fn lose_the_answer_to(&self, word: &'static str) {
        *self.armed.lock().unwrap() = Some(word);
    }
}

fn watch(piece: &[u8], armed: &Mutex<Option<&'static str>>, cut: &Mutex<bool>) -> bool {
    let mut armed = armed.lock().unwrap();
    if armed.is_some_and(|word| piece.windows(word.len()).any(|found| found == word.as_bytes())) {
        *armed = None;
        *cut.lock().unwrap() = true;
    }
    true
}

/// Passes on what comes until `keep` says no or an end is closed.
fn pass(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8]) -> bool) {
    let mut piece = [0; 16_384];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        if !keep(&piece[..n]) || to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
