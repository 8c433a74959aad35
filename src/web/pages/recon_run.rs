//! A run as finance reads it: what went in, the tie-out, breaks, what ages, who signed; signing, reopening, making it again.

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, StatusCode};

use crate::api::resources::actor::actor;
use crate::api::resources::reconciliations::{
    RunDetail, SignBody, SignatureView, begin_rederive, load_run_breaks, reopen_run, sign_run,
};
use crate::api::{ApiError, ApiForm, ApiPath, ApiQuery, AppState, Level, WorkKind, WorkState};
use crate::finance::export::{Section as Part, SectionTotal, totals};
use crate::recon::report::{Amount, BridgeTable, OpenItem, PayoutBridge, Report, RunStatus};
use crate::web::break_list::{BreakList, BreakListQuery, Sums, break_list};
use crate::web::form::{Form, Tried, Typed, area, given, hidden};
use crate::web::href;
use crate::web::layout::{Did, Layout, Page, Section, did, html_with};
use crate::web::mark::Mark;
use crate::web::money::{Money, money};
use crate::web::recon_words as words;
use crate::web::sides::sentences;

/// Rows of the shorter lists; all of them are in the exports.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "recon_run.html")]
struct RunPage {
    layout: Layout,
    detail: RunDetail,
    status: Mark,
    signed: Mark,
    period: String,
    bridges: Vec<Bridge>,
    rolls: Vec<Roll>,
    breaks: BreakList,
    waiting: Vec<Waiting>,
    matches: Vec<Vec<String>>,
    variances: Vec<Vec<Money>>,
    open_now: usize,
    forms: Vec<Form>,
    /// Why the lists below are not to be relied on.
    apart: Option<String>,
    proof: Option<(Mark, String)>,
    newest: bool,
}

/// The tie-out of one unit.
struct Bridge {
    unit: String,
    lines: Vec<BridgeRow>,
    residual: Money,
    mark: Mark,
}

struct BridgeRow {
    label: String,
    code: String,
    total: bool,
    counts: [u64; 2],
    amounts: [Money; 3],
}

struct Roll {
    unit: String,
    lines: Vec<(String, u64, Money)>,
}

/// What will explain itself.
struct Waiting {
    title: &'static str,
    items: Vec<WaitingRow>,
    more: usize,
}

struct WaitingRow {
    name: String,
    amounts: Vec<[Money; 3]>,
    due: String,
    age: String,
    why: String,
    places: [String; 2],
}

fn amount(amount: &crate::recon::report::Amount) -> Money {
    money(&amount.decimal, &amount.unit)
}

fn bridge(table: &BridgeTable) -> Bridge {
    let lines = table.lines.iter().map(|line| BridgeRow {
        label: words::bucket(&line.label),
        code: line.label.clone(),
        total: line.label == "total",
        counts: [line.count_a, line.count_b],
        amounts: [amount(&line.amount_a), amount(&line.amount_b), amount(&line.difference)],
    });
    let residual = amount(&table.residual);
    let mark = if residual.zero { Mark::new("ties", Level::Good) } else { Mark::new("does not tie", Level::Bad) };
    Bridge { unit: table.unit.clone(), lines: lines.collect(), residual, mark }
}

fn rolls(report: &Report) -> Vec<Roll> {
    let line = |(label, count, sum): &(String, u64, crate::recon::report::Amount)| (label.clone(), *count, amount(sum));
    let units = report.roll_forward.iter();
    units.map(|roll| Roll { unit: roll.unit.clone(), lines: roll.lines.iter().map(line).collect() }).collect()
}

fn waiting(title: &'static str, items: &[OpenItem]) -> Waiting {
    let places = |item: &OpenItem, side: usize| match item.rows[side].as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    };
    let row = |item: &OpenItem| WaitingRow {
        name: item.key.clone().unwrap_or_else(|| item.id.clone()),
        amounts: item.amounts.iter().map(|sides| [&sides.a, &sides.b, &sides.variance].map(amount)).collect(),
        due: item.due_date.clone().unwrap_or_default(),
        age: item.age_days.map(|days| format!("{days} d")).unwrap_or_default(),
        why: item.carried_by.clone().unwrap_or_else(|| sentences(item).join("; ")),
        places: [places(item, 0), places(item, 1)],
    };
    Waiting { title, items: items.iter().take(SHOWN).map(row).collect(), more: items.len().saturating_sub(SHOWN) }
}

/// Of the breaks' own table in the exports, so that screen and file say the same.
fn sums(totals: &[SectionTotal]) -> Vec<Sums> {
    let breaks = totals.iter().filter(|total| total.section == Part::Breaks);
    let of = |total: &SectionTotal, name: &str| {
        let found = total.amounts.iter().find(|(column, _)| column == name);
        found.map_or_else(|| money("", &total.unit), |(_, sum)| amount(sum))
    };
    let line = |total: &SectionTotal| Sums {
        unit: total.unit.clone(),
        amounts: ["amount_a", "amount_b", "variance"].map(|name| of(total, name)),
    };
    breaks.map(line).collect()
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(run): ApiPath<i64>,
    ApiQuery(query): ApiQuery<BreakListQuery>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    render(&state, &headers, run, query, &done, None).await
}

async fn render(
    state: &AppState,
    headers: &HeaderMap,
    run: i64,
    query: BreakListQuery,
    done: &Did,
    tried: Option<&Tried>,
) -> Page {
    let (detail, breaks) = load_run_breaks(state, run).await?;
    let report = &detail.report;
    let title = format!("{}, {}", report.cover.title, words::period(&detail.run.period));
    let layout = Layout::new(state, headers, Section::Reconciliations, title).await.still().notice(done);
    let (list_sums, apart) = match totals(report) {
        Ok(totals) => (sums(&totals), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let mut list = break_list(
        &detail.run.reconciliation,
        report.cover.sides.clone(),
        &breaks.breaks,
        query,
        href::run(run),
        "No break: every row is matched, set aside by a rule, or a matter of time.",
    );
    list.sums = list_sums;
    let matches = report.matches.iter().take(SHOWN);
    html_with(
        tried.map_or(StatusCode::OK, |tried| tried.error.code.status()),
        &RunPage {
            status: words::status(detail.run.status),
            signed: words::signed(&detail.run),
            period: words::period(&detail.run.period),
            bridges: report.tie_out.iter().map(bridge).collect(),
            rolls: rolls(report),
            breaks: list,
            waiting: vec![waiting("A matter of time", &report.timing), waiting("In flight", &report.in_flight)],
            matches: matches
                .clone()
                .map(|found| {
                    let why = [&found.key, &found.reason, &found.pass]
                        .into_iter()
                        .map(|text| text.clone().unwrap_or_default());
                    [words::bucket(&found.bucket)]
                        .into_iter()
                        .chain(why)
                        .chain(found.rows.iter().map(|rows| rows.join(", ")))
                        .collect()
                })
                .collect(),
            variances: matches.map(|found| found.variance.iter().map(amount).collect()).collect(),
            open_now: breaks.breaks.iter().filter(|shown| shown.state.is_open()).count(),
            forms: forms(&detail, &layout.actor, tried),
            apart,
            proof: proof(state, run),
            newest: breaks.newest,
            layout,
            detail,
        },
    )
}

/// What came of making it again, the last time.
fn proof(state: &AppState, run: i64) -> Option<(Mark, String)> {
    let work = state.work().latest_on(WorkKind::Rederive, &run.to_string())?;
    Some(match (work.state, work.rederived, work.error) {
        (WorkState::Done, Some(found), _) if found.holds() => {
            (Mark::new("the same to the byte", Level::Good), format!("SHA-256 {}", found.again.unwrap_or_default()))
        }
        (WorkState::Done, Some(found), _) => {
            let but = found.again.map_or_else(String::new, |again| format!("made again its SHA-256 is {again}"));
            let why = if found.changed.is_empty() { but } else { found.changed.join("; ") };
            (Mark::new("not the same", Level::Bad), why)
        }
        (_, _, Some(error)) => (Mark::new("could not be made again", Level::Bad), error.to_string()),
        (_, _, None) => (Mark::new("running", Level::Info), "look again in a moment".to_owned()),
    })
}

fn forms(detail: &RunDetail, who: &str, tried: Option<&Tried>) -> Vec<Form> {
    let run = &detail.run;
    let to = |act: &str| format!("{}/{act}", href::run(run.id));
    let sign = |id: &str, role: &str, button, title| {
        Form::new(id, to("sign"), button, who)
            .titled(title)
            .note(format!(
                "The signature is under the document’s hash {}.",
                &run.sha256.chars().take(12).collect::<String>()
            ))
            .field(hidden("as", role))
            .field(area("note", "What you checked"))
    };
    let wanted = |id: &str| tried.is_some_and(|tried| tried.form == id);
    let free = detail.blockers.is_empty();
    let mut forms = Vec::new();
    if (run.preparer.is_none() && free) || wanted("sign-preparer") {
        forms.push(sign("sign-preparer", "preparer", "Sign as preparer", "Sign as preparer"));
    }
    if (run.preparer.is_some() && run.approver.is_none() && free) || wanted("sign-approver") {
        forms.push(sign("sign-approver", "approver", "Approve", "Approve as a second person"));
    }
    if run.preparer.is_some() || wanted("reopen") {
        let reopen = Form::new("reopen", to("reopen"), "Take the signatures back", who)
            .titled("Open it again")
            .note("The signatures are void then, and stay on record; what was closed with this run is open to decisions again.")
            .field(area("reason", "Why"))
            .danger();
        forms.push(reopen);
    }
    let again = Form::new("verify", to("verify"), "Make it again and compare", who)
        .titled("Make it again")
        .note("From the recorded files, definition and decisions. The hashes have to be equal.");
    forms.push(again);
    forms.into_iter().map(|form| form.after(tried)).collect()
}

pub(in crate::web) async fn act(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((run, act)): ApiPath<(i64, String)>,
    ApiForm(typed): ApiForm<Typed>,
) -> Page {
    match perform(&state, &headers, run, &act, &typed).await {
        Ok((word, who)) => Ok(did(&href::run(run), word, 1, &who)),
        Err(error) if matches!(act.as_str(), "sign" | "reopen" | "verify") => {
            let tried = Tried::new(&act, typed, error);
            render(&state, &headers, run, BreakListQuery::default(), &Did::default(), Some(&tried)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn perform(
    state: &AppState,
    headers: &HeaderMap,
    run: i64,
    act: &str,
    typed: &Typed,
) -> Result<(&'static str, String), ApiError> {
    let who = actor(headers, typed.get("actor").map(String::as_str))?;
    let word = match act {
        "sign" => {
            let body = SignBody {
                actor: None,
                role: given(typed, "as").unwrap_or_default(),
                note: given(typed, "note").unwrap_or_default(),
            };
            sign_run(state, run, &body, &who).await?;
            "recon-sign"
        }
        "reopen" => {
            reopen_run(state, run, given(typed, "reason"), &who).await?;
            "recon-reopen-run"
        }
        "verify" => {
            let (_, ended) = begin_rederive(state, run, &who).await?;
            if let Some(ended) = ended {
                // Too long is no error: the page says that it goes on.
                let _in_time = tokio::time::timeout(super::reconciliations::AT_ONCE, ended).await.is_ok();
            }
            "recon-verify"
        }
        other => {
            return Err(ApiError::not_found(format!("a run cannot be told to {other:?}"), "go back to the run’s page"));
        }
    };
    Ok((word, who))
}

/// For the template.
impl RunPage {
    fn per_cent(&self) -> String {
        words::per_cent(self.detail.report.figures.auto_matched_ppm)
    }

    /// Those that need a look first; each group in the report's order.
    fn payouts(&self) -> Vec<&PayoutBridge> {
        let mut payouts: Vec<&PayoutBridge> = self.detail.report.payouts.iter().collect();
        let followed = payouts.iter().any(|payout| payout.bank_line.is_some());
        let in_order = |payout: &PayoutBridge| {
            let arrived = !followed || payout.paid.is_none() || payout.bank_line.is_some();
            let sum = |amount: &Option<Amount>| amount.as_ref().map(|amount| amount.amount_minor.clone());
            let whole = payout.received.is_none() || sum(&payout.received) == sum(&payout.paid);
            money(&payout.difference.decimal, &payout.unit).zero && arrived && whole
        };
        payouts.sort_by_key(|payout| in_order(payout));
        payouts.truncate(SHOWN);
        payouts
    }

    fn grouped(&self, n: &u64) -> String {
        crate::telemetry::moment::grouped(i64::try_from(*n).unwrap_or(i64::MAX))
    }

    fn money(&self, amount: &crate::recon::report::Amount) -> Money {
        money(&amount.decimal, &amount.unit)
    }

    fn complete(&self) -> bool {
        self.detail.run.status == RunStatus::Complete
    }

    /// `SOURCE_INCOMPLETE` as words.
    fn words(&self, code: &str) -> String {
        code.to_lowercase().replace('_', " ")
    }

    fn signatures(&self) -> Vec<(&'static str, &SignatureView)> {
        let (preparer, approver) = (self.detail.run.preparer.as_ref(), self.detail.run.approver.as_ref());
        preparer.map(|found| ("prepared", found)).into_iter().chain(approver.map(|found| ("approved", found))).collect()
    }

    fn ties(&self) -> bool {
        self.bridges.iter().all(|bridge| bridge.residual.zero)
    }

    fn export(&self, format: &str) -> String {
        format!("/api/v1/reconciliations/runs/{}/export?format={format}", self.detail.run.id)
    }

    fn back(&self) -> String {
        href::reconciliation(&self.detail.run.reconciliation)
    }
}
