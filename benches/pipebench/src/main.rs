//! Measures the hub against the reference pipe: interleaved rounds, ratios, gates.
//!
//! Not here: figures that mean something alone. On a shared machine the wall clock moves fourfold; ratios in one round stay.

mod compare;
mod ledger;
mod load;
mod order;
mod process;
mod referee;
#[cfg(test)]
mod referee_tests;
mod report;
mod run;
mod system;
mod target;
mod webhook;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use compare::Round;
use report::Report;
use run::{Scenario, Settings};
use system::{Programs, System};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Webhook to delivery, against the floor: throughput, latency, CPU, memory, start, idle.
#[derive(Debug, Parser)]
struct Arguments {
    /// What is measured; `refpipe` measures the floor against itself, which shows how far to trust the machine.
    #[arg(long, value_enum, default_value = "syncline")]
    subject: System,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "closed,open,idle,backlog")]
    scenarios: Vec<Scenario>,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Of the closed loop.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    orders: u64,
    /// Of the closed loop.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Orders per second of the open loop.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    open_s: u32,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    idle_s: u32,
    /// Orders that wait while the target holds its answers. They must all be accepted before the hub gives up on a request
    /// (30 s), or deliveries are repeated and the run is void.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    backlog: u64,
    /// How long the target takes to answer.
    #[arg(long, default_value_t = 0)]
    target_delay_ms: u64,
    #[arg(long, default_value = "benches/target/release/refpipe")]
    refpipe: PathBuf,
    #[arg(long, default_value = "target/release/syncline")]
    syncline: PathBuf,
    /// Databases and logs of the runs; must be on a real disk, or durability costs nothing.
    #[arg(long, default_value = "benches/target/runs")]
    directory: PathBuf,
    /// Keep the directories of the runs.
    #[arg(long)]
    keep: bool,
    /// Print JSON with every run instead of the table.
    #[arg(long)]
    json: bool,
    /// End with status 1 if a gate does not hold or a run was void.
    #[arg(long)]
    gate: bool,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pipebench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the caller may be content.
fn measure(arguments: &Arguments) -> Outcome<bool> {
    let settings = settings(arguments)?;
    let mut rounds = Vec::new();
    for no in 1..=arguments.rounds {
        for &scenario in &arguments.scenarios {
            let measure = |system| {
                let sample = run::run(system, scenario, &settings)?;
                eprintln!("round {no} {:<8}{}", format!("{scenario:?}").to_lowercase(), report::progress(&sample));
                Outcome::Ok(sample)
            };
            // The floor on both sides: what happens to the machine in between shows in its two figures.
            let before = measure(System::Refpipe)?;
            let subject = measure(arguments.subject)?;
            let after = measure(System::Refpipe)?;
            rounds.push(Round { no, scenario, floor: [before, after], subject });
        }
    }
    let report = Report::new(arguments.subject, rounds);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("\n{}", report.table());
    }
    Ok(!arguments.gate || report.passes())
}

fn settings(arguments: &Arguments) -> Outcome<Settings> {
    std::fs::create_dir_all(&arguments.directory)?;
    let program = |path: &PathBuf| {
        path.canonicalize()
            .map_err(|error| format!("{}: {error}; build it first (see benches/README.md)", path.display()))
    };
    let refpipe = program(&arguments.refpipe)?;
    let syncline = match arguments.subject {
        System::Syncline => program(&arguments.syncline)?,
        System::Refpipe => arguments.syncline.clone(),
    };
    Ok(Settings {
        programs: Programs { refpipe, syncline },
        directory: arguments.directory.canonicalize()?,
        keep: arguments.keep,
        orders: arguments.orders,
        connections: arguments.connections,
        rate: arguments.rate,
        open_s: arguments.open_s,
        idle_s: arguments.idle_s,
        backlog: arguments.backlog,
        target_delay: Duration::from_millis(arguments.target_delay_ms),
    })
}
