//! `syncline rehearse`: what this configuration carries on this machine, told to a person; not here: the rehearsal.

use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Global, RehearseArgs};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use super::progress::bar;
use crate::api::Level;
use crate::rehearse::{
    FoundLimit, Latencies, Options, Pace, Progress, Rehearsal, RehearseError, Report, Step, VendorLimit, find_limit,
    per_s, run,
};

const LOAD: Duration = Duration::from_secs(30);
const STAGE: Duration = Duration::from_secs(10);

/// Until it is done or somebody ends it; either way hub and folder of the rehearsal are gone afterwards.
pub(super) async fn rehearse(global: &Global, args: &RehearseArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = tokio::select! {
        ended = held(global, args, to) => Some(ended),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    ended.unwrap_or_else(|| {
        Err(CliError::new(
            "the rehearsal was broken off",
            "",
            "give a shorter time by --for, or let it come to its end",
        ))
    })
}

async fn held(global: &Global, args: &RehearseArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let options = Options {
        config: global.config.clone(),
        program: std::env::current_exe()?,
        seed: args.seed,
        connections: args.connections.clone(),
        scratch: args.scratch.clone(),
    };
    let rehearsal = match Rehearsal::load(options) {
        Ok(rehearsal) => rehearsal,
        Err(RehearseError::Configuration(problems)) if global.json => {
            to.json(&json!({ "ok": false, "problems": problems.to_json() }))?;
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(refused(error, global, to)?),
    };
    let usual = if args.find_limit { STAGE } else { LOAD };
    let pace = Pace { milli_per_s: args.rate, run_for: args.run_for.unwrap_or(usual), drain: args.drain };
    let mut screen = Screen::new(to.terminal && !global.quiet, global.quiet);
    if args.find_limit {
        let found = find_limit(&rehearsal, pace, &mut |progress| screen.show(progress, to)).await;
        screen.clear();
        let found = match found {
            Ok(found) => found,
            Err(error) => return Err(refused(error, global, to)?),
        };
        if global.json {
            to.json(&found)?
        } else {
            tell_limit(&found, to)?
        }
        return Ok(if found.carries_milli_per_s.is_some() && found.ties() { Exit::Done } else { Exit::NotWell });
    }
    let report = run(&rehearsal, pace, &mut |progress| screen.show(progress, to)).await;
    screen.clear();
    let report = match report {
        Ok(report) => report,
        Err(error) => return Err(refused(error, global, to)?),
    };
    if global.json {
        to.json(&report)?;
    } else {
        verdict(&report, to)?;
        tell(&report, to)?;
    }
    Ok(if report.carries && report.ties { Exit::Done } else { Exit::NotWell })
}

/// A bar on a terminal, a line per step otherwise.
struct Screen {
    bar: Option<ProgressBar>,
    quiet: bool,
    told: Option<Step>,
}

impl Screen {
    fn new(moves: bool, quiet: bool) -> Screen {
        Screen { bar: moves.then(|| bar("rehearse")), quiet, told: None }
    }

    fn show(&mut self, progress: Progress, to: &mut Surroundings) {
        let step = match progress.step {
            Step::Load { milli_per_s } => format!("{}/s (ms)", per_s(milli_per_s)),
            Step::Mirror => "what the destinations have is read".to_owned(),
            Step::Drain => "what is left is delivered".to_owned(),
            Step::Verify => "the ledger is proved".to_owned(),
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                bar.set_message(step);
            }
            None if !self.quiet && self.told != Some(progress.step) => {
                self.told = Some(progress.step);
                let step = match progress.step {
                    Step::Load { milli_per_s } => {
                        format!("{}/s for {}", per_s(milli_per_s), time(progress.total.saturating_mul(1_000)))
                    }
                    Step::Mirror | Step::Drain | Step::Verify => step,
                };
                // Progress that nobody can read is no reason to stop.
                let _unread = writeln!(to.err, "rehearse: {step}");
            }
            None => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The error as commands tell it; problems of the configuration are printed as `check` prints them.
fn refused(error: RehearseError, global: &Global, to: &mut Surroundings) -> Result<CliError, CliError> {
    let place = global.config.display().to_string();
    let (what, place, next_step) = match error {
        RehearseError::Configuration(problems) => return super::run::misconfigured(&problems, &global.config, to),
        RehearseError::NoSuchConnection(name) => {
            return Ok(CliError::usage(
                format!("no flow begins at a connection {name}"),
                "name a connection that a flow's `from` names",
            ));
        }
        error @ RehearseError::NothingDriven(_) => (
            error.to_string(),
            place,
            "add what is named, or rehearse a configuration whose sources push, are polled or bring files",
        ),
        RehearseError::Io { what, cause } => {
            (format!("{what}: {cause}"), String::new(), "give another folder by --scratch")
        }
        error @ (RehearseError::Copy(_)
        | RehearseError::LeadsAway { .. }
        | RehearseError::Unsigned { .. }
        | RehearseError::Hub { .. }) => {
            (error.to_string(), place, "see whether `syncline check` and `syncline run` accept this configuration")
        }
    };
    Ok(CliError::new(what, place, next_step))
}

fn verdict(report: &Report, to: &mut Surroundings) -> Result<(), CliError> {
    let rate = per_s(report.rate_milli_per_s);
    let mark = match (report.carries, report.ties) {
        (true, true) => to.mark(Level::Good, &format!("carries {rate}/s for {}", time(report.planned_ms * 1_000))),
        (true, false) => to.mark(Level::Bad, &format!("carries {rate}/s, but the counts do not tie")),
        (false, _) => to.mark(Level::Bad, &format!("does not carry {rate}/s")),
    };
    to.line(&mark)?;
    causes(&report.gave_way, to)?;
    for fault in &report.faults {
        let mark = to.mark(Level::Bad, fault);
        to.line(&format!("  {mark}"))?;
    }
    Ok(())
}

fn causes(causes: &[String], to: &mut Surroundings) -> Result<(), CliError> {
    for (at, cause) in causes.iter().enumerate() {
        let word = if at == 0 { "first" } else { "then" };
        to.line(&format!("  {word}: {}", clean(cause)))?;
    }
    Ok(())
}

fn tell(report: &Report, to: &mut Surroundings) -> Result<(), CliError> {
    to.line("")?;
    to.line(&format!(
        "{} offered, {} accepted, {} refused (503), {} refused (429), {} failed; {} deliveries arrived",
        report.offered, report.accepted, report.refused_503, report.refused_429, report.failed, report.delivered
    ))?;
    let ledger = report.ledger;
    to.line(&format!(
        "{} received = {} applied + {} superseded + {} ignored + {} dead + {} pending",
        ledger.received, ledger.applied, ledger.superseded, ledger.ignored, ledger.dead, ledger.pending
    ))?;
    let cpu = report.cpu_us_per_record.map_or_else(|| "unknown".to_owned(), |us| format!("{us} µs"));
    let memory = report.peak_rss_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    to.line(&format!("CPU {cpu} per record, peak memory {memory}, started in {}", time(report.started_in_ms * 1_000)))?;
    let drained = match report.drained_in_ms {
        Some(ms) => format!("done {} later", time(ms * 1_000)),
        None => format!("{} of it left over", report.left_over),
    };
    to.line(&format!("backlog when the load had ended: {}, {drained}", report.backlog_at_end))?;
    to.line("")?;
    let mut table = Table::new(&["LATENCY", ">P50", ">P95", ">P99", ">MAX"]);
    table.row(latency_row("acknowledged", report.ack));
    table.row(latency_row("end to end", report.end_to_end));
    for flow in &report.flows {
        table.row(latency_row(&format!("  {}", flow.flow), flow.end_to_end));
    }
    table.print(to)?;
    to.line("")?;
    let mut table = Table::new(&["DRIVEN", "BY", ">OFFERED", ">ACCEPTED"]);
    for source in &report.sources {
        table.row(vec![
            source.stream.clone(),
            source.way.clone(),
            source.offered.to_string(),
            source.accepted.to_string(),
        ]);
    }
    table.print(to)?;
    to.line("")?;
    let mut table = Table::new(&["FLOW", "TO", "MODE", ">DONE", ">ARRIVED", ">OPEN", ">DEAD"]);
    for flow in &report.flows {
        let counts = [flow.done, flow.arrived, flow.open, flow.dead].map(|n| n.to_string());
        table.row([flow.flow.clone(), flow.to.clone(), flow.mode.clone()].into_iter().chain(counts).collect());
    }
    table.print(to)?;
    remarks(report, to)
}

fn remarks(report: &Report, to: &mut Surroundings) -> Result<(), CliError> {
    if !report.vendor_limits.is_empty() || !report.not_driven.is_empty() || !report.notes.is_empty() {
        to.line("")?;
    }
    for limit in &report.vendor_limits {
        to.line(&format!("limit: {}", clean(&allowed(limit))))?;
    }
    for left in &report.not_driven {
        to.line(&format!("not driven: {}: {}", clean(&left.what), clean(&left.reason)))?;
    }
    for note in &report.notes {
        to.line(&format!("note: {}", clean(note)))?;
    }
    Ok(())
}

fn allowed(limit: &VendorLimit) -> String {
    format!(
        "{} allows {} calls/s, so {} records/s and {} a day at {} calls each; this load needs {} calls/s",
        limit.connection,
        per_s(limit.allowed_milli_calls_per_s),
        per_s(limit.possible_milli_records_per_s),
        limit.possible_records_per_day,
        per_s(limit.milli_calls_per_record),
        per_s(limit.needed_milli_calls_per_s),
    )
}

fn tell_limit(found: &FoundLimit, to: &mut Surroundings) -> Result<(), CliError> {
    let rate = |milli: u64| format!("{}/s", per_s(milli));
    let line = match (found.carries_milli_per_s, found.breaks_milli_per_s) {
        (Some(holds), Some(breaks)) => {
            to.mark(Level::Good, &format!("carries {}, breaks at {}", rate(holds), rate(breaks)))
        }
        (Some(holds), None) => {
            to.mark(Level::Good, &format!("carries {}, the highest rate that was tried", rate(holds)))
        }
        (None, Some(breaks)) => to.mark(Level::Bad, &format!("does not even carry {}", rate(breaks))),
        (None, None) => to.mark(Level::Bad, "no rate was tried"),
    };
    to.line(&line)?;
    causes(&found.gave_way, to)?;
    to.line("")?;
    let mut table = Table::new(&[">RATE", "CARRIED", "COUNTS", "WHAT GAVE WAY"]);
    for stage in &found.stages {
        let word = |yes: bool, good: &str, bad: &str| if yes { good.to_owned() } else { bad.to_owned() };
        table.row(vec![
            rate(stage.rate_milli_per_s),
            word(stage.carries, "yes", "no"),
            word(stage.ties, "tie", "do not tie"),
            stage.gave_way.first().map(|cause| clean(cause)).unwrap_or_default(),
        ]);
    }
    table.print(to)?;
    if let Some(report) = found.best.as_ref().or(found.first_broken.as_ref()) {
        to.line("")?;
        to.line(&format!("At {}:", rate(report.rate_milli_per_s)))?;
        tell(report, to)?;
    }
    Ok(())
}

fn latency_row(what: &str, latencies: Option<Latencies>) -> Vec<String> {
    let Some(found) = latencies else {
        return std::iter::once(what.to_owned()).chain(std::iter::repeat_n("-".to_owned(), 4)).collect();
    };
    let cells = [found.p50_us, found.p95_us, found.p99_us, found.max_us].map(time);
    std::iter::once(what.to_owned()).chain(cells).collect()
}

/// Three digits are enough: `850 µs`, `12 ms`, `3.4 s`.
fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        1_000_000..60_000_000 => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
        _ => format!("{} min {:02} s", us / 60_000_000, us % 60_000_000 / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_read_well() {
        let shown = [850, 12_345, 999_999, 3_450_000, 30_000_000, 61_000_000].map(time);
        assert_eq!(shown, ["850 µs", "12.3 ms", "999.9 ms", "3.4 s", "30.0 s", "1 min 01 s"]);
    }
}
