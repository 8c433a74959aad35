//! How a reconciliation stands at one glance: its sides, what is open and how old that is, why its last run is not complete.
//!
//! Not here: single breaks (`one_break`), lists of them (`reading`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::views::AmountView;
use crate::api::error::ApiError;
use crate::finance::definition::Loaded;
use crate::finance::desk::Desk;
use crate::finance::workflow::{Book, ItemRecord};
use crate::model::Date;
use crate::recon::compose::{age_column, age_columns};
use crate::recon::report::{RunFinding, RunStatus};
use crate::recon::unit::Unit;

/// Beside what a definition and its last run are called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    pub entity: String,
    pub sides: [String; 2],
    /// Open breaks by unit; one that has amounts of several units counts in each.
    pub open: Vec<OpenSum>,
    /// Open breaks by days since they happened, as of the last run's day; those without a date count as new.
    pub ages: Vec<AgeCount>,
    /// Open breaks that belong to nobody.
    pub unowned: u64,
    /// What the last run found about its sources, or why it is not complete.
    pub findings: Vec<RunFinding>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenSum {
    pub count: u64,
    /// Of variances, `B − A`.
    pub variance: AmountView,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgeCount {
    /// `0-1`, ..., `>90`.
    pub days: String,
    pub count: u64,
}

pub(super) async fn standing(desk: &Desk, loaded: &Loaded, book: &Book) -> Result<Standing, ApiError> {
    let definition = &loaded.definition;
    let last = book.runs.values().next_back();
    let findings = match last {
        Some(run) if run.status != RunStatus::Complete => desk.report(run.id).await?.cover.findings,
        Some(_) | None => Vec::new(),
    };
    let open: Vec<&ItemRecord> = book.items.values().filter(|item| item.state.is_open()).collect();
    Ok(Standing {
        entity: definition.entity.clone(),
        sides: [0, 1].map(|side: usize| definition.sides[side].title.clone()),
        open: sums(&open),
        ages: ages(&open, last.map(|run| run.as_of.as_str())),
        unowned: open.iter().filter(|item| item.owner.is_none()).count() as u64,
        findings,
    })
}

/// An amount that cannot be read is the store's verification's to find.
fn sums(open: &[&ItemRecord]) -> Vec<OpenSum> {
    let mut sums: BTreeMap<Unit, (u64, i128)> = BTreeMap::new();
    for (unit, minor) in open.iter().flat_map(|item| &item.amounts) {
        let Some((unit, minor)) = Unit::parse(unit).ok().zip(minor.parse::<i128>().ok()) else { continue };
        let sum = sums.entry(unit).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(minor));
    }
    let view = |(unit, (count, minor)): (Unit, (u64, i128))| OpenSum { count, variance: AmountView::of(unit, minor) };
    sums.into_iter().map(view).collect()
}

fn ages(open: &[&ItemRecord], as_of: Option<&str>) -> Vec<AgeCount> {
    let mut ages: Vec<AgeCount> = age_columns().into_iter().map(|days| AgeCount { days, count: 0 }).collect();
    for item in open {
        let days = as_of.zip(item.event_date.as_deref()).and_then(|(as_of, date)| days(date, as_of)).unwrap_or(0);
        if let Some(age) = ages.get_mut(age_column(days)) {
            age.count += 1;
        }
    }
    ages
}

fn days(from: &str, to: &str) -> Option<i64> {
    let (from, to) = Date::parse(from).ok().zip(Date::parse(to).ok())?;
    to.civil().since(from.civil()).ok().map(|span| i64::from(span.get_days()))
}
