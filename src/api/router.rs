//! Every route of the API in one list, which the router is made from and the tests walk; not here: what they do.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use http::{Method, Uri};

use super::error::{ApiError, Code};
use super::resources::{
    audit, backups, connections, edits, events, flows, issues, ledger, overview, reconciliations, records, reload,
    verify,
};
use super::state::AppState;
use super::{health, live, prometheus};

/// One route as a program sees it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub path: &'static str,
    pub changes: bool,
    pub what: &'static str,
}

const fn reads(path: &'static str, what: &'static str) -> Route {
    Route { path, changes: false, what }
}

const fn changes(path: &'static str, what: &'static str) -> Route {
    Route { path, changes: true, what }
}

macro_rules! routes {
    ($($kind:ident $path:literal => $handler:expr, $what:literal;)+) => {
        /// The whole API. `changes` marks what only a POST from our own pages or a program may do.
        pub const ROUTES: &[Route] = &[$($kind($path, $what)),+];

        /// The API without its guards.
        pub fn router(state: AppState) -> Router {
            let router: Router<AppState> = Router::new();
            $(let router = router.route($path, $handler);)+
            router.fallback(no_such_route).method_not_allowed_fallback(wrong_method).with_state(state)
        }
    };
}

routes! {
    reads "/healthz" => get(health::healthz), "is the process alive";
    reads "/readyz" => get(health::readyz), "does the store take writes and do records move";
    reads "/metrics" => get(prometheus::get), "Prometheus text";
    reads "/api/v1" => index(), "this list";
    reads "/api/v1/overview" => get(overview::get), "the whole hub at one glance";
    reads "/api/v1/live" => get(live::live), "the overview as server-sent events, one when something changed";
    reads "/api/v1/connections" => get(connections::list), "systems: health, streams, today's counts";
    changes "/api/v1/connections/{name}/discover" => post(connections::discover), "what it has, of a `stream` if named, from a `sample`: fields, values, a suggested field table; asks the system";
    reads "/api/v1/flows" => get(flows::list), "flows: freshness, queue, latency, webhook loss";
    reads "/api/v1/flows/{name}" => get(flows::show), "one flow";
    changes "/api/v1/flows/{name}/pause" => post(flows::pause), "queue its changes, send nothing";
    changes "/api/v1/flows/{name}/resume" => post(flows::resume), "send again";
    changes "/api/v1/flows/{name}/replay" => post(flows::replay), "send the latest state of its records again";
    reads "/api/v1/issues" => get(issues::list), "failures grouped by cause; ?all=true with the resolved ones";
    reads "/api/v1/issues/{id}" => get(issues::show), "one issue with its first hundred dead letters";
    changes "/api/v1/issues/{id}/retry" => post(issues::retry), "back to work: all, or `only` one";
    changes "/api/v1/issues/{id}/discard" => post(issues::discard), "give up, with a reason: all, or `only` one";
    changes "/api/v1/issues/{id}/edit" => post(edits::edit), "correct one, the canonical record or the payload, and send it back to work";
    reads "/api/v1/records" => get(records::search), "?q= finds by key, number or another system's id";
    reads "/api/v1/records/{connection}/{stream}/{*key}" => get(records::show), "one record's whole story";
    reads "/api/v1/events" => get(events::list), "?after= business events in CloudEvents form, oldest first";
    reads "/api/v1/ledger" => get(ledger::get), "?days= what became of everything received";
    reads "/api/v1/reconciliations" => get(reconciliations::list), "reconciliations: definition, last run, open breaks";
    reads "/api/v1/reconciliations/stories" => get(reconciliations::stories), "payment stories: their legs, and by which keys they are asked for";
    reads "/api/v1/reconciliations/stories/{name}" => get(reconciliations::story), "?key= where this order's (payout's, bank line's) money is, station by station; &by= if the key's name is not to be guessed";
    reads "/api/v1/reconciliations/{name}" => get(reconciliations::show), "one, with its runs and their signatures";
    reads "/api/v1/reconciliations/{name}/breaks" => get(reconciliations::breaks), "?code= &state= &owner= &all=true with those that are not open";
    reads "/api/v1/reconciliations/{name}/breaks/{item}" => get(reconciliations::one_break), "one break: both sides, meaning, what fits, history";
    reads "/api/v1/reconciliations/{name}/events" => get(reconciliations::events), "?after= everything that was decided, chained by hash, oldest first";
    reads "/api/v1/reconciliations/{name}/journal" => get(reconciliations::journal), "journal lines that write-offs propose";
    changes "/api/v1/reconciliations/{name}/runs" => post(reconciliations::start), "run it, of a `period`, `as_of` a day; answers with the work to watch";
    changes "/api/v1/reconciliations/{name}/breaks/{item}/{act}" => post(reconciliations::act), "assign, investigate, propose, comment, attach, resolve, write-off, accept-timing, reopen";
    changes "/api/v1/reconciliations/{name}/matches" => post(reconciliations::decide), "bring the rows of `breaks` together; `force` if they do not tie";
    changes "/api/v1/reconciliations/{name}/matches/{event}/undo" => post(reconciliations::undo), "take a match back, with a reason";
    changes "/api/v1/reconciliations/{name}/heal" => post(reconciliations::heal), "send again what its `heal` allows; `dry_run` only tells";
    reads "/api/v1/reconciliations/runs/{run}" => get(reconciliations::run), "a run: its signatures and its whole document";
    reads "/api/v1/reconciliations/runs/{run}/breaks" => get(reconciliations::run_breaks), "its breaks as they stand now";
    reads "/api/v1/reconciliations/runs/{run}/export" => get(reconciliations::export), "?format=csv, csv-archive, jsonl, xlsx or pdf; a run as a file with its signatures; csv takes &section=, csv and csv-archive &bom=true &semicolon=true";
    changes "/api/v1/reconciliations/runs/{run}/sign" => post(reconciliations::sign), "as `preparer`, then another as `approver`";
    changes "/api/v1/reconciliations/runs/{run}/reopen" => post(reconciliations::reopen), "take the signatures back, with a reason";
    changes "/api/v1/reconciliations/runs/{run}/verify" => post(reconciliations::rederive), "make it again and compare; answers with the work to watch";
    changes "/api/v1/reload" => post(reload::reload), "read the configuration anew; refused as a whole if it has mistakes";
    changes "/api/v1/verify" => post(verify::start), "prove the ledger from its rows; answers with the work to watch";
    changes "/api/v1/backups" => post(backups::start), "copy the store while it works; answers with the work to watch";
    reads "/api/v1/work/{id}" => get(verify::show), "how far a verify or backup has come";
    reads "/api/v1/audit" => get(audit::list), "?after= who did what, oldest first";
}

#[derive(serde::Serialize)]
struct Listed {
    method: &'static str,
    path: &'static str,
    what: &'static str,
}

fn index() -> MethodRouter<AppState> {
    get(|| async {
        let listed = ROUTES.iter().map(|route| Listed {
            method: if route.changes { "POST" } else { "GET" },
            path: route.path,
            what: route.what,
        });
        axum::Json(listed.collect::<Vec<_>>())
    })
}

async fn no_such_route(uri: Uri) -> ApiError {
    let next_step = if uri.path().starts_with("/api/") {
        "GET /api/v1 lists what there is"
    } else {
        "check the address, or start from the overview; for programs, GET /api/v1 lists what there is"
    };
    ApiError::not_found(format!("there is nothing at {}", uri.path()), next_step)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        format!("{method} is not possible at {}", uri.path()),
        "GET reads, POST changes; GET /api/v1 lists what is where",
    )
}
