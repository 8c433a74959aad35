//! The systems under test: how each is configured, started, addressed and checked. The only file that knows them.
//!
//! Not here: running and measuring (see `run`).

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::Outcome;
use crate::ledger::Counts;

/// Signs all webhooks.
pub const SECRET: &str = "shpss_bench_0123456789abcdef";
/// How the hub's configuration names the secret.
const HUB_SECRET: &str = "BENCH_WEBHOOK_SECRET";
/// The unguessable part of the hub's webhook address.
const TOKEN: &str = "bench-token-0123456789abcdef0123";

/// The hub's configuration directory: what each file is called, and its text with the marks of `configure`.
const HUB_FILES: [(&str, &str); 6] = [
    ("syncline.yaml", include_str!("../hub/syncline.yaml")),
    ("connectors/bench-shop/connector.yaml", include_str!("../hub/connectors/bench-shop/connector.yaml")),
    ("connectors/bench-target/connector.yaml", include_str!("../hub/connectors/bench-target/connector.yaml")),
    ("mappings/bench-shop/order.yaml", include_str!("../hub/mappings/bench-shop/order.yaml")),
    ("mappings/bench-shop/values.yaml", include_str!("../hub/mappings/bench-shop/values.yaml")),
    ("mappings/bench-target/order.yaml", include_str!("../hub/mappings/bench-target/order.yaml")),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// The floor.
    Refpipe,
    /// The hub.
    Syncline,
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    pub refpipe: PathBuf,
    pub syncline: PathBuf,
}

/// One place to run in, fresh for each run.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    pub directory: &'a Path,
    pub listen: SocketAddr,
    pub target: SocketAddr,
}

impl System {
    pub fn name(self) -> &'static str {
        match self {
            System::Refpipe => "refpipe",
            System::Syncline => "syncline",
        }
    }

    /// Where it takes webhooks.
    pub fn webhook_path(self) -> String {
        match self {
            System::Refpipe => "/webhook".to_owned(),
            System::Syncline => format!("/hooks/shop/{TOKEN}"),
        }
    }

    /// Writes what it needs into the site's directory and says how to start it.
    pub fn prepare(self, programs: &Programs, site: Site<'_>) -> Outcome<Command> {
        match self {
            System::Refpipe => {
                let mut command = Command::new(&programs.refpipe);
                let (port, target) = (site.listen.port().to_string(), format!("http://{}/orders", site.target));
                command.arg("serve").arg(port).arg(site.directory.join("refpipe.db")).arg(target).arg(SECRET);
                Ok(command)
            }
            System::Syncline => {
                configure(site)?;
                let mut command = Command::new(&programs.syncline);
                command.arg("run").arg("--config").arg(site.directory).env(HUB_SECRET, SECRET);
                Ok(command)
            }
        }
    }

    /// After the kill: does the store hold what was accepted, with nothing left open?
    pub fn verify(self, programs: &Programs, site: Site<'_>, counts: Counts) -> Outcome<()> {
        let mut command = match self {
            System::Refpipe => Command::new(&programs.refpipe),
            System::Syncline => Command::new(&programs.syncline),
        };
        match self {
            System::Refpipe => command.arg("verify").arg(site.directory.join("refpipe.db")),
            System::Syncline => command.arg("verify").arg("--config").arg(site.directory).env(HUB_SECRET, SECRET),
        };
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} verify failed ({}): {text}{errors}", self.name(), output.status).into());
        }
        match self {
            System::Refpipe => {
                let held: Value = serde_json::from_str(&text)?;
                let right = held["inbox"] == counts.accepted && held["done"] == counts.accepted && held["open"] == 0;
                if right {
                    Ok(())
                } else {
                    Err(format!("{} accepted, but the database holds {held}", counts.accepted).into())
                }
            }
            // Its exit status says whether received = applied + superseded + ignored + dead + pending.
            System::Syncline => Ok(()),
        }
    }
}

fn configure(site: Site<'_>) -> Outcome<()> {
    let marks = [
        ("@LISTEN@", site.listen.to_string()),
        ("@TARGET@", site.target.to_string()),
        ("@DATABASE@", site.directory.join("syncline.db").display().to_string()),
        ("@TOKEN@", TOKEN.to_owned()),
    ];
    for (name, text) in HUB_FILES {
        let path = site.directory.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value)))?;
    }
    Ok(())
}
