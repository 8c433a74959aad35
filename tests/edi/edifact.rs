//! EDIFACT: UNA, release characters, repertoires, references.

use serde_json::json;
use syncline::connector::file::Encoding;

use super::support::{check_refused, fixture, partner_settings, read_bytes, replaced, spec, write_rows, write_spec};

fn orders() -> String {
    fixture("edifact", "ORDERS_1.edi")
}

#[test]
fn an_order_becomes_a_tree() {
    let rows = read_bytes(&spec("edifact", "orders"), orders().as_bytes()).unwrap();
    let row = &rows[0].value;
    assert_eq!(row["BGM"], json!({ "01": { "01": "220" }, "02": { "01": "4500012345" }, "03": { "01": "9" } }));
    assert_eq!(row["FTX"][0]["04"]["01"], "Bitte Rampe 3: links, Herr O'Neill");
    assert_eq!(row["ship_to"]["NAD"]["06"]["01"], "Koeln");
    assert_eq!(row["lines"][0]["PIA"], json!({ "01": { "01": "1" }, "ids": { "SA": "MUG-01", "IN": "778812" } }));
    assert_eq!(row["lines"][1]["net_price"]["PRI"]["01"], json!({ "01": "AAA", "02": "24.00" }));
    assert_eq!(row["invoicee"]["RFF"][0]["01"]["02"], "DE123456789");
    let header = rows[0].header.as_deref().unwrap();
    assert_eq!((&header["control_number"], &header["usage"]), (&json!("REF0001"), &json!("P")));
    assert_eq!(header["message"]["release"], "96A");
}

#[test]
fn una_decides_and_is_optional() {
    let spec = spec("edifact", "orders");
    let plain = read_bytes(&spec, orders().as_bytes()).unwrap();
    let without = orders().replacen("UNA:+.? '\n", "", 1);
    let one_line = orders().replace('\n', "");
    let odd = orders()
        .replacen("UNA:+.? '", "UNA\u{1f}\u{1d}.! \u{1c}", 1)
        .replace("?'", "`")
        .replace("?:", "%")
        .replace(['\''], "\u{1c}")
        .replace(':', "\u{1f}")
        .replace('+', "\u{1d}")
        .replace('`', "'")
        .replace('%', ":");
    for text in [without, one_line, odd] {
        let rows = read_bytes(&spec, text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text:?}"));
        assert_eq!(rows[0].value, plain[0].value);
    }
    // The other decimal mark.
    let rows = read_bytes(&super::support::spec("edifact", "invoices"), fixture("edifact", "INVOIC_4.edi").as_bytes());
    assert_eq!(rows.unwrap()[0].value["total"]["MOA"]["01"]["02"], "135.66");
}

#[test]
fn what_does_not_tie_is_refused_with_its_place() {
    let check = |from: &str, to: &str, parts: &[&str]| {
        check_refused(&spec("edifact", "orders"), &replaced(&orders(), from, to), parts);
    };
    check(
        "UNT+27+1'",
        "UNT+26+1'",
        &["interchange REF0001, message 1 (ORDERS)", "UNT 0074 states 26 segments, found 27"],
    );
    check("UNT+27+1'", "UNT+27+2'", &["UNT 0062 closes number \"2\", but \"1\" is open"]);
    check("UNZ+1+REF0001'", "UNZ+2+REF0001'", &["UNZ 0036 states 2 messages, found 1"]);
    check("UNZ+1+REF0001'", "UNZ+1+REF0002'", &["UNZ 0020 closes number \"REF0002\""]);
    check("UNZ+1+REF0001'\n", "", &["the file ends inside the interchange: UNZ is missing"]);
    check("CNT+2:2'", "CNT+2:3'", &["line_total.01.02 states 3, found 2"]);
    check("CNT+2:2'", "CNT+1:17'", &["quantity_total.01.02 states 17, found 18"]);
    check("ORDERS:D:96A", "ORDERS:D:01B", &["version \"D:01B\""]);
    check("ORDERS:D:96A", "DESADV:D:96A", &["message type \"DESADV\""]);
    check("RETAILCO:14", "OTHERCO:14", &["the sender is \"OTHERCO\""]);
    check("+REF0001'\nUNH", "+REF0001++++++1'\nUNH", &["usage is \"T\""]);
    check("BGM+220+4500012345+9'\n", "DTM+171:20261120:102'\n", &["BGM is missing"]);
    check("DTM+2:202611250800:203'\n", "ZZZ+1'\n", &["segment 4 ZZZ", "not part of the declared structure"]);
    check("IMD+F++:::Becher blau'", "IMD+F++:::Becher blau?'", &["message 1"]);
    check("QTY+21:12:PCE'", "QTY+21:1.2,0:PCE'", &["element 01", "is not a number"]);
    check("QTY+21:12:PCE'", "QTY+12:12:PCE'", &["ordered (QTY) is missing"]);
    check("PIA+1+778812:IN'", "PIA+1+778812:SA'", &["qualifier \"SA\" occurs twice"]);
    check("UNA:+.? '", "UNA:+.: '", &["segment UNA", "':' cannot be the release character"]);
    check("UNA:+.? '", "UNAA+.? '", &["'A' cannot be the component separator"]);
}

#[test]
fn characters_must_be_of_the_stated_repertoire() {
    let spec = spec("edifact", "orders");
    let stated = |syntax: &str| replaced(&orders(), "UNOC:3", syntax);
    check_refused(&spec, &stated("UNOA:3"), &["segment 5 FTX", "element 04", "'i' is not in the repertoire of UNOA"]);
    read_bytes(&spec, stated("UNOB:3").as_bytes()).unwrap();
    check_refused(&spec, &stated("UNOY:3"), &["written in UNOY, the format declares iso-8859-1"]);
    check_refused(&spec, &stated("UNOX:3"), &["written in UNOX"]);
    // Latin-1 bytes under UNOC.
    let latin =
        replaced(&orders(), "Koeln", "K\u{f6}ln").chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<u8>>();
    let rows = read_bytes(&spec, &latin).unwrap();
    assert_eq!(rows[0].value["ship_to"]["NAD"]["06"]["01"], "Köln");
    // The same bytes where the agreement says UTF-8.
    let mut utf8 = spec.clone();
    utf8.encoding = Encoding::Utf8;
    let text = String::from_utf8_lossy(&latin).into_owned();
    check_refused(&utf8, &text, &["written in UNOC, the format declares utf-8"]);
    let under_b = [b"".as_slice(), &latin].concat();
    let under_b = String::from_utf8_lossy(&under_b).replacen("UNOC", "UNOB", 1).into_bytes();
    assert!(read_bytes(&utf8, &under_b).is_err());
}

#[test]
fn despatch_advices_nest_by_their_packages() {
    let (spec, text) = (spec("edifact", "despatch-advices"), fixture("edifact", "DESADV_2.edi"));
    let rows = read_bytes(&spec, text.as_bytes()).unwrap();
    assert_eq!(rows[0].value["packs"].as_array().unwrap().len(), 3);
    assert_eq!(rows[0].value["items"][1]["despatched"]["01"]["02"], "4");
    check_refused(&spec, &replaced(&text, "CNT+2:2'", "CNT+2:3'"), &["states 3, found 2"]);
    check_refused(&spec, &replaced(&text, "CPS+3+1'", "CPS+2+1'"), &["number \"2\" occurs twice"]);
}

#[test]
fn what_is_written_is_escaped_and_counted() {
    let (spec, given) = write_spec("edifact", "orders-out", &partner_settings());
    let row = json!({
        "BGM": { "01": { "01": "220" }, "02": { "01": "47?11+'" }, "03": { "01": "9" } },
        "message_date": { "01": { "02": "20261120", "03": "102" } },
        "lines": [{ "PIA": { "01": { "01": "5" }, "ids": { "SA": "A:1" } }, "ordered": { "01": { "02": "12", "03": "PCE" } } }],
    });
    let text = write_rows(&spec, &given, std::slice::from_ref(&row)).unwrap();
    assert_eq!(
        text,
        "UNA:+.? 'UNB+UNOC:3+RETAILCO:ZZ+HUBVENDOR:ZZ+261120:1015+100000007'UNH+1+ORDERS:D:96A:UN:EAN008'\
         BGM+220+47??11?+?'+9'DTM+137:20261120:102'LIN+1'PIA+5+A?:1:SA'QTY+21:12:PCE'UNS+S'CNT+2:1'UNT+9+1'UNZ+1+100000007'"
    );
    let read = read_bytes(&super::support::spec("edifact", "orders"), text.as_bytes()).unwrap();
    assert_eq!(read[0].value["BGM"]["02"]["01"], "47?11+'");
    let mut chinese = row;
    chinese["BGM"]["02"]["01"] = json!("中");
    let error = write_rows(&spec, &given, &[chinese]).unwrap_err().to_string();
    assert!(error.contains("character '中' does not exist in iso-8859-1"), "{error}");
}
