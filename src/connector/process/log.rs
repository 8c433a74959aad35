//! What a program writes to standard error, as log lines: masked, escaped, capped; never a reason for it to wait.
//!
//! Not here: where the log goes.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::connector::http::mask::{Mask, escape};

/// A longer line is cut where it is shown, and kept somewhat longer, so that no half of a secret is left at the cut.
const LINE_BYTES: usize = 2 << 10;
const KEPT_BYTES: usize = 16 << 10;

/// The last line that a program wrote, for the error that tells of its end.
#[derive(Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<String>>);

impl LastWords {
    pub fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, line: &str) {
        line.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Logs until the pipe ends. What exceeds `cap` is read and counted, so that the program is never held up.
pub(super) async fn capture(
    mut pipe: impl AsyncRead + Unpin,
    system: String,
    mask: Arc<Mask>,
    cap: u64,
    last_words: LastWords,
) {
    let mut writer = Writer { system, mask, left: cap, dropped: 0, last_words };
    let mut chunk = vec![0; 8 << 10];
    let mut line = Vec::new();
    loop {
        let count = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for byte in &chunk[..count] {
            match byte {
                b'\n' => {
                    writer.line(&line);
                    line.clear();
                }
                byte if line.len() < KEPT_BYTES => line.push(*byte),
                _ => writer.dropped += 1,
            }
        }
    }
    writer.line(&line);
    if writer.dropped > 0 {
        tracing::warn!(
            connection = writer.system,
            bytes = writer.dropped,
            "a program's log was too long; the rest is dropped"
        );
    }
}

struct Writer {
    system: String,
    mask: Arc<Mask>,
    left: u64,
    dropped: u64,
    last_words: LastWords,
}

impl Writer {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let shown = escape(&self.mask.text(&String::from_utf8_lossy(line)), LINE_BYTES);
        self.last_words.set(&shown);
        match self.left.checked_sub(line.len() as u64) {
            Some(left) => {
                self.left = left;
                tracing::info!(connection = self.system, "plugin: {shown}");
            }
            None => {
                self.left = 0;
                self.dropped += line.len() as u64;
            }
        }
    }
}
