//! The commands as people meet them: golden output, exit codes, with a daemon and without.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
mod seed;

use std::path::Path;

use syncline::cli::{ADDRESS_FILE, Exit};
use syncline::model::clock::Clock;
use syncline::web;

use command::{Ran, command};
use seed::{NOW, World, few};

const CONFIG: &str = "hub: { database: \"sqlite:syncline.db\" }
connections:
  shop: { connector: shopify }
  erp: { connector: odoo }
  psp: { connector: stripe }
flows:
  orders-to-erp: { from: shop.orders, to: erp.sale_orders, freshness: 2m, needs: [customer] }
  payments-to-erp: { from: psp.payments, to: erp.payments, freshness: 5m }
";

async fn syncline(dir: &Path, arguments: &[&str]) -> Ran {
    syncline_with(dir, arguments, "").await
}

async fn syncline_with(dir: &Path, arguments: &[&str], input: &str) -> Ran {
    let Ran { exit, out, err } = command(dir, Clock::manual(NOW), "ann", arguments, input).await;
    let hidden = |text: String| text.replace(dir.to_str().unwrap(), "DIR");
    Ran { exit, out: hidden(out), err: hidden(err) }
}

async fn installation() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("syncline.yaml"), CONFIG).unwrap();
    let mut world = World::open(dir.path()).await;
    few(&mut world).await;
    world.store.close().await;
    dir
}

#[tokio::test]
async fn status_at_a_glance() {
    let dir = installation().await;
    let ran = syncline(dir.path(), &["status"]).await;
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::NotWell, ""));
    insta::assert_snapshot!(ran.out);
}

#[tokio::test]
async fn explain_a_delivered_and_a_stuck_order() {
    let dir = installation().await;
    let delivered = syncline(dir.path(), &["explain", "1001", "--payloads"]).await;
    assert_eq!((delivered.exit, delivered.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!("explain_delivered", delivered.out);
    let stuck = syncline(dir.path(), &["explain", "shop/orders/821"]).await;
    insta::assert_snapshot!("explain_stuck", stuck.out);
    let unknown = syncline(dir.path(), &["explain", "nothing-like-it"]).await;
    assert_eq!(unknown.exit, Exit::Failed);
    insta::assert_snapshot!("explain_unknown", unknown.err);
    let several = syncline(dir.path(), &["explain", "100"]).await;
    assert_eq!(several.exit, Exit::Failed);
    insta::assert_snapshot!("explain_several", several.err);
}

#[tokio::test]
async fn issues_are_listed_shown_and_worked() {
    let dir = installation().await;
    let list = syncline(dir.path(), &["issues", "list"]).await;
    assert_eq!(list.exit, Exit::NotWell);
    insta::assert_snapshot!("issues_list", list.out);
    let show = syncline(dir.path(), &["issues", "show", "1"]).await;
    assert_eq!(show.exit, Exit::NotWell);
    insta::assert_snapshot!("issues_show", show.out);
    let broken = syncline_with(dir.path(), &["issues", "edit", "1", "job-2", "--file", "-"], "{").await;
    assert_eq!(broken.exit, Exit::Failed);
    insta::assert_snapshot!("issues_edit_broken", broken.err);
    let vendors = syncline_with(dir.path(), &["issues", "edit", "1", "--file", "-"], "{\"ref\":\"#1002\"}").await;
    assert_eq!(vendors.exit, Exit::Failed);
    insta::assert_snapshot!("issues_edit_not_canonical", vendors.err);
    let edited =
        syncline_with(dir.path(), &["issues", "edit", "1", "job-2", "--file", "-"], &seed::corrected_order()).await;
    assert_eq!(
        (edited.exit, edited.out.as_str()),
        (Exit::Done, "1 record corrected and back to work\n"),
        "{}",
        edited.err
    );
    let discarded = syncline(dir.path(), &["issues", "discard", "2", "--reason", "test payment"]).await;
    assert_eq!((discarded.exit, discarded.out.as_str()), (Exit::Done, "1 record given up\n"), "{}", discarded.err);
    let none = syncline(dir.path(), &["issues", "list"]).await;
    assert_eq!((none.exit, none.out.as_str()), (Exit::Done, "No open issue: nothing needs a person.\n"));
    let all = syncline(dir.path(), &["issues", "list", "--all", "--json"]).await;
    let issues: serde_json::Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(issues[1]["resolution"], "edited by ann", "{issues}");
    assert_eq!(issues[0]["resolution"], "discarded by ann: test payment", "{issues}");
    let usage = syncline(dir.path(), &["issues", "retry", "1", "--only", "12"]).await;
    assert_eq!(usage.exit, Exit::Usage);
    let gone = syncline(dir.path(), &["issues", "show", "99"]).await;
    assert_eq!(
        (gone.exit, gone.err.as_str()),
        (Exit::Failed, "error: issue 99 does not exist\n  next step: list the issues to see which do\n")
    );
}

#[tokio::test]
async fn replay_says_how_many() {
    let dir = installation().await;
    let ran = syncline(dir.path(), &["replay", "orders-to-erp", "--key", "820", "--force"]).await;
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (Exit::Done, "1 record will be sent again by orders-to-erp\n"),
        "{}",
        ran.err
    );
    let wrong = syncline(dir.path(), &["replay", "orders-to-erp", "--since", "yesterday"]).await;
    assert_eq!(wrong.exit, Exit::Usage);
    let nope = syncline(dir.path(), &["replay", "nope"]).await;
    assert_eq!(nope.exit, Exit::Failed);
    let none = syncline(dir.path(), &["replay", "orders-to-erp", "--key", "nope"]).await;
    assert_eq!(none.out, "nothing is sent again: the source of orders-to-erp has no record with the key \"nope\"\n");
}

#[tokio::test]
async fn verify_tells_what_holds_and_what_does_not() {
    let dir = installation().await;
    let ran = syncline(dir.path(), &["verify", "--quiet"]).await;
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!("verify_holds", ran.out);
    let steps = syncline(dir.path(), &["verify"]).await;
    assert_eq!(steps.exit, Exit::Done);
    damage(&dir.path().join("syncline.db")).await;
    let ran = syncline(dir.path(), &["verify", "--quiet"]).await;
    assert_eq!(ran.exit, Exit::NotWell);
    insta::assert_snapshot!("verify_faults", ran.out);
}

async fn damage(database: &Path) {
    use sqlx::Connection as _;
    let url = format!("sqlite:{}", database.display());
    let mut conn = sqlx::sqlite::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE tally SET n = n + 1 WHERE connection = 'psp'").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_restored() {
    let dir = installation().await;
    let target = dir.path().join("monday.db");
    let target = target.to_str().unwrap();
    let ran = syncline(dir.path(), &["backup", target, "--quiet"]).await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, "backup written to DIR/monday.db\n"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(dir.path().join("backups")).unwrap().count(), 0);
    let again = syncline(dir.path(), &["backup", target]).await;
    assert_eq!(again.exit, Exit::Failed);
    syncline(dir.path(), &["issues", "discard", "1", "--reason", "x"]).await;
    let there = syncline(dir.path(), &["restore", target]).await;
    assert_eq!(there.exit, Exit::Failed);
    insta::assert_snapshot!("restore_refused", there.err);
    let restored = syncline(dir.path(), &["restore", target, "--replace"]).await;
    assert_eq!(restored.exit, Exit::Done, "{}", restored.err);
    insta::assert_snapshot!("restore", restored.out);
    let show = syncline(dir.path(), &["issues", "show", "1"]).await;
    assert_eq!(show.exit, Exit::NotWell, "the issue is open again");
}

#[tokio::test]
async fn a_running_daemon_is_asked_instead_of_its_store() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("syncline.yaml"), CONFIG).unwrap();
    let mut world = World::open(dir.path()).await;
    few(&mut world).await;
    let state = world.state(dir.path());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    std::fs::write(dir.path().join(ADDRESS_FILE), listener.local_addr().unwrap().to_string()).unwrap();
    let limits = syncline::api::server::ServerLimits::default();
    let serving = tokio::spawn(syncline::api::server::serve(listener, web::app(&state), limits, state.stop().clone()));
    let ran = syncline(dir.path(), &["status"]).await;
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::NotWell, ""));
    assert!(ran.out.contains("daemon on 127.0.0.1:8470, started 1 d 6 h ago"), "{}", ran.out);
    let verified = syncline(dir.path(), &["verify", "--quiet"]).await;
    assert_eq!(verified.exit, Exit::Done, "{}", verified.err);
    let retried = syncline(dir.path(), &["issues", "retry", "1"]).await;
    assert_eq!((retried.exit, retried.out.as_str()), (Exit::Done, "1 record back to work\n"));
    assert_eq!(*world.hub.wakes.lock().unwrap(), 1);
    state.stop().cancel();
    serving.await.unwrap();
    let held = syncline(dir.path(), &["status"]).await;
    assert_eq!(held.exit, Exit::Failed);
    assert!(held.err.contains("in use by the process with pid"), "{}", held.err);
    world.store.close().await;
    let left_over = syncline(dir.path(), &["status"]).await;
    assert_eq!(left_over.exit, Exit::NotWell, "a left-over address is no daemon: {}", left_over.err);
}

#[test]
fn the_program_ends_with_the_documented_codes() {
    let dir = tempfile::tempdir().unwrap();
    let program = || assert_cmd::Command::cargo_bin("syncline").unwrap();
    let config = dir.path().to_str().unwrap();
    program().args(["--config", config, "status"]).assert().code(1);
    program().args(["--config", config, "nonsense"]).assert().code(2);
    program().args(["--version"]).assert().code(0);
    std::fs::write(dir.path().join("syncline.yaml"), CONFIG).unwrap();
    let none = program().args(["--config", config, "status"]).assert().code(1);
    let text = String::from_utf8(none.get_output().stderr.clone()).unwrap();
    assert!(text.starts_with("error: no hub has run here yet\n  where: ") && text.contains("syncline run"), "{text}");
}

#[test]
fn a_reader_that_has_had_enough_is_not_told_of_it() {
    // `syncline connectors | head -0`: nobody reads any more.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_syncline"))
        .args(["connectors", "shopify"])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&program.stderr), "");
    assert_eq!(program.status.code(), Some(141), "as of a program that SIGPIPE ended");
}

/// The command as a person runs it, with this shell script as the editor.
fn edited_by(dir: &Path, script: &str) -> (bool, String, String) {
    std::fs::write(dir.join("editor.sh"), script).unwrap();
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_syncline"))
        .args(["issues", "edit", "1", "job-2", "--actor", "ann", "--config"])
        .arg(dir)
        .env_remove("VISUAL")
        .env("EDITOR", format!("sh {}", dir.join("editor.sh").display()))
        .env("TMPDIR", dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.success(), text(ran.stdout), text(ran.stderr))
}

fn drafts(dir: &Path) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    found.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("syncline-")).collect()
}

#[tokio::test]
async fn an_editor_opens_the_record_and_what_is_refused_is_not_lost() {
    let dir = installation().await;
    let (done, _, err) = edited_by(dir.path(), "cp \"$1\" \"$(dirname \"$0\")/shown\"\n");
    assert!(!done && err.contains("nothing was changed"), "{err}");
    let shown = std::fs::read_to_string(dir.path().join("shown")).unwrap();
    assert!(shown.starts_with("{\n  \"number\": \"#1002\",\n"), "to be read by a person: {shown}");
    assert_eq!(drafts(dir.path()), Vec::<std::path::PathBuf>::new());

    let (done, _, err) = edited_by(dir.path(), "printf '{\"number\":\"#1002\"}\\n' > \"$1\"\n");
    assert!(!done && err.contains("placed_at: it is required and missing"), "{err}");
    let kept = drafts(dir.path());
    assert_eq!(kept.len(), 1, "{err}");
    assert!(err.contains(kept[0].to_str().unwrap()), "{err}");
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), "{\"number\":\"#1002\"}\n");
    std::fs::remove_file(&kept[0]).unwrap();

    std::fs::write(dir.path().join("corrected"), seed::corrected_order()).unwrap();
    let (done, out, err) = edited_by(dir.path(), "cp \"$(dirname \"$0\")/corrected\" \"$1\"\n");
    assert!(done && out == "1 record corrected and back to work\n", "{out} {err}");
    assert_eq!(drafts(dir.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_month_is_written_as_the_example_is() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("month");
    let month = ["sandbox", "month", "--out", out.to_str().unwrap()];
    let ran = syncline(folder.path(), &month).await;
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Done, ""));
    assert!(ran.out.contains("written DIR/month/bank/account-0.xml\n"), "{}", ran.out);
    for file in ["truth.csv", "bank/account-1.sta", "processor/payouts/payouts.itemized.csv"] {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/finance/month").join(file);
        assert_eq!(std::fs::read(out.join(file)).unwrap(), std::fs::read(example).unwrap(), "{file}");
    }
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let taken = folder.path().join("taken");
    let ran = syncline(folder.path(), &["sandbox", "month", "--out", taken.to_str().unwrap()]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("choose a folder you may write to"), "{}", ran.err);
}
