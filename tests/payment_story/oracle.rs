//! What the files of a month say of an order, added up without the engine; not here: the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A movement of the processor's balance.
struct Movement {
    order: String,
    payout: String,
    category: String,
    gross: i64,
    fee: i64,
    net: i64,
}

pub struct Month {
    movements: Vec<Movement>,
    /// Amounts by payout.
    pub payouts: BTreeMap<String, i64>,
    /// Payouts that did not arrive as they were sent, by truth.csv.
    troubled: BTreeSet<String>,
}

#[derive(Default)]
pub struct Expected {
    pub captured: i64,
    pub fees: i64,
    pub net: i64,
    pub shares: BTreeMap<String, i64>,
    pub reached: i64,
}

/// Whole units with the currency's decimals as minor units.
fn minor(text: &str, currency: &str) -> i64 {
    let decimals = match currency {
        "jpy" => 0,
        "eur" => 2,
        "kwd" => 3,
        other => panic!("{other}"),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert_eq!(fraction.len(), decimals, "{text} {currency}");
    format!("{whole}{fraction}").parse().unwrap()
}

fn records(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

impl Month {
    pub fn read(folder: &Path) -> Month {
        let movement = |row: BTreeMap<String, String>| Movement {
            order: row["payment_metadata[order_id]"].clone(),
            payout: row["automatic_payout_id"].clone(),
            category: row["reporting_category"].clone(),
            gross: minor(&row["gross"], &row["currency"]),
            fee: minor(&row["fee"], &row["currency"]),
            net: minor(&row["net"], &row["currency"]),
        };
        let movements = records(&folder.join("processor/payout_reconciliation.itemized.csv"));
        let mut payouts = BTreeMap::new();
        // Two payouts may come as one line.
        let mut traces: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in records(&folder.join("processor/payouts/payouts.itemized.csv")) {
            payouts.insert(row["payout_id"].clone(), -minor(&row["gross"], &row["currency"]));
            traces.entry(row["trace_id"].clone()).or_default().push(row["payout_id"].clone());
        }
        let truth = records(&folder.join("truth.csv"));
        let of_bank =
            truth.iter().filter(|row| row["leg"] == "bank" && !["LATE", "AGREES"].contains(&&*row["verdict"]));
        let troubled = of_bank.flat_map(|row| traces.get(&row["key"]).into_iter().flatten().cloned()).collect();
        Month { movements: movements.into_iter().map(movement).collect(), payouts, troubled }
    }

    pub fn orders(&self) -> BTreeSet<String> {
        self.movements.iter().map(|movement| movement.order.clone()).collect()
    }

    pub fn story(&self, order: &str) -> Expected {
        let mut told = Expected::default();
        for movement in self.movements.iter().filter(|movement| movement.order == order) {
            if movement.category == "charge" {
                told.captured += movement.gross;
            }
            told.fees += movement.fee;
            told.net += movement.net;
            *told.shares.entry(movement.payout.clone()).or_default() += movement.net;
            if !movement.payout.is_empty() && !self.troubled.contains(&movement.payout) {
                told.reached += movement.net;
            }
        }
        told
    }
}
