//! What all pages share: the frame, navigation, notices, times, answers in HTML and CSV; not here: any page's content.

use std::fmt;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::actor_cookie;
use super::assets::VERSION;
use super::recon_words;
use super::table::{Rows, TableQuery};
use crate::api::{ApiError, AppState, Code, Owner};
use crate::telemetry::moment;

/// A navigation entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Flows,
    Issues,
    Search,
    Reconciliations,
    Connections,
    Ledger,
}

pub(super) struct NavItem {
    pub label: &'static str,
    pub href: &'static str,
    pub here: bool,
    pub count: Option<usize>,
}

pub(super) struct Layout {
    pub title: String,
    pub nav: Vec<NavItem>,
    pub now: i64,
    pub version: &'static str,
    pub config_version: String,
    pub listening: String,
    pub warnings: Vec<String>,
    /// What was just done.
    pub notice: Option<String>,
    /// The name that a person last gave.
    pub actor: String,
    pub assets: &'static str,
    /// Redrawn by the script when something has changed; not where people type.
    pub live: bool,
}

impl Layout {
    pub(super) async fn new(
        state: &AppState,
        headers: &HeaderMap,
        section: Section,
        title: impl Into<String>,
    ) -> Layout {
        let about = state.hub().about();
        let issues = state.store().issues(crate::store::IssueFilter::Open).await.map(|issues| issues.len()).ok();
        let entries = [
            (Section::Overview, "Overview", "/"),
            (Section::Flows, "Flows", "/flows"),
            (Section::Issues, "Issues", "/issues"),
            (Section::Search, "Find a record", "/search"),
            (Section::Reconciliations, "Reconciliations", "/reconciliations"),
            (Section::Connections, "Connections", "/connections"),
            (Section::Ledger, "Ledger", "/ledger"),
        ];
        let nav = entries.into_iter().map(|(entry, label, href)| NavItem {
            label,
            href,
            here: entry == section,
            count: issues.filter(|n| entry == Section::Issues && *n > 0),
        });
        Layout {
            title: title.into(),
            nav: nav.collect(),
            now: state.now_us(),
            version: env!("CARGO_PKG_VERSION"),
            config_version: about.config_version,
            listening: listening(about.owner, about.listen),
            warnings: about.warnings,
            notice: None,
            actor: actor_cookie::remembered(headers),
            assets: VERSION.as_str(),
            live: true,
        }
    }

    pub(super) fn still(mut self) -> Layout {
        self.live = false;
        self
    }

    pub(super) fn notice(mut self, did: &Did) -> Layout {
        self.notice = did.sentence();
        self
    }

    /// The moment of drawing, for the script's clock.
    pub(super) fn now_text(&self) -> String {
        moment::rfc3339(self.now)
    }

    pub(super) fn when(&self, at: &crate::api::Time) -> When {
        When { at: at.0, now: self.now }
    }
}

fn listening(owner: Owner, listen: Option<std::net::SocketAddr>) -> String {
    match (owner, listen) {
        (Owner::Command, _) | (Owner::Daemon, None) => "no daemon: nothing moves while you look".to_owned(),
        (Owner::Daemon, Some(address)) if address.ip().is_loopback() => {
            format!("listening on {address}: reachable from this machine only")
        }
        (Owner::Daemon, Some(address)) => {
            format!(
                "listening on {address}: reachable from the network, and there is no sign-in; put a proxy with one before it"
            )
        }
    }
}

/// A time as people read it, with the absolute one on hover.
pub(super) struct When {
    pub at: i64,
    pub now: i64,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Made of digits and fixed words: nothing in it needs escaping.
        write!(
            f,
            "<time datetime=\"{}\" title=\"{}\">{}</time>",
            moment::rfc3339(self.at),
            moment::absolute(self.at),
            moment::relative(self.at, self.now)
        )
    }
}

impl askama::filters::HtmlSafe for When {}

/// What a page that was redirected to is to say was done: a word of a closed set and a number, so that a link cannot put
/// words into our mouth.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Did {
    did: Option<String>,
    n: Option<u64>,
}

impl Did {
    fn sentence(&self) -> Option<String> {
        let records = match self.n.unwrap_or(0) {
            1 => "1 record".to_owned(),
            n => format!("{n} records"),
        };
        let files = records.replace("record", "file");
        Some(match self.did.as_deref()? {
            "retry" => format!("{records} went back to work."),
            "retry-file" => format!("{files} will be taken up again."),
            "discard-file" => format!("{files} given up; the reason is on record."),
            "edit" => "The corrected record went back to work.".to_owned(),
            "discard" => format!("{records} given up; the reason is on record."),
            "replay" => format!("{records} will be sent again."),
            "pause" => "The flow is paused: its changes queue up, nothing is sent.".to_owned(),
            "resume" => "The flow sends again.".to_owned(),
            "verify" => "The ledger is being proved from its rows.".to_owned(),
            word => return recon_words::done(word).map(str::to_owned),
        })
    }

    /// The number of the work that was begun and goes on.
    pub(super) fn running(&self) -> Option<u64> {
        self.n.filter(|_| self.did.as_deref() == Some("recon-running"))
    }
}

/// Back to a page, which says what was done; the name is remembered.
pub(super) fn did(path: &str, word: &str, n: u64, actor: &str) -> Response {
    let mut response = Redirect::to(&format!("{path}?did={word}&n={n}")).into_response();
    if let Some(cookie) = actor_cookie::remember(actor) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A page, or the reason why there is none.
pub(super) type Page = Result<Response, PageError>;

pub(super) fn html(template: &impl Template) -> Page {
    html_with(StatusCode::OK, template)
}

pub(super) fn html_with(status: StatusCode, template: &impl Template) -> Page {
    let text = template.render().map_err(|error| internal(error.to_string()))?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok((status, [(header::CONTENT_TYPE, kind)], text).into_response())
}

fn internal(message: String) -> PageError {
    PageError(ApiError::new(Code::Internal, message, "reload the page; if it stays, report it"))
}

pub(super) fn wants_csv(query: &TableQuery) -> bool {
    query.format.as_deref() == Some("csv")
}

/// What the page shows, as a file.
pub(super) fn csv(name: &str, rows: Rows, query: &TableQuery) -> Page {
    let text = rows.csv(query).map_err(|error| internal(error.to_string()))?;
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""))
        .map_err(|error| internal(error.to_string()))?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], text).into_response())
}

/// An error as a page.
pub(super) struct PageError(pub ApiError);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> PageError {
        PageError(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    error: &'a ApiError,
    assets: &'static str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let page = ErrorPage { error: &self.0, assets: VERSION.as_str() };
        let mut response = match html_with(self.0.code.status(), &page) {
            Ok(response) => response,
            Err(PageError(error)) => return error.into_response(),
        };
        response.extensions_mut().insert(self.0);
        response
    }
}
