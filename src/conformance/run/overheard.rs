//! The log lines of a run, kept to be searched.
//!
//! Not here: what they are searched for.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
pub(super) struct Overheard(Arc<Mutex<Vec<u8>>>);

impl Overheard {
    /// Takes everything that the product itself says, down to the finest.
    pub(super) fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let own = EnvFilter::new("off,syncline=trace");
        tracing_subscriber::fmt().with_env_filter(own).with_ansi(false).with_writer(self.clone()).finish()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Write for Overheard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Overheard {
    type Writer = Overheard;

    fn make_writer(&'w self) -> Overheard {
        self.clone()
    }
}
