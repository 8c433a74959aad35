//! Rate budgets against a clock that the test moves: buckets, windows, vendors' counters, who comes first.
#![allow(clippy::unwrap_used)]

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn take_all(budget: &RateBudget, priority: Priority, now: Instant) -> u32 {
    let mut taken = 0;
    while budget.try_take(priority, 1, now) == Decision::Go {
        taken += 1;
    }
    taken
}

#[test]
fn a_leaky_bucket_fills_and_drains() {
    let budget = RateBudget::new(&[Limit::LeakyBucket { size: 40, drain: MS(500) }], 0);
    let start = Instant::now();
    assert_eq!(take_all(&budget, Priority::Work, start), 40);
    assert_eq!(budget.try_take(Priority::Work, 1, start), Decision::Wait(MS(500)));
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(200)), Decision::Wait(MS(300)));
    assert_eq!(take_all(&budget, Priority::Work, start + MS(1_500)), 3);
    assert_eq!(take_all(&budget, Priority::Work, start + MS(3_600_000)), 40);
}

#[test]
fn the_vendors_counter_is_believed() {
    let budget = RateBudget::new(&[Limit::LeakyBucket { size: 40, drain: MS(500) }], 0);
    let start = Instant::now();
    assert_eq!(budget.try_take(Priority::Work, 1, start), Decision::Go);
    budget.observe(Usage::Used { used: 39, size: 40 }, 1, start);
    assert_eq!(take_all(&budget, Priority::Work, start), 1);
    // Another plan: the bucket is larger than the manifest says. One other call was in flight.
    budget.observe(Usage::Used { used: 10, size: 80 }, 1, start);
    assert_eq!(take_all(&budget, Priority::Work, start), 69);
    budget.observe(Usage::Used { used: 500, size: 80 }, 1, start);
    assert!(matches!(budget.try_take(Priority::Work, 1, start), Decision::Wait(wait) if wait > MS(200_000)));
}

#[test]
fn a_window_counts_anew() {
    let budget = RateBudget::new(&[Limit::FixedWindow { calls: 10, window: MS(1_000) }], 0);
    let start = Instant::now();
    assert_eq!(take_all(&budget, Priority::Work, start), 10);
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(400)), Decision::Wait(MS(600)));
    assert_eq!(take_all(&budget, Priority::Work, start + MS(1_000)), 10);
    budget.observe(Usage::Remaining { left: 0, resets_in: Some(MS(7_000)) }, 1, start + MS(1_500));
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(2_500)), Decision::Wait(MS(6_000)));
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(8_500)), Decision::Go);
}

#[test]
fn people_get_through_when_work_has_used_its_share() {
    for limit in [
        Limit::LeakyBucket { size: 10, drain: MS(500) },
        Limit::FixedWindow { calls: 10, window: MS(500) },
        Limit::Concurrency { calls: 10 },
    ] {
        let budget = RateBudget::new(&[limit], 20);
        let start = Instant::now();
        assert_eq!(take_all(&budget, Priority::Work, start), 8, "{limit:?}");
        assert_eq!(take_all(&budget, Priority::Person, start), 2, "{limit:?}");
    }
    // A small limit still keeps one call, a limit of one keeps none.
    let small = RateBudget::new(&[Limit::Concurrency { calls: 2 }], 10);
    assert_eq!(take_all(&small, Priority::Work, Instant::now()), 1);
    let one = RateBudget::new(&[Limit::Concurrency { calls: 1 }], 10);
    assert_eq!(take_all(&one, Priority::Work, Instant::now()), 1);
}

#[test]
fn retry_after_holds_for_everybody_and_takes_nothing() {
    let budget = RateBudget::new(&[Limit::LeakyBucket { size: 2, drain: MS(500) }], 0);
    let start = Instant::now();
    budget.block_for(MS(5_000), start);
    budget.block_for(MS(1_000), start);
    assert_eq!(budget.try_take(Priority::Person, 1, start), Decision::Wait(MS(5_000)));
    assert_eq!(take_all(&budget, Priority::Work, start + MS(5_000)), 2);
}

#[test]
fn all_limits_must_agree() {
    let limits = [Limit::Concurrency { calls: 3 }, Limit::FixedWindow { calls: 2, window: MS(1_000) }];
    let budget = RateBudget::new(&limits, 0);
    assert_eq!(take_all(&budget, Priority::Work, Instant::now()), 2);
}

#[tokio::test]
async fn a_dropped_permit_wakes_who_waits() {
    let budget = Arc::new(RateBudget::new(&[Limit::Concurrency { calls: 1 }], 0));
    let held = budget.acquire(Priority::Work, 1, MS(0)).await.unwrap();
    let refused = budget.acquire(Priority::Work, 1, MS(10)).await;
    assert!(refused.is_err_and(|limited| limited.retry_after > Duration::ZERO));
    let waiting = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { budget.acquire(Priority::Work, 1, Duration::from_secs(60)).await.is_ok() }
    });
    drop(held);
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn a_deadline_is_answered_at_once_with_the_time_to_come_back() {
    let budget = Arc::new(RateBudget::new(&[], 0));
    budget.block_for(Duration::from_secs(3_600), clock_now());
    let begun = Instant::now();
    let limited = budget.acquire(Priority::Work, 1, Duration::from_secs(30)).await.err().unwrap();
    assert!(limited.retry_after > Duration::from_secs(3_590) && begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_sliding_window_frees_each_call_on_its_own() {
    let budget = RateBudget::new(&[Limit::SlidingWindow { calls: 3, window: MS(1_000) }], 0);
    let start = Instant::now();
    assert_eq!(budget.try_take(Priority::Work, 1, start), Decision::Go);
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(400)), Decision::Go);
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(900)), Decision::Go);
    // A fixed window would be empty at 1000; here one call has left and two have not.
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(950)), Decision::Wait(MS(50)));
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(1_000)), Decision::Go);
    assert_eq!(budget.try_take(Priority::Work, 1, start + MS(1_000)), Decision::Wait(MS(400)));
    // Others use the account as well: nothing is left although we counted two.
    let shared = RateBudget::new(&[Limit::SlidingWindow { calls: 10, window: MS(1_000) }], 0);
    assert_eq!(shared.try_take(Priority::Work, 2, start), Decision::Go);
    shared.observe(Usage::Remaining { left: 0, resets_in: None }, 2, start + MS(300));
    assert_eq!(shared.try_take(Priority::Work, 2, start + MS(300)), Decision::Wait(MS(700)));
    shared.observe(Usage::Remaining { left: 9, resets_in: None }, 2, start + MS(400));
    assert_eq!(take_all(&shared, Priority::Work, start + MS(400)), 9);
}

#[test]
fn dear_calls_cost_more_and_the_vendor_tells_what_is_left() {
    let budget = RateBudget::new(&[Limit::LeakyBucket { size: 1_000, drain: MS(20) }], 10);
    let start = Instant::now();
    assert_eq!(budget.try_take(Priority::Work, 600, start), Decision::Go);
    // 400 of 1000 are left, of which 100 are for people.
    assert_eq!(budget.try_take(Priority::Work, 400, start), Decision::Wait(MS(2_000)));
    assert_eq!(budget.try_take(Priority::Person, 400, start), Decision::Go);
    // The vendor charged less than was expected, has a larger bucket and a faster drain; 400 are still on their way.
    budget.observe(Usage::Points { left: 1_900, maximum: Some(2_000), restore_per_s: Some(100) }, 600, start);
    assert_eq!(budget.try_take(Priority::Work, 1_300, start), Decision::Go);
    assert_eq!(budget.try_take(Priority::Work, 10, start), Decision::Wait(MS(100)));
    // More than there is: waits until nothing is used, rather than for ever.
    let all = budget.try_take(Priority::Work, 5_000, start);
    assert_eq!(all, Decision::Wait(MS(18_000)));
    assert_eq!(budget.try_take(Priority::Work, 5_000, start + MS(18_000)), Decision::Go);
}
