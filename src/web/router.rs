//! Every page in one list, which the router is made from and the tests walk; not here: what is on them.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header;

use super::assets;
use super::layout::PageError;
use super::pages::{
    connections, flows, issues, ledger, overview, recon_break, recon_run, reconciliations, records, story,
};
use crate::api::{self, ApiError, AppState};

macro_rules! pages {
    ($($path:literal => $handler:expr;)+) => {
        pub const PAGES: &[&str] = &[$($path),+];

        fn pages(state: AppState) -> Router {
            let router: Router<AppState> = Router::new();
            $(let router = router.route($path, $handler);)+
            router.with_state(state)
        }
    };
}

pages! {
    "/" => get(overview::page);
    "/flows" => get(flows::list);
    "/flows/{name}" => get(flows::page);
    "/flows/{name}/{act}" => post(flows::act);
    "/issues" => get(issues::list);
    "/issues/{id}" => get(issues::page);
    "/issues/{id}/{act}" => post(issues::act);
    "/search" => get(records::search);
    "/records/{connection}/{stream}/{*key}" => get(records::page);
    "/reconciliations" => get(reconciliations::list);
    "/reconciliations/stories/{name}" => get(story::page);
    "/reconciliations/{name}" => get(reconciliations::page);
    "/reconciliations/{name}/runs" => post(reconciliations::run);
    "/reconciliations/{name}/breaks/{item}" => get(recon_break::page);
    "/reconciliations/{name}/breaks/{item}/{act}" => post(recon_break::act);
    "/reconciliations/runs/{run}" => get(recon_run::page);
    "/reconciliations/runs/{run}/{act}" => post(recon_run::act);
    "/connections" => get(connections::page);
    "/ledger" => get(ledger::page);
    "/ledger/verify" => post(ledger::verify);
    "/assets/{version}/{name}" => get(assets::get);
}

/// Everything for people and their programs, API and pages, behind its guards.
pub fn app(state: &AppState) -> Router {
    let both = api::router(state.clone()).merge(pages(state.clone())).layer(from_fn(errors_as_pages));
    api::guarded(both, state)
}

/// A browser that asked for a page gets refusals as a page; programs get them in the API's shape.
async fn errors_as_pages(request: Request, next: Next) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let page = accept.contains("text/html") && !request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) if page => PageError(error).into_response(),
        Some(error) => {
            response.extensions_mut().insert(error);
            response
        }
        None => response,
    }
}
