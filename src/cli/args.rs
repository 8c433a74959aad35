//! What may be written on the command line; not here: what it does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::recon::ReconCommand;
use crate::telemetry::logging::LogFormat;

/// Keeps storefronts, ERPs and payment processors in agreement, durably and provably.
#[derive(Debug, Parser)]
#[command(
    name = "syncline",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but not all is well (open issues, open breaks, stale flows, ledger faults), 141 nobody reads the output any more."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Directory with syncline.yaml
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub config: PathBuf,
    /// Print the API's answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours: on a terminal, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Log more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log errors only, and show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// How log lines look; `run` takes what the configuration says, else human
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log: Option<LogFormat>,
    /// Who asks, for the audit trail
    #[arg(long, global = true, value_name = "NAME")]
    pub actor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the hub at work: sandbox vendors that misbehave, and the comparison of all ledgers
    Demo(DemoArgs),
    /// Write a commented configuration to begin with
    Init,
    /// Is the configuration right? With --live: do the systems answer?
    Check {
        /// Ask this connection only
        connection: Option<String>,
        /// Ask the systems too
        #[arg(long)]
        live: bool,
    },
    /// What does a connection have? Fields, values and a suggested field table from a sample; tables of databases
    Discover(DiscoverArgs),
    /// Run the hub
    Run,
    /// What does this configuration carry on this machine? A copy of it under load, against stand-ins for all vendors
    Rehearse(RehearseArgs),
    /// Material to try things with, from a seed
    Sandbox {
        #[command(subcommand)]
        command: SandboxCommand,
    },
    /// What can be connected; with a name: how
    Connectors {
        name: Option<String>,
        /// Print the catalogue as Markdown (docs/catalog.md)
        #[arg(long, conflicts_with = "name")]
        markdown: bool,
    },
    /// JSON Schemas of configuration, manifests, mappings, fixtures and canonical records, for editors
    Schema {
        /// connector, mapping, values, config, fixture, or an entity; without it, the list
        name: Option<String>,
        /// Write all of them into this folder
        #[arg(long = "write", value_name = "DIR", conflicts_with = "name")]
        write: Option<PathBuf>,
    },
    /// Is a connector right? Its files, and the conformance suite over its fixtures
    Connector {
        #[command(subcommand)]
        command: ConnectorCommand,
    },
    /// Field tables
    Mapping {
        #[command(subcommand)]
        command: MappingCommand,
    },
    /// Is everything all right?
    Status,
    /// Where is this record? Its stations, what each system has, and what happened
    Explain {
        /// Order number, SKU, any system's id, or connection/stream/key
        record: String,
        /// Print the payloads too
        #[arg(long)]
        payloads: bool,
    },
    /// The work list: failures grouped by cause
    Issues {
        #[command(subcommand)]
        command: IssuesCommand,
    },
    /// Reconciliations: run them, work their breaks, sign them (docs/reconciliation.md)
    Recon {
        #[command(subcommand)]
        command: ReconCommand,
    },
    /// Send the latest state of a flow's records again
    Replay {
        flow: String,
        /// Only this record, by its key at the source
        #[arg(long)]
        key: Option<String>,
        /// Only records changed since, such as 2026-11-22T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Send even what the destination seems to have
        #[arg(long)]
        force: bool,
    },
    /// Have the running hub read its configuration anew
    Reload,
    /// Prove the ledger: count every row anew and check all that must hold
    Verify,
    /// Copy the store while work goes on
    Backup {
        /// Where to; by default `backups/` in the data directory, named by the time
        to: Option<PathBuf>,
    },
    /// Put a backup in the place of the store; the hub must be stopped
    Restore {
        from: PathBuf,
        /// Replace a store that is there; it is kept beside under another name
        #[arg(long)]
        replace: bool,
    },
    /// Copy the store into another, empty database; the hub must be stopped
    MigrateStore {
        /// sqlite:PATH, postgres://user:password@host/name, or a reference such as '${NEW_DATABASE_URL}'
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Stop by itself after this long (and the time to drain)
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub run_for: Option<Duration>,
    /// New orders per second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub rate: u32,
    /// Same seed, same mischief
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Keep the installation here instead of in a temporary folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Vendors that behave
    #[arg(long)]
    pub calm: bool,
}

#[derive(Clone, Debug, Args)]
pub struct RehearseArgs {
    /// Records over all sources: 200/s, 90/min, 86400/day
    #[arg(long, value_name = "RATE", default_value = "50/s", value_parser = rate, conflicts_with = "find_limit")]
    pub rate: u64,
    /// Raise the rate until it breaks, and say what gave way
    #[arg(long)]
    pub find_limit: bool,
    /// How long the load lasts; with --find-limit: at each rate [default: 30s, with --find-limit 10s]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub run_for: Option<Duration>,
    /// How long the rest may take afterwards, besides what files and polls wait by themselves
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    pub drain: Duration,
    /// Same seed, same keys
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only this connection sends records; may be given several times
    #[arg(long = "connection", value_name = "NAME")]
    pub connections: Vec<String>,
    /// Where the copy lies for the time of the rehearsal, on the disk that the store will have
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Thousandths a second.
fn rate(text: &str) -> Result<u64, String> {
    let wrong = || "write a rate such as 200/s, 90/min, 3600/h or 86400/day".to_owned();
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "day" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    let milli = number.checked_mul(1_000).ok_or_else(wrong)? / seconds;
    if (1..=20_000_000).contains(&milli) { Ok(milli) } else { Err("a rate is from 87/day to 20000/s".to_owned()) }
}

fn time(text: &str) -> Result<Duration, String> {
    crate::config::yaml::duration(text).ok_or_else(|| "write a time such as 30s or 5m".to_owned())
}

#[derive(Clone, Debug, Subcommand)]
pub enum ConnectorCommand {
    /// Write a connector to begin with: manifest, mapping, fixtures; nothing that is there is overwritten
    New {
        /// Lower-case letters, digits, `-` and `_`
        name: String,
        /// Derive it from this OpenAPI 3 or Swagger 2 document, YAML or JSON; nothing is fetched
        #[arg(long, value_name = "FILE")]
        openapi: Option<PathBuf>,
    },
    /// Play the fixtures against the engine, well-behaved and misbehaving, and judge every behaviour (docs/conformance.md)
    Test {
        /// Connectors, shipped or of this installation
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Print the table as Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Make fixtures of a live connection's answers: safe reads only, secrets and people replaced
    Record(RecordArgs),
    /// Everything that is wrong or missing in a connector's files, with its place and what to write
    Lint {
        /// Connectors, or a folder with a connector.yaml
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
}

#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// A connection of the configuration
    pub connection: String,
    /// Only this stream; may be given several times
    #[arg(long = "stream", value_name = "NAME")]
    pub streams: Vec<String>,
    /// Pages of each list, rows of each file
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub limit: u16,
    /// Folder that gets connectors/NAME/fixtures [default: the installation, for a shipped connector its folder `recorded`]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace ids too, the same id by the same
    #[arg(long)]
    pub scrub_ids: bool,
    /// Overwrite fixtures of an earlier recording
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Debug, Args)]
pub struct DiscoverArgs {
    /// A connection of the configuration
    pub connection: String,
    /// Only this stream
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// Records to look at
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sample: u16,
    /// Write the suggested tables as mappings/NAME/ENTITY.yaml, where there are none yet
    #[arg(long)]
    pub write: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum SandboxCommand {
    /// A shop's month as files of shop, ERP, processor and bank, with planted differences and a file that tells them
    Month(MonthArgs),
}

#[derive(Clone, Debug, Args)]
pub struct MonthArgs {
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders in the month
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = orders)]
    pub orders: usize,
    /// Which month
    #[arg(long, value_name = "YYYY-MM", default_value = "2026-11", value_parser = month)]
    pub month: (i16, i8),
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

fn orders(text: &str) -> Result<usize, String> {
    let orders = text.parse().ok().filter(|orders| (1..=1_000_000).contains(orders));
    orders.ok_or_else(|| "a month has 1 to 1000000 orders".to_owned())
}

fn month(text: &str) -> Result<(i16, i8), String> {
    let month = text.split_once('-').and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
    let known = |(year, month): &(i16, i8)| (1..=9998).contains(year) && (1..=12).contains(month);
    month.filter(known).ok_or_else(|| "write a month such as 2026-11".to_owned())
}

#[derive(Clone, Debug, Subcommand)]
pub enum MappingCommand {
    /// Run the tests inside mapping files
    Test {
        /// Only mappings whose name begins so: shopify, or shopify/order
        only: Option<String>,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum IssuesCommand {
    /// Open issues, newest first
    List {
        /// Resolved ones too
        #[arg(long)]
        all: bool,
    },
    /// One issue with its records, the exact exchange and the suggested fix
    Show { id: i64 },
    /// Correct the payload of one record and send it back to work
    Edit {
        id: i64,
        /// Which one, as `issues show` names it: job-12 or inbox-3; not needed where there is one only
        record: Option<String>,
        /// File with the corrected record or payload, `-` for standard input; without it $EDITOR opens
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Send the records of an issue back to work; files are read again, or accepted if they were held
    Retry {
        id: i64,
        /// Only this one: job-12 or inbox-3
        #[arg(long, value_name = "RECORD")]
        only: Option<String>,
    },
    /// Give the records of an issue up; files stay refused
    Discard {
        id: i64,
        /// Only this one: job-12 or inbox-3
        #[arg(long, value_name = "RECORD")]
        only: Option<String>,
        /// Why; kept in the audit trail
        #[arg(long)]
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, month, rate};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn months_are_read() {
        assert_eq!(month("2026-11"), Ok((2026, 11)));
        for wrong in ["", "2026", "2026-13", "2026-00", "-1-05", "2026-11-30", "99999-01"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read() {
        assert_eq!(
            ["200/s", "7", "90/min", "86400/day"].map(|text| rate(text).ok()),
            [200_000, 7_000, 1_500, 1_000].map(Some)
        );
        for wrong in ["", "0/s", "1/day", "5/week", "-1/s", "1.5/s", "99999999999999999999/s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
