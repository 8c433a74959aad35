//! Missing numbers in an ascending list: given out, but not visible yet, or never used. Pure.
//!
//! Not here: other kinds of watermarks (`cursor`).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More gaps than this are numbers that the vendor does not use; the oldest are given up.
const MAX_GAPS: usize = 64;

/// A watermark with the gaps behind it. A watermark without gaps is stored as its plain number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connector) struct Gapped {
    newest: u64,
    gaps: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gap {
    first: u64,
    last: u64,
    /// When it was first seen, in seconds since 1970, by the vendor's clock where it shows it.
    since: i64,
    /// It has been waited for long enough.
    over: bool,
}

/// The number after which to ask: that before the first gap that may still fill.
pub(in crate::connector) fn ask_from(stored: &str) -> Result<Value, String> {
    let Ok(gapped) = serde_json::from_str::<Gapped>(stored) else { return Ok(Value::String(stored.to_owned())) };
    let open = gapped.gaps.iter().find(|gap| !gap.over).map(|gap| gap.first.saturating_sub(1));
    Ok(Value::String(open.unwrap_or(gapped.newest).to_string()))
}

/// The newest number of a stored watermark.
pub(in crate::connector) fn newest(stored: &str) -> String {
    serde_json::from_str::<Gapped>(stored).map_or_else(|_| stored.to_owned(), |gapped| gapped.newest.to_string())
}

/// What a walk has seen so far: ranges of numbers without gaps, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connector) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(in crate::connector) fn add(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if number == *last + 1 => *last = number,
            Some((first, last)) if (*first..=*last).contains(&number) => {}
            Some(_) | None => self.0.push((number, number)),
        }
        let surplus = self.0.len().saturating_sub(MAX_GAPS + 1);
        self.0.drain(..surplus);
    }
}

/// The watermark after a walk that began at `from` and saw `ranges`.
pub(in crate::connector) fn settle(
    ranges: &Ranges,
    from: Option<&str>,
    wait: Duration,
    now: Timestamp,
) -> Option<String> {
    let before = from.map(|from| match serde_json::from_str::<Gapped>(from) {
        Ok(gapped) => gapped,
        Err(_) => Gapped { newest: from.parse().unwrap_or_default(), gaps: Vec::new() },
    });
    let newest = ranges.0.iter().map(|(_, last)| *last).chain(before.iter().map(|before| before.newest)).max()?;
    // Where the walk began, everything up to the number asked from counts as seen. A first walk begins with what it finds.
    let begun = from.and_then(|from| ask_from(from).ok()?.as_str()?.parse::<u64>().ok());
    let mut next = begun.or(ranges.0.first().map(|(first, _)| *first - u64::from(*first > 0)))? + 1;
    let mut gaps = Vec::new();
    for (first, last) in &ranges.0 {
        if *first > next {
            gaps.push(aged(next, *first - 1, before.as_ref(), wait, now));
        }
        next = next.max(*last + 1);
    }
    let surplus = gaps.len().saturating_sub(MAX_GAPS);
    gaps.drain(..surplus);
    if gaps.iter().all(|gap| gap.over) {
        return Some(newest.to_string());
    }
    serde_json::to_string(&Gapped { newest, gaps }).ok()
}

/// A gap keeps its age as it shrinks.
fn aged(first: u64, last: u64, before: Option<&Gapped>, wait: Duration, now: Timestamp) -> Gap {
    let known = before.and_then(|before| before.gaps.iter().find(|gap| gap.first <= first && first <= gap.last));
    let since = known.map_or(now.as_second(), |gap| gap.since);
    let waited = now.as_second().saturating_sub(since);
    let over = known.is_some_and(|gap| gap.over) || waited >= i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
    Gap { first, last, since, over }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(600);

    fn walk(from: Option<&str>, numbers: &[u64], at: i64) -> String {
        let mut ranges = Ranges::default();
        numbers.iter().for_each(|number| ranges.add(*number));
        settle(&ranges, from, WAIT, Timestamp::from_second(1_700_000_000 + at).unwrap()).unwrap()
    }

    #[track_caller]
    fn asks(stored: &str, from: &str) {
        assert_eq!(ask_from(stored).unwrap().as_str(), Some(from), "{stored}");
    }

    #[test]
    fn without_gaps_it_is_a_plain_number() {
        assert_eq!(walk(None, &[5, 6, 7], 0), "7");
        assert_eq!(walk(Some("7"), &[8, 9], 0), "9");
        assert_eq!(walk(Some("9"), &[], 0), "9");
        assert_eq!(walk(Some("7"), &[7, 8, 8], 0), "8");
    }

    #[test]
    fn a_gap_is_read_again_until_it_fills() {
        let held = walk(Some("7"), &[8, 10, 11], 0);
        asks(&held, "8");
        assert_eq!(newest(&held), "11");
        // Half of a wider gap fills; its rest keeps its age.
        let wide = walk(Some("7"), &[12], 0);
        asks(&wide, "7");
        let half = walk(Some(&wide), &[8, 9, 12, 13], 300);
        asks(&half, "9");
        assert_eq!(walk(Some(&half), &[12, 13, 14], 601), "14");
        assert_eq!(walk(Some(&held), &[9, 10, 11, 12], 60), "12");
    }

    #[test]
    fn a_number_that_never_comes_is_given_up() {
        let held = walk(Some("7"), &[9], 0);
        asks(&held, "7");
        let still = walk(Some(&held), &[9], 599);
        asks(&still, "7");
        assert_eq!(walk(Some(&still), &[9], 600), "9");
        // An old gap behind a new one does not begin to count anew.
        let both = walk(Some(&held), &[9, 11], 500);
        let one_over = walk(Some(&both), &[9, 11], 650);
        asks(&one_over, "9");
        assert_eq!(walk(Some(&one_over), &[11, 12], 1_100), "12");
    }
}
