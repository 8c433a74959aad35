//! A payment story: where one's money is, station by station, with what each run says of it; and the forms that ask for one.
//!
//! Not here: telling it (`finance::story`).

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, StatusCode};

use crate::api::resources::reconciliations::{StoryQuery, StoryView, load_stories, load_story, load_story_named};
use crate::api::{ApiError, ApiPath, ApiQuery, AppState, Level};
use crate::finance::story::{OutcomeState, PaymentStory, Share, Station, StationSide, StoryBreak, StoryRow, Verdict};
use crate::recon::report::Amount;
use crate::web::href;
use crate::web::layout::{Layout, Page, Section, html_with};
use crate::web::mark::Mark;
use crate::web::money::{Money, money};
use crate::web::recon_words as words;

/// One story's form.
pub(in crate::web) struct Finder {
    pub story: StoryView,
    pub href: String,
}

impl Finder {
    fn of(story: StoryView) -> Finder {
        Finder { href: href::story(&story.name), story }
    }

    pub fn keys(&self) -> String {
        self.story.asked_by.join(", ")
    }
}

/// All stories, and what is wrong with others.
pub(in crate::web) fn finders(state: &AppState) -> Result<(Vec<Finder>, Option<String>), ApiError> {
    if state.hub().folder().is_none() {
        return Ok((Vec::new(), None));
    }
    let view = load_stories(state)?;
    Ok((view.stories.into_iter().map(Finder::of).collect(), view.problem))
}

#[derive(Template)]
#[template(path = "story.html")]
struct StoryPage {
    layout: Layout,
    finder: Finder,
    key: String,
    by: String,
    error: Option<ApiError>,
    told: Option<PaymentStory>,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<StoryQuery>,
) -> Page {
    let finder = Finder::of(load_story_named(&state, &name)?);
    let key = query.key.trim().to_owned();
    let asked = match key.is_empty() {
        true => None,
        false => Some(load_story(&state, &name, &query).await),
    };
    let title = if key.is_empty() { finder.story.title.clone() } else { format!("{key}: {}", finder.story.title) };
    let layout = Layout::new(&state, &headers, Section::Reconciliations, title).await.still();
    let (told, error) = match asked {
        None => (None, None),
        Some(Ok(told)) => (Some(told), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let status = error.as_ref().map_or(StatusCode::OK, |error| error.code.status());
    html_with(status, &StoryPage { layout, finder, key, by: query.by.trim().to_owned(), error, told })
}

fn outcome(state: OutcomeState) -> Mark {
    let level = match state {
        OutcomeState::Complete => Level::Good,
        OutcomeState::UnderWay => Level::Info,
        OutcomeState::Unknown => Level::Warn,
        OutcomeState::Broken => Level::Bad,
    };
    Mark::new(state.word(), level)
}

fn verdict(verdict: Verdict) -> Mark {
    let level = match verdict {
        Verdict::Matched | Verdict::Decided => Level::Good,
        Verdict::MatchedWithRemark | Verdict::UnderWay => Level::Info,
        Verdict::NotNeeded | Verdict::SetAside | Verdict::NotReached => Level::Muted,
        Verdict::NotCompared | Verdict::Nothing | Verdict::Unknown => Level::Warn,
        Verdict::Broken => Level::Bad,
    };
    Mark::new(verdict.word(), level)
}

fn shown(amounts: &[Amount]) -> Vec<Money> {
    amounts.iter().map(|sum| money(&sum.decimal, &sum.unit)).collect()
}

/// For the template.
impl StoryPage {
    fn outcome(&self, told: &PaymentStory) -> Mark {
        outcome(told.outcome.state)
    }

    fn verdict(&self, of: &Verdict) -> Mark {
        verdict(*of)
    }

    /// The break that the story is broken at.
    fn broken(&self, told: &PaymentStory) -> Option<String> {
        Some(href::a_break(told.outcome.leg.as_ref()?, told.outcome.item.as_ref()?))
    }

    fn break_href(&self, leg: &str, item: &str) -> String {
        href::a_break(leg, item)
    }

    fn break_mark(&self, found: &StoryBreak) -> Mark {
        match found.state {
            Some(state) => words::state(state),
            None => Mark::new("break", Level::Bad),
        }
    }

    /// What is stated and known, with its name.
    fn figures(&self, told: &PaymentStory) -> Vec<(&'static str, Vec<Money>)> {
        let amounts = &told.amounts;
        let all = [
            ("Worth", &amounts.worth),
            ("Captured", &amounts.captured),
            ("Fees", &amounts.fees),
            ("Net", &amounts.net),
            ("Reached the bank", &amounts.reached),
        ];
        all.into_iter().filter_map(|(name, sum)| Some((name, shown(sum.as_ref()?)))).collect()
    }

    fn sums(&self, amounts: &[Amount]) -> Vec<Money> {
        shown(amounts)
    }

    fn amount(&self, row: &StoryRow) -> Money {
        money(&row.amount.decimal, &row.amount.unit)
    }

    fn keys(&self, row: &StoryRow) -> String {
        row.keys.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }

    fn what(&self, row: &StoryRow) -> String {
        [row.category.as_deref(), row.status.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn period(&self, station: &Station) -> String {
        station.run.as_ref().map(|run| words::period(&run.period)).unwrap_or_default()
    }

    fn run_href(&self, station: &Station) -> Option<(i64, String)> {
        station.run.as_ref().map(|run| (run.id, href::run(run.id)))
    }

    /// What the run calls it, marked by what it means for the story.
    fn row_mark(&self, row: &StoryRow) -> Mark {
        let decided = if row.verdict == Verdict::Decided { ", decided" } else { "" };
        Mark::new(format!("{}{decided}", words::bucket(&row.bucket)), verdict(row.verdict).level)
    }

    /// The mark says it already.
    fn is_plain(&self, station: &Station) -> bool {
        station.told == station.verdict.word()
    }

    /// The break's leg is the one that shares arrive in: the only one that has their ids.
    fn share_break(&self, told: &PaymentStory, share: &Share) -> Option<(String, String)> {
        let item = share.item.as_ref()?;
        let station = told.stations.iter().find(|station| station.breaks.iter().any(|known| known.id == *item))?;
        Some((href::a_break(&station.leg, item), item.clone()))
    }

    fn is_empty(&self, side: &StationSide) -> bool {
        side.rows.is_empty() && side.unread.is_empty()
    }
}
