//! Issues: the work list, and one issue with the exact exchange, the suggested fix and what can be done.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

use crate::api::resources::actor::actor;
use crate::api::resources::edits::{self, EditBody, edit_dead_letter};
use crate::api::resources::issues::{
    DeadLetterView, FileView, Form, IssueView, discard_issue, load, load_one, retry_issue,
};
use crate::api::{ApiError, ApiForm, ApiPath, ApiQuery, AppState, Level};
use crate::store::DeadRef;
use crate::web::href;
use crate::web::layout::{Did, Layout, Page, Section, csv, did, html, wants_csv};
use crate::web::mark::{self, Mark};
use crate::web::pretty::pretty;
use crate::web::table::{Cell, Column, Rows, Table, TableQuery, number, text};

const COLUMNS: &[Column] = &[
    number("id", "Issue"),
    text("title", "What happened"),
    text("class", "Kind"),
    text("scope", "Where"),
    number("affected", "Affected"),
    number("seen", "Seen"),
    number("first", "First seen"),
    number("last", "Last seen"),
    text("state", "State"),
];

/// Dead letters that are spelled out with their exchange.
const SPELLED_OUT: usize = 20;

#[derive(Template)]
#[template(path = "issues.html")]
struct IssuesPage {
    layout: Layout,
    table: Table,
    all: bool,
}

#[derive(Deserialize)]
pub(in crate::web) struct ListQuery {
    all: Option<String>,
    sort: Option<String>,
    dir: Option<String>,
    filter: Option<String>,
    format: Option<String>,
}

pub(in crate::web) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Page {
    let all = query.all.is_some();
    let query = TableQuery { sort: query.sort, dir: query.dir, filter: query.filter, format: query.format };
    let issues = load(&state, all).await?;
    let flows: Vec<String> = state.hub().flows().into_iter().map(|flow| flow.name).collect();
    let row = |issue: &IssueView| {
        vec![
            Cell::Number(issue.id),
            Cell::link(&issue.title, href::issue(issue.id)),
            Cell::Mark(mark::class_of_error(&issue.class)),
            Cell::link(&issue.scope, href::scope(&issue.scope, &flows)),
            Cell::Number(issue.affected + issue.files),
            Cell::Number(issue.seen),
            Cell::Time(Some(issue.first_at.0)),
            Cell::Time(Some(issue.last_at.0)),
            Cell::Mark(state_mark(issue)),
        ]
    };
    let rows = Rows {
        caption: "Issues",
        columns: COLUMNS,
        rows: issues.iter().map(row).collect(),
        empty: if all {
            "Nothing has ever failed for good. This list fills when a record needs a person."
        } else {
            "No open issue: nothing needs a person. Resolved ones are under “resolved too”."
        },
        path: "/issues".to_owned(),
        kept: if all { vec![("all".to_owned(), "1".to_owned())] } else { Vec::new() },
        now: state.now_us(),
    };
    if wants_csv(&query) {
        return csv("issues", rows, &query);
    }
    html(&IssuesPage {
        layout: Layout::new(&state, &headers, Section::Issues, "Issues").await,
        table: rows.table(&query),
        all,
    })
}

fn state_mark(issue: &IssueView) -> Mark {
    if issue.open { Mark::new("open", Level::Warn) } else { Mark::new("resolved", Level::Good) }
}

#[derive(Template)]
#[template(path = "issue.html")]
struct IssuePage {
    layout: Layout,
    issue: IssueView,
    state: Mark,
    class: Mark,
    scope_href: String,
    letters: Vec<Letter>,
    files: Vec<FileView>,
    /// Affected records beyond those spelled out.
    more: usize,
}

struct Letter {
    dead: String,
    name: String,
    record_href: Option<String>,
    view: DeadLetterView,
    body: String,
    request: String,
    response: String,
    body_label: String,
    rows: usize,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(id): ApiPath<i64>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    let detail = load_one(&state, id).await?;
    let flows: Vec<String> = state.hub().flows().into_iter().map(|flow| flow.name).collect();
    let title = format!("Issue {id}");
    let more = detail.dead_letters.len().saturating_sub(SPELLED_OUT);
    html(&IssuePage {
        layout: Layout::new(&state, &headers, Section::Issues, title).await.still().notice(&done),
        state: state_mark(&detail.issue),
        class: mark::class_of_error(&detail.issue.class),
        scope_href: href::scope(&detail.issue.scope, &flows),
        letters: detail.dead_letters.into_iter().take(SPELLED_OUT).map(letter).collect(),
        files: detail.files,
        issue: detail.issue,
        more,
    })
}

fn letter(view: DeadLetterView) -> Letter {
    let dead = match view.dead {
        DeadRef::Inbox(id) => format!("inbox-{id}"),
        DeadRef::Job(id) => format!("job-{id}"),
    };
    let body_label = match view.form {
        Form::Payload if view.exact => "Payload as received".to_owned(),
        Form::Payload => "Payload as received; it is not UTF-8: \u{FFFD} stands where bytes cannot be shown".to_owned(),
        // Not the request above: that is what the mapping made of it.
        Form::Record => format!(
            "Record in the hub's own form ({}, revision {}); corrected, it is mapped out anew",
            view.entity.as_deref().unwrap_or_default().replace('_', " "),
            view.revision.unwrap_or_default()
        ),
    };
    let named = !view.key.is_empty();
    let body = pretty(&view.body);
    Letter {
        name: if named { view.key.clone() } else { dead.clone() },
        record_href: named.then(|| href::record(&view.connection, &view.stream, &view.key)),
        rows: body.lines().count().clamp(4, 24),
        request: pretty(&view.request),
        response: pretty(&view.response),
        body,
        body_label,
        dead,
        view,
    }
}

/// For the template.
impl IssuePage {
    /// `2 records`, `1 file`, `1 record and 2 files`.
    fn affected(&self) -> String {
        let plural = |n: i64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        match (self.issue.affected, self.issue.files) {
            (records, 0) => plural(records, "record"),
            (0, files) => plural(files, "file"),
            (records, files) => format!("{} and {}", plural(records, "record"), plural(files, "file")),
        }
    }

    fn total(&self) -> i64 {
        self.issue.affected + self.issue.files
    }
}

/// "job-12" or "inbox-3", as the forms name one dead letter.
fn parse_dead(text: &str) -> Result<DeadRef, ApiError> {
    let parsed = text.split_once('-').and_then(|(kind, id)| match (kind, id.parse()) {
        ("inbox", Ok(id)) => Some(DeadRef::Inbox(id)),
        ("job", Ok(id)) => Some(DeadRef::Job(id)),
        _ => None,
    });
    parsed.ok_or_else(|| ApiError::bad_request(format!("{text:?} names no dead letter"), "go back to the issue's page"))
}

#[derive(Deserialize)]
pub(in crate::web) struct ActForm {
    actor: Option<String>,
    only: Option<String>,
    reason: Option<String>,
    body: Option<String>,
    /// What was on the page when it was corrected.
    base: Option<String>,
}

/// Browsers send all line ends as CR LF, whatever they were: the text as its source would have written it.
fn with_line_ends_of(before: &str, form: &str) -> String {
    let lines = form.replace("\r\n", "\n");
    let ends = before.matches('\n').count();
    if ends > 0 && before.matches("\r\n").count() == ends { lines.replace('\n', "\r\n") } else { lines }
}

pub(in crate::web) async fn act(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((id, act)): ApiPath<(i64, String)>,
    ApiForm(form): ApiForm<ActForm>,
) -> Page {
    let actor = actor(&headers, form.actor.as_deref())?;
    let only = form.only.as_deref().filter(|text| !text.is_empty()).map(parse_dead).transpose()?;
    let done = match (act.as_str(), only) {
        ("retry", only) => retry_issue(&state, id, only, &actor).await?,
        ("discard", only) => discard_issue(&state, id, only, form.reason.as_deref(), &actor).await?,
        ("edit", Some(dead)) => {
            let detail = load_one(&state, id).await?;
            let body = with_line_ends_of(&edits::letter(&detail, dead)?.body, &form.body.unwrap_or_default());
            edit_dead_letter(&state, id, EditBody { actor: None, dead, body, base: form.base }, &actor).await?
        }
        (other, _) => {
            let message = format!("an issue cannot be told to {other:?}");
            return Err(ApiError::not_found(message, "go back to the issue's page").into());
        }
    };
    let word = if done.count == 0 && done.files > 0 { format!("{act}-file") } else { act };
    Ok(did(&href::issue(id), &word, done.count + done.files, &actor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_the_line_ends_of_the_payload() {
        for (before, form, after) in [
            ("a\r\nb\r\n", "a\r\nc\r\n", "a\r\nc\r\n"),
            ("a\nb\n", "a\r\nc\r\n", "a\nc\n"),
            ("a\nb\r\n", "a\r\nc\r\n", "a\nc\n"),
            ("{}", "{\r\n}", "{\n}"),
        ] {
            assert_eq!(with_line_ends_of(before, form), after, "{before:?}");
        }
    }

    #[test]
    fn forms_name_dead_letters() {
        assert_eq!(parse_dead("job-12").ok(), Some(DeadRef::Job(12)));
        assert_eq!(parse_dead("inbox-3").ok(), Some(DeadRef::Inbox(3)));
        for refused in ["", "job", "job-", "job-x", "other-1"] {
            assert!(parse_dead(refused).is_err(), "{refused}");
        }
    }
}
