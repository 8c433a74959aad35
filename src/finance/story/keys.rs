//! What is known of the keys so far, and whether a row's key is one of them in the leg's own spelling.
//!
//! Not here: where rows come from (`sides`), which leg comes next (`walk`).

use std::collections::{BTreeMap, HashSet};

use crate::recon::matching::join_key;
use crate::recon::normalise::{Normaliser, normalise};
use crate::recon::row::Row;
use crate::recon::rules::{How, KeyIndex, Pass, RuleSet};

/// Values of one key that are followed; a story of more is one of a payout, whose own sums are told anyway.
pub const MOST_VALUES: usize = 5_000;

/// Steps that make spellings comparable.
type Spelling = Vec<Normaliser>;

/// Values by the keys' names.
#[derive(Debug, Default)]
pub struct Known {
    values: BTreeMap<String, Vec<String>>,
    seen: HashSet<(String, String)>,
    /// Keys of which there are more values than are followed.
    pub more: BTreeMap<String, u64>,
}

impl Known {
    pub fn add(&mut self, key: &str, value: &str) {
        if !self.seen.insert((key.to_owned(), value.to_owned())) {
            return;
        }
        let values = self.values.entry(key.to_owned()).or_default();
        if values.len() < MOST_VALUES {
            values.push(value.to_owned());
        } else {
            // What is not followed is not remembered either.
            self.seen.remove(&(key.to_owned(), value.to_owned()));
            *self.more.entry(key.to_owned()).or_default() += 1;
        }
    }

    pub fn of(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, key: &str) -> bool {
        !self.of(key).is_empty()
    }
}

/// The passes that compare by keys: which, and in which spelling.
fn keyed(pass: &Pass) -> Option<(&[KeyIndex], &Spelling)> {
    match &pass.how {
        How::Keyed(keyed) => Some((&keyed.on, &keyed.normalise)),
        How::Grouped(grouped) => Some((&grouped.by, &grouped.normalise)),
        How::Window(_) | How::Subset(_) => None,
    }
}

fn spellings_of<'r>(rules: &'r RuleSet, key: &str) -> impl Iterator<Item = &'r Spelling> {
    let at = rules.keys.iter().position(|known| **known == *key);
    let passes = rules.passes.iter().filter_map(keyed);
    passes.filter(move |(on, _)| at.is_some_and(|at| on.contains(&at))).map(|(_, spelling)| spelling)
}

/// How a leg spells a key: as its passes do; of a key that none of them uses, as the other legs' do; else to the letter.
pub fn spellings(leg: &RuleSet, story: &[&RuleSet], key: &str) -> Vec<Spelling> {
    let mut found: Vec<Spelling> = spellings_of(leg, key).cloned().collect();
    if found.is_empty() {
        found.extend(story.iter().flat_map(|rules| spellings_of(rules, key)).cloned());
    }
    if found.is_empty() {
        found.push(Spelling::new());
    }
    let mut once: Vec<Spelling> = Vec::new();
    for spelling in found {
        if !once.contains(&spelling) {
            once.push(spelling);
        }
    }
    once
}

/// Known values of one key of a side.
pub struct Wanted {
    at: KeyIndex,
    ways: Vec<(Spelling, HashSet<String>)>,
}

impl Wanted {
    pub fn new(at: KeyIndex, spellings: Vec<Spelling>, values: &[String]) -> Wanted {
        let way = |spelling: Spelling| {
            let set = values.iter().map(|value| normalise(value, &spelling).into_owned());
            let set = set.filter(|value| !value.is_empty()).collect();
            (spelling, set)
        };
        Wanted { at, ways: spellings.into_iter().map(way).collect() }
    }

    /// Whether the row's value is among them; nothing if it has none.
    pub fn has(&self, row: &Row) -> Option<bool> {
        let value = row.keys.get(self.at)?.as_deref().filter(|value| !value.trim().is_empty())?;
        Some(self.ways.iter().any(|(spelling, set)| set.contains(&*normalise(value, spelling))))
    }
}

/// The match keys of rows that were found on one side: their partners have the same.
pub struct Partners {
    passes: Vec<(Vec<KeyIndex>, Spelling, HashSet<String>)>,
    /// Places on the other side that the run's report names beside theirs.
    pub places: HashSet<String>,
}

impl Partners {
    pub fn new(rules: &RuleSet) -> Partners {
        let passes = rules.passes.iter().filter_map(keyed);
        let passes = passes.map(|(on, spelling)| (on.to_vec(), spelling.clone(), HashSet::new())).collect();
        Partners { passes, places: HashSet::new() }
    }

    pub fn add(&mut self, row: &Row) {
        let mut key = String::new();
        for (on, spelling, set) in &mut self.passes {
            let parts = on.iter().map(|at| row.keys.get(*at)?.as_deref());
            if join_key(parts, spelling, &mut key) && !set.contains(&key) {
                set.insert(key.clone());
            }
        }
    }

    pub fn has(&self, row: &Row) -> bool {
        let mut key = String::new();
        let by_key = self.passes.iter().any(|(on, spelling, set)| {
            let parts = on.iter().map(|at| row.keys.get(*at)?.as_deref());
            !set.is_empty() && join_key(parts, spelling, &mut key) && set.contains(&key)
        });
        by_key || !self.places.is_empty() && self.places.contains(&row.place.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Currency;
    use crate::recon::row::Place;
    use crate::recon::rules::{Keyed, Measure};
    use crate::recon::unit::Unit;

    fn row(keys: &[&str]) -> Row {
        let keys = keys.iter().map(|key| (!key.is_empty()).then(|| Box::from(*key)));
        Row {
            place: Place { source: Arc::from("x.csv"), row: 2 },
            keys: keys.collect(),
            unit: Currency::parse("EUR").map_or(Unit::Pieces, Unit::Money),
            amount: 100,
            date: None,
            status: None,
            parent: None,
            fields: Box::default(),
            parts: Box::default(),
            lines: 0,
            category: None,
            unmapped: None,
        }
    }

    fn rules(steps: Vec<Normaliser>) -> RuleSet {
        let mut rules = RuleSet::keyed("x", "order", Measure::Money);
        rules.keys.push("payment".into());
        if let How::Keyed(Keyed { normalise, .. }) = &mut rules.passes[0].how {
            *normalise = steps;
        }
        rules
    }

    #[track_caller]
    fn check(steps: Vec<Normaliser>, known: &str, written: &str, expected: Option<bool>) {
        let rules = rules(steps);
        let wanted = Wanted::new(0, spellings(&rules, &[&rules], "order"), &[known.to_owned()]);
        assert_eq!(wanted.has(&row(&[written])), expected, "{known:?} {written:?}");
    }

    #[test]
    fn a_key_is_compared_as_the_passes_do() {
        let loose =
            || vec![Normaliser::Spaces, Normaliser::Case, Normaliser::Prefix("#".into()), Normaliser::LeadingZeros];
        check(loose(), " #SO-1", "so-1", Some(true));
        check(loose(), "42", "#0042", Some(true));
        check(loose(), "so-1", "so-2", Some(false));
        check(loose(), "so-1", "", None);
        check(Vec::new(), "SO-1", "so-1", Some(false));
    }

    #[test]
    fn a_key_that_no_pass_uses_is_spelled_as_elsewhere() {
        let (strict, loose) = (rules(Vec::new()), rules(vec![Normaliser::Case]));
        let mut other = RuleSet::keyed("y", "payment", Measure::Money);
        other.keys.push("order".into());
        assert_eq!(spellings(&other, &[&strict, &loose], "order"), [vec![], vec![Normaliser::Case]]);
        assert_eq!(spellings(&strict, &[&strict, &loose], "order"), [vec![]]);
        assert_eq!(spellings(&other, &[], "order"), [vec![]]);
    }

    #[test]
    fn partners_have_the_same_match_key_or_stand_beside_each_other() {
        let mut partners = Partners::new(&rules(vec![Normaliser::Case]));
        assert!(!partners.has(&row(&["so-1", ""])));
        partners.add(&row(&["SO-1", "pay-1"]));
        assert!(partners.has(&row(&["so-1", ""])) && !partners.has(&row(&["so-2", "pay-1"])));
        partners.places.insert("x.csv:2".to_owned());
        assert!(partners.has(&row(&["", ""])));
    }

    #[test]
    fn only_so_many_values_are_followed() {
        let mut known = Known::default();
        for number in 0..MOST_VALUES + 3 {
            known.add("payment", &number.to_string());
            known.add("payment", "0");
        }
        assert_eq!((known.of("payment").len(), known.more.get("payment")), (MOST_VALUES, Some(&3)));
        assert!(known.has("payment") && !known.has("order"));
    }
}
