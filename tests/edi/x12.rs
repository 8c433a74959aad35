//! X12: trees, envelopes, and each way in which an interchange does not tie.

use serde_json::json;

use super::support::partner_settings;
use super::support::{check_refused, fixture, read_bytes, replaced, spec, write_rows, write_spec};

fn order() -> String {
    fixture("x12", "850_101.edi")
}

#[test]
fn an_order_becomes_a_tree() {
    let rows = read_bytes(&spec("x12", "orders"), order().as_bytes()).unwrap();
    assert_eq!(rows.len(), 2);
    let row = &rows[0].value;
    assert_eq!(row["BEG"], json!({ "01": "00", "02": "SA", "03": "4500012345", "05": "20261120" }));
    assert_eq!(row["vendor_number"], json!({ "01": "IA", "02": "770011" }));
    assert_eq!(row["ship_to"]["N4"], json!({ "01": "Columbus", "02": "OH", "03": "43004", "04": "US" }));
    assert_eq!(row["ship_on"]["02"], "20261124");
    assert_eq!(row["lines"][1]["PO1"]["ids"], json!({ "UP": "012345678912", "VP": "PLATE-02", "BP": "778813" }));
    assert_eq!(row["order_total"]["02"], "258");
    assert_eq!(row["sums"]["lines"], "258");
    assert_eq!(rows[1].value["sums"]["lines"], "9.99");
    assert!(rows[1].value.get("CUR").is_none(), "what is not sent is absent");
    let header = rows[1].header.as_deref().unwrap();
    assert_eq!((&header["sender"], &header["control_number"]), (&json!("RETAILCO"), &json!("000000101")));
    assert_eq!(header["group"]["version"], "004010");
    assert_eq!(header["message"], json!({ "type": "850", "control_number": "0002" }));
    assert_eq!((rows[1].place.row, rows[1].record_type.as_deref()), (2, Some("850")));
}

#[test]
fn delimiters_are_taken_from_isa_and_line_ends_are_cosmetic() {
    let spec = spec("x12", "orders");
    let plain = read_bytes(&spec, order().as_bytes()).unwrap();
    let one_line = order().replace('\n', "");
    let windows = order().replace('\n', "\r\n");
    let lines_only = order().replace("~\n", "\n");
    let odd = one_line.replace('*', "|").replace('>', "^").replace('~', "\u{1d}");
    for text in [one_line, windows, lines_only, odd] {
        let rows = read_bytes(&spec, text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(
            rows.iter().map(|row| &row.value).collect::<Vec<_>>(),
            plain.iter().map(|row| &row.value).collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_does_not_tie_is_refused_with_its_place() {
    let check = |from: &str, to: &str, parts: &[&str]| {
        check_refused(&spec("x12", "orders"), &replaced(&order(), from, to), parts);
    };
    check(
        "SE*19*0001",
        "SE*18*0001",
        &["interchange 000000101", "message 0001 (850)", "SE01 states 18 segments, found 19"],
    );
    check("SE*19*0001", "SE*19*0009", &["SE02 closes number \"0009\"", "\"0001\" is open"]);
    check("GE*2*101", "GE*1*101", &["group 101", "GE01 states 1 transaction sets, found 2"]);
    check("GE*2*101", "GE*2*102", &["GE02 closes number \"102\""]);
    check("IEA*1*000000101", "IEA*2*000000101", &["IEA01 states 2 groups, found 1"]);
    check("IEA*1*000000101", "IEA*1*000000102", &["IEA02 closes number \"000000102\""]);
    check("CTT*2*18", "CTT*3*18", &["control total", "CTT.01 states 3, found 2"]);
    check("CTT*2*18", "CTT*2*19", &["CTT.02 states 19, found 18"]);
    check("CTT*2*18", "CTT*2*many", &["\"many\" is not a number"]);
    check("ST*850*0002", "ST*850*0001", &["transaction set control number \"0001\" occurs twice"]);
    check("ST*850*0002", "ST*855*0002", &["message type \"855\" is not one of 850"]);
    check("ST*850*0002", "ST*850", &["transaction set control number is missing"]);
    check("*X*004010", "*X*003040", &["version \"003040\""]);
    check("*0*P*>", "*0*T*>", &["usage", "\"T\"", "expects \"P\""]);
    check(
        "ZZ*RETAILCO       *",
        "ZZ*SOMEBODY       *",
        &["the sender is \"SOMEBODY\", the connection expects \"RETAILCO\""],
    );
    check("ZZ*HUBVENDOR      *", "ZZ*ELSEWHERE      *", &["the receiver is \"ELSEWHERE\""]);
    check("ZZ*HUBVENDOR      *", "ZZ*HUBVENDOR     *", &["ISA is not 106 characters long"]);
    check("IEA*1*000000101~\n", "", &["the file ends inside the interchange: IEA is missing"]);
    check("GE*2*101~\n", "", &["expected ST or GE, found IEA"]);
    check("SE*19*0001~\n", "", &["expected SE before it, found ST"]);
}

#[test]
fn structure_is_checked_segment_by_segment() {
    let check = |from: &str, to: &str, parts: &[&str]| {
        check_refused(&spec("x12", "orders"), &replaced(&order(), from, to), parts);
    };
    check("REF*IA*770011~\n", "ZAP*1~\n", &["message 0001 (850), segment 4 ZAP", "not part of the declared structure"]);
    check("CUR*BY*USD~\n", "CTT*2~\n", &["segment", "wrong place"]);
    check("BEG*00*SA*4500012346**20261120~\n", "CUR*SE*USD~\n", &["message 0002 (850)", "segment BEG is missing"]);
    check("PO1*1*1*EA*9.99**VP*MUG-01~\n", "PID*F****x~\n", &["message 0002", "lines (PO1) is missing"]);
    check("VP*MUG-01*BP*778812", "VP*MUG-01*VP*778812", &["element 10", "qualifier \"VP\" occurs twice"]);
    check("VP*MUG-01*BP*778812", "VP*MUG-01*BP", &["element 10", "incomplete"]);
    check("PO1*1*12*EA", "PO1*1*1>2*EA", &["segment 13 PO1", "element 02", "not declared as a composite"]);
    check("PO1*1*12*EA", "PO1*1*12,5.0*EA", &["element 02", "is not a number"]);
    check("Ceramic mug", "Ceramic\nmug", &["a line end inside a segment"]);
    check("Ceramic mug", "Ceramic\u{7}mug", &["control character U+0007"]);
}

#[test]
fn interchanges_with_one_number_in_a_file_are_repeats() {
    let spec = spec("x12", "orders");
    check_refused(&spec, &order().repeat(2), &["interchange control number \"RETAILCO/000000101\" occurs twice"]);
    let second = order().replace("000000101", "000000102");
    assert_eq!(read_bytes(&spec, format!("{}{second}", order()).as_bytes()).unwrap().len(), 4);
    check_refused(&spec, "", &["no data rows"]);
    check_refused(&spec, "hello", &["begins with ISA, found \"hel\""]);
}

#[test]
fn ship_notices_nest_by_their_hierarchy() {
    let text = fixture("x12", "856_103.edi");
    let spec = spec("x12", "ship-notices");
    let rows = read_bytes(&spec, text.as_bytes()).unwrap();
    let row = &rows[0].value;
    assert_eq!(row["shipment"]["order"]["packs"].as_array().unwrap().len(), 2);
    assert_eq!(row["shipment"]["order"]["packs"][1]["MAN"][0]["02"], "00006141411234567906");
    assert_eq!(row["items"][1]["SN1"]["02"], "4");
    let check = |from: &str, to: &str, parts: &[&str]| check_refused(&spec, &replaced(&text, from, to), parts);
    check("HL*6*5*I*0", "HL*6*9*I*0", &["HL names the parent \"9\""]);
    check("HL*6*5*I*0", "HL*5*5*I*0", &["hierarchy's number \"5\" occurs twice"]);
    check("CTT*6*16", "CTT*5*16", &["CTT.01 states 5, found 6"]);
    check("CTT*6*16", "CTT*6*17", &["CTT.02 states 17, found 16"]);
    // An item directly under the order, after a pack, belongs to the order.
    let direct = replaced(&text, "HL*6*5*I*0", "HL*6*2*I*0");
    let rows = read_bytes(&spec, direct.as_bytes()).unwrap();
    assert_eq!(rows[0].value["items"].as_array().unwrap().len(), 2);
}

#[test]
fn implied_decimals_get_their_point() {
    let rows = read_bytes(&spec("x12", "invoices"), fixture("x12", "810_104.edi").as_bytes()).unwrap();
    assert_eq!(rows[0].value["TDS"]["01"], "222.50");
    assert_eq!(rows[0].value["charges"][0]["SAC"]["05"], "12.50");
    let text = fixture("x12", "810_104.edi");
    check_refused(
        &spec("x12", "invoices"),
        &replaced(&text, "TDS*22250", "TDS*222.50"),
        &["TDS", "decimals are implied"],
    );
}

#[test]
fn what_is_written_has_envelopes_counts_and_numbers() {
    let (spec, given) = write_spec("x12", "orders-out", &partner_settings());
    let row = json!({
        "BEG": { "01": "00", "02": "SA", "03": "4711", "05": "20261120" },
        "CUR": { "01": "BY", "02": "USD" },
        "lines": [
            { "PO1": { "02": "12", "03": "EA", "04": "9.50", "ids": { "VP": "MUG-01" } }, "description": { "05": "Mug" } },
            { "PO1": { "02": "2.5", "03": "EA", "04": "24.00", "ids": { "VP": "PLATE-02" } } },
        ],
        "order_total": { "02": "174.00" },
    });
    let text = write_rows(&spec, &given, &[row]).unwrap();
    assert_eq!(
        text,
        "ISA*00*          *00*          *ZZ*RETAILCO       *ZZ*HUBVENDOR      *261120*1015*U*00401*100000007*0*P*>~\
         GS*PO*RETAILCO*HUBVENDOR*20261120*1015*100000007*X*004010~ST*850*0001~BEG*00*SA*4711**20261120~CUR*BY*USD~\
         PO1*1*12*EA*9.50**VP*MUG-01~PID*F****Mug~PO1*2*2.5*EA*24.00**VP*PLATE-02~CTT*2*14.5~AMT*TT*174.00~SE*9*0001~\
         GE*1*100000007~IEA*1*100000007~"
    );
}

#[test]
fn what_x12_cannot_say_is_refused() {
    let (spec, given) = write_spec("x12", "orders-out", &partner_settings());
    let check = |change: fn(&mut serde_json::Value), part: &str| {
        let mut row = json!({
            "BEG": { "01": "00", "02": "SA", "03": "4711", "05": "20261120" },
            "lines": [{ "PO1": { "02": "1", "03": "EA", "ids": { "VP": "A" } } }],
        });
        change(&mut row);
        let error = write_rows(&spec, &given, &[row]).unwrap_err().to_string();
        assert!(error.contains(part), "{part:?} is not in: {error}");
    };
    check(|row| row["BEG"]["03"] = json!("47*11"), "'*' separates and cannot be written as data in X12");
    check(|row| row["BEG"]["03"] = json!("47\n11"), "control character");
    check(|row| row["BEG"]["zz"] = json!("1"), "\"zz\" is not part of the declared structure");
    check(|row| row["lynes"] = json!([]), "\"lynes\" is not part");
    check(|row| row["lines"] = json!([]), "lines is missing");
    check(|row| row["lines"][0]["PO1"]["02"] = json!("many"), "is not a number");
    check(|row| row["CUR"] = json!("USD"), "CUR is a text");
    let (spec, given) = write_spec("x12", "invoices-out", &partner_settings());
    let row = json!({
        "BIG": { "01": "20261123", "02": "1" }, "TDS": { "01": "1.005" },
        "lines": [{ "IT1": { "02": "1", "03": "EA" } }],
    });
    let error = write_rows(&spec, &given, &[row]).unwrap_err().to_string();
    assert!(error.contains("more decimals"), "{error}");
}
