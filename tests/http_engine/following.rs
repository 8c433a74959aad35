//! What follows a write: a draft is made, then posted. Whatever answer is lost, there is one draft and it is posted once.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json as value};
use syncline::config::yaml::Source;
use syncline::connector::call::{Lookup, WriteContext};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, context, manifest};
use crate::vendor::{Asked, Reply, Vendor, json};

const CREATE: &str = r#"
        post: /invoices
        json: { number: "{record.name}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: lookup, request: { get: /invoices, query: { number: "{record.name}" } }, found: invoices, id: id }
        then:
          post:
            read: { get: "/invoices/{written.id}" }
            unless: 'current.body.state == "posted"'
            post: "/invoices/{written.id}/post"
            headers: { If-Match: "{current.headers.etag}" }
            json: { total: "{record.total}" }
          label: { put: "/invoices/{written.id}/label", json: { text: hub } }"#;

fn streams(create: &str) -> String {
    format!(
        "\nstreams:\n  invoices:\n    entity: invoice\n    key: \"{{record.id}}\"\n    write:\n      create:{create}\n"
    )
}

fn described(create: &str) -> Arc<Manifest> {
    manifest(AUTH, &streams(create))
}

/// What became of the invoices.
#[derive(Default)]
struct Books {
    /// State and how often it was posted, by id.
    invoices: Vec<(&'static str, u32)>,
    labels: u32,
}

impl Books {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let id = asked.path().split('/').nth(2).and_then(|id| id.parse::<usize>().ok());
        match (asked.method.as_str(), id, asked.path().rsplit('/').next().unwrap()) {
            ("POST", None, "invoices") => {
                self.invoices.push(("draft", 0));
                json(201, value!({ "id": self.invoices.len() }).to_string())
            }
            ("GET", None, "invoices") => {
                let ids: Vec<Value> = (1..=self.invoices.len()).map(|id| value!({ "id": id })).collect();
                json(200, value!({ "invoices": ids }).to_string())
            }
            ("POST", Some(id), "post") => {
                let invoice = &mut self.invoices[id - 1];
                *invoice = ("posted", invoice.1 + 1);
                json(200, "{}")
            }
            ("PUT", Some(_), "label") => {
                self.labels += 1;
                json(200, "{}")
            }
            ("GET", Some(id), _) => {
                let body = value!({ "state": self.invoices[id - 1].0 }).to_string();
                crate::vendor::with(200, &[("etag", "\"v1\"")], body)
            }
            (method, _, path) => json(500, format!("{method} {path}")),
        }
    }
}

/// Goes on as deliveries do that are protected by a look-up: it asks, finishes what is there, and writes only what is not.
async fn deliver(shop: &Connection) -> Result<String, (ErrorClass, String)> {
    let unbound = WriteContext { remote_id: None, ..context() };
    let fails = |error: Box<syncline::connector::call::CallError>| (error.class, error.to_string());
    match shop.lookup("invoices", &unbound).await.map_err(fails)? {
        Lookup::Found { remote_id, .. } => {
            let found = WriteContext { remote_id: Some(remote_id.clone()), ..unbound };
            shop.follow_up("invoices", OpKind::Create, &found).await.map_err(fails)?;
            Ok(remote_id)
        }
        Lookup::Absent => {
            let receipt = shop.write("invoices", OpKind::Create, &unbound).await.map_err(fails)?;
            Ok(receipt.remote_id.unwrap())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It is done, and the answer does not come.
    LostAnswer,
    /// It is not done, and the vendor says so.
    Busy,
    Refused,
}

#[tokio::test]
async fn whatever_answer_is_lost_there_is_one_draft_and_it_is_posted_once() {
    // Look-up, create, question, post, label.
    const REQUESTS: usize = 5;
    for fault in [Fault::LostAnswer, Fault::Busy, Fault::Refused] {
        for at in 0..REQUESTS {
            let books = Arc::new(Mutex::new(Books::default()));
            let kept = Arc::clone(&books);
            let vendor = Vendor::start(move |number, asked| {
                let mut books = kept.lock().unwrap();
                match (number == at, fault) {
                    (true, Fault::LostAnswer) => {
                        books.answer(asked);
                        Reply::Close
                    }
                    // What is repeated within the call is refused as well.
                    (_, Fault::Busy) if (at..at + 3).contains(&number) && asked.method == "GET" => json(503, "{}"),
                    (true, Fault::Busy) => json(503, "{}"),
                    (true, Fault::Refused) => json(422, "{}"),
                    (_, _) => books.answer(asked),
                }
            })
            .await;
            let shop = connect(described(CREATE), &vendor.url);
            let (class, message) = deliver(&shop).await.unwrap_err();
            let written = !books.lock().unwrap().invoices.is_empty();
            if written {
                assert_eq!(class, ErrorClass::UnknownOutcome, "{fault:?} at {at}: {message}");
            }
            if at >= 2 {
                assert!(message.contains("it is written as 1, but its follow-up"), "{fault:?} at {at}: {message}");
            }
            assert_eq!(deliver(&shop).await.unwrap(), "1", "{fault:?} at {at}");
            let books = books.lock().unwrap();
            assert_eq!(books.invoices, [("posted", 1)], "{fault:?} at {at}");
            assert!(books.labels >= 1, "{fault:?} at {at}");
        }
    }
}

#[tokio::test]
async fn what_follows_sees_what_was_written_and_what_was_found() {
    let books = Mutex::new(Books::default());
    let vendor = Vendor::start(move |_, asked| books.lock().unwrap().answer(asked)).await;
    let shop = connect(described(CREATE), &vendor.url);
    deliver(&shop).await.unwrap();
    let lines: Vec<String> = vendor.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path())).collect();
    assert_eq!(
        lines,
        ["GET /invoices", "POST /invoices", "GET /invoices/1", "POST /invoices/1/post", "PUT /invoices/1/label"]
    );
    let post = &vendor.asked()[3];
    assert_eq!((post.header("if-match"), post.body.as_str()), (Some("\"v1\""), r#"{"total":"19.90"}"#));
    // Once more, as after a doubt: only what states a result is stated again.
    deliver(&shop).await.unwrap();
    let lines: Vec<String> =
        vendor.asked()[5..].iter().map(|asked| format!("{} {}", asked.method, asked.path())).collect();
    assert_eq!(lines, ["GET /invoices", "GET /invoices/1", "PUT /invoices/1/label"]);
}

#[test]
fn follow_ups_that_could_work_twice_are_refused() {
    for (from, to, reason) in [
        ("            unless: 'current.body.state == \"posted\"'\n", "", "could work twice"),
        ("unless: 'current.body.state == \"posted\"'", "unless: 'record.total == 0'", "could work twice"),
        (
            "            read: { get: \"/invoices/{written.id}\" }\n",
            "",
            "`current` does not exist in a follow-up without `read`",
        ),
        ("        response: { id: \"{body.id}\" }\n", "", "nothing says what `{written.id}` is"),
        ("{ total: \"{record.total}\" }", "{ total: \"{steps.x.total}\" }", "`steps` does not exist in a follow-up"),
        (
            "put: \"/invoices/{written.id}/label\"",
            "put: \"/invoices/{settings.token}/label\"",
            "secret setting `token`",
        ),
        (
            "        json: { number: \"{record.name}\" }\n",
            "        json: \"{batch.items}\"\n        batch: { max: 5 }\n",
            "`then` and `batch` exclude each other",
        ),
        ("label: { put:", "label: { pot:", "unknown key `pot`"),
    ] {
        assert!(CREATE.contains(from), "{from}");
        let changed = format!(
            "connector: fake\ntitle: Fake\nsettings: {{ token: {{ secret: true }} }}\nhttp: {{ base_url: https://x.example }}\n{}",
            streams(&CREATE.replace(from, to))
        );
        let problems =
            Manifest::parse(&Source::new("fake.yaml", changed.as_str())).map(|_| ()).expect_err(to).to_string();
        assert!(problems.contains(reason), "{reason}\n{problems}");
    }
}
