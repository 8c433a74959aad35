//! The overview as a stream of server-sent events: one message when something has changed, at most one a second; not
//! here: what the overview is made of.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::error::{ApiError, Code};
use super::resources::overview::{Overview, load};
use super::state::AppState;

/// Pages that may watch at the same time.
const WATCHERS: usize = 64;
const EVERY: Duration = Duration::from_secs(1);
/// How long a look is shared: a little less than a second, so that each tick of a page sees a new one.
const SHARED: Duration = Duration::from_millis(900);

/// All watchers share one look at the store a second.
pub(super) struct LiveFeed {
    places: Arc<Semaphore>,
    last: Mutex<Option<(Instant, Arc<Message>)>>,
}

impl Default for LiveFeed {
    fn default() -> LiveFeed {
        LiveFeed { places: Arc::new(Semaphore::new(WATCHERS)), last: Mutex::new(None) }
    }
}

struct Message {
    /// Changes whenever the numbers do, but not with the passing of time alone.
    stamp: String,
    json: String,
}

pub(super) async fn live(
    State(state): State<AppState>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let place = Arc::clone(&state.live().places).try_acquire_owned().map_err(|_| {
        ApiError::new(
            Code::Unavailable,
            format!("{WATCHERS} pages are watching already"),
            "close one, or reload by hand",
        )
    })?;
    Ok(Sse::new(messages(state, place)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn messages(state: AppState, place: OwnedSemaphorePermit) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    futures::stream::unfold((state, place, ticks, String::new()), |(state, place, mut ticks, mut sent)| async move {
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = state.stop().cancelled() => return None,
            }
            match current(&state).await {
                Ok(message) if message.stamp != sent => {
                    sent.clone_from(&message.stamp);
                    let event = Event::default().event("overview").id(&message.stamp).data(&message.json);
                    return Some((Ok(event), (state, place, ticks, sent)));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "a live page could not be told the news");
                    return None;
                }
            }
        }
    })
}

async fn current(state: &AppState) -> Result<Arc<Message>, ApiError> {
    let mut last = state.live().last.lock().await;
    if let Some((at, message)) = last.as_ref()
        && at.elapsed() < SHARED
    {
        return Ok(Arc::clone(message));
    }
    let overview = load(state).await?;
    let message = Arc::new(Message {
        stamp: stamp(&overview),
        json: serde_json::to_string(&overview)
            .map_err(|error| ApiError::new(Code::Internal, error.to_string(), "reload the page"))?,
    });
    *last = Some((Instant::now(), Arc::clone(&message)));
    Ok(message)
}

/// A short fingerprint of what does not move by itself.
pub fn stamp(overview: &Overview) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(&format!("{:?}{}{}{}", overview.today, overview.backlog, overview.unknown, overview.open_issues));
    add(&format!("{:?}", overview.last_verify));
    for flow in &overview.flows {
        add(&format!("{}{:?}{:?}{:?}", flow.name, flow.freshness.word, flow.queue, flow.last_done_at));
    }
    for connection in &overview.connections {
        add(&format!("{}{:?}{}", connection.id, connection.health, connection.reason));
    }
    hex::encode(&hasher.finalize()[..8])
}
