//! What becomes of what the passes found and of what they left: a bucket for every row.
//!
//! The order decides: translation missing, match, carried by the hub, not yet due, break. Not here: finding matches, totals'
//! conservation (`tie_out`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::Date;

use super::code::Code;
use super::compare::{Comparison, Difference};
use super::identity::Identities;
use super::matching::{Claim, DecisionKind, Found, Matching, key_of};
use super::outcome::{Bucket, Carried, Carrier, Finding, Item, Match, Outcome};
use super::row::{FieldValue, Place, Row, Side};
use super::rules::{How, RuleSet};
use super::unit::SumOverflow;

/// What a run is told besides rows and rules.
pub struct Circumstances<'a> {
    /// The day as of which things are due or not.
    pub as_of: Date,
    pub carrier: &'a dyn Carrier,
    /// Parents beside the run's own rows: keys of orders or charges that are known to exist.
    pub known_parents: &'a dyn Fn(&str) -> bool,
    /// The last day of the last signed period: what is dated then and was not carried over from it is late.
    pub signed_through: Option<Date>,
    /// Whether a row was open when the last period was signed, by its break's key.
    pub carried_over: &'a dyn Fn(&Row) -> bool,
}

impl<'a> Circumstances<'a> {
    /// Two files and a day.
    pub fn plain(as_of: Date, carrier: &'a dyn Carrier) -> Circumstances<'a> {
        Circumstances { as_of, carrier, known_parents: &|_| false, signed_through: None, carried_over: &|_| false }
    }
}

/// Fills buckets and lists of `outcome` from what was found and what is left.
pub(super) fn settle(
    matching: &Matching<'_>,
    around: &Circumstances<'_>,
    outcome: &mut Outcome,
) -> Result<(), SumOverflow> {
    let rules = matching.rules;
    let mut items = Vec::new();
    for found in &matching.found {
        settle_found(matching, found, around, outcome, &mut items)?;
    }
    items.extend(left_over(matching, around));
    items.sort_by(|x, y| (&x.bucket, &x.key).cmp(&(&y.bucket, &y.key)).then_with(|| by_rows(&x.rows, &y.rows)));
    let mut identities = Identities::default();
    for mut item in items {
        item.id = identities.item(rules, &item.rows);
        count(outcome, &item.bucket, &item.rows)?;
        match item.bucket {
            Bucket::InFlight => outcome.in_flight.push(item),
            Bucket::Timing => outcome.timing.push(item),
            Bucket::Break(_)
            | Bucket::Rejected
            | Bucket::Excluded(_)
            | Bucket::MatchedExact
            | Bucket::MatchedTolerance
            | Bucket::MatchedGroup
            | Bucket::MatchedManual
            | Bucket::MatchedForced => outcome.breaks.push(item),
        }
    }
    outcome
        .matches
        .sort_by(|x, y| (&x.bucket, &x.key).cmp(&(&y.bucket, &y.key)).then_with(|| by_rows(&x.rows, &y.rows)));
    Ok(())
}

/// By bucket, key, content: never by how it came about.
/// By all that the rows say before where they stand, so that the order of input decides between equals alone.
fn by_rows(x: &[Vec<Row>; 2], y: &[Vec<Row>; 2]) -> Ordering {
    let first_difference = |compare: fn(&Row, &Row) -> Ordering| {
        let sides = Side::BOTH.map(|side| {
            let (x, y) = (&x[side.index()], &y[side.index()]);
            let rows = x.iter().zip(y).map(|(x, y)| compare(x, y)).find(|order| order.is_ne());
            rows.unwrap_or_else(|| x.len().cmp(&y.len()))
        });
        sides[0].then(sides[1])
    };
    first_difference(Row::by_value).then_with(|| first_difference(Row::by_content))
}

pub(super) fn count(outcome: &mut Outcome, bucket: &Bucket, rows: &[Vec<Row>; 2]) -> Result<(), SumOverflow> {
    let totals = outcome.buckets.entry(bucket.clone()).or_default();
    for side in Side::BOTH {
        for row in &rows[side.index()] {
            totals[side.index()].add(row.unit, row.amount)?;
        }
    }
    Ok(())
}

fn rows_of(matching: &Matching<'_>, at: &[Vec<usize>; 2]) -> [Vec<Row>; 2] {
    Side::BOTH.map(|side| at[side.index()].iter().map(|at| matching.row(side, *at).clone()).collect())
}

fn borrowed(rows: &[Vec<Row>; 2]) -> [Vec<&Row>; 2] {
    [rows[0].iter().collect(), rows[1].iter().collect()]
}

fn settle_found(
    matching: &Matching<'_>,
    found: &Found,
    around: &Circumstances<'_>,
    outcome: &mut Outcome,
    items: &mut Vec<Item>,
) -> Result<(), SumOverflow> {
    let rules = matching.rules;
    let rows = rows_of(matching, &found.rows);
    let comparison = &found.comparison;
    let pass = match &found.claim {
        Claim::Pass(at) => Some(rules.passes[*at].id.clone()),
        Claim::Decision { .. } => None,
    };
    if let Some(bucket) = matched(found, comparison) {
        outcome.late += u64::from(is_late(rules, &rows));
        count(outcome, &bucket, &rows)?;
        if tells(rules, found, comparison) {
            let reason = match &found.claim {
                Claim::Pass(_) => None,
                Claim::Decision { reason, .. } => Some(reason.clone()),
            };
            let (key, variance) = (found.key.clone(), comparison.variance.clone());
            outcome.matches.push(Match { bucket, pass, key, variance, sub_cause: comparison.sub_cause, reason, rows });
        }
        return Ok(());
    }
    let latest = rows.iter().flatten().filter_map(|row| row.date).max();
    let due = latest.and_then(|date| rules.due.iter().filter_map(|due| due.of(date)).max());
    let carried = around.carrier.carried(rules, &borrowed(&rows));
    let code = comparison.differences.first().map_or(Code::StatusMismatch, |difference| difference.code);
    let waits = comparison.lags && due.is_some_and(|due| due > around.as_of);
    items.push(Item {
        id: String::new(),
        bucket: bucket_of(code, carried.as_ref(), waits),
        key: found.key.clone(),
        pass,
        variance: comparison.variance.clone(),
        sub_cause: comparison.sub_cause,
        findings: findings(rules, comparison, &rows),
        due,
        carried,
        candidates: Vec::new(),
        rows,
    });
    Ok(())
}

/// Whether a match has something to tell: a variance, a person, or a pass without a key to prove it.
fn tells(rules: &RuleSet, found: &Found, comparison: &Comparison) -> bool {
    match &found.claim {
        Claim::Decision { .. } => true,
        Claim::Pass(at) => match &rules.passes[*at].how {
            How::Keyed(_) | How::Grouped(_) => !comparison.variance.is_empty(),
            How::Window(_) | How::Subset(_) => true,
        },
    }
}

fn matched(found: &Found, comparison: &Comparison) -> Option<Bucket> {
    match &found.claim {
        Claim::Decision { kind: DecisionKind::Forced, .. } => Some(Bucket::MatchedForced),
        Claim::Decision { kind: DecisionKind::Manual, .. } => Some(Bucket::MatchedManual),
        Claim::Pass(_) if !comparison.ties() => None,
        Claim::Pass(_) if found.rows.iter().any(|rows| rows.len() > 1) => Some(Bucket::MatchedGroup),
        Claim::Pass(_) if comparison.is_exact() => Some(Bucket::MatchedExact),
        Claim::Pass(_) => Some(Bucket::MatchedTolerance),
    }
}

fn is_late(rules: &RuleSet, rows: &[Vec<Row>; 2]) -> bool {
    let Some(allowed) = rules.late_after_days else { return false };
    let latest = |side: Side| rows[side.index()].iter().filter_map(|row| row.date).max();
    let (Some(a), Some(b)) = (latest(Side::A), latest(Side::B)) else { return false };
    let apart = a.civil().since(b.civil()).map(|span| span.get_days().unsigned_abs());
    apart.is_ok_and(|days| days > u32::from(allowed))
}

/// What the hub carries outranks the calendar, and both outrank a break.
fn bucket_of(code: Code, carried: Option<&Carried>, waits: bool) -> Bucket {
    match carried {
        Some(Carried::InFlight { .. } | Carried::Reread { .. }) => Bucket::InFlight,
        Some(Carried::Stuck { .. }) => Bucket::Break(Code::StuckInFlight),
        Some(Carried::Failed { .. }) => Bucket::Break(Code::SyncFailed),
        None if waits => Bucket::Timing,
        None => Bucket::Break(code),
    }
}

fn findings(rules: &RuleSet, comparison: &Comparison, rows: &[Vec<Row>; 2]) -> Vec<Finding> {
    let text = |difference: &Difference| match (difference.field, rows) {
        (Some(at), [a, b]) => {
            let value = |rows: &[Row]| match rows.first() {
                Some(row) => row.fields.get(at).unwrap_or(&FieldValue::Absent).display(row.unit),
                None => FieldValue::Absent.display(super::unit::Unit::Pieces),
            };
            format!("{} {} / {}", rules.fields[at].name, value(a), value(b))
        }
        (None, [a, b]) if difference.code == Code::StatusMismatch => {
            let state =
                |rows: &[Row]| rows.first().and_then(|row| row.status.clone()).unwrap_or_else(|| "(none)".into());
            format!("status {} / {}", state(a), state(b))
        }
        (None, [a, b]) => format!("{} / {}", amounts(a), amounts(b)),
    };
    let mut findings: Vec<Finding> = comparison
        .differences
        .iter()
        .map(|difference| Finding { code: difference.code, text: text(difference) })
        .collect();
    if findings.is_empty() && comparison.lags {
        findings.push(Finding {
            code: Code::StatusMismatch,
            text: text(&Difference { code: Code::StatusMismatch, field: None }),
        });
    }
    findings
}

fn amounts(rows: &[Row]) -> String {
    let mut sums: BTreeMap<_, i128> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.unit).or_default();
        *sum = sum.saturating_add(row.amount);
    }
    let texts: Vec<String> = sums.iter().map(|(unit, sum)| format!("{} {unit}", unit.decimal(*sum))).collect();
    if texts.is_empty() { "(none)".to_owned() } else { texts.join(" + ") }
}

/// Rows that no pass claimed.
fn left_over(matching: &Matching<'_>, around: &Circumstances<'_>) -> Vec<Item> {
    let rules = matching.rules;
    let parents = parents(matching);
    let mut items: Vec<Item> = Vec::new();
    let mut ambiguous: BTreeSet<(Side, usize)> = BTreeSet::new();
    // One item per group that is missing whole: bucket, key, side → rows.
    let mut missing = MissingGroups::new();
    for side in Side::BOTH {
        let unmapped = matching.rows[side.index()].iter().filter(|row| row.unmapped.is_some());
        items.extend(unmapped.map(|row| single(side, row, Bucket::Break(Code::MappingMissing))));
        for at in matching.open(side) {
            if ambiguous.contains(&(side, at)) {
                continue;
            }
            let row = matching.row(side, at);
            if matching.is_excess(side, at) {
                let code = match side {
                    Side::A => Code::DuplicateA,
                    Side::B => Code::DuplicateB,
                };
                items.push(single(side, row, Bucket::Break(code)));
            } else if matching.candidates(side, at).next().is_some() {
                items.push(component(matching, side, at, &mut ambiguous));
            } else {
                let item = one_sided(rules, side, row, &parents, around);
                match group_key(rules, row) {
                    Some(key) => match missing.entry((item.bucket.clone(), key.clone(), side)) {
                        std::collections::btree_map::Entry::Vacant(entry) => {
                            entry.insert(Item { key: Some(key), ..item });
                        }
                        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().join(item),
                    },
                    None => items.push(item),
                }
            }
        }
    }
    items.extend(due_together(rules, missing).into_values());
    let suggested = suggestions(matching);
    for item in &mut items {
        let rows = Side::BOTH
            .into_iter()
            .flat_map(|side| item.rows[side.index()].iter().map(move |row| (side, row.place.clone())));
        let places: BTreeSet<&String> = rows.filter_map(|row| suggested.get(&row)).flatten().collect();
        item.candidates.extend(places.into_iter().cloned());
    }
    items
}

/// Items of groups that are missing whole, by bucket, key and side.
type MissingGroups = BTreeMap<(Bucket, Box<str>, Side), Item>;

/// A group is due when its last row is: until then, its earlier rows are not missing either.
fn due_together(rules: &RuleSet, mut missing: MissingGroups) -> MissingGroups {
    let waiting: Vec<_> = missing.keys().filter(|(bucket, _, _)| *bucket == Bucket::Timing).cloned().collect();
    for waits in waiting {
        let (_, key, side) = &waits;
        let early = missing.remove(&(Bucket::Break(rules.missing[side.index()]), key.clone(), *side));
        if let (Some(early), Some(item)) = (early, missing.get_mut(&waits)) {
            item.join(early);
            item.findings.clear();
            item.rows[side.index()].sort_unstable_by(Row::by_content);
        }
    }
    missing
}

impl Item {
    /// Takes another item's rows in: it is missing with this one.
    fn join(&mut self, other: Item) {
        for (rows, more) in self.rows.iter_mut().zip(other.rows) {
            rows.extend(more);
        }
        for (unit, amount) in other.variance {
            let sum = self.variance.entry(unit).or_default();
            *sum = sum.saturating_add(amount);
        }
        self.due = self.due.max(other.due);
    }
}

/// The key by which rows of one group are missing together: that of the first grouped pass.
fn group_key(rules: &RuleSet, row: &Row) -> Option<Box<str>> {
    rules.passes.iter().find_map(|pass| match &pass.how {
        How::Grouped(grouped) => key_of(row, &grouped.by, &grouped.normalise),
        How::Keyed(_) | How::Window(_) | How::Subset(_) => None,
    })
}

fn single(side: Side, row: &Row, bucket: Bucket) -> Item {
    let variance = match side {
        Side::A => row.amount.saturating_neg(),
        Side::B => row.amount,
    };
    let mut rows = [Vec::new(), Vec::new()];
    rows[side.index()].push(row.clone());
    let findings = match (&bucket, &row.unmapped) {
        (Bucket::Break(Code::MappingMissing), Some(what)) => {
            vec![Finding { code: Code::MappingMissing, text: format!("{what} has no translation") }]
        }
        (Bucket::Break(code), _) => vec![Finding { code: *code, text: amounts(std::slice::from_ref(row)) }],
        (_, _) => Vec::new(),
    };
    Item {
        id: String::new(),
        bucket,
        key: row.keys.iter().flatten().next().cloned(),
        pass: None,
        variance: if variance == 0 { BTreeMap::new() } else { BTreeMap::from([(row.unit, variance)]) },
        sub_cause: None,
        findings,
        due: None,
        carried: None,
        candidates: Vec::new(),
        rows,
    }
}

fn one_sided(rules: &RuleSet, side: Side, row: &Row, parents: &HashSet<&str>, around: &Circumstances<'_>) -> Item {
    let mut alone = [Vec::new(), Vec::new()];
    alone[side.index()].push(row);
    let carried = around.carrier.carried(rules, &alone);
    let due = row.date.and_then(|date| rules.due[side.index()].of(date));
    let waits = due.is_some_and(|due| due > around.as_of);
    let reopens = around.signed_through.is_some_and(|through| row.date.is_some_and(|date| date <= through));
    let without = |parent: &str| rules.parent.is_some() && !parents.contains(parent) && !(around.known_parents)(parent);
    let code = if row.parent.as_deref().is_some_and(without) {
        Code::Orphan
    } else if reopens && !(around.carried_over)(row) {
        Code::PeriodReopened
    } else {
        rules.missing[side.index()]
    };
    let bucket = bucket_of(code, carried.as_ref(), waits && code != Code::Orphan);
    Item { due, carried, ..single(side, row, bucket) }
}

/// Keys that rows of either side have, of the kind that parents are named by.
fn parents<'m>(matching: &Matching<'m>) -> HashSet<&'m str> {
    let Some(key) = matching.rules.parent else { return HashSet::new() };
    matching.rows.iter().flatten().filter_map(|row| row.keys.get(key)?.as_deref()).collect()
}

/// All open rows that are candidates of each other, directly or through others: one item, because one decision settles them.
fn component(matching: &Matching<'_>, side: Side, at: usize, seen: &mut BTreeSet<(Side, usize)>) -> Item {
    let mut rows: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
    let mut next = vec![(side, at)];
    while let Some((side, at)) = next.pop() {
        if matching.is_excess(side, at) || !seen.insert((side, at)) {
            continue;
        }
        rows[side.index()].push(at);
        next.extend(matching.candidates(side, at).map(|other| (side.other(), other)));
    }
    rows.iter_mut().for_each(|rows| rows.sort_unstable());
    let rows = rows_of(matching, &rows);
    let mut item = Item {
        id: String::new(),
        bucket: Bucket::Break(Code::Ambiguous),
        key: None,
        pass: None,
        variance: BTreeMap::new(),
        sub_cause: None,
        findings: vec![Finding {
            code: Code::Ambiguous,
            text: format!("{} / {}", amounts(&rows[0]), amounts(&rows[1])),
        }],
        due: None,
        carried: None,
        candidates: Vec::new(),
        rows,
    };
    for side in Side::BOTH {
        for row in &item.rows[side.index()] {
            let sum = item.variance.entry(row.unit).or_default();
            *sum = match side {
                Side::A => sum.saturating_sub(row.amount),
                Side::B => sum.saturating_add(row.amount),
            };
        }
    }
    item.variance.retain(|_, amount| *amount != 0);
    item
}

/// Places of what a pass suggests as the other half of a row, by the row's place.
fn suggestions(matching: &Matching<'_>) -> BTreeMap<(Side, Place), BTreeSet<String>> {
    let mut suggested: BTreeMap<(Side, Place), BTreeSet<String>> = BTreeMap::new();
    for suggestion in &matching.suggestions {
        for side in Side::BOTH {
            let others = &suggestion.rows[side.other().index()];
            for at in &suggestion.rows[side.index()] {
                let places = suggested.entry((side, matching.row(side, *at).place.clone())).or_default();
                places.extend(others.iter().map(|other| matching.row(side.other(), *other).place.to_string()));
            }
        }
    }
    suggested
}
