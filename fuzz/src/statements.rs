//! Bank statements and processor reports through the readers, by the shipped connectors' own declarations.
//!
//! Not here: mapping what was read.

use std::sync::LazyLock;

use syncline::connector::file::{FileLimits, FileRow, FileSpec, ReadContext, read};
use syncline::connector::registry::Registry;

use crate::target::{Outcome, Target, fixtures};

pub const MT940: Target = Target {
    name: "mt940",
    run: |bytes| fuzz("mt940", "statements", bytes),
    corpus: || fixtures("mt940", ".sta"),
    dictionary: &[
        ":20:", ":25:", ":28C:", ":60F:", ":60M:", ":61:", ":86:", ":62F:", ":62M:", ":64:", "\n-\n", "-}", "RC", "RD", "CR", "NTRF", "//",
        "?20", "?32", "EREF+", "SVWZ+", "/REMI/", "/CNTP/", "0229", "1231", ",", "JPY", "KWD",
    ],
};

pub const BAI2: Target = Target {
    name: "bai2",
    run: |bytes| fuzz("bai2", "statements", bytes),
    corpus: || fixtures("bai2", ".bai"),
    dictionary: &["01,", "02,", "03,", "16,", "88,", "49,", "98,", "99,", "/", "/\n", ",S,", ",V,", ",D,2,", ",Z,", "890", "142", "+", "-", "JPY"],
};

pub const CAMT053: Target = Target {
    name: "camt053",
    run: |bytes| fuzz("camt053", "statements", bytes),
    corpus: || fixtures("camt053", ".xml"),
    dictionary: &[
        "<Ntry>", "</Ntry>", "<Stmt>", "</Stmt>", "<Bal>", "OPBD", "CLBD", "ITBD", "PRCD", "CRDT", "DBIT", "<RvslInd>true</RvslInd>",
        "<TxDtls>", "</TxDtls>", "Ccy=\"EUR\"", "<LastPgInd>false</LastPgInd>", "&#0;", "&x;", "<![CDATA[", "]]>", "<!DOCTYPE",
    ],
};

pub const CSV_REPORTS: Target = Target {
    name: "csv_reports",
    run: reports,
    corpus: || {
        ["stripe-reports", "adyen-reports", "shopify-payouts", "paypal-reports"].iter().flat_map(|name| fixtures(name, ".csv")).collect()
    },
    dictionary: &["\"", "\"\"", ",", "\r\n", "\"SB\",", "\"CH\",", "\"SF\",", "\"RH\",", "\"FF\",", "\"SC\",", "EUR", "-", "0.01", "sep=;"],
};

const REPORTS: &[&str] = &["stripe-reports", "adyen-reports", "shopify-payouts", "paypal-reports"];

/// Connector, stream, what it declares.
static FORMATS: LazyLock<Vec<(String, String, FileSpec)>> = LazyLock::new(|| {
    let Ok(registry) = Registry::shipped() else { return Vec::new() };
    let mut formats = Vec::new();
    for name in ["mt940", "bai2", "camt053"].iter().chain(REPORTS) {
        let Some(connector) = registry.connector(name) else { continue };
        for stream in ["statements", "transactions", "payouts"] {
            let read = connector.manifest.stream(stream).and_then(|stream| stream.file_read());
            formats.extend(read.map(|read| ((*name).to_owned(), stream.to_owned(), read.format.clone())));
        }
    }
    formats
});

fn reports(bytes: &[u8]) -> Outcome {
    let mut accepted = false;
    for name in REPORTS {
        match fuzz(name, "transactions", bytes) {
            Outcome::Accepted => accepted = true,
            Outcome::Refused => {}
            broken @ Outcome::Broken(_) => return broken,
        }
    }
    if accepted { Outcome::Accepted } else { Outcome::Refused }
}

/// An accepted statement ties once more by its rows alone: per page, opening and booked amounts make the closing balance.
fn fuzz(connector: &str, stream: &str, bytes: &[u8]) -> Outcome {
    let found = FORMATS.iter().find(|(name, of, _)| name == connector && of == stream);
    let Some((_, _, spec)) = found else { return Outcome::Broken(format!("{connector} declares no stream {stream}")) };
    let limits = FileLimits::default();
    let mut rows: Vec<FileRow> = Vec::new();
    let summary = read(spec, ReadContext::new("fuzz", &limits), bytes, &mut |row| {
        rows.push(row);
        Ok(())
    });
    let Ok(summary) = summary else { return Outcome::Refused };
    if summary.rows != rows.len() as u64 {
        return Outcome::Broken(format!("{} rows counted, {} handed over", summary.rows, rows.len()));
    }
    let mut places: Vec<u64> = rows.iter().map(|row| row.place.row).collect();
    places.dedup();
    if places.len() != rows.len() {
        return Outcome::Broken("two rows have the same place".to_owned());
    }
    if stream == "statements"
        && let Some(problem) = untied(&rows)
    {
        return Outcome::Broken(problem);
    }
    Outcome::Accepted
}

/// In units of 10^-6, which is finer than any currency.
fn micros(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{fraction:0<6}");
    Some(sign * (whole.parse::<i128>().ok()?.checked_mul(1_000_000)? + fraction.get(..6)?.parse::<i128>().ok()?))
}

fn untied(rows: &[FileRow]) -> Option<String> {
    let mut pages: std::collections::BTreeMap<String, (i128, i128)> = std::collections::BTreeMap::new();
    for row in rows {
        let (statement, value) = (&row.value["statement"], &row.value);
        // Pages that all state the whole statement's balances tie only together.
        if statement["last_page"] != true || statement["page"] != "1" {
            continue;
        }
        let key = format!("{} {}", value["account"], statement["id"]);
        let opening = micros(statement["opening"]["amount"].as_str()?)?;
        let closing = micros(statement["closing"]["amount"].as_str()?)?;
        let (sum, _) = pages.entry(key).or_insert((opening, closing));
        if value["status"] == "BOOK" {
            *sum += micros(value["amount"].as_str()?)?;
        }
    }
    let wrong = pages.into_iter().find(|(_, (sum, closing))| sum != closing);
    wrong.map(|(page, (sum, closing))| format!("{page} was accepted with {sum} in place of {closing}"))
}
