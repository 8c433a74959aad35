//! Commands in this process: a line typed by somebody at some time, how it ended and what it said; shared by tests.
//!
//! Not here: installations, what is expected.
#![allow(dead_code)]

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use serde_json::Value;
use syncline::cli::{Cli, Exit, Surroundings, execute};
use syncline::model::clock::Clock;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

pub struct Ran {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{:?} {} {}", self.exit, self.out, self.err))
    }
}

/// `syncline --config DIR ARGUMENTS`, with `input` typed into it.
pub async fn command(dir: &Path, clock: Clock, user: &str, arguments: &[&str], input: &str) -> Ran {
    let line = ["syncline", "--config", dir.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(line).unwrap();
    let (out, err) = (Captured::default(), Captured::default());
    let mut surroundings = Surroundings {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        input: Box::new(Cursor::new(input.as_bytes().to_vec())),
        clock,
        terminal: false,
        colour: false,
        user: user.to_owned(),
    };
    // On the heap: a test makes many of these in one function.
    let exit = Box::pin(execute(cli, &mut surroundings)).await;
    Ran { exit, out: out.text(), err: err.text() }
}
