//! A vendor refuses a record until a person corrects it: what is shown is what is edited, and what arrives is mapped.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use syncline::api::{AppState, HubView};
use syncline::hub::{Hub, HubOptions};
use syncline::telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

#[path = "http_engine/vendor.rs"]
#[allow(dead_code)]
mod vendor;
use vendor::{Asked, Reply, Vendor};

const CONNECTOR: &str = r#"
connector: dealer
title: Dealer
settings:
  folder: { format: folder, required: false }
  url: { format: url, required: false }
http:
  base_url: "{settings.url}"
  auth: { scheme: none }
  timeouts: { connect: 5s, request: 5s }
  errors:
    - { status: 422, class: data, message: "{body.error}" }
streams:
  people:
    entity: customer
    key: "{record.id}"
    version: "{record.changed}"
    read:
      from: file
      folder: "{settings.folder?}"
      pattern: people_*.jsonl
      marker: { scheme: suffix, suffix: .done }
      mode: delta
      every: 100ms
      format: { type: json_lines }
  contacts:
    entity: customer
    key: "{record.id}"
    version: none
    write:
      upsert:
        put: /contacts
        json: { contact: "{record}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: natural }
  searched:
    entity: customer
    key: "{record.id}"
    version: none
    write:
      create:
        post: /contacts
        json: { contact: "{record}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: lookup, request: { get: /contacts, query: { mail: "{record.contact_mail}" } }, found: contacts, id: id }
  records:
    entity: any
    write:
      set:
        put: /records
        json: "{record}"
        response: { id: "{body.id}" }
        idempotency: { scheme: natural }
"#;

const MAPPING: &str = r#"mapping: dealer/customer
in:
  email: mail
  name: { from: full, optional: true }
  phone: { from: tel, optional: true }
  reference: id
out:
  contact_mail: email
  display: name
  kind: { const: person }
tests:
  - { name: in, given: { id: "1", mail: a@example.test }, expect: { email: a@example.test } }
  - { name: out, direction: out, given: { email: a@example.test }, expect: { contact_mail: a@example.test, kind: person } }
"#;

fn install(folder: &Path, url: &str, to: &str, deliver: &str) {
    for name in ["in", "connectors/dealer", "mappings/dealer"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("connectors/dealer/connector.yaml"), CONNECTOR).unwrap();
    fs::write(folder.join("mappings/dealer/customer.yaml"), MAPPING).unwrap();
    let configuration = format!(
        "hub: {{ listen: \"127.0.0.1:0\", database: \"sqlite:data/syncline.db\" }}\n\
         retry:\n  hasty: {{ first_delay: 100ms, max_delay: 200ms, give_up_after: 1s }}\n\
         connections:\n  shop: {{ connector: dealer, settings: {{ folder: in }} }}\n\
         \x20 crm: {{ connector: dealer, settings: {{ url: \"{url}\" }}, allow_networks: [127.0.0.0/8] }}\n\
         ownership: {{ customer.phone: crm }}\n\
         flows:\n  people: {{ from: shop.people, to: crm.{to}, deliver: {deliver}, mode: live, retry: hasty }}\n"
    );
    fs::write(folder.join("syncline.yaml"), configuration).unwrap();
}

/// Takes contacts whose address has an `@`; what it took, in order.
#[derive(Default)]
struct Crm {
    taken: Mutex<Vec<Value>>,
    /// Answers with this status instead, if any; 0 and it says nothing at all.
    says: AtomicU16,
}

const WELL: u16 = 200;
const SILENT: u16 = 0;

impl Crm {
    fn answer(&self, asked: &Asked) -> Reply {
        let says = self.says.load(Ordering::SeqCst);
        let mut taken = self.taken.lock().unwrap();
        if asked.method == "GET" {
            if says != WELL && !taken.is_empty() {
                return vendor::json(503, "{}");
            }
            let mail = asked.query("mail").unwrap().replace("%40", "@");
            let found = taken.iter().filter(|body| body["contact"]["contact_mail"] == *mail);
            return vendor::json(
                200,
                json!({ "contacts": found.map(|_| json!({ "id": "7" })).collect::<Vec<_>>() }).to_string(),
            );
        }
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let mail = body["contact"]["contact_mail"].as_str().or(body["email"].as_str()).unwrap_or_default().to_owned();
        if says == WELL && !mail.contains('@') {
            return vendor::json(422, json!({ "error": format!("no address: {mail}") }).to_string());
        }
        taken.push(body);
        match says {
            WELL => vendor::json(200, json!({ "id": "7" }).to_string()),
            SILENT => Reply::Close,
            status => vendor::json(status, "{}"),
        }
    }

    fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }
}

struct Desk {
    hub: Arc<Hub>,
    app: Router,
    crm: Arc<Crm>,
    vendor: Vendor,
    root: tempfile::TempDir,
}

impl Desk {
    async fn open(to: &str, deliver: &str) -> Desk {
        let root = tempfile::tempdir().unwrap();
        let crm = Arc::new(Crm { says: AtomicU16::new(WELL), ..Crm::default() });
        let answers = Arc::clone(&crm);
        let vendor = Vendor::start(move |_, asked| answers.answer(asked)).await;
        install(root.path(), &vendor.url, to, deliver);
        let config = syncline::config::load(root.path()).unwrap_or_else(|problems| panic!("{problems}"));
        let data_dir = root.path().join("data");
        let mut app = None;
        let hub = Hub::start(config, HubOptions::default(), |hub| {
            let view = Arc::clone(hub) as Arc<dyn HubView>;
            let (metrics, stop) = (Metrics::default(), CancellationToken::new());
            let state = AppState::new(Arc::clone(&hub.store), view, hub.clock.clone(), metrics, data_dir, stop);
            app.insert(syncline::web::app(&state)).clone()
        })
        .await
        .unwrap();
        Desk { hub, app: app.unwrap(), crm, vendor, root }
    }

    fn drop(&self, name: &str, rows: &[&str]) {
        let folder = self.root.path().join("in");
        fs::write(folder.join(name), rows.join("\n") + "\n").unwrap();
        fs::write(folder.join(format!("{name}.done")), "").unwrap();
    }

    async fn answer(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn text(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
        let (status, text) = self.answer(request).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    /// The one open issue whose title says so, with its dead letters.
    async fn issue(&self, said: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let open = self.get("/api/v1/issues").await;
            let found = open.as_array().unwrap().iter().find(|issue| issue.to_string().contains(said));
            if let Some(found) = found {
                return self.get(&format!("/api/v1/issues/{}", found["id"])).await;
            }
            assert!(Instant::now() < deadline, "never filed: {said}: {open}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn edit(&self, detail: &Value, n: usize, body: &str) -> (StatusCode, Value) {
        let letter = &detail["dead_letters"][n];
        let asked = json!({ "actor": "ann", "dead": letter["dead"], "body": body, "base": letter["body_sha256"] });
        let path = format!("/api/v1/issues/{}/edit", detail["issue"]["id"]);
        let request = Request::post(path).header("host", "127.0.0.1").header("content-type", "application/json");
        let (status, text) = self.answer(request.body(Body::from(asked.to_string())).unwrap()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done().await {
            assert!(Instant::now() < deadline, "never came to: {what}: {}", self.text("/api/v1/issues").await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn settled(&self) {
        self.until("nothing open", async || {
            !self.hub.store.queue_stats().await.unwrap().iter().any(|stat| stat.state.is_open())
        })
        .await;
    }

    async fn close(self) {
        let report = self.hub.store.verify(&|_, _, _| {}).await.unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        self.hub.stop().await;
    }
}

fn person(id: &str, mail: &str, changed: u32) -> String {
    json!({ "id": id, "mail": mail, "full": "Eva Stern", "tel": "+49 30 1", "changed": format!("2026-11-20T10:00:0{changed}Z") }).to_string()
}

#[track_caller]
fn refused(answer: (StatusCode, Value), said: &str) {
    assert_eq!(answer.0, StatusCode::BAD_REQUEST, "{}", answer.1);
    assert!(answer.1["error"]["message"].as_str().unwrap().contains(said), "{}", answer.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_record_is_mapped_out_like_any_other() {
    let desk = Desk::open("contacts", "every").await;
    desk.drop("people_1.jsonl", &[&person("1", "eva.example.test", 1)]);
    let detail = desk.issue("no address").await;
    let letter = &detail["dead_letters"][0];
    // What is shown is the record as people know it, all of it, personal fields too; the request is beside it.
    assert_eq!(
        (&letter["form"], &letter["entity"], &letter["revision"]),
        (&json!("record"), &json!("customer"), &json!(1))
    );
    let shown = letter["body"].as_str().unwrap();
    let record: Value = serde_json::from_str(shown).unwrap();
    assert_eq!(
        record,
        json!({ "email": "eva.example.test", "name": "Eva Stern", "phone": "+49 30 1", "reference": "1" })
    );
    assert!(letter["request"].as_str().unwrap().contains("contact_mail"));

    // Mistakes are told at once, and change nothing.
    refused(
        desk.edit(&detail, 0, &shown.replace("\"email\"", "\"contact_mail\"")).await,
        "contact_mail: there is no such field",
    );
    refused(desk.edit(&detail, 0, r#"{"name":"Eva"}"#).await, "email: it is required and missing");
    refused(desk.edit(&detail, 0, &shown.replace("}", ",\"blocked\":\"perhaps\"}")).await, "blocked: ");
    refused(desk.edit(&detail, 0, &shown[1..]).await, "not valid JSON");
    refused(desk.edit(&detail, 0, shown).await, "nothing was changed");
    refused(desk.edit(&detail, 0, &shown.replace("+49", "+43")).await, "phone: flow people does not send");
    assert_eq!(desk.get("/api/v1/audit").await, json!([]));
    assert_eq!(desk.issue("no address").await, detail);

    let (status, done) = desk.edit(&detail, 0, &shown.replace("eva.", "eva@")).await;
    assert_eq!((status, &done), (StatusCode::OK, &json!({ "count": 1 })));
    desk.settled().await;
    // The vendor's form, to the letter: nothing of the record's own, nothing that another system owns.
    assert_eq!(
        desk.crm.taken(),
        [json!({ "contact": { "contact_mail": "eva@example.test", "display": "Eva Stern", "kind": "person" } })]
    );
    let (last, log) = (desk.vendor.asked().last().unwrap().clone(), desk.get("/api/v1/audit").await);
    assert_eq!((last.method.as_str(), last.path()), ("PUT", "/contacts"));
    assert_eq!((&log[0]["actor"], &log[0]["action"]), (&json!("ann"), &json!("dead_letter.edit")));
    assert_eq!(log[0]["detail"]["changed"], json!(["email"]), "{log}");
    assert!(!log.to_string().contains("example.test"), "{log}");
    // The story tells it apart, with both states; the record is still what its source says.
    let story = desk.get("/api/v1/records/shop/people/1").await;
    let hops = story["hops"].as_array().unwrap();
    let edited = hops.iter().find(|hop| hop["kind"] == "edited").unwrap();
    assert_eq!(edited["title"], "Edited by ann");
    assert!(edited["payloads"][0]["text"].as_str().unwrap().contains("eva.example"), "{edited}");
    assert!(edited["payloads"][1]["text"].as_str().unwrap().contains("eva@example"), "{edited}");
    assert_eq!(story["systems"][0]["record"]["email"], "eva.example.test", "{story}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_edits_the_same_record() {
    let desk = Desk::open("contacts", "every").await;
    desk.drop("people_1.jsonl", &[&person("1", "eva.example.test", 1)]);
    let detail = desk.issue("no address").await;
    let path = format!("/issues/{}", detail["issue"]["id"]);
    let page = desk.text(&path).await;
    assert!(
        page.contains("Record in the hub's own form (customer, revision 1)")
            || page.contains("own form (customer, revision 1)"),
        "{page}"
    );
    let field = |name: &str| {
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let text = page.split("required>\n").nth(1).unwrap().split("</textarea>").next().unwrap();
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"");
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        serde_json::from_str::<Value>(detail["dead_letters"][0]["body"].as_str().unwrap()).unwrap()
    );
    let form = |body: &str, base: &str| {
        let encoded: String = body.replace('\n', "\r\n").bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form = format!("actor=ann&only={}&base={base}&body={encoded}", field("only"));
        Request::post(format!("{path}/edit"))
            .header("host", "127.0.0.1")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap()
    };
    let corrected = text.replace("eva.", "eva@");
    let (status, answer) = desk.answer(form(&corrected, "0badc0de")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let (status, answer) = desk.answer(form(&corrected, &field("base"))).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{answer}");
    desk.settled().await;
    assert_eq!(desk.crm.taken()[0]["contact"]["contact_mail"], "eva@example.test");
    let story = desk.text("/records/shop/people/1").await;
    assert!(story.contains("Edited by ann"), "{story}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mapping_the_same_text_passes() {
    let desk = Desk::open("records", "every").await;
    desk.drop("people_1.jsonl", &[&person("1", "eva.example.test", 1)]);
    let detail = desk.issue("no address").await;
    let shown = detail["dead_letters"][0]["body"].as_str().unwrap().replace("eva.", "eva@");
    assert_eq!(desk.edit(&detail, 0, &shown).await.0, StatusCode::OK);
    desk.settled().await;
    assert_eq!(desk.crm.taken(), [json!({ "email": "eva@example.test", "name": "Eva Stern", "reference": "1" })]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_gives_way_to_a_newer_version() {
    for deliver in ["every", "latest"] {
        let desk = Desk::open("contacts", deliver).await;
        desk.drop("people_1.jsonl", &[&person("1", "eva.example.test", 1)]);
        let detail = desk.issue("no address").await;
        let corrected = detail["dead_letters"][0]["body"].as_str().unwrap().replace("eva.", "eva@");
        // The newer version is on its way: the vendor is not well.
        desk.crm.says.store(503, Ordering::SeqCst);
        desk.drop("people_2.jsonl", &[&person("1", "eva@new.example.test", 2)]);
        desk.until("the newer version", async || desk.get("/api/v1/records?q=1").await[0]["revision"] == 2).await;
        let (status, answer) = desk.edit(&detail, 0, &corrected).await;
        assert_eq!(status, StatusCode::CONFLICT, "{deliver}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("newer version of the record (revision 2)"), "{deliver}: {answer}");
        // It arrives: then the older one needs nobody, and its edit is refused for good.
        desk.crm.says.store(WELL, Ordering::SeqCst);
        desk.until("the newer version to arrive", async || {
            desk.hub.store.issues(syncline::store::IssueFilter::Open).await.unwrap().is_empty()
                || retry_all(&desk).await
        })
        .await;
        let (status, answer) = desk.edit(&detail, 0, &corrected).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{deliver}: {answer}");
        let mails: Vec<Value> = desk.crm.taken().iter().map(|body| body["contact"]["contact_mail"].clone()).collect();
        assert!(mails.iter().all(|mail| mail == "eva@new.example.test"), "{deliver}: {mails:?}");
        desk.close().await;
    }
}

/// What was given up while the vendor was not well goes again. Never done by itself.
async fn retry_all(desk: &Desk) -> bool {
    for issue in desk.hub.store.issues(syncline::store::IssueFilter::Open).await.unwrap() {
        if issue.class == "transient" {
            desk.hub.store.retry_issue(issue.id, None, "ann", desk.hub.clock.now_us()).await.unwrap();
            desk.hub.wake();
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_that_comes_after_an_edit_wins() {
    let desk = Desk::open("contacts", "latest").await;
    desk.drop("people_1.jsonl", &[&person("1", "eva.example.test", 1)]);
    let detail = desk.issue("no address").await;
    let corrected = detail["dead_letters"][0]["body"].as_str().unwrap().replace("eva.", "eva@");
    assert_eq!(desk.edit(&detail, 0, &corrected).await.0, StatusCode::OK);
    desk.settled().await;
    // The edit was of that version only: the source's next word is taken as it is, mistake and all.
    desk.drop("people_2.jsonl", &[&person("1", "eva@new.example.test", 2)]);
    desk.until("the newer version", async || desk.crm.taken().len() == 2).await;
    assert_eq!(desk.crm.taken()[1]["contact"]["contact_mail"], "eva@new.example.test");
    desk.drop("people_3.jsonl", &[&person("1", "eva.example.test", 3)]);
    let again = desk.issue("no address").await;
    assert_eq!(again["dead_letters"][0]["revision"], 3, "{again}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_there_by_its_former_names_is_looked_up_by_each() {
    let desk = Desk::open("searched", "every").await;
    desk.crm.says.store(SILENT, Ordering::SeqCst);
    desk.drop("people_1.jsonl", &[&person("1", "eva@old.example.test", 1)]);
    let detail = desk.issue("shop/1").await;
    assert_eq!(desk.crm.taken().len(), 1, "it took it and said nothing");
    let shown = detail["dead_letters"][0]["body"].as_str().unwrap().to_owned();
    // Edited while nobody knows, and once more before anybody could ask.
    let before = desk.vendor.count();
    assert_eq!(desk.edit(&detail, 0, &shown.replace("@old", "@newer")).await.0, StatusCode::OK);
    desk.until("a look-up that fails", async || desk.vendor.count() > before).await;
    let detail = desk.issue("shop/1").await;
    let shown = detail["dead_letters"][0]["body"].as_str().unwrap().to_owned();
    assert!(shown.contains("@newer"), "a second edit goes on from the first: {shown}");
    desk.crm.says.store(WELL, Ordering::SeqCst);
    let before = desk.vendor.count();
    assert_eq!(desk.edit(&detail, 0, &shown.replace("@newer", "@newest")).await.0, StatusCode::OK);
    desk.settled().await;
    assert_eq!(desk.crm.taken().len(), 1, "no second contact: {:?}", desk.crm.taken());
    let asked = desk.vendor.asked();
    let asked: Vec<String> =
        asked[before..].iter().filter_map(|asked| asked.query("mail").map(str::to_owned)).collect();
    let names: Vec<&str> =
        asked.iter().map(|mail| mail.split('.').next().unwrap().rsplit("%40").next().unwrap()).collect();
    assert_eq!(names.last().copied().map(|name| name.trim_start_matches("eva@")), Some("old"), "{asked:?}");
    assert!(asked[0].contains("newest"), "{asked:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_could_not_be_read_is_edited_as_its_source_wrote_it() {
    let desk = Desk::open("contacts", "every").await;
    desk.drop("people_1.jsonl", &[r#"{"id":"1","full":"Eva Stern","changed":"2026-11-20T10:00:01Z"}"#]);
    let detail = desk.issue("mail").await;
    let letter = &detail["dead_letters"][0];
    assert_eq!((&letter["form"], &letter["entity"]), (&json!("payload"), &Value::Null), "{letter}");
    let shown: Value = serde_json::from_str(letter["body"].as_str().unwrap()).unwrap();
    assert_eq!(shown["full"], "Eva Stern", "{letter}");
    refused(desk.edit(&detail, 0, "{").await, "not valid JSON");
    // A newer version arrives meanwhile: what was received first does not overwrite it.
    let mut corrected = shown.clone();
    corrected["mail"] = json!("eva@example.test");
    desk.drop("people_2.jsonl", &[&person("1", "eva@new.example.test", 2)]);
    desk.until("the newer version", async || desk.crm.taken().len() == 1).await;
    assert_eq!(desk.edit(&detail, 0, &corrected.to_string()).await.0, StatusCode::OK);
    desk.until("the edit to be read", async || desk.hub.store.pending_inbox(0, 10).await.unwrap().is_empty()).await;
    desk.settled().await;
    assert_eq!(desk.crm.taken().len(), 1, "{:?}", desk.crm.taken());
    let story = desk.get("/api/v1/records/shop/people/1").await;
    assert!(story["hops"].as_array().unwrap().iter().any(|hop| hop["kind"] == "edited"), "{story}");
    // Of a record that nothing newer is known of, it goes through both mappings.
    desk.drop("people_3.jsonl", &[r#"{"id":"2","full":"Max Mond","changed":"2026-11-20T10:00:01Z"}"#]);
    let detail = desk.issue("mail").await;
    let corrected = r#"{"id":"2","full":"Max Mond","changed":"2026-11-20T10:00:01Z","mail":"max@example.test"}"#;
    assert_eq!(desk.edit(&detail, 0, corrected).await.0, StatusCode::OK);
    desk.until("the corrected one", async || desk.crm.taken().len() == 2).await;
    assert_eq!(
        desk.crm.taken()[1],
        json!({ "contact": { "contact_mail": "max@example.test", "display": "Max Mond", "kind": "person" } })
    );
    desk.close().await;
}
