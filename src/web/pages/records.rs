//! "Where is order 1001?": finding a record by any of its names, and its whole story.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

use crate::api::resources::reconciliations::{BreakOfKey, load_breaks_of};
use crate::api::resources::records::{RecordView, find, load};
use crate::api::{ApiPath, ApiQuery, AppState, Expectation, FieldRow, Hop, Level, Stage, Story, side_by_side};
use crate::store::EntityKey;
use crate::telemetry::moment;
use crate::web::href;
use crate::web::layout::{Layout, Page, Section, csv, html, wants_csv};
use crate::web::mark::{self, Mark};
use crate::web::pretty::pretty;
use crate::web::table::{Cell, Column, Rows, Table, TableQuery, number, text};

const COLUMNS: &[Column] = &[
    text("number", "Record"),
    text("entity", "Kind"),
    text("system", "System"),
    text("key", "Its key there"),
    number("revision", "Revision"),
    number("changed", "Changed"),
    text("state", "State"),
];

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    layout: Layout,
    q: String,
    table: Option<Table>,
}

#[derive(Deserialize)]
pub(in crate::web) struct SearchQuery {
    #[serde(default)]
    q: String,
    sort: Option<String>,
    dir: Option<String>,
    filter: Option<String>,
    format: Option<String>,
}

pub(in crate::web) async fn search(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<SearchQuery>,
) -> Page {
    let q = query.q.trim().to_owned();
    let query = TableQuery { sort: query.sort, dir: query.dir, filter: query.filter, format: query.format };
    let rows = match q.as_str() {
        "" => None,
        q => Some(Rows {
            caption: "Found",
            columns: COLUMNS,
            rows: find(&state, q).await?.iter().map(row).collect(),
            empty: "Nothing has that number, key or id. It may not have arrived yet: see Issues for payloads that could not be read, and Connections for when the system was last read.",
            path: "/search".to_owned(),
            kept: vec![("q".to_owned(), q.to_owned())],
            now: state.now_us(),
        }),
    };
    match rows {
        Some(rows) if wants_csv(&query) => csv("records", rows, &query),
        rows => html(&SearchPage {
            layout: Layout::new(&state, &headers, Section::Search, "Find a record").await.still(),
            q,
            table: rows.map(|rows| rows.table(&query)),
        }),
    }
}

fn row(record: &RecordView) -> Vec<Cell> {
    let name = if record.natural_key.is_empty() { &record.key } else { &record.natural_key };
    vec![
        Cell::link(name, href::record(&record.connection, &record.stream, &record.key)),
        Cell::text(record.entity.replace('_', " ")),
        Cell::text(format!("{}.{}", record.connection, record.stream)),
        Cell::text(&record.key),
        Cell::Number(record.revision),
        Cell::Time(Some(record.changed_at.0)),
        Cell::Mark(match (record.revision, record.deleted) {
            (0, _) => Mark::new("not understood", Level::Bad),
            (_, true) => Mark::new("deleted", Level::Muted),
            (_, false) => Mark::new("current", Level::Good),
        }),
    ]
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    layout: Layout,
    name: String,
    story: Story,
    fields: Vec<FieldRow>,
    differing: usize,
    /// Open breaks of its key.
    breaks: Vec<BreakOfKey>,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((connection, stream, key)): ApiPath<(String, String, String)>,
) -> Page {
    let story = load(&state, &EntityKey { connection, stream, key }).await?;
    let breaks = load_breaks_of(&state, &[&story.natural_key, &story.key]).await?;
    let name = if story.natural_key.is_empty() { story.key.clone() } else { story.natural_key.clone() };
    let fields = side_by_side(&story.systems);
    html(&RecordPage {
        layout: Layout::new(&state, &headers, Section::Search, name.clone()).await,
        name,
        differing: fields.iter().filter(|row| row.differs).count(),
        fields,
        breaks,
        story,
    })
}

/// For the template.
impl RecordPage {
    fn stage(&self, stage: &Stage) -> Mark {
        mark::stage(stage.state)
    }

    fn expectation(&self, expectation: &Expectation) -> Mark {
        let word = match expectation.level {
            Level::Good => "settled",
            Level::Info => "next",
            Level::Warn => "held up",
            Level::Bad => "stuck",
            Level::Muted => "quiet",
        };
        Mark::new(word, expectation.level)
    }

    fn hop(&self, hop: &Hop) -> Mark {
        Mark::new(hop.kind.as_str(), hop.level)
    }

    fn took(&self, hop: &Hop) -> Option<String> {
        hop.took_ms.map(|ms| moment::duration(ms.saturating_mul(1000)))
    }

    fn pretty(&self, text: &str) -> String {
        pretty(text)
    }

    fn break_href(&self, found: &BreakOfKey) -> String {
        href::a_break(&found.reconciliation, &found.id)
    }

    fn meaning(&self, found: &BreakOfKey) -> String {
        crate::web::recon_words::meaning(&found.code)
    }

    fn entity(&self) -> String {
        self.story.entity.as_deref().unwrap_or("record").replace('_', " ")
    }
}
