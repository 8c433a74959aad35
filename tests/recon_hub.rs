//! Reconciliations of what the hub knows, on the real store: what is held back, dead, lost, late or stale is told apart.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "recon_hub/world.rs"]
mod world;

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
    assert_eq!((run.breaks(), run.in_flight()), (vec![("2", "AMOUNT_UNDER")], vec!["3"]), "3 differs in another way now");
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
    assert!(run.findings()[0].contains("SOURCE_INCOMPLETE: side B: erp.orders: the line is cut"), "{:?}", run.findings());
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
    assert!(error.contains("side A of `orders`") && error.contains("did you mean \"total\"?"), "{error}");
    let world = World::new(&DEFINITION.replace("erp.orders", "erp.ordres")).await;
    let error = world.try_run().await.unwrap_err().to_string();
    assert!(error.contains("there is no stream erp.ordres"), "{error}");
    // Not read to its end once: an empty mirror is no empty shop.
    let world = World::new(DEFINITION).await;
    world.never_read();
    let run = world.run().await;
    assert_eq!(run.status(), "not_reconciled");
}
