//! The pages of payment stories: what is on them is what the API tells, they link to breaks and back, and refusals stand beside the
//! form. Not here: what a story comes to (`tests/payment_story.rs`), how it looks (`tests/browser.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod seed;

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use syncline::finance::desk::RunAsked;
use syncline::finance::period::Period;
use syncline::model::Date;
use syncline::web;
use tower::ServiceExt as _;

use seed::World;

const PAGE: &str = "/reconciliations/stories/order-to-bank";

struct Pages {
    router: Router,
    _dir: tempfile::TempDir,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

async fn pages(legs: &[&str]) -> Pages {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    for folder in ["reconciliations", "month"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/finance").join(folder), &dir.path().join(folder));
    }
    *world.hub.folder.lock().unwrap() = Some(dir.path().to_owned());
    let state = world.state(dir.path());
    for leg in legs {
        let period = Some(Period::parse("2026-11").unwrap());
        let as_of = Some(Date::parse("2026-11-30").unwrap());
        let asked = RunAsked { period, as_of, input_dir: None, actor: "ann".to_owned() };
        state.desk().unwrap().run(leg, asked).await.unwrap();
    }
    Pages { router: web::app(&state), _dir: dir }
}

const LEGS: [&str; 6] = ["orders", "captures", "refunds", "payouts", "clearing", "bank"];

impl Pages {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[track_caller]
    fn shows(found: &(StatusCode, String), status: StatusCode, texts: &[&str]) {
        assert_eq!(found.0, status, "{}", found.1);
        for text in texts {
            assert!(found.1.contains(text), "{text}: {}", found.1);
        }
        let unique = |html: &str| {
            let mut ids: Vec<&str> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            ids.len() == all
        };
        assert!(unique(&found.1) && !found.1.contains(" style="), "{}", found.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_is_found_from_the_list_and_from_a_break_and_leads_back() {
    let pages = pages(&LEGS).await;
    let list = pages.get("/reconciliations").await;
    Pages::shows(&list, StatusCode::OK, &[PAGE, "Where is the money?", "order, payment, payout, trace"]);
    Pages::shows(&pages.get(PAGE).await, StatusCode::OK, &["Where is the money?", "<li>captures</li>", "name=\"key\""]);

    let id = "b4cba15089bad008f";
    let broken = format!("/reconciliations/bank/breaks/{id}");
    let page = pages.get(&broken).await;
    Pages::shows(&page, StatusCode::OK, &["Payment story", "?key=po-%C3%A9-70008&#38;by=payout"]);

    let story = pages.get(&format!("{PAGE}?key=%23SO-100020")).await;
    let texts =
        ["order #SO-100020", "broken", &broken, "look at the break", "314.70", "3\u{202f}599.59", "id=\"bank\""];
    Pages::shows(&story, StatusCode::OK, &texts);
    for text in ["Worth", "Captured", "Fees", "Net", "Reached the bank", "payout_reconciliation.itemized.csv:"] {
        assert!(story.1.contains(text), "{text}");
    }

    // The same as the API tells.
    let (status, told) = pages.get("/api/v1/reconciliations/stories/order-to-bank?key=so-100020&by=order").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    for row in told["stations"].as_array().unwrap().iter().flat_map(|station| station["sides"].as_array().unwrap()) {
        for row in row["rows"].as_array().unwrap() {
            assert!(story.1.contains(row["place"].as_str().unwrap()), "{row}");
        }
    }
    let (status, all) = pages.get("/api/v1/reconciliations/stories").await;
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!((status, &all["stories"][0]["name"]), (StatusCode::OK, &"order-to-bank".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_said_beside_the_form() {
    let pages = pages(&["orders"]).await;
    let unknown = pages.get(&format!("{PAGE}?key=%3Cb%3Enobody%3C/b%3E")).await;
    let texts = ["role=\"alert\"", "What to do:", "value=\"&#60;b&#62;nobody&#60;/b&#62;\"", "it was never run"];
    Pages::shows(&unknown, StatusCode::NOT_FOUND, &texts);
    assert!(!unknown.1.contains("<b>nobody"), "{}", unknown.1);
    let half = pages.get(&format!("{PAGE}?key=so-100020")).await;
    Pages::shows(&half, StatusCode::OK, &["not told", "syncline recon run captures"]);
    Pages::shows(&pages.get("/reconciliations/stories/nothing").await, StatusCode::NOT_FOUND, &["there is no story"]);
    let api = "/api/v1/reconciliations/stories/order-to-bank";
    for (path, status, text) in [
        (api.to_owned(), StatusCode::BAD_REQUEST, "?key= with one of: order, payment, payout, trace"),
        (format!("{api}?key={}", "x".repeat(501)), StatusCode::BAD_REQUEST, "longer than 500"),
        (format!("{api}?key=x&by=colour"), StatusCode::NOT_FOUND, "ask by one of"),
        (format!("{api}?kee=x"), StatusCode::BAD_REQUEST, "kee"),
    ] {
        let found = pages.get(&path).await;
        assert!(found.0 == status && found.1.contains(text), "{path}: {found:?}");
    }
}
