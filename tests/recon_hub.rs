//! Reconciliations of what the hub knows, on the real store: what is held back, dead, lost, late or stale is told apart.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "recon_hub/healing.rs"]
mod healing;
#[path = "recon_hub/kept_run.rs"]
mod kept_run;
#[path = "recon_hub/world.rs"]
mod world;

use std::time::{Duration, SystemTime};

use syncline::api::resources::reconciliations::{Watching, look};
use syncline::finance::kept::{all, prune};
use syncline::finance::workflow::Role;
use syncline::store::IssueFilter;
use world::{HOUR, SECOND, World};

const DEFINITION: &str = "\
reconciliation: orders
title: Orders of the shop against the ERP
kind: orders
zone: Europe/Berlin
a: { title: Shop, mirror: shop.orders, keys: { order: number }, amount: total, date: placed_at, status: payment_status }
b: { title: ERP, mirror: erp.orders, keys: { order: number }, amount: total, date: placed_at, status: payment_status }
match:
  - { id: number, key: [order] }
in_flight: { settle: 100ms, stuck_after: 1h }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hub_carries_is_no_break_and_what_it_lost_is() {
    let world = World::new(DEFINITION).await;
    // 1 agrees, delivered and read back.
    world.order("1", 1_000).await;
    world.deliver("1", "e1").await;
    world.shown("e1", "1", 1_000).await;
    // 2 is held back, 3 is dead, 4 was delivered and has vanished, 5 was delivered a moment ago, 6 comes back with a payload
    // that waits.
    world.order("2", 2_000).await;
    world.order("3", 3_000).await;
    let issue = world.bury("3").await;
    world.order("4", 4_000).await;
    world.deliver("4", "e4").await;
    world.shown("e4", "4", 4_000).await;
    world.vanished("e4").await;
    world.order("6", 6_000).await;
    world.deliver("6", "e6").await;
    world.waits("e6", "6", 6_000).await;
    world.advance(30 * SECOND);
    world.read_through();
    world.order("5", 5_000).await;
    world.deliver("5", "e5").await;
    world.busy("e5");
    world.busy("e6");
    world.advance(SECOND);
    let run = world.run().await;
    assert_eq!(run.breaks(), [("3", "SYNC_FAILED"), ("4", "MISSING_IN_B")]);
    assert_eq!(run.in_flight(), ["2", "5", "6"]);
    let dead = run.carried_by("3");
    assert!(dead.contains("job ") && dead.contains(&format!("issue {issue}")) && dead.contains("attempt 1"), "{dead}");
    let held = run.carried_by("2");
    assert!(held.contains("of flow orders-to-erp for shop.orders/2 (event "), "{held}");
    assert!(run.carried_by("5").contains("erp.orders has not been read since"), "{}", run.carried_by("5"));
    assert!(run.carried_by("6").contains("payload "), "{}", run.carried_by("6"));
    assert_eq!(run.residuals(), ["0.00"]);

    // To the byte, when the queue has long moved on.
    world.deliver("2", "e2").await;
    world.advance(2 * HOUR);
    let again = world.desk().rederive(run.id).await.unwrap();
    assert!(again.holds(), "{again:?}");
    world.forget_kept();
    let gone = world.desk().rederive(run.id).await.unwrap();
    assert!(!gone.holds() && gone.changed.len() == 3, "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extracts_go_when_no_signed_and_no_newest_run_needs_them() {
    let world = World::new(DEFINITION).await;
    let (mut runs, in_a_moment) = (Vec::new(), || SystemTime::now() + Duration::from_secs(60));
    for (number, minor) in [("1", 1_000), ("2", 2_000), ("3", 3_000)] {
        world.order(number, minor).await;
        world.deliver(number, &format!("e{number}")).await;
        world.shown(&format!("e{number}"), number, minor).await;
        world.advance(HOUR);
        world.read_through();
        let run = world.run().await.id;
        if runs.is_empty() {
            world.desk().sign(run, Role::Preparer, "ann", "looked at all of it").await.unwrap();
        }
        runs.push(run);
    }
    let desk = world.desk();
    let room = desk.room.clone();
    let kept = all(&room).unwrap().len();
    assert_eq!(prune(&desk.store, &room, SystemTime::now() - Duration::from_secs(3_600)).await.unwrap(), 0, "young");
    let gone = prune(&desk.store, &room, in_a_moment()).await.unwrap();
    assert_eq!(all(&room).unwrap().len() as u64 + gone, kept as u64);
    assert!(gone >= 2, "{gone} of {kept}");
    assert_eq!(prune(&desk.store, &room, in_a_moment()).await.unwrap(), 0);
    assert!(desk.rederive(runs[0]).await.unwrap().holds(), "signed");
    assert!(desk.rederive(runs[2]).await.unwrap().holds(), "the newest");
    let former = desk.rederive(runs[1]).await.unwrap();
    assert!(!former.holds() && former.changed.iter().any(|why| why.contains("not kept any more")), "{former:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_is_stuck() {
    let world = World::new(DEFINITION).await;
    world.order("1", 1_000).await;
    world.advance(2 * HOUR);
    world.read_through();
    let run = world.run().await;
    assert_eq!(run.breaks(), [("1", "STUCK_IN_FLIGHT")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_mirror_is_read_again_before_it_is_believed() {
    let world = World::new(DEFINITION).await;
    for (key, remote) in [("1", "e1"), ("2", "e2"), ("3", "e3")] {
        world.order(key, 1_000).await;
        world.deliver(key, remote).await;
        world.shown(remote, key, 1_000).await;
    }
    world.advance(HOUR);
    world.read_through();
    // The mirror of the ERP is wrong about 1; of 2 the ERP itself is; 3 is gone there and only its mirror differs.
    world.shown("e1", "1", 999).await;
    world.vendor("e1", Some(("1", 1_000)));
    world.shown("e2", "2", 999).await;
    world.shown("e3", "3", 999).await;
    world.vendor("e3", None);
    world.advance(HOUR);
    world.read_through();
    let run = world.run().await;
    assert_eq!(
        (run.breaks(), run.in_flight()),
        (vec![("2", "AMOUNT_UNDER")], vec!["3"]),
        "3 differs in another way now"
    );
    let run = world.run().await;
    assert_eq!(run.breaks(), [("2", "AMOUNT_UNDER"), ("3", "MISSING_IN_B")]);
    assert_eq!(run.in_flight(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_it_is_looked_at_is_no_break() {
    let world = World::new(DEFINITION).await;
    world.order("1", 1_000).await;
    world.deliver("1", "e1").await;
    world.shown("e1", "1", 1_000).await;
    world.order("2", 2_000).await;
    world.deliver("2", "e2").await;
    world.shown("e2", "2", 1_990).await;
    world.advance(HOUR);
    world.read_through();
    // 1 differs for the first time in the second look: somebody changed it in between.
    world.between_looks(|world| Box::pin(async move { world.shown("e1", "1", 990).await }));
    let run = world.run().await;
    assert_eq!(run.breaks(), [("2", "AMOUNT_UNDER")]);
    assert_eq!(run.in_flight(), ["1"]);
    // Next time it has not moved.
    let run = world.run().await;
    assert_eq!(run.breaks(), [("1", "AMOUNT_UNDER"), ("2", "AMOUNT_UNDER")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_read_now_shows_what_its_mirror_does_not() {
    let world = World::new(&DEFINITION.replace("mirror: erp.orders", "live: erp.orders")).await;
    for (key, remote) in [("1", "e1"), ("2", "e2")] {
        world.order(key, 1_000).await;
        world.deliver(key, remote).await;
        world.shown(remote, key, 1_000).await;
    }
    // Removed there, and nobody was told.
    world.vendor("e2", None);
    world.advance(HOUR);
    let run = world.run().await;
    assert_eq!(run.breaks(), [("2", "MISSING_IN_B")]);
    assert!(world.desk().rederive(run.id).await.unwrap().holds());

    // A reading that ends early proves nothing.
    world.break_reading();
    let run = world.run().await;
    assert_eq!((run.status(), run.breaks().len()), ("not_reconciled", 0));
    assert!(
        run.findings()[0].contains("SOURCE_INCOMPLETE: side B: erp.orders: the line is cut"),
        "{:?}",
        run.findings()
    );
    assert!(world.desk().rederive(run.id).await.unwrap().holds());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_are_quantities() {
    let world = World::new(
        "reconciliation: stock\ntitle: Stock\nkind: inventory\nmeasure: quantity\n\
         a: { title: ERP, mirror: erp.stock, keys: { sku: sku }, amount: available }\n\
         b: { title: Shop, mirror: shop.inventory, keys: { sku: sku }, amount: available }\n\
         match:\n  - { id: sku, key: [sku] }\nin_flight: { settle: 100ms }\n",
    )
    .await;
    for (sku, erp, shop) in [("A", "5", "5"), ("B", "2.5", "2"), ("C", "0", "0")] {
        world.level("erp", "stock", sku, erp).await;
        world.level("shop", "inventory", sku, shop).await;
    }
    world.advance(HOUR);
    world.read_through();
    let run = world.run().await;
    assert_eq!(run.breaks(), [("B", "QUANTITY_MISMATCH")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_cannot_be_taken_says_why() {
    let world = World::new(&DEFINITION.replace("amount: total", "amount: totl")).await;
    world.order("1", 1_000).await;
    let error = world.try_run().await.unwrap_err().to_string();
    assert!(error.contains("reconciliations/one.yaml:5:") && error.contains("did you mean \"total\"?"), "{error}");
    let world = World::new(&DEFINITION.replace("erp.orders", "erp.ordres")).await;
    let error = world.try_run().await.unwrap_err().to_string();
    assert!(error.contains("one.yaml:6:") && error.contains("there is no stream erp.ordres"), "{error}");
    // Not read to its end once: an empty mirror is no empty shop.
    let world = World::new(DEFINITION).await;
    world.never_read();
    let run = world.run().await;
    assert_eq!(run.status(), "not_reconciled");
}

/// Cells, the rows of each side, and breaks, if the ERP has the second order one euro cheaper.
const CELLS: [(&str, u64, &[&str]); 5] = [
    ("keys: { k: '@key', n: '@natural_key', t: total }, amount: total", 2, &["AMOUNT_UNDER 2"]),
    ("keys: { k: number }, amount: { gross: total, back: { from: total, negate: true } }", 4, &[]),
    (
        "keys: { k: number }, amount: { gross: total, tax: tax_total, fee: extra.erp.fee }, currency: extra.none.x, unit: EUR",
        0,
        &["`total` has its own currency"],
    ),
    ("keys: { k: number }, amount: extra.erp.fee, unit: EUR", 2, &["rejected the record has no extra.erp.fee"]),
    ("keys: { k: '@key' }, amount: total, exclude: { none: { from: number, is_not: ['1'] } }", 2, &["excluded none"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_the_same_rows_wherever_it_comes_from() {
    const FILES: &str = "files: { connector: jsonl, stream: orders, path: in/orders.jsonl }";
    for (cells, rows, expected) in CELLS {
        for [a, b] in
            [["mirror: erp.orders", "live: erp.orders"], ["mirror: erp.orders", FILES], ["live: erp.orders", FILES]]
        {
            println!("{a} {b} {cells}");
            let world = World::new(&format!(
                "reconciliation: orders\ntitle: T\nkind: other\nin_flight: {{ settle: 100ms }}\n\
                 a: {{ title: A, {a}, {cells} }}\nb: {{ title: B, {b}, {cells} }}\nmatch: [{{ id: k, group: [k] }}]\n"
            ))
            .await;
            world.shown("1", "1", 1_000).await;
            world.shown("2", "2", 2_000).await;
            world.advance(HOUR);
            world.read_through();
            // The same once more, by another way, and then a euro less.
            for (less, expected) in [(0, &[][..]), (100, expected)] {
                if less > 0 && b.starts_with("live") {
                    // What the mirror does not know is read again first: it would be right.
                    continue;
                }
                world.file("in/orders.jsonl", &[("1", 1_000), ("2", 2_000 - less)]);
                let run = match world.try_run().await {
                    Ok(run) => world.report(run).await,
                    Err(error) => {
                        let error = error.to_string();
                        assert!(rows == 0 && error.contains(CELLS[2].2[0]), "{error}");
                        continue;
                    }
                };
                assert_eq!(run.status(), "complete", "{:?}", run.findings());
                assert_eq!(run.rows(), [rows, rows]);
                let told: Vec<String> = run.breaks().iter().map(|(key, code)| format!("{code} {key}")).collect();
                let aside = expected.iter().filter(|what| what.starts_with("rejected") || what.starts_with("excluded"));
                for what in aside.clone() {
                    assert!(run.set_aside().iter().any(|told| told == what), "{:?}", run.set_aside());
                }
                assert_eq!(told.len() + aside.count(), expected.len(), "{told:?}");
                assert!(told.iter().all(|told| expected.contains(&told.as_str())), "{told:?}");
                assert!(world.desk().rederive(run.id).await.unwrap().holds());
            }
        }
    }
}

fn parsed(text: &str) -> Result<syncline::finance::definition::Definition, syncline::config::yaml::Diagnostics> {
    syncline::finance::definition::parse(&syncline::config::yaml::Source::new("orders.yaml", text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scheduled_runs_are_made_once_and_missed_ones_are_told() {
    let scheduled = format!("{DEFINITION}every: {{ cron: \"0 6 * * *\" }}\n");
    let world = World::new(&scheduled).await;
    world.order("1", 1_000).await;
    assert_eq!(look(&world.api()).await.unwrap(), Vec::<String>::new(), "known for the first time");
    assert_eq!(look(&world.api()).await.unwrap(), Vec::<String>::new());
    // Three mornings passed while the hub was down.
    world.advance(72 * HOUR);
    world.read_through();
    let api = world.api();
    assert_eq!(look(&api).await.unwrap(), ["orders"]);
    assert_eq!(look(&api).await.unwrap(), Vec::<String>::new(), "one at a time");
    world.finished(&api).await;
    let runs = world.store().runs(None, 10).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].actor, "schedule, caught up after 2 missed runs");
    assert_eq!(look(&world.api()).await.unwrap(), Vec::<String>::new(), "done");
    // What fails is on the work list, and goes when it succeeds. The definition is read anew.
    world.define(&scheduled.replace("shop.orders", "shop.ordres"));
    world.advance(24 * HOUR);
    let api = world.api();
    assert_eq!(look(&api).await.unwrap(), ["orders"]);
    world.finished(&api).await;
    let issues = world.store().issues(IssueFilter::Open).await.unwrap();
    assert!(issues.iter().any(|issue| issue.title.contains("there is no stream shop.ordres")), "{issues:?}");
    world.define(&scheduled);
    world.advance(24 * HOUR);
    let api = world.api();
    assert_eq!(look(&api).await.unwrap(), ["orders"]);
    world.finished(&api).await;
    assert!(world.store().issues(IssueFilter::Open).await.unwrap().is_empty());
    // A definition that cannot be read is told as well.
    world.define("reconciliation: orders\n");
    look(&world.api()).await.unwrap();
    assert_eq!(world.store().issues(IssueFilter::Open).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mirrors_are_compared_all_the_time() {
    let world = World::new(&format!("{DEFINITION}watch: true\n")).await;
    world.order("1", 1_000).await;
    world.deliver("1", "e1").await;
    world.shown("e1", "1", 1_000).await;
    world.advance(HOUR);
    world.read_through();
    let (mut watching, api) = (Watching::default(), world.api());
    let mut told = async |world: &World| {
        watching.look(&api, &world.desk()).await;
        let agreement = api.agreement("orders").unwrap();
        (agreement.told(), agreement.rows, agreement.keys)
    };
    assert_eq!(told(&world).await, ("agrees".into(), [1, 1], Vec::new()));
    // Held back: under way, and nothing differs.
    world.order("2", 2_000).await;
    assert_eq!(told(&world).await, ("agrees but for 1 under way".into(), [2, 1], Vec::new()));
    world.deliver("2", "e2").await;
    world.shown("e2", "2", 2_000).await;
    assert_eq!(told(&world).await.0, "agrees");
    // Changed over there: believed when it is still so at the next look.
    world.shown("e1", "1", 990).await;
    assert_eq!(told(&world).await.0, "agrees but for 1 under way");
    assert_eq!(told(&world).await, ("1 key differs".into(), [2, 2], vec![("1".into(), "AMOUNT_UNDER".into())]));
    world.vanished("e1").await;
    told(&world).await;
    assert_eq!(told(&world).await, ("1 key differs".into(), [2, 1], vec![("1".into(), "MISSING_IN_B".into())]));
    world.shown("e1", "1", 1_000).await;
    assert_eq!(told(&world).await.0, "agrees");
    // Files cannot be watched.
    let table =
        DEFINITION.replace("mirror: erp.orders", "table: x.csv").replace("total, date", "total, unit: EUR, date");
    assert!(parsed(&format!("{table}watch: true\n")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_several_rows_are_watched_too() {
    let several = DEFINITION
        .replace("amount: total", "amount: { gross: total, back: { from: total, negate: true }, again: total }")
        .replace("key: [order]", "group: [order]");
    let world = World::new(&format!("{several}watch: true\n")).await;
    world.order("1", 1_000).await;
    world.deliver("1", "e1").await;
    world.shown("e1", "1", 1_000).await;
    world.advance(HOUR);
    world.read_through();
    let (mut watching, api) = (Watching::default(), world.api());
    let mut told = async |world: &World| {
        watching.look(&api, &world.desk()).await;
        let agreement = api.agreement("orders").unwrap();
        (agreement.told(), agreement.rows)
    };
    assert_eq!(told(&world).await, ("agrees".into(), [3, 3]));
    world.shown("e1", "1", 990).await;
    told(&world).await;
    assert_eq!(told(&world).await, ("1 key differs".into(), [3, 3]));
    world.vanished("e1").await;
    told(&world).await;
    assert_eq!(told(&world).await.1, [3, 0]);
    world.shown("e1", "1", 1_000).await;
    assert_eq!(told(&world).await, ("agrees".into(), [3, 3]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_wrong_is_found_by_asking() {
    let world = World::new(&format!("{DEFINITION}audit: {{ per_hour: 100 }}\n")).await;
    for (key, remote) in [("1", "e1"), ("2", "e2"), ("3", "e3")] {
        world.order(key, 1_000).await;
        world.deliver(key, remote).await;
        world.shown(remote, key, 1_000).await;
    }
    world.vendor("e2", Some(("2", 900)));
    world.vendor("e3", None);
    let definition = world.desk().definition("orders").unwrap().definition;
    assert_eq!(definition.audit_per_hour, 100);
    // A slice at a time, round and round.
    let mut stale = Vec::new();
    for _ in 0..3 {
        stale.extend(syncline::finance::audit::audit(&world.desk(), &definition, 1).await.unwrap().stale);
    }
    assert_eq!(stale, ["erp.orders/e2", "erp.orders/e3"]);
    let issues = world.store().issues(IssueFilter::Open).await.unwrap();
    assert!(issues[0].title.starts_with("STALE_MIRROR: records of erp.orders"), "{issues:?}");
    // The mirror is right again, and e3 is gone from the round.
    let again = syncline::finance::audit::audit(&world.desk(), &definition, 10).await.unwrap();
    assert_eq!((again.records, again.stale.len()), (2, 0));
}

/// A side that is the hub's has no files: what a run had taken is kept, and read once more, whatever the mirror says by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_reads_what_the_run_had_taken() {
    use syncline::finance::story::{Asked, OutcomeState};

    let world = World::new(DEFINITION).await;
    world.story("story: one\ntitle: One\nlegs: [{ leg: orders, by: order }]\n");
    for number in ["1", "2"] {
        world.order(number, 1_000).await;
        world.deliver(number, &format!("e{number}")).await;
    }
    world.shown("e1", "1", 1_000).await;
    world.shown("e2", "2", 900).await;
    world.advance(HOUR);
    world.read_through();
    world.run().await;
    world.shown("e1", "1", 700).await;

    let asked = |key: &str| Asked { key: key.to_owned(), by: None };
    let story = world.desk().story("one", asked("1")).await.unwrap();
    assert_eq!(story.outcome.state, OutcomeState::Complete, "{story:?}");
    let amounts: Vec<&str> = story.stations[0].sides.iter().map(|side| side.rows[0].amount.decimal.as_str()).collect();
    assert_eq!(amounts, ["10.00", "10.00"], "as it was when it was compared");
    let broken = world.desk().story("one", asked("2")).await.unwrap();
    assert_eq!(
        (broken.outcome.state, broken.stations[0].breaks[0].code.as_str()),
        (OutcomeState::Broken, "AMOUNT_UNDER")
    );

    world.forget_kept();
    let gone = world.desk().story("one", asked("1")).await.unwrap_err().to_string();
    assert!(gone.contains("the extract of shop.orders is not kept any more"), "{gone}");
}
