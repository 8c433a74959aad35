//! Connections: each system's health, its streams and what came from it today.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;

use crate::api::AppState;
use crate::api::resources::connections::{ConnectionView, load};
use crate::telemetry::moment;
use crate::web::layout::{Layout, Page, Section, html};
use crate::web::mark::{self, Mark};

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsPage {
    layout: Layout,
    connections: Vec<(Mark, ConnectionView)>,
}

pub(in crate::web) async fn page(State(state): State<AppState>, headers: HeaderMap) -> Page {
    let connections = load(&state).await?.into_iter().map(|view| (mark::health(view.health), view));
    html(&ConnectionsPage {
        layout: Layout::new(&state, &headers, Section::Connections, "Connections").await,
        connections: connections.collect(),
    })
}

/// For the template.
impl ConnectionsPage {
    fn every(&self, ms: &i64) -> String {
        moment::duration(ms.saturating_mul(1000))
    }

    fn grouped(&self, n: &i64) -> String {
        moment::grouped(*n)
    }
}
