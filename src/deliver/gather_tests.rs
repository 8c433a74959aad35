//! What batches do and do not, against a vendor in memory; not here: the HTTP call and the hub (`tests/batching.rs`).

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::connector::call::{Lookup, WriteContext};
use crate::deliver::destination::Protection;

/// Keeps what each call carried; refuses as told.
#[derive(Default)]
struct Vendor {
    calls: Mutex<Vec<Vec<(String, i64)>>>,
    /// Refused as a whole if any of these is in it.
    poison: Vec<String>,
    /// What each call answers, if not success.
    fails: Option<ErrorClass>,
    /// Never answers.
    silent: bool,
}

impl Vendor {
    fn calls(&self) -> Vec<Vec<(String, i64)>> {
        self.calls.lock().unwrap().clone()
    }

    fn sizes(&self) -> Vec<usize> {
        self.calls().iter().map(Vec::len).collect()
    }
}

fn refusal(class: ErrorClass) -> Box<CallError> {
    Box::new(CallError { class, status: Some(422), ..*lost("shop", "no") })
}

#[async_trait]
impl Destination for Vendor {
    fn protection(&self, _: &str, _: EffectKind) -> Option<Protection> {
        Some(Protection::Natural)
    }

    async fn write(&self, _: &Effect) -> CallResult<Receipt> {
        panic!("everything goes in batches here")
    }

    async fn write_many(&self, effects: &[Effect]) -> CallResult<Vec<CallResult<Receipt>>> {
        let call: Vec<(String, i64)> =
            effects.iter().map(|e| (e.context.key.clone(), e.body["n"].as_i64().unwrap())).collect();
        self.calls.lock().unwrap().push(call.clone());
        tokio::task::yield_now().await;
        if self.silent {
            std::future::pending::<()>().await;
        }
        if let Some(class) = self.fails {
            return Err(refusal(class));
        }
        if call.iter().any(|(key, _)| self.poison.contains(key)) {
            return Err(refusal(ErrorClass::Data));
        }
        let receipt = |effect: &Effect| Receipt {
            remote_id: Some(format!("id-{}", effect.context.key)),
            remote_version: None,
            status: Some(200),
            response_excerpt: String::new(),
        };
        Ok(effects.iter().map(|effect| Ok(receipt(effect))).collect())
    }

    async fn lookup(&self, _: &str, _: &WriteContext) -> CallResult<Lookup> {
        Ok(Lookup::Absent)
    }

    fn echo(&self, _: &Effect, _: &Receipt) -> Value {
        Value::Null
    }
}

const TERMS: BatchTerms = BatchTerms { max: 10, linger: Duration::from_millis(100), max_bytes: None };

fn effect(key: &str, n: i64) -> Effect {
    let context = WriteContext { key: key.to_owned(), ..WriteContext::default() };
    Effect { stream: "levels".to_owned(), kind: EffectKind::Set, body: json!({ "n": n }), context, formers: Vec::new() }
}

async fn write(gatherer: Arc<Gatherer>, vendor: Arc<Vendor>, effect: Effect, terms: BatchTerms) -> Settled {
    let dest: Arc<dyn Destination> = vendor;
    let order_key = effect.context.key.clone();
    let joining = Joining { lane: "shop", order_key: &order_key, effect: &effect, terms, refused: Refused::Halved };
    gatherer.write(&dest, joining).await
}

/// Writes `keys`, each by a delivery of its own, and returns what each came to.
async fn all(vendor: &Arc<Vendor>, keys: &[String], terms: BatchTerms) -> HashMap<String, Settled> {
    let gatherer = Arc::new(Gatherer::default());
    let writes = keys.iter().map(|key| {
        let write = write(Arc::clone(&gatherer), Arc::clone(vendor), effect(key, 1), terms);
        async move { (key.clone(), write.await) }
    });
    futures::future::join_all(writes).await.into_iter().collect()
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("k{number}")).collect()
}

#[tokio::test]
async fn a_full_batch_goes_at_once_and_the_rest_after_its_time() {
    let vendor = Arc::new(Vendor::default());
    let began = Instant::now();
    let settled = all(&vendor, &keys(25), TERMS).await;
    assert_eq!(vendor.sizes(), [10, 10, 5]);
    assert!(began.elapsed() >= TERMS.linger, "the last five waited for more");
    assert!(settled.iter().all(|(key, s)| s.result.as_ref().unwrap().remote_id == Some(format!("id-{key}"))));
    let speakers = settled.values().filter(|settled| settled.share.speaks).count();
    assert_eq!(speakers, 3, "each call teaches the lane once");
    let places: HashSet<(usize, usize)> = settled.values().map(|s| (s.share.size, s.share.position)).collect();
    assert_eq!(places.len(), 15, "places in a batch are told: {places:?}");
}

#[tokio::test]
async fn what_is_refused_as_a_whole_is_halved_down_to_the_bad_record() {
    let vendor = Arc::new(Vendor { poison: vec!["k3".to_owned()], ..Vendor::default() });
    let settled = all(&vendor, &keys(64), BatchTerms { max: 64, ..TERMS }).await;
    let refused: Vec<&String> = settled.iter().filter(|(_, s)| s.result.is_err()).map(|(key, _)| key).collect();
    assert_eq!(refused, ["k3"]);
    assert_eq!(vendor.sizes().len(), 13, "two calls for each halving: {:?}", vendor.sizes());
}

#[tokio::test]
async fn what_says_nothing_about_the_content_is_told_to_each_and_not_repeated() {
    for class in [ErrorClass::Transient, ErrorClass::UnknownOutcome, ErrorClass::Auth, ErrorClass::RateLimited] {
        let vendor = Arc::new(Vendor { fails: Some(class), ..Vendor::default() });
        let settled = all(&vendor, &keys(10), TERMS).await;
        assert!(settled.values().all(|s| s.result.as_ref().is_err_and(|error| error.class == class) && s.share.whole));
        assert_eq!((vendor.sizes(), settled.values().filter(|s| s.share.speaks).count()), (vec![10], 1), "{class}");
        let jitters: HashSet<u32> = settled.values().map(|s| s.share.jitter).collect();
        assert_eq!(jitters.len(), 1, "they come back together");
    }
}

#[tokio::test]
async fn bytes_are_bounded() {
    let vendor = Arc::new(Vendor::default());
    // Each body is `{"n":1}`, 7 bytes.
    all(&vendor, &keys(9), BatchTerms { max_bytes: Some(30), ..TERMS }).await;
    assert_eq!(vendor.sizes(), [4, 4, 1]);
}

#[tokio::test]
async fn one_given_up_while_it_waits_is_not_sent_and_holds_nobody_up() {
    let (vendor, gatherer) = (Arc::new(Vendor::default()), Arc::new(Gatherer::default()));
    let first = tokio::spawn(write(Arc::clone(&gatherer), Arc::clone(&vendor), effect("gone", 1), TERMS));
    tokio::task::yield_now().await;
    let second = tokio::spawn(write(Arc::clone(&gatherer), Arc::clone(&vendor), effect("there", 1), TERMS));
    tokio::task::yield_now().await;
    first.abort();
    assert!(second.await.unwrap().result.is_ok());
    assert_eq!(vendor.calls(), [[("there".to_owned(), 1)]]);
}

#[tokio::test]
async fn if_the_one_that_sends_is_interrupted_the_outcome_of_all_is_unknown() {
    let (vendor, gatherer) = (Arc::new(Vendor { silent: true, ..Vendor::default() }), Arc::new(Gatherer::default()));
    let two = BatchTerms { max: 2, ..TERMS };
    let waits = tokio::spawn(write(Arc::clone(&gatherer), Arc::clone(&vendor), effect("waits", 1), two));
    tokio::task::yield_now().await;
    let sends = tokio::spawn(write(Arc::clone(&gatherer), Arc::clone(&vendor), effect("sends", 1), two));
    while vendor.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    sends.abort();
    let error = waits.await.unwrap().result.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::UnknownOutcome, true), "{error}");
}

#[tokio::test]
async fn records_that_may_be_one_at_the_destination_never_share_a_batch() {
    let named = |key: &str, id: Option<&str>, natural: &str| {
        let mut effect = effect(key, 1);
        effect.context.remote_id = id.map(str::to_owned);
        natural.clone_into(&mut effect.context.natural_key);
        effect
    };
    let (vendor, gatherer) = (Arc::new(Vendor::default()), Arc::new(Gatherer::default()));
    let effects =
        [named("a", Some("7"), ""), named("b", Some("7"), ""), named("c", None, "SKU"), named("d", None, "SKU")];
    let writes = effects.into_iter().map(|effect| write(Arc::clone(&gatherer), Arc::clone(&vendor), effect, TERMS));
    let settled = futures::future::join_all(writes).await;
    assert!(settled.iter().all(|settled| settled.result.is_ok()));
    for call in vendor.calls() {
        let keys: Vec<&str> = call.iter().map(|(key, _)| key.as_str()).collect();
        assert!(!(keys.contains(&"a") && keys.contains(&"b")), "{keys:?}");
        assert!(!(keys.contains(&"c") && keys.contains(&"d")), "{keys:?}");
    }
}

mod interleavings {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever comes in whatever order, batches of whatever size: no call carries a key twice, no call is too large,
        /// everything arrives once, and a key's changes in the order in which they came.
        #[test]
        fn keep_keys_apart_and_in_order(
            arrivals in prop::collection::vec((0_u8..6, 0_u8..4), 1..120), max in 1_usize..12,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (vendor, gatherer) = (Arc::new(Vendor::default()), Arc::new(Gatherer::default()));
                let terms = BatchTerms { max, linger: Duration::from_millis(2), max_bytes: None };
                let mut tasks = Vec::new();
                for (number, (key, pause)) in arrivals.iter().enumerate() {
                    // Long enough, now and then, for a batch to go out by time.
                    tokio::time::sleep(Duration::from_micros(u64::from(*pause) * 400)).await;
                    let effect = effect(&format!("k{key}"), i64::try_from(number).unwrap());
                    tasks.push(tokio::spawn(write(Arc::clone(&gatherer), Arc::clone(&vendor), effect, terms)));
                    tokio::task::yield_now().await;
                }
                for task in tasks {
                    assert!(task.await.unwrap().result.is_ok());
                }
                let calls = vendor.calls();
                let mut last: HashMap<String, i64> = HashMap::new();
                for call in &calls {
                    assert!(call.len() <= max);
                    for (key, number) in call {
                        let former = last.insert(key.clone(), *number);
                        assert!(former.is_none_or(|former| former < *number), "{key} went backwards: {calls:?}");
                    }
                    let apart: HashSet<&String> = call.iter().map(|(key, _)| key).collect();
                    assert_eq!(apart.len(), call.len(), "a key twice in one call: {call:?}");
                }
                assert_eq!(calls.iter().map(Vec::len).sum::<usize>(), arrivals.len());
            });
        }
    }
}
