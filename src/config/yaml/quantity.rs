//! Scalars with units: durations (`90s`, `1h30m`), percentages (`20%`, `0.5%`), byte sizes (`64KiB`).
//!
//! Not here: money and quantities of goods.

use std::time::Duration;

use serde::Serialize;

use super::decode::{Context, Decode};
use super::node::Node;

/// A share in hundredths of a percent: `20%` is 2000. Exact, never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Percent {
    pub basis_points: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ByteSize {
    pub bytes: u64,
}

const DURATION: &str = "a duration such as `250ms`, `30s`, `5m`, `1h30m` or `7d`";

impl Decode for Duration {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let value = node.as_str().and_then(duration);
        if value.is_none() {
            cx.expected(node, DURATION);
        }
        value
    }
}

/// `1h30m`: whole numbers, each with a unit (`ms`, `s`, `m`, `h`, `d`), from large to small not required.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit_ms: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[letters..];
        total_ms = total_ms.checked_add(number.checked_mul(unit_ms)?)?;
    }
    Some(Duration::from_millis(total_ms))
}

impl Decode for Percent {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let value = node.as_str().and_then(percent);
        if value.is_none() {
            cx.expected(node, "a percentage from `0%` to `100%`, at most two decimals");
        }
        value
    }
}

fn percent(text: &str) -> Option<Percent> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 2 || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hundredths: u32 = format!("{fraction:0<2}").parse().ok()?;
    let basis_points = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    (basis_points <= 10_000).then_some(Percent { basis_points })
}

impl Decode for ByteSize {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let value = node.as_str().and_then(byte_size);
        if value.is_none() {
            cx.expected(node, "a size such as `64KiB`, `10MiB` or `1GiB`");
        }
        value
    }
}

fn byte_size(text: &str) -> Option<ByteSize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let unit: u64 = match &text[digits..] {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    Some(ByteSize { bytes: number.checked_mul(unit)? })
}
