//! Files that are cut, huge, in another order or nothing at all: refused, never a panic, never a part.

use proptest::prelude::*;
use syncline::connector::file::{FileLimits, FileSpec, ReadContext, read};

use super::support::{SAMPLES, mt940, read_all, refused, sample, spec};

/// A cut file is refused, or holds whole statements or rows of the sample and ends where one ends.
#[test]
fn cut_at_every_byte_a_file_is_refused_or_whole_to_there() {
    for (connector, stream, file) in SAMPLES {
        let (spec, bytes) = (spec(connector, stream), sample(connector, file));
        let (whole, _) = read_all(&spec, &bytes).unwrap();
        for length in 0..bytes.len() {
            let Ok((rows, _)) = read_all(&spec, &bytes[..length]) else { continue };
            let rest = String::from_utf8_lossy(&bytes[length..]).into_owned();
            let at_end = match *connector {
                // Only white space is missing: nothing was cut off.
                _ if rest.trim().is_empty() => rows == whole,
                "mt940" => rows.len() < whole.len() && rest.trim_start_matches(['-', '\n']).starts_with(":20:"),
                // A plain CSV file states no number of rows: cut between two it is a shorter one.
                "stripe-reports" | "shopify-payouts" | "adyen-reports" => {
                    rows.iter().zip(&whole).all(|(cut, whole)| cut == whole) && bytes[..length].ends_with(b"\n")
                }
                "bai2" | "camt053" | "paypal-reports" => {
                    // The last record may lose what ends it (`/`), not what it says.
                    rows == whole && rest.len() <= 2
                }
                _ => false,
            };
            let empty = rows.is_empty() && bytes[..length].iter().filter(|byte| **byte == b'\n').count() <= 1;
            assert!(at_end || empty, "{file} cut at {length} gives {} rows", rows.len());
        }
    }
}

fn limited(spec: &FileSpec, limits: &FileLimits, bytes: &[u8]) -> String {
    read(spec, ReadContext::new("hostile", limits), bytes, &mut |_| Ok(())).unwrap_err().to_string()
}

#[test]
fn sizes_are_bounded() {
    let head = ":20:X\n:25:A\n:28C:1/1\n:60F:C261230EUR0,\n";
    let lines = format!("{head}:61:261230C1,NTRFX\n:86:{}", "text\n".repeat(300));
    refused(&mt940(), lines.as_bytes(), "more than 200 lines in one field");
    let long = format!("{head}:86:{}", "x".repeat(9 << 20));
    refused(&mt940(), long.as_bytes(), "the record is longer than the limit");
    let entries = format!("{head}{}", ":61:261230C1,NTRFX\n".repeat(100_001));
    refused(&mt940(), entries.as_bytes(), "more than 100000 entries in one statement");
    refused(&mt940(), "noise\n".repeat(10).as_bytes(), "where :20: (a statement's reference) was due");
    let small = FileLimits { record_bytes: 4 << 10, ..FileLimits::default() };
    let bai = spec("bai2", "statements");
    let continued = format!("01,A,B,261120,0600,1,,,2/\n{}", "88,aaaaaaaaaaaaaaaaaaaaaaaa/\n".repeat(1_000));
    assert!(limited(&bai, &small, continued.as_bytes()).contains("longer than the limit"));
    let deep = format!("<Document><BkToCstmrStmt>{}", "<Stmt>".repeat(200));
    refused(&spec("camt053", "statements"), deep.as_bytes(), "nested deeper");
    let digits = format!("{head}:61:261230C{},NTRFX\n", "9".repeat(40));
    refused(&mt940(), digits.as_bytes(), "too many digits");
}

/// Sums that need more digits than there are are refused, not rounded.
#[test]
fn sums_do_not_overflow() {
    let nines = "9".repeat(22);
    let line = format!(":61:261230C{nines},NTRFX\n");
    let text =
        format!(":20:X\n:25:A\n:28C:1/1\n:60F:C261230EUR{nines},\n{}:62F:C261230EUR{nines},\n-\n", line.repeat(1_000));
    refused(&mt940(), text.as_bytes(), "does not tie");
    let amount = "9".repeat(28);
    let bai = format!(
        "01,A,B,261120,0600,1,,,2/\n02,A,B,1,261119,2400,JPY,2/\n03,1,,010,{amount},,,015,{amount},,/\n{}",
        format!("16,142,{amount},Z,,,/\n").repeat(12)
    );
    assert!(read_all(&spec("bai2", "statements"), bai.as_bytes()).is_err());
}

fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        ":20:X\n",
        ":25:A\n",
        ":28C:1/1\n",
        ":60F:C261230EUR0,\n",
        ":60M:D261230JPY1,\n",
        ":61:261230C1,NTRFX//Y\n",
        ":61:2612300101RD,5NMSC\n",
        ":86:166?00A?20EREF+B?21",
        ":86:/EREF/X/REMI/USTD//Y\n",
        ":62F:C261230EUR1,\n",
        "-\n",
        "-}{5:}\n",
        "01,A,B,261120,0600,1,,,2/",
        "02,A,B,1,261119,2400,USD,2/\n",
        "03,1,USD,010,0,,S,1,2,3/",
        "16,142,1,D,1,0,1,,,x/",
        "88,y/",
        "49,1,2/\n",
        "98,1,1,3/",
        "99,1,1,5/\n",
        "<Document>",
        "<BkToCstmrStmt>",
        "<Stmt>",
        "</Stmt>",
        "<Ntry>",
        "</Ntry>",
        "<Amt Ccy=\"EUR\">1.00</Amt>",
        "<Bal>",
        "</Bal>",
        "é",
        "?",
        "/",
        ",",
        "\n",
        "\"",
        "RH,1\n",
        "CH,Transaction ID\n",
        "SB,1\n",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_read_or_refused(text in pieces(), noise in prop::collection::vec(any::<u8>(), 0..40)) {
        for (connector, stream, _) in SAMPLES {
            let spec = spec(connector, stream);
            let mut bytes = text.clone().into_bytes();
            let _ = read_all(&spec, &bytes);
            bytes.extend_from_slice(&noise);
            let _ = read_all(&spec, &bytes);
        }
    }

    /// Entries that are written are read back exactly, and tie.
    #[test]
    fn what_is_written_is_read(amounts in prop::collection::vec(-99_999_999_i64..99_999_999, 0..30)) {
        let shown = |minor: i64| format!("{},{:02}", minor.abs() / 100, minor.abs() % 100);
        let mark = |minor: i64| if minor < 0 { "D" } else { "C" };
        let lines: String = amounts.iter().map(|minor| format!(":61:261230{}{}NTRFX\n", mark(*minor), shown(*minor))).collect();
        let sum: i64 = amounts.iter().sum();
        let text = format!(":20:X\n:25:A\n:28C:1/1\n:60F:C261230EUR0,\n{lines}:62F:{}261230EUR{}\n-\n", mark(sum), shown(sum));
        let (rows, _) = read_all(&mt940(), text.as_bytes()).unwrap();
        prop_assert_eq!(rows.len(), amounts.len());
        for (row, minor) in rows.iter().zip(&amounts) {
            let sign = if *minor < 0 { "-" } else { "" };
            let expected = format!("{sign}{}", shown(*minor).replace(',', "."));
            prop_assert_eq!(row["amount"].as_str().unwrap(), expected);
        }
        let wrong = format!(":20:X\n:25:A\n:28C:1/1\n:60F:C261230EUR0,01\n{lines}:62F:{}261230EUR{}\n-\n", mark(sum), shown(sum));
        prop_assert!(read_all(&mt940(), wrong.as_bytes()).is_err());
    }
}
