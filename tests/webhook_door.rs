//! The webhook address: what the judge of a delivery is shown, what must be at hand before it judges, what a ping gets back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use syncline::intake::{Appender, Proven, Verdict, WebhookIntake, WebhookSource, WebhookSources, webhook_router};
use syncline::model::clock::Clock;
use syncline::process::ProcessorHandle;
use syncline::store::Store;
use syncline::store::sqlite::SqliteStore;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// Pings where the query says so; believes a delivery only once what it needs was fetched.
#[derive(Default)]
struct Hook {
    ready: AtomicBool,
    fetched: AtomicUsize,
}

impl WebhookSource for Hook {
    fn token(&self) -> &str {
        "secret"
    }

    fn preparation(&self, headers: &HeaderMap) -> Option<BoxFuture<'_, ()>> {
        let needed = headers.contains_key("x-certificate") && !self.ready.load(Ordering::SeqCst);
        needed.then(|| -> BoxFuture<'_, ()> {
            Box::pin(async {
                self.fetched.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                self.ready.store(true, Ordering::SeqCst);
            })
        })
    }

    fn judge(&self, path: &str, _: &HeaderMap, _: &[u8], _: i64) -> Verdict {
        if let Some((path, query)) = path.split_once('?') {
            assert_eq!(path, "/hooks/shop/secret");
            return Verdict::Ping { status: 202, echo: query.to_owned() };
        }
        if self.ready.load(Ordering::SeqCst) {
            return Verdict::Proven(Proven { topic: "thing".to_owned(), dedupe_key: "event/1".to_owned() });
        }
        Verdict::Refused { label: "no_certificate", reason: "not at hand".to_owned() }
    }
}

struct One(Arc<Hook>);

impl WebhookSources for One {
    fn source(&self, connection: &str) -> Option<Arc<dyn WebhookSource>> {
        (connection == "shop").then(|| Arc::clone(&self.0) as Arc<dyn WebhookSource>)
    }
}

#[tokio::test]
async fn the_query_is_shown_a_ping_is_answered_and_a_certificate_is_fetched_first() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("hub.db")).await.unwrap());
    let hook = Arc::new(Hook::default());
    let router = webhook_router(WebhookIntake {
        sources: Arc::new(One(Arc::clone(&hook))),
        appender: Appender::start(Arc::clone(&store), ProcessorHandle::default(), &TaskTracker::new()),
        clock: Clock::System,
        body_cap: 1_024,
        body_timeout: Duration::from_secs(5),
        overload: Arc::default(),
    });
    let send = async |address: &str, header: Option<&str>| {
        let mut request = Request::post(address);
        if let Some(name) = header {
            request = request.header(name, "1");
        }
        let response = router.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, headers, body) = send("/hooks/shop/secret?validationToken=%3Cb%3E", None).await;
    assert_eq!((status, body.as_str()), (StatusCode::ACCEPTED, "validationToken=%3Cb%3E"));
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(send("/hooks/shop/secret", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(send("/hooks/shop/guess?validationToken=x", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(store.pending_count(9).await.unwrap(), 0);
    for _ in 0..2 {
        assert_eq!(send("/hooks/shop/secret", Some("x-certificate")).await.0, StatusCode::OK);
    }
    assert_eq!((hook.fetched.load(Ordering::SeqCst), store.pending_count(9).await.unwrap()), (1, 1));
}
