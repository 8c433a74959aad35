//! Runs fuzz targets: a seeded loop over mutated fixtures. Usage and figures: README.md.
//!
//! Not here: targets; each has a file of its own.

mod edi;
mod mutate;
mod statements;
mod target;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use target::{Outcome, Target};

const TARGETS: &[Target] = &[
    edi::X12,
    edi::EDIFACT,
    statements::MT940,
    statements::BAI2,
    statements::CAMT053,
    statements::CSV_REPORTS,
];

/// Inputs kept because they were accepted and may lead further.
const KEPT: usize = 2_000;
/// Findings after which a target ends.
const FINDINGS: u64 = 20;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !TARGETS.iter().any(|target| target.name == **name)) {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("{unknown:?} is not a target; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let mut found = 0;
    for target in TARGETS.iter().filter(|target| wanted.is_empty() || wanted.iter().any(|name| target.name == name)) {
        found += run(target);
    }
    if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The number of findings.
fn run(target: &Target) -> u64 {
    let (iterations, seconds) = (number("FUZZ_ITERATIONS", 100_000), number("FUZZ_SECONDS", 180));
    let seed = number("FUZZ_SEED", 1);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut corpus = (target.corpus)();
    let from_fixtures = corpus.len();
    let (mut done, mut accepted, mut findings, mut slowest) = (0, 0_u64, 0, Duration::ZERO);
    // Panics are findings and told as such; the default message would flood the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let begun = Instant::now();
    while done < iterations && begun.elapsed().as_secs() < seconds && findings < FINDINGS {
        let input = match corpus.get(usize::try_from(done).unwrap_or(usize::MAX)) {
            // The fixtures themselves first: all of them must hold.
            Some(fixture) if done < from_fixtures as u64 => fixture.clone(),
            Some(_) | None if corpus.is_empty() => mutate::mutate(&mut rng, b"", &corpus, target.dictionary),
            Some(_) | None => {
                let base = &corpus[rng.usize(0..corpus.len())];
                mutate::mutate(&mut rng, base, &corpus, target.dictionary)
            }
        };
        done += 1;
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        slowest = slowest.max(started.elapsed());
        let problem = match outcome {
            Ok(Outcome::Accepted) => {
                accepted += 1;
                if corpus.len() < KEPT && done > from_fixtures as u64 {
                    corpus.push(input);
                }
                continue;
            }
            Ok(Outcome::Refused) => continue,
            Ok(Outcome::Broken(promise)) => promise,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_else(|| "panicked".to_owned())
            }
        };
        findings += 1;
        keep(target.name, seed, done, &input, &problem);
    }
    drop(std::panic::take_hook());
    let spent = begun.elapsed();
    println!(
        "{}",
        serde_json::json!({
            "target": target.name, "seed": seed, "fixtures": from_fixtures, "iterations": done,
            "seconds": spent.as_secs(), "accepted": accepted, "slowest_ms": u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX),
            "findings": findings,
        })
    );
    findings
}

fn keep(target: &str, seed: u64, iteration: u64, input: &[u8], problem: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/findings");
    let path = format!("{folder}/{target}-{seed}-{iteration}.bin");
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, input));
    match kept {
        Ok(()) => eprintln!("{target}: {problem}; input in {path}"),
        Err(error) => eprintln!("{target}: {problem}; the input could not be written to {path}: {error}"),
    }
}
