//! Every fixture's spoiled variants, and what a sample cannot show: each is refused with its reason.

use std::path::Path;

use syncline::config::yaml::{Node, Source, parse};
use syncline::connector::file::format::{Numbering, StatementSyntax};

use super::support::{SAMPLES, mt940, read_all, refused, sample, spec, statement};

fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::as_str).unwrap_or_else(|| panic!("no {key}")).to_owned()
}

fn spoiled(sample: &[u8], how: &Node) -> Vec<u8> {
    if let Some(cut) = how.get("cut") {
        let length: usize = cut.as_str().unwrap().parse().unwrap();
        assert!(length < sample.len(), "nothing is cut");
        return sample[..length].to_vec();
    }
    if how.get("repeat").is_some() {
        return sample.repeat(2);
    }
    let mut content = String::from_utf8(sample.to_vec()).unwrap();
    for entry in how.get("replace").and_then(Node::entries).unwrap() {
        assert!(content.contains(&entry.key), "{:?} is not in the sample", entry.key);
        content = content.replace(&entry.key, entry.value.as_str().unwrap());
    }
    content.into_bytes()
}

#[test]
fn spoiled_samples_are_refused_with_their_reason() {
    let mut seen = 0;
    for connector in
        ["mt940", "bai2", "camt053", "stripe-reports", "adyen-reports", "shopify-payouts", "paypal-reports"]
    {
        for file in std::fs::read_dir(Path::new("connectors").join(connector).join("fixtures")).unwrap() {
            let path = file.unwrap().path();
            let name = path.display().to_string();
            if path.extension().is_none_or(|ending| ending != "yaml") || name.ends_with("settings.yaml") {
                continue;
            }
            let source = Source::new(name.as_str(), std::fs::read_to_string(&path).unwrap());
            let fixture = parse(&source).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
            let (stream, file) = (text(&fixture, "stream"), text(&fixture, "file"));
            let (spec, sample) = (spec(connector, &stream), sample(connector, &file));
            let count: usize = text(fixture.get("expect").unwrap(), "count").parse().unwrap();
            assert_eq!(read_all(&spec, &sample).unwrap().0.len(), count, "{name}");
            for how in fixture.get("refused").and_then(Node::seq).unwrap() {
                let reason = text(how, "reason");
                match read_all(&spec, &spoiled(&sample, how)) {
                    Ok((rows, _)) => panic!("{name}: {} rows pass, expected {reason:?}", rows.len()),
                    Err(error) => assert!(error.to_string().contains(&reason), "{name}: {error}\nexpected: {reason}"),
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 50, "only {seen} variants");
}

#[test]
fn other_encodings_are_refused() {
    for (connector, stream, file) in SAMPLES {
        let mut bytes = sample(connector, file);
        // A letter in windows-1252, which is no UTF-8.
        let codes: [&[u8]; 4] = [b"EUR", b"eur", b"USD", b"KWD"];
        let at = bytes.windows(3).rposition(|word| codes.contains(&word)).unwrap();
        bytes[at] = 0xFC;
        refused(&spec(connector, stream), &bytes, "is not valid utf-8");
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain(sample(connector, file).into_iter().flat_map(|byte| [byte, 0])).collect();
        refused(&spec(connector, stream), &utf16, "byte order mark");
    }
}

#[test]
fn interim_reports_and_foreign_documents_are_refused() {
    let interim = ":20:X\n:25:A\n:28C:1/1\n:34F:EUR0,\n";
    refused(&mt940(), interim.as_bytes(), ":34F: of an interim report (MT942) is not supported");
    let camt = statement(StatementSyntax::Camt053, Numbering::Statements);
    let intraday = b"<Document><BkToCstmrAcctRpt><Rpt><Id>1</Id></Rpt></BkToCstmrAcctRpt></Document>";
    refused(&camt, intraday, "no place \"Document/BkToCstmrStmt/Stmt\"");
    refused(&camt, b"<!DOCTYPE x [<!ENTITY a 'a'>]><Document/>", "document type declarations are refused");
    let bai = String::from_utf8(sample("bai2", "report.bai")).unwrap();
    for (from, to, reason) in [
        (",1,261119", ",4,261119", "group status \"4\""),
        ("142,2020,Z", "142,2020,Q", "a funds type is \"Q\""),
        ("142,2020,Z", "142,2020,D,99999999999999999999", "not a number of distributions"),
        ("USD,010", "USX,010", "the currency of 03"),
        ("100,2020,1", "100,2020,2", "the item count of 100 (total credits) states 2, found 1"),
        ("03,1234567890", "88,1234567890", "the account"),
    ] {
        assert!(bai.contains(from), "{from}");
        let spoiled = bai.replace(from, to);
        let spec = statement(StatementSyntax::Bai2, Numbering::Statements);
        match read_all(&spec, spoiled.as_bytes()) {
            Ok(_) => panic!("{to} passes"),
            Err(_) if from.starts_with("03") => {}
            Err(error) => assert!(error.to_string().contains(reason), "{error}\nexpected: {reason}"),
        }
    }
}

#[test]
fn camt_pages_that_each_state_the_whole_tie_only_together() {
    let page = |number: u32, last: bool, entry: &str| {
        format!(
            "<Stmt><Id>S</Id><StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>\
             <Acct><Id><IBAN>X</IBAN></Id><Ccy>EUR</Ccy></Acct>\
             <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>\
             <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>\
             <Ntry><Amt Ccy=\"EUR\">{entry}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry></Stmt>"
        )
    };
    let document = |pages: &[String]| format!("<Document><BkToCstmrStmt>{}</BkToCstmrStmt></Document>", pages.concat());
    let camt = statement(StatementSyntax::Camt053, Numbering::Statements);
    let good = document(&[page(1, false, "1.00"), page(2, true, "2.00")]);
    assert_eq!(read_all(&camt, good.as_bytes()).unwrap().0.len(), 2);
    let bad = document(&[page(1, false, "1.00"), page(2, true, "2.01")]);
    refused(&camt, bad.as_bytes(), "0.00 + entries 3.01 = 3.01, stated 3.00, difference -0.01");
    refused(&camt, document(&[page(1, false, "1.00")]).as_bytes(), "the last page of statement S of X is missing");
    refused(&camt, document(&[page(2, true, "3.00")]).as_bytes(), "page 1 was due");
}
