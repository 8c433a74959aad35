//! The ledger: received = applied + superseded + ignored + dead + pending, per connection and day; not here: proving it
//! from the rows (see `verify`).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::extract::ApiQuery;
use crate::api::state::AppState;
use crate::store::{Disposition, TallyRow};
use crate::telemetry::moment::{date_of_day, day_of};

const DAYS_MAX: i64 = 3660;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub received: i64,
    pub applied: i64,
    pub superseded: i64,
    pub ignored: i64,
    pub dead: i64,
    pub pending: i64,
}

impl Counts {
    pub fn add(&mut self, row: &TallyRow) {
        let slot = match row.disposition {
            Disposition::Applied => &mut self.applied,
            Disposition::Superseded => &mut self.superseded,
            Disposition::Ignored => &mut self.ignored,
            Disposition::Dead => &mut self.dead,
            Disposition::Pending => &mut self.pending,
            // Its parts are counted instead.
            Disposition::Split => return,
        };
        *slot += row.n;
        self.received += row.n;
    }

    pub fn of<'a>(rows: impl IntoIterator<Item = &'a TallyRow>) -> Counts {
        let mut counts = Counts::default();
        for row in rows {
            counts.add(row);
        }
        counts
    }
}

/// Why payloads ended where they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub disposition: Disposition,
    pub reason: String,
    pub n: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    pub connection: String,
    /// A UTC date: the day of receipt.
    pub day: String,
    pub counts: Counts,
    pub reasons: Vec<Reason>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger {
    pub total: Counts,
    pub lines: Vec<LedgerLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Query {
    /// How many days back, today included.
    days: Option<i64>,
}

pub(in crate::api) async fn get(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<Query>,
) -> Result<Json<Ledger>, ApiError> {
    let days = query.days.unwrap_or(7);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ApiError::bad_request(format!("days is {days}"), format!("give 1 to {DAYS_MAX}")));
    }
    load(&state, days).await.map(Json)
}

/// Newest day first.
pub async fn load(state: &AppState, days: i64) -> Result<Ledger, ApiError> {
    let rows = state.store().tally(day_of(state.now_us()).saturating_sub(days.max(1) - 1)).await?;
    let mut by_line: BTreeMap<(i64, &str), Vec<&TallyRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.disposition != Disposition::Split) {
        by_line.entry((-row.day, &row.connection)).or_default().push(row);
    }
    let lines = by_line.into_iter().map(|((day, connection), rows)| LedgerLine {
        connection: connection.to_owned(),
        day: date_of_day(-day),
        counts: Counts::of(rows.iter().copied()),
        reasons: rows
            .iter()
            .filter(|row| !row.reason.is_empty())
            .map(|row| Reason { disposition: row.disposition, reason: row.reason.clone(), n: row.n })
            .collect(),
    });
    Ok(Ledger { lines: lines.collect(), total: Counts::of(&rows) })
}
