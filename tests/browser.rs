//! The pages in a real browser: each of them at two widths and in both schemes, by keyboard, live, and without scripts.
//! Not here: what the server answers (`tests/pages.rs`).
//!
//! `SYNCLINE_SCREENSHOTS=1 cargo test --test browser` also writes what was seen to `target/screenshots/`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "browser/chromium.rs"]
mod chromium;
#[path = "browser/hubs.rs"]
mod hubs;
mod month;
mod seed;
#[path = "browser/tab.rs"]
mod tab;

use std::path::Path;

use chromium::Browser;
use hubs::{Daemon, LONG, served};
use serde_json::{Value, json};
use tab::Tab;

const AUDIT: &str = include_str!("browser/audit.js");

fn filled_pages() -> Vec<(&'static str, String)> {
    let mut pages: Vec<(&str, String)> = [
        ("overview", "/"),
        ("flows", "/flows"),
        ("flows-sorted", "/flows?sort=backlog&dir=desc"),
        ("flow-stale", "/flows/orders-to-erp"),
        ("flow-stock", "/flows/stock-to-shop"),
        ("flow-payments", "/flows/payments-to-erp"),
        ("flow-paused", "/flows/customers-to-crm"),
        ("flow-shipments", "/flows/shipments-to-shop"),
        ("connections", "/connections"),
        ("issues", "/issues"),
        ("issues-all", "/issues?all=1"),
        ("issues-filtered-away", "/issues?filter=nothing-like-it"),
        ("issue-delivery", "/issues/1"),
        ("issue-payload", "/issues/2"),
        ("search", "/search"),
        ("search-hit", "/search?q=1001"),
        ("search-miss", "/search?q=nothing-like-it"),
        ("record-delivered", "/records/shop/orders/820"),
        ("record-dead", "/records/shop/orders/821"),
        ("ledger", "/ledger"),
        ("error-no-page", "/nope"),
        ("error-no-flow", "/flows/nope"),
        ("error-bad-id", "/issues/abc"),
    ]
    .map(|(name, path)| (name, path.to_owned()))
    .to_vec();
    let breaks = [
        ("recon-list", "/reconciliations"),
        ("recon-orders", "/reconciliations/orders"),
        ("recon-never", "/reconciliations/never-run"),
        ("recon-run", "/reconciliations/runs/1"),
        ("recon-run-filtered", "/reconciliations/runs/1?code=AMOUNT_UNDER"),
        ("recon-run-filtered-away", "/reconciliations/runs/1?q=nothing-like-it"),
        ("recon-run-page-2", "/reconciliations/runs/1?page=2"),
        ("recon-bank", "/reconciliations/payouts-to-bank?all=1"),
        ("recon-signed", "/reconciliations/runs/2"),
        ("error-no-run", "/reconciliations/runs/99"),
    ];
    pages.extend(breaks.map(|(name, path)| (name, path.to_owned())));
    pages.push(("record-long-id", format!("/records/shop/orders/{LONG}")));
    pages.push(("search-long-id", format!("/search?q={LONG}")));
    pages.push(("error-long-id", format!("/flows/{LONG}")));
    pages
}

fn empty_pages() -> Vec<(&'static str, String)> {
    ["/", "/flows", "/issues", "/search", "/reconciliations", "/connections", "/ledger"]
        .map(|path| ("empty", path.to_owned()))
        .to_vec()
}

const LOOKS: [(u32, bool); 4] = [(1440, false), (1440, true), (390, false), (390, true)];

/// Goes to every page in every look and collects what is wrong anywhere: one run tells all.
async fn audit(tab: &Tab, base: &str, pages: &[(&str, String)]) {
    let mut wrong = Vec::new();
    for (width, dark) in LOOKS {
        tab.look_like(width, dark).await;
        for (name, path) in pages {
            let (since, url) = (tab.seen(), format!("{base}{path}"));
            tab.go(&url).await;
            let found = tab.eval(&format!("({AUDIT})({width})")).await;
            let found = found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
            let look = format!("{path} at {width}{}", if dark { " dark" } else { "" });
            wrong.extend(found.chain(tab.troubles(since, &url)).map(|line| format!("{look}: {line}")));
            keep(tab, &format!("{name}{}-{width}-{}", tail(name, path), if dark { "dark" } else { "light" })).await;
        }
    }
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn tail(name: &str, path: &str) -> String {
    match (name, path.trim_matches('/')) {
        ("empty", "") => "-overview".to_owned(),
        ("empty", page) => format!("-{page}"),
        _ => String::new(),
    }
}

async fn keep(tab: &Tab, name: &str) {
    if std::env::var_os("SYNCLINE_SCREENSHOTS").is_none_or(|value| value.is_empty() || value == "0") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    tab.screenshot(&folder.join(format!("{name}.png"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_sound_at_every_width_and_scheme() {
    let (browser, hub) = (Browser::start().await, served(true).await);
    let mut pages = filled_pages();
    pages.extend(hub.breaks.iter().map(|(name, id)| (*name, id.clone())));
    audit(&browser.tab().await, &hub.base, &pages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_hub_says_what_to_do_next() {
    let (browser, hub) = (Browser::start().await, served(false).await);
    audit(&browser.tab().await, &hub.base, &empty_pages()).await;
}

/// The audit would find what it is for; without this it could pass by finding nothing ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_defects_is_found_out() {
    let (browser, hub) = (Browser::start().await, served(false).await);
    let tab = browser.tab().await;
    tab.look_like(390, false).await;
    let since = tab.seen();
    tab.go(&hub.base).await;
    tab.eval(
        r##"(() => {
            const main = document.querySelector("main");
            main.insertAdjacentHTML("beforeend", "<h1>two</h1><h4>deep</h4><input><a href='#'></a><img src='/nope.png'>"
                + "<time>now</time><span class='mark good'>ok</span>");
            const wide = document.createElement("div");
            wide.textContent = "wide and pale"; wide.style.width = "900px"; wide.style.color = "#ccc";
            main.append(wide);
            console.error("said aloud");
        })()"##,
    )
    .await;
    tab.until("document.querySelector('img').complete").await;
    let found = tab.eval(&format!("({AUDIT})(390)")).await.to_string();
    for defect in [
        "wide on 390",
        "outside the screen",
        "one h1",
        "skips a level",
        "no label",
        "no name",
        "without alt",
        "its zone",
        "colour alone",
        "contrast",
    ] {
        assert!(found.contains(defect), "{defect} is not found: {found}");
    }
    let troubles = tab.troubles(since, &hub.base).join("\n");
    assert!(troubles.contains("said aloud") && troubles.contains("404"), "{troubles}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_is_retried_by_keyboard_alone() {
    let (browser, hub) = (Browser::start().await, served(true).await);
    let tab = browser.tab().await;
    tab.look_like(1440, false).await;
    tab.go(&format!("{}/issues", hub.base)).await;
    let first = tab.tab_to("a").await;
    assert!(first[0].contains("#content"), "the first stop skips to the content: {first:?}");
    tab.tab_to("a[href='/issues/1']").await;
    follow(&tab).await;
    tab.tab_to("#actor-retry").await;
    tab.type_text("Ann").await;
    tab.tab_to("form[action$='/retry'] button").await;
    follow(&tab).await;
    tab.until("document.querySelector('[role=status]').textContent.includes('4 records went back to work')").await;
    assert_eq!(tab.eval("document.querySelector('.count').textContent").await, json!("1 open"));
}

/// Presses what has the focus and waits for the page that it leads to.
async fn follow(tab: &Tab) {
    let before = tab.seen();
    tab.press("Enter").await;
    tab.loaded_since(before).await;
}

fn order(number: &str, total_minor: Value) -> Value {
    json!({
        "number": number, "placed_at": "2026-11-22T09:58:00Z", "currency": "EUR",
        "total": { "amount_minor": total_minor, "currency": "EUR" }, "lines": [],
    })
}

/// The daemon as people run it: nothing yet, then a record comes, then one that fails, which is given up by keyboard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_posted_shows_without_a_reload_and_can_be_given_up() {
    let (browser, hub) = (Browser::start().await, Daemon::start());
    let tab = browser.tab().await;
    tab.look_like(1440, false).await;
    let since = tab.seen();
    tab.go(&format!("{}/", hub.base)).await;
    assert!(tab.eval("document.body.innerText").await.as_str().unwrap().contains("All is well"));
    tab.until("document.getElementById('feed-word').textContent === 'live'").await;
    tab.eval("window.sameDocument = true").await;
    tab.tab_to("a[href='/flows/orders-archive']").await;

    hub.post("evt-1", order("#1001", json!(4790))).await;
    tab.until("document.querySelector(\"[data-n='today.received']\").textContent === '1'").await;
    hub.post("evt-2", order("#1002", json!("47.905"))).await;
    tab.until("document.querySelector('.count')?.textContent === '1 open'").await;
    tab.until("document.querySelector('.attention')?.innerText.includes('open issue')").await;
    assert_eq!(tab.eval("window.sameDocument").await, json!(true), "the page was loaded anew");
    let focused = tab.eval("document.activeElement.getAttribute('href')").await;
    assert_eq!(focused, json!("/flows/orders-archive"), "a redrawing took the focus away");

    tab.tab_to(".side a[href='/issues'], .attention a").await;
    follow(&tab).await;
    if tab.eval("location.pathname").await == json!("/issues") {
        tab.tab_to("a[href='/issues/1']").await;
        follow(&tab).await;
    }
    tab.tab_to(".danger summary").await;
    tab.press("Enter").await;
    tab.tab_to("#actor-discard").await;
    tab.type_text("Ann").await;
    tab.tab_to("#reason").await;
    tab.type_text("a test order").await;
    tab.tab_to("button.bad").await;
    follow(&tab).await;
    tab.until("document.body.innerText.includes('1 record given up')").await;
    tab.go(&format!("{}/issues", hub.base)).await;
    assert!(tab.eval("document.body.innerText").await.as_str().unwrap().contains("nothing needs a person"));
    let troubles = tab.troubles(since, "");
    assert!(troubles.is_empty(), "{troubles:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_everything_is_there_and_works() {
    let (browser, hub) = (Browser::start().await, served(true).await);
    let tab = browser.tab().await;
    tab.look_like(390, false).await;
    tab.without_scripts().await;
    for (path, said) in [
        ("/", "What needs you"),
        ("/flows", "orders-to-erp"),
        ("/issues", "product TEE-M is unknown"),
        ("/records/shop/orders/821", "What happened"),
        ("/connections", "failing"),
        ("/ledger", "received in 30 days"),
    ] {
        tab.go(&format!("{}{path}", hub.base)).await;
        let text = tab.eval("document.body.innerText").await;
        assert!(text.as_str().unwrap().contains(said), "{path}: {text}");
        assert_eq!(tab.eval("document.querySelector('#feed')?.hidden ?? true").await, json!(true), "{path}: not live");
    }
    tab.go(&format!("{}/issues/1", hub.base)).await;
    tab.tab_to("#actor-retry").await;
    tab.type_text("Ann").await;
    follow(&tab).await;
    let told = tab.eval("document.querySelector('[role=status]').textContent").await;
    assert!(told.as_str().unwrap().contains("4 records went back to work"), "{told}");
}

fn break_page(hub: &hubs::Served, name: &str) -> String {
    let (_, path) = hub.breaks.iter().find(|(known, _)| *known == name).unwrap();
    format!("{}{path}", hub.base)
}

/// As finance works: the list leads to a run, the run to a break, which gets an owner; a refusal stands beside what was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_break_is_followed_and_worked_by_keyboard_alone() {
    let (browser, hub) = (Browser::start().await, served(true).await);
    let tab = browser.tab().await;
    tab.look_like(1440, false).await;
    tab.go(&format!("{}/", hub.base)).await;
    tab.tab_to(".side a[href='/reconciliations']").await;
    follow(&tab).await;
    tab.tab_to("#orders a[href='/reconciliations/runs/1']").await;
    follow(&tab).await;
    tab.tab_to("#f-code").await;
    tab.type_into_select("AMOUNT_UNDER").await;
    tab.tab_to(".filter button").await;
    follow(&tab).await;
    let codes = tab
        .eval("[...document.querySelectorAll('.breaks tbody tr td:nth-child(2)')].map((td) => td.textContent)")
        .await;
    let codes = codes.as_array().unwrap().clone();
    assert!(
        !codes.is_empty() && codes.iter().all(|code| code.as_str().unwrap().starts_with("B is less than A")),
        "{codes:?}"
    );
    tab.tab_to(".breaks tbody a").await;
    follow(&tab).await;
    tab.until("document.querySelector('.sides .differs') !== null").await;
    // What has to be filled in is asked for by the browser; blanks are refused by the hub, beside them.
    open(&tab, "resolve").await;
    tab.tab_to("#resolve-text").await;
    tab.type_text("   ").await;
    tab.tab_to("#resolve-actor").await;
    tab.type_text("Ann").await;
    follow(&tab).await;
    let refused = tab.eval("document.querySelector('#resolve [role=alert]').textContent").await;
    assert!(refused.as_str().unwrap().contains("a reason is needed"), "{refused}");
    assert_eq!(tab.eval("document.querySelector('#resolve-actor').value").await, json!("Ann"));
    open(&tab, "assign").await;
    tab.tab_to("#assign-owner").await;
    tab.type_text("Cleo").await;
    tab.tab_to("#assign-actor").await;
    tab.type_text("Ann").await;
    follow(&tab).await;
    tab.until("document.querySelector('[role=status]').textContent.includes('The break has an owner')").await;
    assert!(tab.eval("document.querySelector('.head').innerText").await.as_str().unwrap().contains("Cleo"));
}

/// Unfolds the form of this name.
async fn open(tab: &Tab, form: &str) {
    tab.tab_to(&format!("details:has(#{form}) summary")).await;
    tab.press("Enter").await;
    tab.until(&format!("document.querySelector('details:has(#{form})').open")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_a_run_is_read_and_its_signatures_taken_back() {
    let (browser, hub) = (Browser::start().await, served(true).await);
    let tab = browser.tab().await;
    tab.look_like(390, true).await;
    tab.without_scripts().await;
    for (url, said) in [
        (format!("{}/reconciliations", hub.base), "Orders against the books"),
        (format!("{}/reconciliations/orders", hub.base), "Work list"),
        (format!("{}/reconciliations/runs/1", hub.base), "Unexplained, must be 0"),
        (break_page(&hub, "break-suggested"), "What you can do"),
        (break_page(&hub, "break-assigned"), "The bank was asked on the phone"),
    ] {
        tab.go(&url).await;
        let text = tab.eval("document.body.innerText").await;
        assert!(text.as_str().unwrap().contains(said), "{url}: {text}");
    }
    tab.go(&format!("{}/reconciliations/runs/2", hub.base)).await;
    open(&tab, "reopen").await;
    tab.tab_to("#reopen-reason").await;
    tab.type_text("the bank corrected its statement").await;
    tab.tab_to("#reopen-actor").await;
    tab.type_text("Ann").await;
    follow(&tab).await;
    let told = tab.eval("document.querySelector('[role=status]').textContent").await;
    assert!(told.as_str().unwrap().contains("The run is open again"), "{told}");
}
