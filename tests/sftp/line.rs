//! A line to the server that carries so many bytes and is then cut, until it is mended.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Down,
    Up,
}

pub struct Line {
    pub port: u16,
    left: Arc<AtomicI64>,
    cuts: Arc<AtomicU32>,
}

impl Line {
    /// The bytes are counted in one direction, over all connections.
    pub fn to(server: u16, way: Way) -> Line {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (left, cuts) = (Arc::new(AtomicI64::new(i64::MAX)), Arc::new(AtomicU32::new(0)));
        let line = Line { port, left: Arc::clone(&left), cuts: Arc::clone(&cuts) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let count = |wanted: Way| (way == wanted).then(|| (Arc::clone(&left), Arc::clone(&cuts)));
                carry(client.try_clone().unwrap(), server.try_clone().unwrap(), count(Way::Up));
                carry(server, client, count(Way::Down));
            }
        });
        line
    }

    pub fn cut_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    pub fn mend(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    /// Bytes since the line was last mended.
    pub fn carried(&self) -> i64 {
        i64::MAX - self.left.load(Ordering::SeqCst)
    }

    pub fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, count: Option<(Arc<AtomicI64>, Arc<AtomicU32>)>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read) = from.read(&mut buffer) {
            if read == 0 {
                break;
            }
            if let Some((left, cuts)) = &count {
                let size = i64::try_from(read).unwrap();
                if left.fetch_sub(size, Ordering::SeqCst) < size {
                    cuts.fetch_add(1, Ordering::SeqCst);
                    break;
                }
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
