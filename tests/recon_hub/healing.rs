//! What was lost is sent again, within limits, and never money without a person.

use syncline::finance::heal::HealDone;

use super::world::{HOUR, World};
use super::{DEFINITION, parsed};

const HEALING: &str = "heal: { MISSING_IN_B: automatic, AMOUNT_UNDER: propose, most_per_run: 2, stop_above: 50% }\n";

/// 1 and 2 were delivered and have vanished, 3 came short, 4 agrees.
async fn with_losses(world: &World) {
    for (key, remote) in [("1", "e1"), ("2", "e2"), ("3", "e3"), ("4", "e4")] {
        world.order(key, 1_000).await;
        world.deliver(key, remote).await;
        world.shown(remote, key, if key == "3" { 990 } else { 1_000 }).await;
    }
    world.vanished("e1").await;
    world.vanished("e2").await;
    world.advance(HOUR);
    world.read_through();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_sent_again_through_the_queue() {
    let world = World::new(&format!("{DEFINITION}{HEALING}")).await;
    with_losses(&world).await;
    let run = world.run().await;
    assert_eq!(run.breaks(), [("1", "MISSING_IN_B"), ("2", "MISSING_IN_B"), ("3", "AMOUNT_UNDER")]);
    let done = |steps: &[(String, HealDone, String)]| {
        let mut done: Vec<(String, HealDone)> = steps.iter().map(|(key, done, _)| (key.clone(), *done)).collect();
        done.sort_by(|x, y| x.0.cmp(&y.0));
        done
    };
    let all = |one, two, three| vec![("1".to_owned(), one), ("2".to_owned(), two), ("3".to_owned(), three)];
    // Asked only what would be: nothing moves.
    let would = world.healed(true, false).await;
    use HealDone::{Left, Proposed, Sent, WouldBeSent};
    assert_eq!(done(&would).iter().filter(|(_, done)| *done == WouldBeSent).count(), 2, "{would:?}");
    assert_eq!(world.store().queue_stats().await.unwrap().iter().filter(|stat| stat.state.is_open()).count(), 0);
    // By itself: losses are sent, money is only proposed.
    let steps = world.healed(false, false).await;
    assert_eq!(done(&steps), all(Sent, Sent, Proposed), "{steps:?}");
    let told = &steps.iter().find(|(key, _, _)| key == "1").unwrap().2;
    assert!(told.starts_with("sent again: shop.orders/1 through flow orders-to-erp as job "), "{told}");
    // Twice is once: the run is the same.
    assert_eq!(done(&world.healed(false, false).await), all(Left, Left, Proposed));
    // It goes the way of every delivery, and is in flight until it is there.
    assert_eq!(world.run().await.in_flight(), ["1", "2"]);
    for (key, remote) in [("1", "e1b"), ("2", "e2b")] {
        world.deliver(key, remote).await;
        world.shown(remote, key, 1_000).await;
    }
    world.advance(HOUR);
    world.read_through();
    let run = world.run().await;
    assert_eq!(run.breaks(), [("3", "AMOUNT_UNDER")]);
    // The report says what was sent again, and that it helped.
    let heals = run.heals();
    assert_eq!(heals.len(), 2, "{heals:?}");
    for [before, after, action] in heals {
        assert!(before.starts_with("MISSING_IN_B ") && after == "agrees", "{before}: {after}");
        assert!(action.starts_with("sent again: shop.orders/"), "{action}");
    }
    let book = world.desk().book("orders").await.unwrap();
    let states: Vec<&str> = book.items.values().map(|item| item.state.as_str()).collect();
    assert_eq!(states.iter().filter(|state| **state == "HEALED").count(), 2, "{states:?}");
    // A person who asks gets what is proposed done; by the cap, one at a time.
    let steps = world.healed(false, true).await;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].1, Sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healing_stops_where_it_does_not_help() {
    let world = World::new(&format!("{DEFINITION}{HEALING}")).await;
    with_losses(&world).await;
    // The same loss, again and again: the third time it is a person's.
    for round in 0..3 {
        world.run().await;
        let steps = world.healed(false, false).await;
        let of_one = steps.iter().find(|(key, _, _)| key == "1").unwrap();
        let expected = if round < 2 { HealDone::Sent } else { HealDone::Flapping };
        assert_eq!(of_one.1, expected, "round {round}: {}", of_one.2);
        for (key, remote) in [("1", "e1"), ("2", "e2")] {
            if round < 2 {
                world.deliver(key, remote).await;
                world.shown(remote, key, 1_000).await;
                world.vanished(remote).await;
            }
        }
        world.advance(HOUR);
        world.read_through();
    }
    // A mass of breaks is no loss.
    let world = World::new(&format!("{DEFINITION}{}", HEALING.replace("50%", "5%"))).await;
    for number in 0..12 {
        world.order(&number.to_string(), 1_000).await;
        world.deliver(&number.to_string(), &format!("e{number}")).await;
    }
    world.advance(HOUR);
    world.read_through();
    assert_eq!(world.run().await.breaks().len(), 12);
    let asked = syncline::finance::heal::HealAsked { dry_run: false, by_person: true };
    let error = world.desk().heal("orders", "ann", asked).await.unwrap_err().to_string();
    assert!(error.contains("12 breaks") && error.contains("no losses but a mistake"), "{error}");
}

#[test]
fn money_is_never_healed_without_a_person() {
    let text = format!("{DEFINITION}heal: {{ AMOUNT_OVER: automatic }}\n");
    let problems = parsed(&text).unwrap_err().to_string();
    assert!(problems.contains("AMOUNT_OVER is never healed without a person"), "{problems}");
    let text = format!("{}heal: {{ MISSING_IN_B: automatic }}\n", DEFINITION.replace("kind: orders", "kind: payments"));
    assert!(parsed(&text).is_err());
    assert!(parsed(&format!("{DEFINITION}every: {{ cron: \"61 * * * *\" }}\n")).is_err());
}
