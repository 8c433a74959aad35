//! The engine against SQL that aggregates first and joins then, written from the specification: bucket by bucket, rows and
//! amounts of both sides.

use std::collections::BTreeMap;

use sqlx::{Connection, Row as _, SqliteConnection};
use syncline::recon::outcome::Outcome;
use syncline::sandbox::ledger::{Leg, LegKind, Mutation, Value, plant};

use crate::ledger::{month, rules, run};

/// Bucket, side, currency: rows and their sum.
type Figures = BTreeMap<(String, String, String), (i64, i64)>;

const TABLE: &str = "CREATE TABLE r (side TEXT, key TEXT, unit TEXT, amount INTEGER, due INTEGER, status TEXT,
    customer TEXT, lines INTEGER, unmapped TEXT)";

/// One line against one; copies of a key are equal, so that any of them stands for all.
const PAIRS: &str = "
WITH live AS (SELECT * FROM r WHERE unmapped IS NULL),
side_a AS (SELECT key, COUNT(*) n, MIN(unit) unit, MIN(amount) amount, MAX(due) due, MIN(status) status, MIN(customer) customer,
    MAX(lines) lines FROM live WHERE side = 'A' GROUP BY key),
side_b AS (SELECT key, COUNT(*) n, MIN(unit) unit, MIN(amount) amount, MAX(due) due, MIN(status) status, MIN(customer) customer,
    MAX(lines) lines FROM live WHERE side = 'B' GROUP BY key),
joined AS (SELECT a.n na, b.n nb, a.unit ua, b.unit ub, a.amount xa, b.amount xb,
    CASE WHEN b.key IS NULL THEN CASE WHEN a.due > ?1 THEN 'TIMING' ELSE 'BREAK(MISSING_IN_B)' END
        WHEN a.key IS NULL THEN 'BREAK(MISSING_IN_A)'
        WHEN a.unit <> b.unit THEN 'BREAK(CURRENCY_MISMATCH)'
        WHEN a.amount = -b.amount THEN 'BREAK(DIRECTION_MISMATCH)'
        WHEN b.amount - a.amount > MIN(MAX(a.lines, b.lines), 3) THEN 'BREAK(AMOUNT_OVER)'
        WHEN a.amount - b.amount > MIN(MAX(a.lines, b.lines), 3) THEN 'BREAK(AMOUNT_UNDER)'
        WHEN b.status = 'open' THEN CASE WHEN MAX(a.due, b.due) > ?1 THEN 'TIMING' ELSE 'BREAK(STATUS_MISMATCH)' END
        WHEN (a.status, b.status) NOT IN (VALUES ('paid', 'invoiced'), ('refunded', 'credited'), ('', ''))
            THEN 'BREAK(STATUS_MISMATCH)'
        WHEN a.customer <> b.customer THEN 'BREAK(FIELD_MISMATCH)'
        WHEN a.amount <> b.amount THEN 'MATCHED_TOLERANCE' ELSE 'MATCHED_EXACT' END bucket
    FROM side_a a FULL OUTER JOIN side_b b ON a.key = b.key),
placed AS (
    SELECT bucket, 'A' side, ua unit, 1 rows, xa amount FROM joined WHERE na IS NOT NULL
    UNION ALL SELECT bucket, 'B', ub, 1, xb FROM joined WHERE nb IS NOT NULL
    UNION ALL SELECT 'BREAK(DUPLICATE_A)', 'A', ua, na - MAX(1, COALESCE(nb, 1)), xa * (na - MAX(1, COALESCE(nb, 1)))
        FROM joined WHERE na > MAX(1, COALESCE(nb, 1))
    UNION ALL SELECT 'BREAK(DUPLICATE_B)', 'B', ub, nb - MAX(1, COALESCE(na, 1)), xb * (nb - MAX(1, COALESCE(na, 1)))
        FROM joined WHERE nb > MAX(1, COALESCE(na, 1))
    UNION ALL SELECT 'BREAK(MAPPING_MISSING)', side, unit, 1, amount FROM r WHERE unmapped IS NOT NULL)
SELECT bucket, side, unit, SUM(rows) rows, SUM(amount) amount FROM placed GROUP BY bucket, side, unit";

const SUMS: &str = "
WITH live AS (SELECT * FROM r WHERE unmapped IS NULL),
sums AS (SELECT key, unit, SUM(side = 'A') na, SUM(side = 'B') nb, SUM(CASE side WHEN 'A' THEN amount ELSE 0 END) xa,
    SUM(CASE side WHEN 'B' THEN amount ELSE 0 END) xb, MAX(due) due FROM live WHERE key IS NOT NULL GROUP BY key, unit),
groups AS (SELECT key, SUM(na) na, SUM(nb) nb, SUM(xa <> xb) off, SUM(na > 0 AND nb > 0) shared, SUM(xa <> -xb) same_way,
    SUM(xb - xa) variance, COUNT(*) units, MAX(due) due FROM sums GROUP BY key),
judged AS (SELECT key, CASE WHEN nb = 0 THEN CASE WHEN due > ?1 THEN 'TIMING' ELSE ?2 END
    WHEN na = 0 THEN ?3
    WHEN off = 0 THEN CASE WHEN na = 1 AND nb = 1 THEN 'MATCHED_EXACT' ELSE 'MATCHED_GROUP' END
    WHEN shared = 0 THEN 'BREAK(CURRENCY_MISMATCH)'
    WHEN units = 1 AND same_way = 0 THEN 'BREAK(DIRECTION_MISMATCH)'
    WHEN na > 1 OR nb > 1 THEN 'BREAK(GROUP_SUM_MISMATCH)'
    WHEN variance > 0 THEN 'BREAK(AMOUNT_OVER)' ELSE 'BREAK(AMOUNT_UNDER)' END bucket FROM groups),
placed AS (
    SELECT bucket, side, unit, amount FROM live JOIN judged USING (key)
    UNION ALL SELECT CASE WHEN due > ?1 THEN 'TIMING' ELSE ?2 END, side, unit, amount FROM live WHERE key IS NULL
    UNION ALL SELECT 'BREAK(MAPPING_MISSING)', side, unit, amount FROM r WHERE unmapped IS NOT NULL)
SELECT bucket, side, unit, COUNT(*) rows, SUM(amount) amount FROM placed GROUP BY bucket, side, unit";

async fn by_sql(leg: &Leg) -> Figures {
    let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::query(TABLE).execute(&mut database).await.unwrap();
    let mut writing = database.begin().await.unwrap();
    for side in [0, 1] {
        for (_, line) in leg.statement(side, 5) {
            let customer = match line.fields.first() {
                Some(Value::Text(text)) => text.clone(),
                Some(Value::Amount(_)) | None => String::new(),
            };
            sqlx::query("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(["A", "B"][side])
                .bind(&line.keys[0])
                .bind(line.currency.code())
                .bind(line.amount)
                .bind(leg.days.after(line.day, leg.kind.due_days()))
                .bind(line.status.unwrap_or_default())
                .bind(customer)
                .bind(line.lines)
                .bind(&line.unmapped)
                .execute(&mut *writing)
                .await
                .unwrap();
        }
    }
    writing.commit().await.unwrap();
    let [missing_b, missing_a] = leg.kind.missing().map(|code| format!("BREAK({code})"));
    let query = sqlx::query(if leg.kind.is_grouped() { SUMS } else { PAIRS }).bind(leg.days.last());
    let query = if leg.kind.is_grouped() { query.bind(missing_b).bind(missing_a) } else { query };
    let rows = query.fetch_all(&mut database).await.unwrap();
    rows.iter()
        .map(|row| ((row.get("bucket"), row.get("side"), row.get("unit")), (row.get("rows"), row.get("amount"))))
        .collect()
}

fn by_engine(outcome: &Outcome) -> Figures {
    let mut figures = Figures::new();
    for (bucket, sides) in &outcome.buckets {
        for (totals, side) in sides.iter().zip(["A", "B"]) {
            for unit in totals.units() {
                let sum = totals.of(unit);
                let place = (bucket.label(), side.to_owned(), unit.as_str().to_owned());
                figures.insert(place, (sum.rows.try_into().unwrap(), sum.amount.try_into().unwrap()));
            }
        }
    }
    figures
}

/// SQLite knows neither Unicode's case nor its forms, and the statements above no parents.
fn mistakes() -> Vec<Mutation> {
    let not = [Mutation::KeySpelling, Mutation::OrphanRefund];
    Mutation::ALL.iter().copied().filter(|mutation| !not.contains(mutation)).collect()
}

#[tokio::test]
async fn sql_comes_to_the_same_buckets() {
    let mut labels = std::collections::BTreeSet::new();
    for seed in 0..8 {
        let month = month(seed, 200);
        // Captures compare states and fees within groups of one, which sums do not see.
        for kind in LegKind::ALL.into_iter().filter(|kind| *kind != LegKind::Captures) {
            let mut leg = month.leg(kind);
            plant(&mut leg, &mistakes(), 2, seed);
            let (sql, engine) = (by_sql(&leg).await, by_engine(&run(&rules(kind), &leg)));
            assert_eq!(engine, sql, "{}, seed {seed}", kind.as_str());
            labels.extend(sql.into_keys().map(|(bucket, ..)| bucket));
        }
    }
    assert!(labels.len() >= 16, "{labels:?}");
}
