//! One break: both sides, what it means, its history, and what a person may do about it.

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, StatusCode};

use crate::api::resources::actor::actor;
use crate::api::resources::reconciliations::{
    ActBody, BreakDetail, BreakQuery, BreakView, HappenedView, MatchBody, StoryLink, act_on, load_break, load_breaks,
    match_breaks, undo_match,
};
use crate::api::{ApiError, ApiForm, ApiPath, ApiQuery, AppState, Level};
use crate::finance::workflow::{Action, State as BreakState};
use crate::web::form::{Form, Input, Tried, Typed, area, check, choice, given, hidden, line};
use crate::web::href;
use crate::web::layout::{Did, Layout, Page, Section, did, html_with};
use crate::web::mark::Mark;
use crate::web::money::{Money, money};
use crate::web::recon_words as words;
use crate::web::sides::{SideLine, Value, sentences, side_by_side};

/// Breaks that a form proposes to match with.
const PROPOSED: usize = 200;

#[derive(Template)]
#[template(path = "recon_break.html")]
struct BreakPage {
    layout: Layout,
    detail: BreakDetail,
    name: String,
    state: Mark,
    code: String,
    lines: Vec<SideLine>,
    findings: Vec<String>,
    variance: Vec<Money>,
    history: Vec<(Mark, HappenedView)>,
    fits: Vec<Fit>,
    forms: Vec<Form>,
    back: String,
}

/// A break that may belong to this one, with the form that says so.
struct Fit {
    name: String,
    href: String,
    why: String,
    meaning: String,
    amounts: Vec<Money>,
    date: String,
    places: String,
    form: Form,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((name, item)): ApiPath<(String, String)>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    render(&state, &headers, &name, &item, &done, None).await
}

async fn render(
    state: &AppState,
    headers: &HeaderMap,
    name: &str,
    item: &str,
    done: &Did,
    tried: Option<&Tried>,
) -> Page {
    let detail = load_break(state, name, item).await?;
    let others = load_breaks(state, name, &BreakQuery::default()).await?;
    let shown = &detail.shown;
    let called = called(shown);
    let title = format!("Break {called}");
    let layout = Layout::new(state, headers, Section::Reconciliations, title).await.still().notice(done);
    let amounts = shown.variance.iter().map(|amount| money(&amount.decimal, &amount.unit));
    html_with(
        tried.map_or(StatusCode::OK, |tried| tried.error.code.status()),
        &BreakPage {
            name: called,
            state: words::state(shown.state),
            code: words::capital(&words::meaning(&shown.code)),
            lines: shown.item.as_ref().map(side_by_side).unwrap_or_default(),
            findings: shown.item.as_ref().map(sentences).unwrap_or_default(),
            variance: amounts.collect(),
            history: detail.history.iter().rev().map(|event| (mark(event), event.clone())).collect(),
            fits: fits(&detail, &layout.actor, tried),
            forms: forms(&detail, &others, &layout.actor, tried),
            back: href::reconciliation(name),
            layout,
            detail,
        },
    )
}

/// By its key, as people know it.
fn called(shown: &BreakView) -> String {
    shown.item.as_ref().and_then(|item| item.key.clone()).unwrap_or_else(|| shown.id.clone())
}

fn mark(event: &HappenedView) -> Mark {
    let level = match event.kind.as_str() {
        "run kept" if event.what.starts_with("not found") => Level::Good,
        "run kept" => Level::Warn,
        "resolved" | "written off" | "match decided" => Level::Good,
        "reopened" | "unmatched" => Level::Warn,
        _ => Level::Info,
    };
    Mark::new(event.kind.clone(), level)
}

fn act_href(detail: &BreakDetail, act: &str) -> String {
    format!("{}/{act}", href::a_break(&detail.reconciliation, &detail.shown.id))
}

fn fits(detail: &BreakDetail, who: &str, tried: Option<&Tried>) -> Vec<Fit> {
    if detail.shown.state.after(Action::Resolve).is_err() {
        return Vec::new();
    }
    let fit = |candidate: &crate::api::resources::reconciliations::Candidate| {
        let shown = &candidate.shown;
        let rows = shown.item.iter().flat_map(|item| item.rows.iter().flatten().cloned());
        let form = Form::new(format!("match-{}", shown.id), act_href(detail, "match"), "Match with it", who)
            .field(hidden("with", &shown.id))
            .field(line("reason", "Reason").holding(candidate.why.clone()));
        let form = if candidate.ties { form } else { form.field(check("force", "although they may not tie")) };
        Fit {
            name: called(shown),
            href: href::a_break(&detail.reconciliation, &shown.id),
            why: candidate.why.clone(),
            meaning: words::meaning(&shown.code),
            amounts: shown.variance.iter().map(|amount| money(&amount.decimal, &amount.unit)).collect(),
            date: shown.event_date.clone().unwrap_or_default(),
            places: rows.collect::<Vec<_>>().join(", "),
            form: form.after(tried),
        }
    };
    detail.candidates.iter().map(fit).collect()
}

/// What is possible from here, and what was tried.
fn forms(detail: &BreakDetail, others: &[BreakView], who: &str, tried: Option<&Tried>) -> Vec<Form> {
    let shown = &detail.shown;
    let can = |action: Action| shown.state.after(action).is_ok();
    let form = |act: &'static str, button, title| Form::new(act, act_href(detail, act), button, who).titled(title);
    let mut forms: Vec<(bool, Form)> = vec![
        (
            can(Action::Assign),
            form("assign", "Assign", "Assign")
                .field(line("owner", "To").holding(shown.owner.clone().unwrap_or_default())),
        ),
        (true, form("comment", "Comment", "Comment").field(area("text", "Comment"))),
        (
            can(Action::Investigate),
            form("investigate", "Investigate", "Take it up").field(area("text", "Note").optional()),
        ),
        (can(Action::Propose), form("propose", "Propose", "Propose what to do").field(area("text", "Proposal"))),
        (
            can(Action::Resolve),
            form("resolve", "Resolve", "Resolve: explained or corrected").field(area("text", "Why it is resolved")),
        ),
        (can(Action::Resolve), matching(detail, others, who)),
        (
            can(Action::AcceptTiming),
            form("accept-timing", "Accept as timing", "Accept as a matter of time")
                .note("It stays open until a later run does not find it any more.")
                .field(area("text", "When it will explain itself")),
        ),
        (can(Action::WriteOff), write_off(detail, who)),
        (
            true,
            form("attach", "Note the document", "Attach a document by its hash")
                .note("The document stays where it is: its name and SHA-256 are kept (`sha256sum FILE` tells it).")
                .field(line("name", "Name"))
                .field(line("sha256", "SHA-256").like("64 hexadecimal digits")),
        ),
    ];
    if let Some(event) = shown.matched_by {
        let undo = form("unmatch", "Take the match back", "Take the match back")
            .note(format!("It was resolved by the match of event {event}; all its breaks are open again then."))
            .field(hidden("event", event.to_string()))
            .field(area("reason", "Why the rows do not belong together"));
        forms.push((true, undo.danger()));
    } else {
        let reopen = form("reopen", "Reopen", "Reopen").field(area("text", "Why")).danger();
        forms.push((can(Action::Reopen), reopen));
    }
    let tried_it = |form: &Form| tried.is_some_and(|tried| tried.form == form.id);
    let kept = forms.into_iter().filter(|(possible, form)| *possible || tried_it(form));
    kept.map(|(_, form)| form.after(tried)).collect()
}

fn write_off(detail: &BreakDetail, who: &str) -> Form {
    let terms = &detail.write_off;
    let limits: Vec<String> = terms.limits.iter().map(|limit| format!("{} {}", limit.decimal, limit.unit)).collect();
    let limits = match limits.as_slice() {
        [] => "No limit is set in the definition: two persons decide about every write-off.".to_owned(),
        limits => format!("One person decides up to {}; above it, and in other units, two do.", limits.join(", ")),
    };
    let (here, button, title) = match (&terms.asked, &detail.shown.write_off_by) {
        (Some(code), Some(by)) => (
            format!(
                "{by} asks to write it off as {code}: {}. Another person approves by asking for the same.",
                terms.asked_because.as_deref().unwrap_or_default()
            ),
            "Approve the write-off",
            "Write off: waits for a second person",
        ),
        (_, _) if terms.alone => ("This one is within the limit.".to_owned(), "Write off", "Write off"),
        (_, _) => (
            "This one is above the limit: you ask for it, another person approves.".to_owned(),
            "Ask to write it off",
            "Write off, with a second person",
        ),
    };
    let code = match terms.reasons.as_slice() {
        [] => line("code", "Reason code").like("BANK_FEE"),
        reasons => {
            choice("code", "Reason code", reasons.iter().map(|reason| (reason.clone(), reason.clone())).collect())
        }
    };
    Form::new("write-off", act_href(detail, "write-off"), button, who)
        .titled(title)
        .note(format!("{limits} {here} A journal line is proposed; nothing is posted."))
        .field(code.holding(terms.asked.clone().unwrap_or_default()))
        .field(area("text", "Why it is given up"))
        .danger()
}

/// With another break; a break that has rows of both sides may be matched in itself.
fn matching(detail: &BreakDetail, others: &[BreakView], who: &str) -> Form {
    let both = detail.shown.item.as_ref().is_some_and(|item| item.rows.iter().all(|rows| !rows.is_empty()));
    let others = others.iter().filter(|other| other.id != detail.shown.id).take(PROPOSED);
    let label = |other: &BreakView| {
        let amounts: Vec<String> = other
            .variance
            .iter()
            .map(|amount| {
                let shown = money(&amount.decimal, &amount.unit);
                format!("{} {}", shown.text, shown.unit)
            })
            .collect();
        format!("{}: {}, {}", called(other), words::meaning(&other.code), amounts.join(", "))
    };
    let proposals = others.map(|other| (other.id.clone(), label(other))).collect();
    let mut with = line("with", "With break").like("its id, of the other side");
    with.input = Input::Proposals(proposals);
    with.required = !both;
    let note = if both {
        "All rows of this break belong together; name another break to bring its rows in, too."
    } else {
        "The rows of both breaks belong together: the next run shows them as one match."
    };
    Form::new("match", act_href(detail, "match"), "Match", who)
        .titled("Match by hand")
        .note(note)
        .field(with)
        .field(check("force", "although they do not tie: the variance stays in every report"))
        .field(area("reason", "Why they belong together"))
}

pub(in crate::web) async fn act(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((name, item, act)): ApiPath<(String, String, String)>,
    ApiForm(typed): ApiForm<Typed>,
) -> Page {
    match perform(&state, &headers, &name, &item, &act, &typed).await {
        Ok((word, who)) => Ok(did(&href::a_break(&name, &item), &word, 1, &who)),
        Err(error) => {
            let tried = Tried::new(&act, typed, error.clone());
            match render(&state, &headers, &name, &item, &Did::default(), Some(&tried)).await {
                Ok(page) => Ok(page),
                // Without the break there is no page to say it on.
                Err(_) => Err(error.into()),
            }
        }
    }
}

async fn perform(
    state: &AppState,
    headers: &HeaderMap,
    name: &str,
    item: &str,
    act: &str,
    typed: &Typed,
) -> Result<(String, String), ApiError> {
    let who = actor(headers, typed.get("actor").map(String::as_str))?;
    match act {
        "match" => {
            let breaks = [Some(item.to_owned()), given(typed, "with")].into_iter().flatten().collect();
            let reason = given(typed, "reason").unwrap_or_default();
            let body = MatchBody { actor: None, breaks, force: typed.contains_key("force"), reason };
            match_breaks(state, name, body, &who).await?;
        }
        "unmatch" => {
            let event = given(typed, "event")
                .and_then(|event| event.parse().ok())
                .ok_or_else(|| ApiError::bad_request("the form names no match", "go back to the break’s page"))?;
            undo_match(state, name, event, given(typed, "reason"), &who).await?;
        }
        act => {
            let body = ActBody {
                actor: None,
                owner: given(typed, "owner"),
                text: given(typed, "text").map(|text| text.replace("\r\n", "\n")),
                code: given(typed, "code"),
                name: given(typed, "name"),
                sha256: given(typed, "sha256"),
            };
            act_on(state, name, item, act, body, &who).await?;
        }
    }
    let waits = act == "write-off" && load_break(state, name, item).await?.shown.state == BreakState::Proposed;
    let word = if waits { "recon-write-off-asked".to_owned() } else { format!("recon-{act}") };
    Ok((word, who))
}

/// For the template.
impl BreakPage {
    fn first_seen(&self) -> String {
        format!("run {}", self.detail.shown.first_run)
    }

    fn story_href(&self, link: &StoryLink) -> String {
        href::story_of(&link.story, &link.by, &link.key)
    }

    fn shown_by(&self) -> Option<(i64, String)> {
        self.detail.shown_by.map(|run| (run, href::run(run)))
    }

    /// Whether what a column is compared as differs.
    fn differs(&self, role: &Option<String>) -> bool {
        role.as_ref().is_some_and(|role| self.lines.iter().any(|line| line.differs && line.name == *role))
    }

    fn has_lines(&self) -> bool {
        self.detail.lines.iter().any(|side| !side.lines.is_empty() || side.unread.is_some())
    }

    /// What else the rows are called: the name of the page is not said again.
    fn keys(&self) -> Vec<(&str, &str)> {
        let keys = self.detail.shown.item.iter().flat_map(|item| &item.keys);
        keys.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}
