//! The fence as a table, as permutations, and the routes; not here: the driver (see `tests/`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use super::plan::{Candidate, Operation, Plan, Route, SourceTraits, plan};
use crate::mapping::Filter;
use crate::model::{Entity, Record};
use crate::store::{BindingRow, EntityKey, EntityRow, PlannedOutcome, Sighting, SourceKind};

const TRAITS: SourceTraits = SourceTraits { can_fetch: true, measures_loss: true };

fn stock(on_hand: u32) -> Record {
    let json = format!(r#"{{"sku":"MUG-01","location":"WH1","on_hand":"{on_hand}","available":"{on_hand}"}}"#);
    Record::from_canonical_json(Entity::InventoryLevel, &json).unwrap()
}

fn id() -> EntityKey {
    EntityKey { connection: "erp".into(), stream: "stock".into(), key: "MUG-01|WH1".into() }
}

fn candidate(version: Option<i64>, on_hand: u32, source: SourceKind) -> Candidate {
    Candidate {
        id: id(),
        entity: Entity::InventoryLevel,
        source,
        operation: Operation::Upsert,
        version,
        occurred_at: None,
        record: Some(stock(on_hand)),
        payload: serde_json::json!({"available": on_hand}),
        as_of: 0,
        backfill: false,
    }
}

fn deletion(version: Option<i64>) -> Candidate {
    Candidate { operation: Operation::Delete, record: None, ..candidate(version, 0, SourceKind::Webhook) }
}

fn stored(plan: &Plan) -> Option<EntityRow> {
    let Plan::Commit { outcome: PlannedOutcome::Apply { state, .. } | PlannedOutcome::Absorb { state, .. }, .. } = plan
    else {
        return None;
    };
    Some(EntityRow {
        id: state.id.clone(),
        entity: state.entity,
        natural_key: state.natural_key.clone(),
        version: state.version,
        revision: state.revision,
        hash: state.hash.clone(),
        doc: state.doc.clone(),
        deleted: state.deleted,
        seen_by: state.seen_by,
        as_of: state.as_of,
        changed_at: 0,
    })
}

fn decide(candidate: &Candidate, current: Option<&EntityRow>) -> Plan {
    plan(candidate, current, &[], &[], TRAITS).unwrap()
}

fn word(plan: &Plan) -> &'static str {
    match plan {
        Plan::Fetch => "fetch",
        Plan::Commit { outcome, .. } => match outcome {
            PlannedOutcome::Apply { .. } => "apply",
            PlannedOutcome::Absorb { .. } => "absorb",
            PlannedOutcome::Unchanged { .. } => "unchanged",
            PlannedOutcome::Superseded => "superseded",
            PlannedOutcome::Ignored(_) => "ignored",
            PlannedOutcome::Dead(_) => "dead",
            PlannedOutcome::Split(_) => "split",
        },
    }
}

#[track_caller]
fn check(before: Option<&Candidate>, then: &Candidate, expected: &str) {
    let current = before.and_then(|before| stored(&decide(before, None)));
    assert_eq!(word(&decide(then, current.as_ref())), expected);
}

#[test]
fn the_fence_decides_by_version_then_by_content() {
    let webhook = SourceKind::Webhook;
    let ten = candidate(Some(10), 5, webhook);
    check(None, &ten, "apply");
    check(Some(&ten), &candidate(Some(11), 6, webhook), "apply");
    check(Some(&ten), &candidate(Some(11), 5, webhook), "unchanged");
    check(Some(&ten), &candidate(Some(10), 5, webhook), "unchanged");
    check(Some(&ten), &candidate(Some(10), 6, webhook), "fetch");
    check(Some(&ten), &candidate(Some(9), 6, webhook), "superseded");
    check(Some(&ten), &candidate(Some(9), 5, webhook), "superseded");
    check(Some(&ten), &candidate(Some(10), 6, SourceKind::Fetch), "apply");
    check(Some(&ten), &candidate(Some(10), 5, SourceKind::Fetch), "unchanged");
    check(Some(&ten), &candidate(None, 6, SourceKind::File), "apply");
    check(Some(&ten), &candidate(None, 5, SourceKind::File), "unchanged");
}

#[test]
fn a_tombstone_is_not_overwritten_by_a_late_push() {
    let gone = stored(&decide(
        &deletion(Some(20)),
        stored(&decide(&candidate(Some(10), 5, SourceKind::Webhook), None)).as_ref(),
    ));
    let gone = gone.as_ref();
    assert!(gone.unwrap().deleted);
    assert_eq!(gone.unwrap().natural_key, "MUG-01|WH1", "what was deleted can still be found");
    assert_eq!(word(&decide(&candidate(Some(15), 7, SourceKind::Webhook), gone)), "superseded");
    assert_eq!(word(&decide(&candidate(Some(25), 7, SourceKind::Webhook), gone)), "superseded");
    assert_eq!(word(&decide(&candidate(Some(25), 7, SourceKind::Poll), gone)), "apply");
    assert_eq!(word(&decide(&deletion(Some(20)), gone)), "unchanged");
}

#[test]
fn every_order_of_arrival_ends_with_the_newest() {
    let versions = [1_i64, 2, 3, 4, 5];
    let mut orders = vec![vec![]];
    for version in versions {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<i64>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, version);
                    longer
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 120);
    for order in orders {
        let mut current: Option<EntityRow> = None;
        let mut revisions = 0;
        for version in &order {
            let decided = decide(
                &candidate(Some(*version), u32::try_from(*version).unwrap(), SourceKind::Webhook),
                current.as_ref(),
            );
            if let Some(row) = stored(&decided) {
                revisions += 1;
                assert_eq!(row.revision, revisions, "{order:?}");
                assert!(current.as_ref().is_none_or(|before| before.version < row.version), "{order:?}");
                current = Some(row);
            }
        }
        assert_eq!(current.unwrap().version, 5, "{order:?}");
    }
}

#[test]
fn our_own_echo_is_absorbed_and_somebody_elses_change_is_not() {
    let binding = BindingRow {
        source: EntityKey { connection: "wms".into(), stream: "levels".into(), key: "1".into() },
        dest_connection: "erp".into(),
        dest_stream: "stock".into(),
        remote_id: "MUG-01|WH1".into(),
        remote_version: None,
        sent_revision: 3,
        sent_hash: String::new(),
        echo: r#"{"available":"5"}"#.into(),
    };
    let routes = [route("stock-to-shop", None)];
    let echoes = [binding];
    let ours = plan(&candidate(Some(1), 5, SourceKind::Webhook), None, &echoes, &routes, TRAITS).unwrap();
    assert_eq!(word(&ours), "absorb");
    let theirs = plan(&candidate(Some(1), 6, SourceKind::Webhook), None, &echoes, &routes, TRAITS).unwrap();
    assert_eq!(word(&theirs), "apply");
}

fn route(flow: &str, when: Option<&str>) -> Route {
    Route {
        flow: flow.into(),
        lane: "shop".into(),
        stream: "inventory".into(),
        latest: true,
        deletes: false,
        when: when.map(|when| Arc::new(Filter::compile(Entity::InventoryLevel, when).unwrap())),
    }
}

#[test]
fn flows_take_what_their_condition_admits() {
    let routes = [
        route("all", None),
        route("some", Some("record.sku == \"MUG-01\"")),
        route("none", Some("record.sku == \"X\"")),
    ];
    let Plan::Commit { outcome: PlannedOutcome::Apply { jobs, .. }, sighting } =
        plan(&candidate(Some(1), 5, SourceKind::Poll), None, &[], &routes, TRAITS).unwrap()
    else {
        panic!("not applied")
    };
    assert_eq!(jobs.iter().map(|job| job.flow.as_str()).collect::<Vec<_>>(), ["all", "some"]);
    assert_eq!(jobs[0].order_key, "shop/inventory/erp/MUG-01|WH1");
    assert_eq!(sighting, Some(Sighting::ByPoll));
    let none = [route("none", Some("record.sku == \"X\""))];
    assert_eq!(word(&plan(&candidate(Some(1), 5, SourceKind::Poll), None, &[], &none, TRAITS).unwrap()), "absorb");
}

#[test]
fn a_webhook_that_comes_after_the_poll_is_late_and_not_lost() {
    let polled = stored(&decide(&candidate(Some(10), 5, SourceKind::Poll), None));
    let Plan::Commit { sighting, .. } = decide(&candidate(Some(10), 5, SourceKind::Webhook), polled.as_ref()) else {
        panic!("not committed")
    };
    assert_eq!(sighting, Some(Sighting::Late));
}

#[test]
fn a_read_that_began_before_a_later_push_does_not_undo_it() {
    let pushed = Candidate { as_of: 200, ..candidate(Some(10), 6, SourceKind::Webhook) };
    let current = stored(&decide(&pushed, None));
    let read = |as_of, version, on_hand| Candidate { as_of, ..candidate(version, on_hand, SourceKind::Fetch) };
    assert_eq!(word(&decide(&read(100, Some(9), 5), current.as_ref())), "superseded");
    assert_eq!(
        word(&decide(&read(100, Some(10), 5), current.as_ref())),
        "fetch",
        "which of the two is newer is not known"
    );
    assert_eq!(word(&decide(&read(100, None, 5), current.as_ref())), "fetch");
    assert_eq!(word(&decide(&read(300, Some(10), 5), current.as_ref())), "apply");
    assert_eq!(word(&decide(&read(300, None, 5), current.as_ref())), "apply");
    assert_eq!(word(&decide(&read(300, Some(9), 5), current.as_ref())), "superseded", "a replica that lags");
}
