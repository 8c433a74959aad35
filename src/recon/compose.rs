//! From a run's outcome to the document that is read and signed.
//!
//! Not here: layout, findings about sources (who read them adds them to the cover).

use std::collections::BTreeMap;

use crate::model::Date;

use super::code::Code;
use super::identity::Identities;
use super::outcome::{Bucket, Carried, Item, Match, Outcome};
use super::report::{
    AgingRow, AgingTable, Amount, BridgeLine, BridgeTable, Cover, Figures, MatchLine, OpenItem, Report, SCHEMA,
    SetAside, SideAmounts,
};
use super::row::{Row, Side};
use super::rules::RuleSet;
use super::tie_out::{self, Line};
use super::unit::{Sum, Unit};

/// Upper ends of the aging columns, in days; the last column has none.
const AGES: &[i64] = &[1, 3, 7, 30, 60, 90];

/// Sections that need more than the outcome (payouts, roll-forward, heals) are left empty.
pub fn compose(rules: &RuleSet, cover: Cover, outcome: &Outcome, as_of: Date) -> Report {
    let mut identities = Identities::default();
    let mut items = |items: &[Item]| -> Vec<OpenItem> {
        items.iter().map(|item| open_item(rules, item, as_of, &mut identities)).collect()
    };
    Report {
        schema: SCHEMA,
        cover,
        tie_out: tie_out::bridges(outcome).into_iter().map(table).collect(),
        payouts: Vec::new(),
        breaks: items(&outcome.breaks),
        in_flight: items(&outcome.in_flight),
        timing: items(&outcome.timing),
        aging: vec![aging(outcome, as_of)],
        roll_forward: Vec::new(),
        matches: outcome.matches.iter().map(match_line).collect(),
        heals: Vec::new(),
        excluded: excluded(outcome),
        rejected: rejected(outcome),
        figures: figures(outcome),
    }
}

/// An amount as the report writes it.
pub fn amount(unit: Unit, minor: i128) -> Amount {
    Amount { unit: unit.as_str().to_owned(), amount_minor: minor.to_string(), decimal: unit.decimal(minor) }
}

fn table(bridge: tie_out::Bridge) -> BridgeTable {
    let unit = bridge.unit;
    let line = |line: &Line| BridgeLine {
        label: line.label.clone(),
        count_a: line.a.rows,
        amount_a: amount(unit, line.a.amount),
        count_b: line.b.rows,
        amount_b: amount(unit, line.b.amount),
        difference: amount(unit, line.difference),
    };
    BridgeTable {
        unit: unit.as_str().to_owned(),
        lines: std::iter::once(&bridge.total).chain(&bridge.lines).map(line).collect(),
        residual: amount(unit, bridge.residual),
    }
}

fn sum(rows: &[Row], unit: Unit) -> i128 {
    rows.iter().filter(|row| row.unit == unit).fold(0, |sum, row| sum.saturating_add(row.amount))
}

fn open_item(rules: &RuleSet, item: &Item, as_of: Date, identities: &mut Identities) -> OpenItem {
    let mut units: Vec<Unit> = item.rows.iter().flatten().map(|row| row.unit).collect();
    units.sort_unstable();
    units.dedup();
    let side_amounts = |unit: Unit| {
        let [a, b] = Side::BOTH.map(|side| sum(&item.rows[side.index()], unit));
        SideAmounts { a: amount(unit, a), b: amount(unit, b), variance: amount(unit, b.saturating_sub(a)) }
    };
    let keys = rules.keys.iter().enumerate().filter_map(|(at, name)| {
        let value = item.rows.iter().flatten().find_map(|row| row.keys.get(at)?.as_deref())?;
        Some((name.to_string(), value.to_owned()))
    });
    let event = event_date(item);
    let row_ids =
        Side::BOTH.map(|side| item.rows[side.index()].iter().map(|row| identities.row(rules, side, row)).collect());
    OpenItem {
        id: item.id.clone(),
        bucket: item.bucket.label(),
        code: code(&item.bucket).map(|code| code.as_str().to_owned()),
        sub_cause: item.sub_cause.map(|cause| cause.as_str().to_owned()),
        key: item.key.as_deref().map(str::to_owned),
        keys: keys.collect(),
        amounts: units.into_iter().map(side_amounts).collect(),
        status: Side::BOTH
            .map(|side| item.rows[side.index()].iter().find_map(|row| row.status.as_deref().map(str::to_owned))),
        event_date: event.map(|date| date.to_string()),
        due_date: item.due.map(|date| date.to_string()),
        age_days: event.map(|date| days(date, as_of)),
        findings: item.findings.iter().map(|finding| format!("{}: {}", finding.code, finding.text)).collect(),
        carried_by: item.carried.as_ref().map(carried),
        candidates: item.candidates.clone(),
        pass: item.pass.as_deref().map(str::to_owned),
        rows: places(&item.rows),
        row_ids,
    }
}

fn code(bucket: &Bucket) -> Option<Code> {
    if let Bucket::Break(code) = bucket { Some(*code) } else { None }
}

/// The first day on which any of it happened: what ages.
fn event_date(item: &Item) -> Option<Date> {
    item.rows.iter().flatten().filter_map(|row| row.date).min()
}

fn days(from: Date, to: Date) -> i64 {
    to.civil().since(from.civil()).map_or(0, |span| i64::from(span.get_days()))
}

fn carried(carried: &Carried) -> String {
    match carried {
        Carried::InFlight { operation, since } | Carried::Stuck { operation, since } => match since {
            Some(since) => format!("{operation}, since {since}"),
            None => operation.to_string(),
        },
        Carried::Reread { why } => format!("to be read again: {why}"),
        Carried::Failed { operation } => format!("{operation}, given up"),
    }
}

fn places(rows: &[Vec<Row>; 2]) -> [Vec<String>; 2] {
    Side::BOTH.map(|side| rows[side.index()].iter().map(|row| row.place.to_string()).collect())
}

fn match_line(found: &Match) -> MatchLine {
    MatchLine {
        bucket: found.bucket.label(),
        pass: found.pass.as_deref().map(str::to_owned),
        key: found.key.as_deref().map(str::to_owned),
        variance: found.variance.iter().map(|(unit, variance)| amount(*unit, *variance)).collect(),
        sub_cause: found.sub_cause.map(|cause| cause.as_str().to_owned()),
        reason: found.reason.as_deref().map(str::to_owned),
        rows: places(&found.rows),
    }
}

/// Breaks by code and unit over the columns of age; what has no date counts as new.
fn aging(outcome: &Outcome, as_of: Date) -> AgingTable {
    let columns = AGES.len() + 1;
    let mut rows: BTreeMap<(Code, Unit), Vec<Sum>> = BTreeMap::new();
    for item in &outcome.breaks {
        let Some(code) = code(&item.bucket) else { continue };
        let age = event_date(item).map_or(0, |date| days(date, as_of));
        let column = age_column(age);
        let mut units: Vec<Unit> = item.rows.iter().flatten().map(|row| row.unit).collect();
        units.sort_unstable();
        units.dedup();
        for unit in units {
            let variance = sum(&item.rows[1], unit).saturating_sub(sum(&item.rows[0], unit));
            let cell = &mut rows.entry((code, unit)).or_insert_with(|| vec![Sum::default(); columns])[column];
            cell.rows += 1;
            cell.amount = cell.amount.saturating_add(variance);
        }
    }
    let row = |((code, unit), cells): ((Code, Unit), Vec<Sum>)| AgingRow {
        code: code.as_str().to_owned(),
        unit: unit.as_str().to_owned(),
        total: (
            cells.iter().map(|cell| cell.rows).sum(),
            amount(unit, cells.iter().fold(0, |sum, cell| sum.saturating_add(cell.amount))),
        ),
        cells: cells.into_iter().map(|cell| (cell.rows, amount(unit, cell.amount))).collect(),
    };
    AgingTable { from: "event date".to_owned(), columns: age_columns(), rows: rows.into_iter().map(row).collect() }
}

/// The names of the aging columns: `0-1`, ..., `>90`.
pub fn age_columns() -> Vec<String> {
    let mut from = 0;
    let mut names: Vec<String> = AGES
        .iter()
        .map(|to| {
            let name = format!("{from}-{to}");
            from = to + 1;
            name
        })
        .collect();
    names.push(format!(">{}", from - 1));
    names
}

/// In which of the columns an age of so many days stands.
pub fn age_column(days: i64) -> usize {
    AGES.iter().position(|end| days <= *end).unwrap_or(AGES.len())
}

fn excluded(outcome: &Outcome) -> Vec<SetAside> {
    let mut rows: Vec<_> = outcome.excluded.iter().collect();
    rows.sort_by(|(rule, side, row), (other_rule, other_side, other)| {
        (rule, side).cmp(&(other_rule, other_side)).then_with(|| row.by_content(other))
    });
    let line = |(rule, side, row): &(std::sync::Arc<str>, Side, Row)| SetAside {
        side: side.as_str().to_owned(),
        row: row.place.to_string(),
        why: rule.to_string(),
        amount: Some(amount(row.unit, row.amount)),
    };
    rows.into_iter().map(line).collect()
}

fn rejected(outcome: &Outcome) -> Vec<SetAside> {
    let mut rows: Vec<SetAside> = outcome
        .rejected
        .iter()
        .map(|row| SetAside {
            side: row.side.as_str().to_owned(),
            row: row.place.clone(),
            why: row.reason.to_string(),
            amount: row.amount.map(|(unit, minor)| amount(unit, minor)),
        })
        .collect();
    rows.sort_by(|x, y| (&x.side, &x.row, &x.why).cmp(&(&y.side, &y.row, &y.why)));
    rows
}

fn figures(outcome: &Outcome) -> Figures {
    let rows = |buckets: &[Bucket]| -> u64 {
        buckets.iter().flat_map(|bucket| Side::BOTH.map(|side| outcome.totals(bucket, side).rows)).sum()
    };
    let auto = rows(&[Bucket::MatchedExact, Bucket::MatchedTolerance, Bucket::MatchedGroup]);
    let aside: u64 = outcome
        .buckets
        .iter()
        .filter(|(bucket, _)| matches!(bucket, Bucket::Rejected | Bucket::Excluded(_)))
        .flat_map(|(_, sides)| sides.iter().map(|totals| totals.rows))
        .sum();
    let scope = outcome.read.iter().map(|totals| totals.rows).sum::<u64>() - aside;
    let per_million = |count: u64| (u128::from(count) * 1_000_000).checked_div(u128::from(scope)).unwrap_or(0) as u64;
    let mut tolerated: BTreeMap<Unit, i128> = BTreeMap::new();
    let forced = |found: &&Match| found.bucket != Bucket::MatchedForced;
    for (unit, variance) in outcome.matches.iter().filter(forced).flat_map(|found| &found.variance) {
        let sum = tolerated.entry(*unit).or_default();
        *sum = sum.saturating_add(variance.saturating_abs());
    }
    Figures {
        rows: [outcome.read[0].rows, outcome.read[1].rows],
        auto_matched_ppm: per_million(auto),
        breaks_ppm: per_million(outcome.breaks.len() as u64),
        late: outcome.late,
        tolerated: tolerated.into_iter().map(|(unit, minor)| amount(unit, minor)).collect(),
    }
}
