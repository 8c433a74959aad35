//! Reports to export: run through the engine, over three currencies with 2, 0 and 3 decimals. Not here: what is checked.

use std::sync::Arc;

use syncline::finance::export::{Format, Role, Signature, fingerprint, write};
use syncline::model::Date;
use syncline::recon::compose::{amount, compose};
use syncline::recon::engine::reconcile;
use syncline::recon::outcome::NothingCarried;
use syncline::recon::report::{Cover, Input, PayoutBridge, Report, RollForward, RunFinding, RunStatus};
use syncline::recon::row::{Entry, Place, Row};
use syncline::recon::rules::{Measure, RuleSet};
use syncline::recon::settle::Circumstances;
use syncline::recon::unit::Unit;

/// Texts that a spreadsheet would run, or a font may lack.
pub const HOSTILE: [&str; 8] = [
    "=HYPERLINK(\"http://127.0.0.1/\",\"x\")",
    "+1+cmd",
    "-2+3",
    "@SUM(A1)",
    "\tTAB",
    "\rCR",
    "comma, \"quote\"\nline; end",
    "Ωμέγα Жук Łódź naïve 漢字 e\u{301}",
];

pub struct Plan {
    /// Key, amount of side A, amount of side B, in minor units.
    pub rows: Vec<(String, &'static str, Option<i128>, Option<i128>)>,
}

pub fn report(plan: &Plan) -> Report {
    let rules = RuleSet::keyed("payouts", "order", Measure::Money);
    let day = Date::parse("2026-11-30").unwrap();
    let entry = |side: &str, at: usize, key: &str, unit: &str, minor: i128| {
        let row = Row {
            place: Place { source: Arc::from(format!("{side}.csv")), row: at as u64 + 2 },
            keys: Box::new([Some(key.into())]),
            unit: Unit::parse(unit).unwrap(),
            amount: minor,
            date: Some(Date::parse(&format!("2026-{:02}-{:02}", 6 + at % 6, 1 + at % 28)).unwrap()),
            status: Some("paid".into()),
            parent: None,
            fields: Box::new([]),
            parts: Box::new([]),
            lines: 0,
            category: None,
            unmapped: None,
        };
        if key.starts_with("test") { Entry::Excluded { rule: "test mode".into(), row } } else { Entry::Row(row) }
    };
    let mut sides = [Vec::new(), Vec::new()];
    for (at, (key, unit, a, b)) in plan.rows.iter().enumerate() {
        sides[0].extend(a.map(|minor| entry("shop", at, key, unit, minor)));
        sides[1].extend(b.map(|minor| entry("bank", at, key, unit, minor)));
    }
    sides[1].push(Entry::Rejected {
        place: Place { source: Arc::from("bank.csv"), row: 999 },
        reason: "`12,5O` is no amount".into(),
        amount: None,
    });
    let outcome = reconcile(&rules, sides, &[], &Circumstances::plain(day, &NothingCarried)).unwrap();
    let mut report = compose(&rules, cover(), &outcome, day);
    let euro = Unit::parse("EUR").unwrap();
    let counts = [4_u64, 3, 0, 1, 2, 0, 4];
    let sums = [1000_i128, 500, 0, 100, 200, 0, 1200];
    let names = ["opening", "new", "reopened", "healed", "resolved", "written off", "closing"];
    let lines = (0..names.len()).map(|at| (names[at].to_owned(), counts[at], amount(euro, sums[at])));
    report.roll_forward = vec![RollForward { unit: "EUR".to_owned(), lines: lines.collect() }];
    report.payouts = vec![PayoutBridge {
        payout: "po_1".to_owned(),
        unit: "EUR".to_owned(),
        activity: vec![("charges".to_owned(), amount(euro, 10_000)), ("fees".to_owned(), amount(euro, -250))],
        net: amount(euro, 9_750),
        paid: Some(amount(euro, 9_750)),
        received: Some(amount(euro, 9_750)),
        bank_line: Some("bank.csv:7".to_owned()),
        difference: amount(euro, 0),
    }];
    report
}

fn cover() -> Cover {
    let input = |side: &str, source: &str, digit: &str| Input {
        side: side.to_owned(),
        source: source.to_owned(),
        sha256: digit.repeat(64),
        rows: 1234,
        controls: vec!["sum 1250.00 EUR".to_owned(), "count 17".to_owned()],
    };
    Cover {
        reconciliation: "payouts".to_owned(),
        title: "Payouts against the bank statement".to_owned(),
        kind: "R5".to_owned(),
        entity: "Łódzkie Ωμέγα GmbH".to_owned(),
        sides: ["Shop payouts".to_owned(), "Bank statement".to_owned()],
        period: ["2026-11-01".to_owned(), "2026-11-30".to_owned()],
        zone: "Europe/Vienna".to_owned(),
        as_of: "2026-11-30".to_owned(),
        known_at: "2026-12-01T04:00:00Z".to_owned(),
        rules: "payouts 3 (sha256 77aa)".to_owned(),
        inputs: vec![input("A", "shop.csv", "a"), input("B", "bank.csv", "b")],
        status: RunStatus::NotReconciled,
        findings: vec![RunFinding {
            code: "SOURCE_STALE".to_owned(),
            text: "bank.csv ends on 2026-11-29".to_owned(),
            next: "fetch the statement of the last day and run again".to_owned(),
        }],
    }
}

/// Every kind of outcome in three currencies, with hostile keys.
pub fn usual() -> Report {
    let mut rows = Vec::new();
    for unit in ["EUR", "JPY", "KWD"] {
        rows.push((format!("equal-{unit}"), unit, Some(125_000), Some(125_000)));
        rows.push((format!("over-{unit}"), unit, Some(-5_001), Some(-4_001)));
        rows.push((format!("test-{unit}"), unit, Some(77), None));
        rows.push((format!("gone-{unit}"), unit, Some(1_234_567), None));
        rows.push((format!("extra-{unit}"), unit, None, Some(-9)));
    }
    rows.extend(HOSTILE.iter().map(|key| ((*key).to_owned(), "EUR", Some(101), None)));
    report(&Plan { rows })
}

/// More breaks than a page holds.
pub fn long() -> Report {
    let row = |at: i128| (format!("order-{at:04}"), "EUR", Some(at * 1_001 + 1), (at % 3 == 0).then_some(at));
    report(&Plan { rows: (1..180).map(row).collect() })
}

pub fn signatures(report: &Report) -> Vec<Signature> {
    let sha256 = fingerprint(report).unwrap();
    let by = |role, actor: &str, at: &str| Signature {
        role,
        actor: actor.to_owned(),
        at: at.to_owned(),
        note: "all breaks above 100 EUR traced to the statement".to_owned(),
        sha256: sha256.clone(),
    };
    vec![by(Role::Preparer, "maria", "2026-12-01T09:15:00Z"), by(Role::Approver, "Жанна", "2026-12-02T10:00:00Z")]
}

pub fn export(report: &Report, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(report, &signatures(report), format, &mut bytes).unwrap();
    bytes
}

/// What the tie-out says of the buckets that begin so, by side.
pub fn bridged(report: &Report, unit: &str, bucket: &str) -> [i128; 2] {
    let bridges = report.tie_out.iter().filter(|bridge| bridge.unit == unit);
    let lines = bridges.flat_map(|bridge| &bridge.lines).filter(|line| line.label.starts_with(bucket));
    lines.fold([0, 0], |[a, b], line| {
        let minor = |amount: &syncline::recon::report::Amount| amount.amount_minor.parse::<i128>().unwrap();
        [a + minor(&line.amount_a), b + minor(&line.amount_b)]
    })
}
