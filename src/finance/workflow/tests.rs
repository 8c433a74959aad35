//! Random months: whatever runs find and people decide, open items roll forward without a gap, and a book is what its events say.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::recon::compose::amount;
use crate::recon::report::{Cover, Figures, OpenItem, Report, RollForward, RunFinding, RunStatus, SideAmounts};
use crate::recon::unit::Unit;
use crate::store::{NewReconEvent, ReconEvent};

fn eur() -> Unit {
    Unit::parse("EUR").unwrap()
}

fn item(id: u8, minor: i128, day: u8) -> OpenItem {
    let side = |minor| amount(eur(), minor);
    OpenItem {
        id: format!("b{id}"),
        bucket: "BREAK(MISSING_IN_B)".into(),
        code: Some("MISSING_IN_B".into()),
        sub_cause: None,
        key: Some(format!("k{id}")),
        keys: vec![("order".into(), format!("k{id}"))],
        amounts: vec![SideAmounts { a: side(-minor), b: side(0), variance: side(minor) }],
        status: [None, None],
        event_date: Some(format!("2026-10-{day:02}")),
        due_date: None,
        age_days: None,
        findings: Vec::new(),
        carried_by: None,
        candidates: Vec::new(),
        pass: None,
        rows: [vec![format!("a.csv:{id}")], Vec::new()],
        row_ids: [vec![format!("r{id}")], Vec::new()],
    }
}

fn report(breaks: Vec<OpenItem>, status: RunStatus, period: [&str; 2]) -> Report {
    Report {
        schema: 1,
        cover: Cover {
            reconciliation: "bank".into(),
            title: "Bank".into(),
            kind: "R5".into(),
            entity: String::new(),
            sides: ["a".into(), "b".into()],
            period: period.map(str::to_owned),
            zone: "UTC".into(),
            as_of: "2026-10-31".into(),
            known_at: "2026-10-31".into(),
            rules: "1".into(),
            inputs: Vec::new(),
            status,
            findings: Vec::new(),
        },
        tie_out: Vec::new(),
        payouts: Vec::new(),
        breaks,
        in_flight: Vec::new(),
        timing: Vec::new(),
        aging: Vec::new(),
        roll_forward: Vec::new(),
        matches: Vec::new(),
        heals: Vec::new(),
        excluded: Vec::new(),
        rejected: Vec::new(),
        figures: Figures { rows: [0, 0], auto_matched_ppm: 0, breaks_ppm: 0, late: 0, tolerated: Vec::new() },
    }
}

/// Events as the store chains them.
#[derive(Default)]
struct Log(Vec<ReconEvent>);

impl Log {
    fn book(&self) -> Book {
        Book::of(&self.0).unwrap()
    }

    fn push(&mut self, fact: &Fact, actor: &str, run: Option<i64>, item: &str) {
        let event: NewReconEvent = fact.event(1, actor, "bank", run, item).unwrap();
        let prev = self.0.last().map(|event| event.hash.clone()).unwrap_or_default();
        self.0.push(ReconEvent::chained(event, self.0.len() as i64 + 1, prev));
    }

    fn run(&mut self, mut report: Report) -> (i64, Report) {
        let book = self.book();
        let id = book.runs.len() as i64 + 1;
        let fact = Fact::RunKept(kept(&book, &mut report, None).unwrap());
        self.push(&fact, "ann", Some(id), "");
        (id, report)
    }

    fn act(&mut self, policy: &Policy, item: &str, actor: &str, ask: Ask) -> Result<(), Refusal> {
        let fact = act(&self.book(), policy, item, actor, ask)?;
        self.push(&fact, actor, Some(1), item);
        Ok(())
    }
}

fn lines(report: &Report) -> BTreeMap<String, (i64, i128)> {
    let RollForward { lines, .. } = report.roll_forward.iter().find(|unit| unit.unit == "EUR").unwrap();
    let read = |(label, count, amount): &(String, u64, crate::recon::report::Amount)| {
        (label.clone(), (*count as i64, amount.amount_minor.parse().unwrap()))
    };
    lines.iter().map(read).collect()
}

fn ask(number: u8) -> Ask {
    let text = "said".to_owned();
    match number % 8 {
        0 => Ask::Assign { owner: "cleo".into() },
        1 => Ask::Investigate { note: text },
        2 => Ask::Propose { note: text },
        3 => Ask::Resolve { reason: text },
        4 | 5 => Ask::WriteOff { code: "FEE".into(), reason: text },
        6 => Ask::AcceptTiming { reason: text },
        _ => Ask::Reopen { reason: text },
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Breaks by id with their amounts; whether the run is complete, and of which half of the month.
    Run(BTreeMap<u8, i128>, bool, u8),
    Act(u8, u8, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (proptest::collection::btree_map(0_u8..8, -500_i128..500, 0..8), any::<bool>(), 0_u8..3)
            .prop_map(|(breaks, complete, half)| Step::Run(breaks, complete, half)),
        (0_u8..8, any::<u8>(), any::<bool>()).prop_map(|(item, ask, bob)| Step::Act(item, ask, bob)),
    ]
}

proptest! {
    #[test]
    fn open_items_roll_forward_without_a_gap(steps in proptest::collection::vec(step(), 1..40)) {
        let policy = Policy { limits: BTreeMap::from([(eur(), 100)]), ..Policy::default() };
        let mut log = Log::default();
        let mut closing = (0, 0);
        for step in steps {
            match step {
                Step::Run(breaks, complete, half) => {
                    let status = if complete { RunStatus::Complete } else { RunStatus::NotReconciled };
                    let period = [["", ""], ["2026-10-01", "2026-10-15"], ["2026-10-16", "2026-10-31"]][usize::from(half)];
                    let day = |id: u8| if id < 4 { 5 } else { 20 };
                    let within = |id: u8| half == 0 || (half == 1) == (day(id) < 16);
                    let items = breaks.into_iter().filter(|(id, _)| within(*id)).map(|(id, minor)| item(id, minor, day(id)));
                    let (_, report) = log.run(report(items.collect(), status, period));
                    let open: Vec<i128> = log.book().open().values().map(|amounts| amounts["EUR"].parse().unwrap()).collect();
                    if report.roll_forward.is_empty() {
                        prop_assert_eq!((closing, open.len()), ((0, 0), 0));
                        continue;
                    }
                    let lines = lines(&report);
                    prop_assert_eq!(lines["opening"], closing);
                    let sum = |labels: &[&str]| labels.iter().fold((0, 0), |(n, sum), label| (n + lines[*label].0, sum + lines[*label].1));
                    let (came, went) = (sum(&["opening", "new", "reopened", "changed"]), sum(&["healed", "resolved", "written off"]));
                    closing = lines["closing"];
                    prop_assert_eq!(closing, (came.0 - went.0, came.1 - went.1));
                    prop_assert_eq!(closing, (open.len() as i64, open.iter().sum()));
                }
                Step::Act(id, number, bob) => {
                    let (id, actor) = (format!("b{id}"), if bob { "bob" } else { "ann" });
                    let before = log.book();
                    let state = before.items.get(&id).map(|item| item.state);
                    if log.act(&policy, &id, actor, ask(number)).is_ok() {
                        let after = log.book().items[&id].clone();
                        // Above the limit nobody writes off alone.
                        if after.state == State::WrittenOff && state != Some(State::WrittenOff) {
                            let minor: i128 = after.amounts["EUR"].parse().unwrap();
                            let asked = before.items[&id].write_off.as_ref().map(|asked| asked.by.as_str());
                            prop_assert!(minor.abs() <= 100 || asked.is_some_and(|by| by != actor));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn signatures_need_two_people_and_a_sound_newest_run() {
    let policy = Policy { sign_off: Demand::Decision, ..Policy::default() };
    let mut log = Log::default();
    let (_, broken) = log.run(report(vec![item(1, -50, 5)], RunStatus::NotReconciled, ["2026-10-01", "2026-10-31"]));
    let against = |log: &Log, run: i64, report: &Report, role, actor: &str| {
        sign(&log.book(), &policy, run, report, role, actor, "checked").unwrap_err().what
    };
    let mut found = broken.clone();
    found.cover.findings.push(RunFinding { code: "SOURCE_STALE".into(), text: "old".into(), next: String::new() });
    let why = against(&log, 1, &found, Role::Preparer, "ann");
    for part in ["not reconciled", "SOURCE_STALE", "b1 has no decision yet"] {
        assert!(why.contains(part), "{why}");
    }
    let (run, sound) = log.run(report(vec![item(1, -50, 5)], RunStatus::Complete, ["2026-10-01", "2026-10-31"]));
    assert!(against(&log, 1, &broken, Role::Preparer, "ann").contains("run 2 of the same period is newer"));
    log.act(&policy, "b1", "ann", Ask::Resolve { reason: "posted twice".into() }).unwrap();
    assert!(against(&log, run, &sound, Role::Approver, "bob").contains("nobody has signed"));
    for (role, actor) in [(Role::Preparer, "ann"), (Role::Approver, "bob")] {
        let fact = sign(&log.book(), &policy, run, &sound, role, actor, "checked").unwrap();
        if role == Role::Approver {
            assert!(against(&log, run, &sound, role, "ann").contains("cannot approve"));
        }
        log.push(&fact, actor, Some(run), "");
    }
    assert_eq!(log.book().items["b1"].state, State::Closed);
    assert!(act(&log.book(), &policy, "b1", "ann", Ask::Reopen { reason: "x".into() }).is_err());
    let fact = reopen(&log.book(), run, "a slip").unwrap();
    log.push(&fact, "ann", Some(run), "");
    assert_eq!(log.book().items["b1"].state, State::Resolved);
    assert!(log.book().runs[&run].preparer.is_none() && Carried::of(&log.book()).signed_through.is_none());
}

#[test]
fn what_is_accepted_as_timing_is_reopened_before_a_second_person_is_asked() {
    let mut log = Log::default();
    log.run(report(vec![item(1, -101, 5)], RunStatus::Complete, ["", ""]));
    let policy = Policy::default();
    log.act(&policy, "b1", "ann", Ask::AcceptTiming { reason: "next week".into() }).unwrap();
    let write_off = || Ask::WriteOff { code: "FEE".into(), reason: "x".into() };
    assert!(log.act(&policy, "b1", "ann", write_off()).unwrap_err().next.contains("reopen"));
    log.act(&policy, "b1", "ann", Ask::Reopen { reason: "it did not come".into() }).unwrap();
    log.act(&policy, "b1", "ann", write_off()).unwrap();
    assert_eq!(log.book().items["b1"].state, State::Proposed);
}

#[test]
fn a_row_is_in_one_match_until_that_is_taken_back() {
    let rules = crate::recon::rules::RuleSet::keyed("bank", "order", crate::recon::rules::Measure::Money);
    let mut log = Log::default();
    log.run(report(vec![item(1, -50, 5), item(2, -60, 5)], RunStatus::Complete, ["", ""]));
    let (one, two) = (item(1, -50, 5), item(2, -60, 5));
    let both = Deciding { items: &[&one, &two], forced: true, reason: "net" };
    let fact = decide(&log.book(), &rules, both).unwrap();
    assert!(matches!(&fact, Fact::Matched { keys, .. } if keys == &["k1", "k2"]));
    log.push(&fact, "ann", Some(1), "");
    assert!(decide(&log.book(), &rules, both).is_err());
    assert_eq!(decisions(&log.book(), None).len(), 1);
    let other = crate::finance::period::Period::parse("2026-11").unwrap();
    assert!(decisions(&log.book(), Some(other)).is_empty());
    let fact = undo(&log.book(), 2, "no").unwrap();
    log.push(&fact, "ann", Some(1), "");
    assert!(
        log.book().open().len() == 2 && decisions(&log.book(), None).is_empty() && undo(&log.book(), 2, "no").is_err()
    );
}
