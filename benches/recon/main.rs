//! Two unsorted statements of millions of rows: the engine against DuckDB on the same files, in turn, each in a process of its own.
//!
//! Faults are planted and must be found exactly, by both; a run that miscounts is void. Not here: what the engine finds beyond
//! that (its own tests).
#![allow(clippy::float_arithmetic)] // no amounts here, only times

mod plant;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use plant::Counts;
use serde::{Deserialize, Serialize};
use syncline::model::Date;
use syncline::recon::code::Code;
use syncline::recon::large::{Columns, Delimited, Room, reconcile_large};
use syncline::recon::outcome::{Bucket, NothingCarried};
use syncline::recon::row::Side;
use syncline::recon::rules::{Measure, RuleSet, States};
use syncline::recon::settle::Circumstances;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Parser)]
struct Arguments {
    /// Rows of side A.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where files are made and digests set aside; a real disk.
    #[arg(long, default_value = "target/recon-bench")]
    directory: PathBuf,
    /// A Python that has DuckDB (`pip install duckdb`); without it, the engine runs alone.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Runs the engine once, in this process.
    #[arg(long, hide = true)]
    once: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a process says of its run.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    wall_s: f64,
    cpu_s: f64,
    rss_mb: f64,
    counts: Counts,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if arguments.once { once(&arguments.directory) } else { compare(&arguments) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Outcome<()> {
    let folder = &arguments.directory;
    std::fs::create_dir_all(folder)?;
    let expected = plant::plant(folder, arguments.rows)?;
    println!("{} x {} rows, planted {expected:?}", arguments.rows, arguments.rows + expected.missing_in_a);
    println!("{:<10} {:>8} {:>8} {:>8}", "", "wall s", "CPU s", "RSS MB");
    let mut ratios = Vec::new();
    for _ in 0..arguments.rounds {
        let engine = run(Command::new(std::env::current_exe()?).arg("--once").arg("--directory").arg(folder))?;
        show("syncline", &engine, &expected)?;
        if let Some(python) = &arguments.python {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/recon/peer.py");
            let peer = run(Command::new(python).arg(script).arg(folder))?;
            show("duckdb", &peer, &expected)?;
            ratios.push((engine.wall_s / peer.wall_s, engine.cpu_s / peer.cpu_s, engine.rss_mb / peer.rss_mb));
        }
    }
    let median = |of: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = ratios.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    if let (Some(wall), Some(cpu), Some(rss)) = (median(|r| r.0), median(|r| r.1), median(|r| r.2)) {
        println!("{:<10} {wall:>8.2} {cpu:>8.2} {rss:>8.2}", "ratio");
    }
    Ok(())
}

fn run(command: &mut Command) -> Outcome<Run> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn show(name: &str, run: &Run, expected: &Counts) -> Outcome<()> {
    println!("{name:<10} {:>8.2} {:>8.2} {:>8.0}", run.wall_s, run.cpu_s, run.rss_mb);
    if run.counts == *expected { Ok(()) } else { Err(format!("{name} found {:?}: the run is void", run.counts).into()) }
}

fn once(folder: &Path) -> Outcome<()> {
    let rules = RuleSet {
        states: Some(States { agree: plant::STATES.map(|state| (state.into(), state.into())).into(), lag: Vec::new() }),
        ..RuleSet::keyed("bench", "order", Measure::Money)
    };
    let columns = || Columns {
        keys: vec![Some("order".into())],
        amount: "amount".into(),
        unit: Some("currency".into()),
        date: Some("day".into()),
        status: Some("state".into()),
        ..Columns::default()
    };
    let started = Instant::now();
    let a = Delimited::open(&folder.join("a.csv"), b',', columns(), &rules)?;
    let b = Delimited::open(&folder.join("b.csv"), b',', columns(), &rules)?;
    let around = Circumstances::plain(Date::parse("2026-11-30")?, &NothingCarried);
    let outcome = reconcile_large(&rules, [&a, &b], &[], &around, &Room::new(folder))?;
    let rows = |code: Code, side: Side| outcome.totals(&Bucket::Break(code), side).rows;
    let counts = Counts {
        exact: outcome.totals(&Bucket::MatchedExact, Side::A).rows,
        missing_in_a: rows(Code::MissingInA, Side::B),
        missing_in_b: rows(Code::MissingInB, Side::A),
        amount: rows(Code::AmountOver, Side::A) + rows(Code::AmountUnder, Side::A),
        state: rows(Code::StatusMismatch, Side::A),
        duplicate: rows(Code::DuplicateB, Side::B),
    };
    let wall_s = started.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&Run { wall_s, cpu_s: cpu_seconds()?, rss_mb: peak_mb()?, counts })?);
    Ok(())
}

/// User and system time of this process.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat.rsplit_once(')').ok_or("/proc/self/stat")?;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum::<u64>();
    Ok(ticks as f64 / 100.0)
}

fn peak_mb() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}
