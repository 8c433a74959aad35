//! Payment stories: which there are, and one of them told; not here: following money (`finance::story`).

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::extract::{ApiPath, ApiQuery};
use crate::api::state::AppState;
use crate::finance::desk::Desk;
use crate::finance::story::{Asked, PaymentStory, Story};
use crate::recon::report::OpenItem;

/// Longest key that is looked for.
const LONGEST: usize = 500;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoriesView {
    pub stories: Vec<StoryView>,
    /// Why others cannot be told: their mistakes with their places.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoryView {
    pub name: String,
    pub title: String,
    /// Reconciliations, in the order in which money goes through them.
    pub legs: Vec<String>,
    /// Keys that it may be asked by, in the order in which they are tried.
    pub asked_by: Vec<String>,
}

impl From<&Story> for StoryView {
    fn from(story: &Story) -> StoryView {
        StoryView {
            name: story.name.to_string(),
            title: story.title.clone(),
            legs: story.legs.iter().map(|leg| leg.leg.value.clone()).collect(),
            asked_by: story.asked_by.iter().map(|key| key.value.clone()).collect(),
        }
    }
}

pub(in crate::api) async fn stories(State(state): State<AppState>) -> Result<Json<StoriesView>, ApiError> {
    load_stories(&state).map(Json)
}

pub fn load_stories(state: &AppState) -> Result<StoriesView, ApiError> {
    let (stories, problems) = state.desk()?.stories();
    let problem = (!problems.is_empty()).then(|| problems.to_string());
    Ok(StoriesView { stories: stories.iter().map(StoryView::from).collect(), problem })
}

/// One story, whether or not anything is asked of it.
pub fn load_story_named(state: &AppState, name: &str) -> Result<StoryView, ApiError> {
    Ok(StoryView::from(&state.desk()?.story_named(name)?))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoryQuery {
    /// An order's number, a payout, a bank's reference.
    pub key: String,
    /// The key's name; without, all that the story may be asked by are tried.
    pub by: String,
}

pub(in crate::api) async fn story(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<StoryQuery>,
) -> Result<Json<PaymentStory>, ApiError> {
    load_story(&state, &name, &query).await.map(Json)
}

pub async fn load_story(state: &AppState, name: &str, query: &StoryQuery) -> Result<PaymentStory, ApiError> {
    let (key, by) = (query.key.trim(), query.by.trim());
    if key.is_empty() {
        let story = load_story_named(state, name)?;
        let next = format!("?key= with one of: {}", story.asked_by.join(", "));
        return Err(ApiError::bad_request("a story is asked for by a key", next));
    }
    if key.chars().count() > LONGEST {
        return Err(ApiError::bad_request(
            format!("the key is longer than {LONGEST} characters"),
            "give the number alone",
        ));
    }
    let by = Some(by.to_owned()).filter(|by| !by.is_empty());
    Ok(state.desk()?.story(name, Asked { key: key.to_owned(), by }).await?)
}

/// A story that a break's rows belong to, and how to ask for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoryLink {
    pub story: String,
    pub title: String,
    pub by: String,
    pub key: String,
}

/// Stories that lead through this reconciliation and may be asked by a key of the break.
pub(super) fn stories_of(desk: &Desk, reconciliation: &str, item: Option<&OpenItem>) -> Vec<StoryLink> {
    let Some(item) = item else { return Vec::new() };
    let link = |story: &Story| {
        let (by, key) = story.asked_by.iter().find_map(|by| item.keys.iter().find(|(name, _)| *name == by.value))?;
        let (story, title) = (story.name.to_string(), story.title.clone());
        Some(StoryLink { story, title, by: by.clone(), key: key.clone() })
    };
    let (stories, _) = desk.stories();
    stories.iter().filter(|story| story.leg(reconciliation).is_some()).filter_map(link).collect()
}
