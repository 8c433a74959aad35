//! One look at the store's small tables, from which overview, flows, connections and metrics are made; not here: what
//! they look like outside.

use crate::api::error::ApiError;
use crate::api::state::{AppState, ConnectionInfo, FlowInfo, FlowMode};
use crate::store::{ConnectionStateRow, CursorRow, FlowStat, IssueFilter, IssueRow, QueueStat, SightingRow, TallyRow};
use crate::telemetry::freshness::{Facts, Freshness, freshness};
use crate::telemetry::moment::{DAY_US, day_of};

/// Days that the webhook-loss figure looks back.
const LOSS_DAYS: i64 = 7;

pub(crate) struct Reading {
    pub now: i64,
    pub connections: Vec<ConnectionInfo>,
    pub flows: Vec<FlowInfo>,
    pub queue: Vec<QueueStat>,
    /// Of the last 24 hours.
    pub flow_stats: Vec<FlowStat>,
    pub sightings: Vec<SightingRow>,
    pub cursors: Vec<CursorRow>,
    pub health: Vec<ConnectionStateRow>,
    /// Of today, UTC.
    pub tally: Vec<TallyRow>,
    pub issues: Vec<IssueRow>,
    /// Connection and receipt of the oldest payload that has not been looked at.
    pub oldest_unprocessed: Option<(String, i64)>,
}

impl Reading {
    pub(crate) async fn take(state: &AppState) -> Result<Reading, ApiError> {
        let now = state.now_us();
        let store = state.store();
        Ok(Reading {
            now,
            connections: state.hub().connections(),
            flows: state.hub().flows(),
            queue: state.queue_stats().await?,
            flow_stats: state.flow_stats(now.saturating_sub(DAY_US)).await?,
            sightings: store.sightings(day_of(now).saturating_sub(LOSS_DAYS - 1)).await?,
            cursors: store.cursors().await?,
            health: store.connection_states().await?,
            tally: store.tally(day_of(now)).await?,
            issues: store.issues(IssueFilter::Open).await?,
            oldest_unprocessed: store.pending_inbox(0, 1).await?.pop().map(|row| (row.connection, row.received_at)),
        })
    }

    pub(crate) fn freshness(&self, flow: &FlowInfo) -> Freshness {
        let stream = self
            .connections
            .iter()
            .find(|connection| connection.id == flow.from.connection)
            .and_then(|connection| connection.streams.iter().find(|stream| stream.name == flow.from.stream));
        let cursor = self
            .cursors
            .iter()
            .find(|cursor| cursor.connection == flow.from.connection && cursor.stream == flow.from.stream);
        let queued = self
            .queue
            .iter()
            .filter(|stat| stat.flow == flow.name && stat.state.is_open())
            .filter_map(|stat| stat.oldest_at)
            .min();
        let unprocessed = self
            .oldest_unprocessed
            .as_ref()
            .filter(|(connection, _)| *connection == flow.from.connection)
            .map(|(_, at)| *at);
        let done = self.flow_stats.iter().find(|stat| stat.flow == flow.name);
        freshness(&Facts {
            now: self.now,
            objective_us: flow.freshness_objective_us,
            oldest_owed_at: queued.into_iter().chain(unprocessed).min(),
            last_read_at: stream.and_then(|stream| stream.last_read_at).max(cursor.map(|cursor| cursor.moved_at)),
            // A moved cursor proves a read; an unmoved one proves nothing. Only the poller itself knows better.
            read_every_us: stream.and_then(|stream| stream.last_read_at.and(stream.poll_every_us)),
            last_done_at: done.and_then(|stat| stat.last_done_at),
            held: flow.mode == FlowMode::Paused,
        })
    }

    pub(crate) fn queued(&self, flow: &str, wanted: impl Fn(&QueueStat) -> bool) -> i64 {
        self.queue.iter().filter(|stat| stat.flow == flow && wanted(stat)).map(|stat| stat.n).sum()
    }
}
