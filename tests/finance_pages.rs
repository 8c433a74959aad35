//! The pages of reconciliations: what is on them, that their figures are the report's, and that forms do, and are refused, what the
//! API does and refuses. Not here: how they look (`tests/browser.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod month;
mod seed;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use syncline::web;
use tower::ServiceExt as _;

use seed::World;

struct Pages {
    router: Router,
    dir: tempfile::TempDir,
    world: World,
}

async fn pages(orders: usize) -> Pages {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    month::write(dir.path(), orders);
    *world.hub.folder.lock().unwrap() = Some(dir.path().to_owned());
    Pages { router: web::app(&world.state(dir.path())), dir, world }
}

impl Pages {
    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let response = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        text(response).await
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("accept", "text/html");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Posts and follows; panics if it was refused.
    async fn done(&self, path: &str, form: &str) -> String {
        let response = self.post(path, form).await;
        let status = response.status();
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let Some(to) = to else { panic!("{path} {form}: {status} {}", text(response).await) };
        self.get(to.split('#').next().unwrap()).await
    }

    /// Posts what is refused: the page says why beside what was typed.
    async fn refused(&self, path: &str, form: &str, why: &str) -> String {
        let response = self.post(path, form).await;
        assert!(response.status().is_client_error(), "{path} {form}: {}", response.status());
        let html = text(response).await;
        let told = html.split("role=\"alert\"").nth(1).unwrap_or_else(|| panic!("{path} {form}: {html}"));
        let told = told.split("</p>").next().unwrap();
        assert!(told.contains(why) && told.contains("What to do:"), "{path} {form}: {told}");
        html
    }

    async fn run(&self, name: &str) -> String {
        self.done(&format!("/reconciliations/{name}/runs"), "actor=ann&period=2026-11&as_of=2026-11-30").await
    }

    async fn breaks(&self, name: &str) -> Vec<Value> {
        let all = self.json(&format!("/api/v1/reconciliations/{name}/breaks?all=true")).await;
        all.as_array().unwrap().clone()
    }

    async fn id(&self, key: &str) -> String {
        let all = self.breaks("payouts-to-bank").await;
        let found =
            all.iter().find(|shown| shown["item"]["key"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(key)));
        found.unwrap_or_else(|| panic!("no break of {key}: {all:?}"))["id"].as_str().unwrap().to_owned()
    }
}

/// Shop and books write the number differently; a record knows it by either.
#[tokio::test]
async fn a_record_leads_to_the_open_breaks_of_its_number() {
    let mut pages = pages(10).await;
    seed::few(&mut pages.world).await;
    let record = "/records/shop/orders/820";
    std::fs::write(pages.dir.path().join("statements/payouts.csv"), "payout,net,day\n1001,47.90,2026-11-05\n").unwrap();
    pages.run("payouts-to-bank").await;
    let id = pages.id("1001").await;
    let link = format!("/reconciliations/payouts-to-bank/breaks/{id}");
    assert!(pages.get(record).await.contains(&link));
    pages.done(&format!("{link}/resolve"), "actor=ann&text=found").await;
    assert!(!pages.get(record).await.contains(&link), "it is not open any more");
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// An amount as pages write it.
fn shown(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("−", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text: Vec<char> = Vec::new();
    for (at, digit) in whole.chars().rev().enumerate() {
        if at > 0 && at % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    let whole: String = text.into_iter().rev().collect();
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[tokio::test]
async fn an_installation_without_definitions_says_how_to_begin() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    for folder in [None, Some(dir.path().to_owned())] {
        *world.hub.folder.lock().unwrap() = folder;
        let pages = Pages {
            router: web::app(&world.state(dir.path())),
            dir: tempfile::tempdir().unwrap(),
            world: World::open(tempfile::tempdir().unwrap().path()).await,
        };
        let html = pages.get("/reconciliations").await;
        assert!(html.contains("Nothing is reconciled yet") && html.contains("syncline check"), "{html}");
        assert!(!pages.get("/").await.contains("Open breaks"));
    }
}

/// What the empty page shows is a definition that can be used as it stands.
#[tokio::test]
async fn the_example_of_the_empty_page_runs() {
    let pages = pages(10).await;
    for entry in std::fs::read_dir(pages.dir.path().join("reconciliations")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let html = pages.get("/reconciliations").await;
    let example = html.split("<pre id=\"example\">").nth(1).unwrap().split("</pre>").next().unwrap();
    let example = example.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#39;", "'");
    std::fs::write(pages.dir.path().join("reconciliations/payouts-to-bank.yaml"), example).unwrap();
    std::fs::write(
        pages.dir.path().join("statements/payouts-11.csv"),
        "payout_id,net,currency,paid_on\npo_1,1.00,EUR,2026-11-02\n",
    )
    .unwrap();
    std::fs::write(
        pages.dir.path().join("statements/bank-11.csv"),
        "reference;amount;booked_on\nPO_1;1.00;2026-11-03\n",
    )
    .unwrap();
    let html = pages.done("/reconciliations/payouts-to-bank/runs", "actor=ann").await;
    assert!(html.contains("No break: every row is matched"), "{html}");
}

#[tokio::test]
async fn a_run_page_shows_what_the_report_says() {
    let pages = pages(400).await;
    let html = pages.run("orders").await;
    assert!(html.contains("Orders against the books, November 2026") && html.contains("The run is kept"), "{html}");
    let run = pages.json("/api/v1/reconciliations/runs/1").await;
    let report = &run["report"];
    assert!(report["tie_out"].as_array().unwrap().len() == 3);
    for bridge in report["tie_out"].as_array().unwrap() {
        let unit = bridge["unit"].as_str().unwrap();
        let table =
            html.split(&format!("aria-label=\"Tie-out in {unit}\"")).nth(1).unwrap().split("</table>").next().unwrap();
        for line in bridge["lines"].as_array().unwrap() {
            for amount in ["amount_a", "amount_b", "difference"] {
                let decimal = shown(line[amount]["decimal"].as_str().unwrap());
                assert!(table.contains(&format!(">{decimal}<")), "{unit} {decimal} is not in {table}");
            }
        }
        assert!(table.contains("Unexplained, must be 0") && table.contains("ties"), "{table}");
    }
    for input in report["cover"]["inputs"].as_array().unwrap() {
        assert!(html.contains(input["sha256"].as_str().unwrap()));
    }
    assert!(html.contains(run["run"]["sha256"].as_str().unwrap()) && html.contains("/export?format=xlsx"));
    let breaks = report["breaks"].as_array().unwrap();
    assert!(breaks.len() > 5, "{breaks:?}");
    for item in breaks {
        assert!(html.contains(item["id"].as_str().unwrap()), "{item} has no link");
    }
    // The list's totals are the sums of what the report lists.
    let mut sums = std::collections::BTreeMap::<String, i128>::new();
    for amounts in breaks.iter().flat_map(|item| item["amounts"].as_array().unwrap()) {
        let variance = &amounts["variance"];
        *sums.entry(variance["unit"].as_str().unwrap().to_owned()).or_default() +=
            variance["amount_minor"].as_str().unwrap().parse::<i128>().unwrap();
    }
    let foot = html.split("<tfoot").nth(1).unwrap().split("</tfoot>").next().unwrap();
    for (unit, minor) in sums {
        let decimal = syncline::recon::unit::Unit::parse(&unit).unwrap().decimal(minor);
        assert!(foot.contains(&shown(&decimal)), "{unit} {decimal} is not in {foot}");
    }
    let overview = pages.get("/").await;
    assert!(overview.contains("belong to nobody") && overview.contains("Open breaks"), "{overview}");
    let list = pages.get("/reconciliations").await;
    for part in ["November 2026", "complete", "not signed", "never", "Refunds against credit notes", "Shop ↔ Books"] {
        assert!(list.contains(part), "{part} is missing in {list}");
    }
}

#[tokio::test]
async fn breaks_are_filtered_and_paged_by_the_address() {
    let pages = pages(6_000).await;
    pages.run("orders").await;
    let all = pages.breaks("orders").await;
    assert!(all.len() > 100, "{}", all.len());
    let links = |html: &str| html.matches("/reconciliations/orders/breaks/").count();
    let first = pages.get("/reconciliations/runs/1").await;
    assert_eq!(links(&first), 100);
    assert!(first.contains("page=2#breaks") && first.contains("rel=\"next\"") && !first.contains("rel=\"prev\""));
    let last = pages.get("/reconciliations/runs/1?page=999").await;
    assert_eq!(links(&last), all.len() - 100 * ((all.len() - 1) / 100));
    let missing = all.iter().filter(|shown| shown["code"] == "MISSING_IN_B").count();
    let some = pages.get("/reconciliations/runs/1?code=MISSING_IN_B").await;
    assert_eq!(links(&some), missing.min(100));
    assert!(some.contains(&format!("{missing} of {} shown", all.len())), "{missing}");
    let one = all[0]["item"]["key"].as_str().unwrap();
    let query = format!(
        "/reconciliations/orders?q={}&owner=%20nobody",
        one.bytes().map(|b| format!("%{b:02X}")).collect::<String>()
    );
    assert_eq!(links(&pages.get(&query).await), 1);
    assert!(pages.get("/reconciliations/orders?state=RESOLVED").await.contains("No break is like that"));
    assert!(pages.get("/reconciliations/orders?age=nonsense&page=x").await.contains("No break is like that"));
}

#[tokio::test]
async fn a_break_is_worked_by_forms_and_refusals_stand_beside_them() {
    let pages = pages(10).await;
    pages.run("payouts-to-bank").await;
    let (short, lost) = (pages.id("po_2").await, pages.id("po_9").await);
    let at = |item: &str, act: &str| format!("/reconciliations/payouts-to-bank/breaks/{item}/{act}");
    let page = pages.get(&format!("/reconciliations/payouts-to-bank/breaks/{short}")).await;
    for part in [
        "B is less than A",
        "AMOUNT_UNDER",
        "What to do:",
        "250.00",
        "245.50",
        "−4.50",
        "differs",
        "bank.csv:",
        ">reference<",
        "found by run 1",
        "within the limit",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    // Each form lacks something once, and what was typed is still there.
    for (act, form, why) in [
        ("assign", "owner=cleo", "name of who asks"),
        ("comment", "actor=ann&text=+", "reason is needed"),
        ("attach", "actor=ann&name=mail.pdf&sha256=12", "named by its SHA-256"),
        ("propose", "actor=ann", "reason is needed"),
        ("resolve", "actor=ann", "reason is needed"),
        ("accept-timing", "actor=ann", "reason is needed"),
        ("write-off", "actor=ann&code=BECAUSE&text=small", "no reason code"),
        ("match", "actor=ann&with=nonsense&reason=x", "no break nonsense"),
        ("reopen", "actor=ann&text=x", "cannot be reopened"),
    ] {
        pages.refused(&at(&short, act), form, why).await;
    }
    let kept = pages.refused(&at(&short, "attach"), "actor=Zo%C3%AB&name=%22%3E%3Ci%3E&sha256=12", "SHA-256").await;
    assert!(kept.contains("value=\"Zoë\"") && kept.contains("value=\"12\"") && !kept.contains("\"><i>"), "{kept}");

    assert!(pages.done(&at(&short, "assign"), "actor=ann&owner=cleo").await.contains("belongs to cleo"));
    assert!(pages.done(&at(&short, "investigate"), "actor=cleo&text=").await.contains("being investigated"));
    pages.done(&at(&short, "comment"), "actor=cleo&text=asked+the+bank%0D%0Atwice").await;
    let hash = "ab".repeat(32);
    let attached = pages.done(&at(&short, "attach"), &format!("actor=cleo&name=mail.pdf&sha256={hash}")).await;
    assert!(attached.contains("mail.pdf") && attached.contains(&hash) && attached.contains("asked the bank"));
    let off = pages.done(&at(&short, "write-off"), "actor=ann&code=BANK_FEE&text=fee").await;
    assert!(off.contains("The break is written off") && off.contains("written off as BANK_FEE"), "{off}");
    pages.refused(&at(&short, "resolve"), "actor=ann&text=x", "cannot be resolved").await;

    // Above the limit: one asks, another approves.
    let asked = pages.done(&at(&lost, "write-off"), "actor=ann&code=BANK_FEE&text=gone").await;
    assert!(asked.contains("asks to write it off") && asked.contains("Approve the write-off"), "{asked}");
    pages.refused(&at(&lost, "write-off"), "actor=ann&code=BANK_FEE&text=gone", "second person").await;
    assert!(
        pages.done(&at(&lost, "write-off"), "actor=bob&code=BANK_FEE&text=gone").await.contains("as ann had asked")
    );
    let one = pages.get("/reconciliations/payouts-to-bank").await;
    assert!(one.contains("Proposed journal lines") && one.contains("12\u{202f}345.67"), "{one}");
    assert!(pages.done(&at(&lost, "reopen"), "actor=ann&text=it+came").await.contains("The break is open again"));
    assert!(
        !pages
            .get("/reconciliations/payouts-to-bank")
            .await
            .contains("12\u{202f}345.67</span>&nbsp;<span class=\"unit\">EUR</span></span></td>")
    );
}

#[tokio::test]
async fn what_fits_is_matched_with_one_form_and_taken_back() {
    let pages = pages(10).await;
    pages.run("payouts-to-bank").await;
    let all = pages.breaks("payouts-to-bank").await;
    let with = |key: &str| {
        all.iter().find(|shown| shown["item"]["rows"].to_string().contains(key)).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (paid, received) = (with("payouts.csv:4"), with("bank.csv:4"));
    let path = format!("/reconciliations/payouts-to-bank/breaks/{paid}");
    let page = pages.get(&path).await;
    let done = if paid == received {
        // The pass has put both rows into one break: it is matched in itself.
        assert!(page.contains("All rows of this break belong together"), "{page}");
        pages.done(&format!("{path}/match"), "actor=ann&reason=same+amount").await
    } else {
        assert!(page.contains("What may belong to it") && page.contains(&format!("id=\"match-{received}\"")), "{page}");
        pages
            .done(
                &format!("{path}/match"),
                &format!("form=match-{received}&actor=ann&with={received}&reason=same+amount"),
            )
            .await
    };
    assert!(done.contains("Matched; the next run shows it") && done.contains("resolved"), "{done}");
    let again = pages.run("payouts-to-bank").await;
    assert!(again.contains("Matched by hand") && again.contains("same amount"), "{again}");
    let page = pages.get(&path).await;
    let event = page.split("name=\"event\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    pages.refused(&format!("{path}/unmatch"), &format!("actor=ann&event={event}"), "reason is needed").await;
    let back = pages.done(&format!("{path}/unmatch"), &format!("actor=ann&event={event}&reason=wrong")).await;
    assert!(back.contains("match taken back") && back.contains("reopened"), "{back}");
}

#[tokio::test]
async fn a_run_is_signed_by_two_and_opened_again() {
    let pages = pages(120).await;
    pages.run("orders").await;
    let blocked = pages.get("/reconciliations/runs/1").await;
    assert!(blocked.contains("It cannot be signed yet") && blocked.contains("no owner yet"), "{blocked}");
    assert!(!blocked.contains("id=\"sign-preparer\""), "a form that is surely refused");
    let html = pages
        .refused("/reconciliations/runs/1/sign", "form=sign-preparer&as=preparer&actor=ann&note=agreed", "no owner yet")
        .await;
    assert!(html.contains("agreed"), "what was typed is gone");

    pages.run("payouts-to-bank").await;
    let free = pages.get("/reconciliations/runs/2").await;
    assert!(free.contains("Nothing stands against it") && free.contains("id=\"sign-preparer\""), "{free}");
    let sign = |who: &str, role: &str, note: &str| format!("form=sign-{role}&as={role}&actor={who}&note={note}");
    let to = "/reconciliations/runs/2/sign";
    pages.refused(to, &sign("ann", "preparer", ""), "needs a note").await;
    pages.refused(to, &sign("ann", "approver", "x"), "nobody has signed").await;
    assert!(pages.done(to, &sign("ann", "preparer", "totals")).await.contains("to be approved"));
    pages.refused(to, &sign("ann", "approver", "x"), "another person").await;
    let signed = pages.done(to, &sign("bob", "approver", "each")).await;
    assert!(signed.contains("signed by ann and bob") && signed.contains("approved"), "{signed}");
    assert!(pages.get("/reconciliations").await.contains("signed by ann and bob"));
    let proved = pages.done("/reconciliations/runs/2/verify", "actor=ann").await;
    assert!(proved.contains("the same to the byte") || proved.contains("running"), "{proved}");
    pages.refused("/reconciliations/runs/2/reopen", "actor=ann&reason=", "reason is needed").await;
    let open = pages.done("/reconciliations/runs/2/reopen", "actor=ann&reason=late+statement").await;
    assert!(open.contains("signatures taken back") && open.contains("late statement"), "{open}");
}

#[tokio::test]
async fn what_keeps_a_run_from_beginning_is_told_beside_the_form() {
    let pages = pages(10).await;
    let to = "/reconciliations/orders/runs";
    let html = pages.refused(to, "actor=ann&period=Oktober&as_of=", "Oktober").await;
    assert!(html.contains("value=\"Oktober\""), "{html}");
    pages.refused(to, "period=2026-11", "name of who asks").await;
    pages.refused(to, "actor=ann&as_of=2026-13-01", "2026-13-01").await;
    pages.refused("/reconciliations/never-run/runs", "actor=ann", "missing").await;
    for path in [
        "/reconciliations/nope",
        "/reconciliations/runs/99",
        "/reconciliations/runs/x",
        "/reconciliations/orders/breaks/b0",
    ] {
        let request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = pages.send(request).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(text(response).await.contains("What to do:"), "{path}");
    }
    assert!(pages.post("/reconciliations/runs/1/explode", "actor=ann").await.status().is_client_error());
}

#[tokio::test]
async fn a_line_of_another_file_than_the_run_read_is_not_shown() {
    let pages = pages(10).await;
    pages.run("payouts-to-bank").await;
    let path = format!("/reconciliations/payouts-to-bank/breaks/{}", pages.id("po_2").await);
    let before = pages.get(&path).await;
    assert_eq!(before.matches("<caption>").count(), 2, "{before}");
    std::fs::write(pages.dir.path().join("statements/bank.csv"), month::STATEMENT.replace("245.50", "999.99")).unwrap();
    let after = pages.get(&path).await;
    assert!(
        after.contains("bank.csv is not the file any more that the run read") && !after.contains("999.99"),
        "{after}"
    );
    assert_eq!(after.matches("<caption>").count(), 1, "{after}");
    std::fs::remove_file(pages.dir.path().join("statements/payouts.csv")).unwrap();
    assert!(pages.get(&path).await.contains("no file matches"));
}

/// A bank's statement is read by a connector: its record is shown by canonical fields, with what it is compared as.
#[tokio::test]
async fn a_record_that_a_connector_read_is_shown_by_its_fields() {
    let pages = pages(120).await;
    let definition = std::fs::read_to_string("examples/finance/reconciliations/bank.yaml").unwrap();
    std::fs::write(pages.dir.path().join("reconciliations/bank.yaml"), definition).unwrap();
    pages.run("bank").await;
    let breaks = pages.breaks("bank").await;
    let less = breaks.iter().find(|shown| shown["code"] == "AMOUNT_UNDER").unwrap();
    let path = format!("/reconciliations/bank/breaks/{}", less["id"].as_str().unwrap());
    let api = pages.json(&format!("/api/v1{path}")).await;
    let cell = |side: usize, column: &str| {
        let cells = api["lines"][side]["lines"][0]["cells"].as_array().unwrap();
        let found = cells.iter().find(|cell| cell["column"] == column);
        found.unwrap_or_else(|| panic!("{column}: {api}")).clone()
    };
    let amounts = less["item"]["amounts"].to_string();
    for (side, column) in [(0, "amount"), (1, "amount")] {
        let cell = cell(side, column);
        let number = cell["value"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        assert!(amounts.contains(&number), "{cell}: {amounts}");
        assert_eq!(cell["role"], "Amount");
    }
    assert_eq!(cell(1, "end_to_end_reference")["role"], "trace");
    let page = pages.get(&path).await;
    assert_eq!(page.matches("<caption>").count(), 2, "{page}");
    assert!(page.contains("end_to_end_reference"), "{page}");
}

/// Whatever statements contain stays text, on every page that shows it.
#[tokio::test]
async fn what_statements_contain_stays_text() {
    let pages = pages(10).await;
    let hostile = "<script>alert(1)</script>'\"><img src=x>";
    let quoted = format!("\"{}\"", hostile.replace('"', "\"\""));
    std::fs::write(
        pages.dir.path().join("statements/payouts.csv"),
        format!("payout,net,day\n{quoted},5.00,2026-11-05\n"),
    )
    .unwrap();
    std::fs::write(pages.dir.path().join("statements/bank.csv"), "reference,amount,day\nx,5.00,2026-11-05\n").unwrap();
    pages.run("payouts-to-bank").await;
    let mut paths: Vec<String> =
        ["/", "/reconciliations", "/reconciliations/payouts-to-bank", "/reconciliations/runs/1"]
            .map(str::to_owned)
            .to_vec();
    for shown in pages.breaks("payouts-to-bank").await {
        let path = format!("/reconciliations/payouts-to-bank/breaks/{}", shown["id"].as_str().unwrap());
        let form =
            format!("actor={0}&text={0}", hostile.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>());
        pages.done(&format!("{path}/comment"), &form).await;
        paths.push(path);
    }
    let mut said = 0;
    for path in paths {
        let html = pages.get(&path).await;
        assert!(!html.contains("<script>") && !html.contains("<img"), "{path}: {html}");
        said += html.matches("alert(1)").count();
    }
    assert!(said > 4, "it is not shown at all: {said}");
}
