//! Mapping 20 fields of an order: the compiled engine against hand-written code, on one core, ratios inside rounds.
//!
//! Not here: the engine's correctness (its own tests); only that each peer's output is right before it is measured.
#![allow(clippy::float_arithmetic)] // no amounts here, only times

mod engine;
#[path = "../pipebench/src/order.rs"]
mod order;
mod peers;
#[path = "../pipebench/src/referee.rs"]
mod referee;

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
/// From a payload's bytes to what the peer makes of it; the length keeps the work from being optimised away.
type Work<'a> = Box<dyn Fn(&[u8]) -> Outcome<Vec<u8>> + 'a>;

const ORDERS: u64 = 500;
/// CPU time of one measurement.
const SPAN_NS: u64 = 300_000_000;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[arg(long)]
    json: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Peer<'a> {
    name: &'static str,
    what: &'static str,
    /// Delivers the target's order, to be checked field by field.
    whole: bool,
    work: Work<'a>,
    per_s: Vec<f64>,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mapping: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Outcome<()> {
    let engine = engine::Engine::load()?;
    let peer = |name, what, whole, work| Peer { name, what, whole, work, per_s: Vec::new() };
    let mut peers = [
        peer("typed", "serde structs of this shape, borrowed: the limit", true, Box::new(peers::typed) as Work<'_>),
        peer("value", "serde_json::Value in and out, paths by hand", true, Box::new(peers::value)),
        peer("parse value", "the payload as serde_json::Value, no map", false, Box::new(peers::parse)),
        peer("parse payload", "the payload as the borrowing tree, no map", false, Box::new(engine::parse)),
        peer("in, value", "serde_json::Value to canonical record", false, Box::new(|text| engine.inward_value(text))),
        peer("in", "borrowing tree to canonical record", false, Box::new(|text| engine.inward(text))),
        peer("in + out", "to record and out again", true, Box::new(|text| engine.through(text))),
    ];
    let payloads: Vec<Vec<u8>> = (0..ORDERS).map(|index| order::body(index).into_bytes()).collect();
    for peer in &peers {
        check(peer, &payloads)?;
    }
    for _ in 0..arguments.rounds {
        for peer in &mut peers {
            let per_s = rate(&peer.work, &payloads)?;
            peer.per_s.push(per_s);
        }
    }
    show(&peers, arguments.json)
}

/// A peer that mangles an order is not measured.
fn check(peer: &Peer<'_>, payloads: &[Vec<u8>]) -> Outcome<()> {
    for (index, payload) in (0u64..).zip(payloads) {
        let output = (peer.work)(payload).map_err(|error| format!("{}: {error}", peer.name))?;
        let wrong = if peer.whole { referee::wrong_fields(index, &output) } else { Vec::new() };
        if let Some(first) = wrong.first() {
            return Err(format!("{}: {first}", peer.name).into());
        }
    }
    Ok(())
}

/// Orders per second of this thread's CPU time, so that neighbours on the machine do not count.
fn rate(work: &Work<'_>, payloads: &[Vec<u8>]) -> Outcome<f64> {
    let (start, mut spent, mut count) = (cpu_ns()?, 0, 0u64);
    while spent < SPAN_NS {
        for payload in payloads {
            std::hint::black_box(work(payload)?.len());
        }
        count += ORDERS;
        spent = cpu_ns()? - start;
    }
    Ok(count as f64 * 1e9 / spent as f64)
}

fn cpu_ns() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("the kernel keeps no schedstat")?.parse()?)
}

fn show(peers: &[Peer<'_>], as_json: bool) -> Outcome<()> {
    let [typed, value, ..] = peers else { return Err("the peers to compare with are missing".into()) };
    let ratio = |peer: &Peer<'_>, to: &Peer<'_>| median(peer.per_s.iter().zip(&to.per_s).map(|(a, b)| a / b));
    if as_json {
        let row = |peer: &Peer<'_>| {
            let (to_typed, to_value) = (ratio(peer, typed), ratio(peer, value));
            json!({ "name": peer.name, "per_s": peer.per_s, "to_typed": to_typed, "to_value": to_value })
        };
        println!("{}", json!({ "orders": ORDERS, "peers": peers.iter().map(row).collect::<Vec<_>>() }));
        return Ok(());
    }
    println!("{:<16}{:>10}{:>10}{:>10}{:>10}  what", "", "per s", "us each", "to typed", "to value");
    for peer in peers {
        let per_s = median(peer.per_s.iter().copied());
        let (to_typed, to_value) = (ratio(peer, typed), ratio(peer, value));
        let (name, what, us) = (peer.name, peer.what, 1e6 / per_s);
        println!("{name:<16}{per_s:>10.0}{us:>10.2}{to_typed:>10.2}{to_value:>10.2}  {what}");
    }
    Ok(())
}

/// The upper one of an even number; NaN of none, which prints as such.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
