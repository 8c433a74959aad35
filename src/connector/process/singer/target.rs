//! A target as a sink: a batch is one run, and what it acknowledges is what it echoed of our states.
//!
//! Not here: gathering batches (`sink`), what follows from a record that was not acknowledged (deliver).

use serde_json::Value;
use tokio::time::Instant;

use super::message;
use crate::connector::manifest::ProcessTimeouts;
use crate::connector::process::child::{Heard, Running};
use crate::connector::process::failure::{Failure, Fault};
use crate::connector::process::program::{Checked, Program};

/// A state goes after so many records, so that a target that fails half-way has acknowledged what it kept.
const RECORDS_PER_STATE: usize = 100;
/// Told at once.
const PIECE: usize = 64 << 10;

/// One batch for one stream.
pub(in crate::connector::process) struct Load<'a> {
    pub stream: &'a str,
    pub schema: &'a Value,
    pub key: &'a [String],
    pub records: Vec<&'a Value>,
}

/// How far a target got.
pub(in crate::connector::process) struct Acknowledged {
    /// The first so many records are there.
    pub records: usize,
    /// Why not all of them; the rest may be there or not, if it was `sent`.
    pub failure: Option<Failure>,
    pub sent: bool,
}

/// Runs the target for a batch.
pub(in crate::connector::process) async fn load(program: &Program, load: &Load<'_>) -> Acknowledged {
    let mut running = match start(program) {
        Ok(running) => running,
        Err(fault) => return Acknowledged { records: 0, failure: Some(fault.into()), sent: false },
    };
    running.begin("writing");
    let mut run = Run { acknowledged: 0, sent: false, timeouts: program.process.timeouts };
    let ended = run.carry(&mut running, load).await;
    let (records, all) = (run.acknowledged.min(load.records.len()), load.records.len());
    let fault = match ended {
        Ok(()) if records == all => return Acknowledged { records, failure: None, sent: true },
        Ok(()) => Fault::Unfit(format!("ended well, but its states acknowledge only {records} of {all} records")),
        Err(fault) => fault,
    };
    Acknowledged { records, failure: Some(running.failure(fault)), sent: run.sent }
}

fn start(program: &Program) -> Result<Running, Fault> {
    let folder = program.folder()?;
    let config = folder
        .file("config.json", program.config.to_string().as_bytes())
        .map_err(|cause| Fault::Folder { path: folder.path().to_owned(), cause })?;
    program.start(&["--config".to_owned(), config.display().to_string()], folder, true)
}

struct Run {
    acknowledged: usize,
    /// Whether the target has taken anything.
    sent: bool,
    timeouts: ProcessTimeouts,
}

impl Run {
    async fn carry(&mut self, running: &mut Running, load: &Load<'_>) -> Result<(), Fault> {
        let mut piece = message::schema(load.stream, load.schema, load.key);
        for (index, record) in load.records.iter().enumerate() {
            piece.extend(message::record(load.stream, record));
            if (index + 1) % RECORDS_PER_STATE == 0 {
                piece.extend(message::state(index + 1));
            }
            if piece.len() >= PIECE {
                self.tell(running, &piece).await?;
                piece.clear();
            }
        }
        piece.extend(message::state(load.records.len()));
        self.tell(running, &piece).await?;
        running.end_input();
        self.listen(running).await
    }

    async fn tell(&mut self, running: &mut Running, piece: &[u8]) -> Result<(), Fault> {
        match running.tell(piece, self.timeouts.silence).await {
            Ok(()) => {
                self.sent = true;
                Ok(())
            }
            Err((fault, taken)) => {
                self.sent |= taken;
                // What it acknowledged before it broke counts.
                while let Ok(Heard::Line(line)) = running.hear(Instant::now()).await {
                    self.note(&line);
                }
                Err(fault)
            }
        }
    }

    /// To the end of its output, and of itself.
    async fn listen(&mut self, running: &mut Running) -> Result<(), Fault> {
        let mut left = self.timeouts.call;
        loop {
            let (began, patience) = (Instant::now(), self.timeouts.silence.min(left));
            let heard = running.hear(began + patience).await?;
            left = left.saturating_sub(began.elapsed());
            match heard {
                Heard::Line(line) => self.note(&line),
                Heard::End => return running.finish().await,
                Heard::Nothing if left.is_zero() => return Err(Fault::Slow(self.timeouts.call)),
                Heard::Nothing => return Err(Fault::Silent { waited: patience, doing: running.doing }),
            }
        }
    }

    /// Whatever else it says on its output is its own affair.
    fn note(&mut self, line: &[u8]) {
        self.acknowledged = self.acknowledged.max(message::acknowledged(line).unwrap_or_default());
    }
}

/// Starts the target with nothing to write: it reads its configuration and ends.
pub(in crate::connector::process) async fn check_target(program: &Program) -> Result<Checked, Failure> {
    let mut running = start(program)?;
    running.begin("starting with nothing to write");
    running.end_input();
    let mut run = Run { acknowledged: 0, sent: false, timeouts: program.process.timeouts };
    match run.listen(&mut running).await {
        Ok(()) => Ok(Checked { shows: None, streams: None }),
        Err(fault) => Err(running.failure(fault)),
    }
}
