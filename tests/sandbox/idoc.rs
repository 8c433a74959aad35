//! The IDoc ERP and its judge: what it takes, refuses, repeats and says, and every way in which a hub can be wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syncline::sandbox::{
    Currency, Faults, FindingKind, IdocErp, IdocMirror, IdocOptions, PlacedLine, PlacedOrder, ToldDelivery, Vendor,
};

use crate::mirror::field;
use crate::world::wait_for;

struct Erp {
    erp: IdocErp,
    _dir: tempfile::TempDir,
}

async fn start(faults: Faults) -> Erp {
    let dir = tempfile::tempdir().unwrap();
    let options = IdocOptions {
        faults,
        half_written_for: Duration::from_millis(100),
        stock_every: Duration::from_secs(3600),
        ..IdocOptions::new(2, dir.path())
    };
    Erp { erp: IdocErp::start(options).await.unwrap(), _dir: dir }
}

fn order(number: &str) -> PlacedOrder {
    let line = |sku: &str, quantity_thousandths, unit_minor, discount_minor| PlacedLine {
        sku: sku.to_owned(),
        quantity_thousandths,
        unit_minor,
        discount_minor,
    };
    PlacedOrder {
        number: number.to_owned(),
        placed_s: 1_795_168_800, // 2026-11-20T10:00:00Z
        currency: Currency::Eur,
        shipping_minor: 490,
        lines: vec![line("MUG-01", 2_000, 900, 0), line("00123", 1_500, 1_250, 50)],
    }
}

/// What a partner who has read the same sheet writes for `order`.
fn idoc(docnum: &str, number: &str) -> String {
    let segment = |name: &str, fields: &str| format!("<{name} SEGMENT=\"1\">{fields}</{name}>");
    let item = |quantity: &str, price: &str, discount: &str, material: &str| {
        segment(
            "E1EDP01",
            &format!(
                "<MENGE>{quantity}</MENGE><MENEE>PCE</MENEE><VPREI>{price}</VPREI><PEINH>1</PEINH><CURCY>EUR</CURCY>{discount}{}",
                segment("E1EDP19", &format!("<QUALF>002</QUALF><IDTNR>{material}</IDTNR>"))
            ),
        )
    };
    [
        "<IDOC BEGIN=\"1\">".to_owned(),
        segment("EDI_DC40", &format!(
            "<TABNAM>EDI_DC40</TABNAM><MANDT>100</MANDT><DOCNUM>{docnum}</DOCNUM><DIRECT>2</DIRECT><IDOCTYP>ORDERS05</IDOCTYP>\
             <MESTYP>ORDERS</MESTYP><SNDPOR>HUB</SNDPOR><SNDPRT>LS</SNDPRT><SNDPRN>WEBHUB</SNDPRN><RCVPOR>SAPPRD</RCVPOR>\
             <RCVPRT>LS</RCVPRT><RCVPRN>PRDCLNT100</RCVPRN><CREDAT>20261120</CREDAT><CRETIM>100000</CRETIM>"
        )),
        segment("E1EDK01", &format!("<CURCY>EUR</CURCY><BELNR>{number}</BELNR>")),
        [("008", "1010"), ("007", "10"), ("006", "00"), ("012", "TA")]
            .map(|(kind, id)| segment("E1EDK14", &format!("<QUALF>{kind}</QUALF><ORGID>{id}</ORGID>")))
            .concat(),
        segment("E1EDK03", "<IDDAT>022</IDDAT><DATUM>20261120</DATUM>"),
        segment("E1EDK05", "<ALCKZ>+</ALCKZ><KSCHL>HD00</KSCHL><BETRG>4.90</BETRG>"),
        segment("E1EDKA1", "<PARVW>AG</PARVW><PARTN>0010100001</PARTN>"),
        segment("E1EDK02", &format!("<QUALF>001</QUALF><BELNR>{number}</BELNR>")),
        item("2.000", "9.00", "", "MUG-01"),
        item("1.500", "12.50", &segment("E1EDP05", "<ALCKZ>-</ALCKZ><KSCHL>RB00</KSCHL><BETRG>0.50</BETRG>"), "000000000000000123"),
        segment("E1EDS01", "<SUMID>001</SUMID><SUMME>2</SUMME>"),
        "</IDOC>".to_owned(),
    ]
    .concat()
}

impl Erp {
    fn drop(&self, name: &str, idocs: &[String], marker: bool) {
        let path = self.erp.inbound_dir().join(name);
        fs::write(&path, format!("<ORDERS05>{}</ORDERS05>", idocs.concat())).unwrap();
        if marker {
            fs::write(path.with_extension("xml.done"), "").unwrap();
        }
    }

    async fn taken(&self, name: &str) {
        self.erp.start_work();
        let path = self.erp.inbound_dir().join(name);
        wait_for("the file to be taken", || !path.exists()).await;
    }

    fn statuses(&self) -> Vec<(String, &'static str)> {
        self.erp.statuses().into_iter().map(|status| (status.reference, status.status)).collect()
    }

    fn outbound(&self, kind: &str) -> Vec<PathBuf> {
        outbound(self.erp.outbound_dir(), kind)
    }

    #[track_caller]
    fn check(&self, placed: &[PlacedOrder], mirror: &IdocMirror, expected: &[(FindingKind, Vendor, &str)]) {
        let verdict = self.erp.verdict(placed, mirror);
        assert_eq!(verdict.findings(), expected.len() as u64, "{verdict}");
        for (kind, vendor, key) in expected {
            let named =
                verdict.details.iter().any(|f| f.kind == *kind && f.vendor == *vendor && f.key.starts_with(key));
            assert!(named, "no {kind:?} {key}: {verdict}");
        }
    }
}

fn outbound(dir: &Path, kind: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(kind) && name.ends_with(".xml")
    });
    paths.sort();
    paths
}

fn documents(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split("<IDOC BEGIN=\"1\">").skip(1).map(str::to_owned).collect()
}

fn thousandths(text: &str) -> i64 {
    let (digits, sign) = text.trim().strip_suffix('-').map_or((text.trim(), 1), |digits| (digits, -1));
    sign * digits.replace('.', "").parse::<i64>().unwrap()
}

/// A hub that does everything right: the newest document of each delivery and material, by its number.
fn right(erp: &Erp) -> IdocMirror {
    let mut mirror = IdocMirror::default();
    let all = |kind: &str| {
        let mut found: Vec<String> = erp.outbound(kind).iter().flat_map(|path| documents(path)).collect();
        found.sort_by_key(|document| field(document, "DOCNUM").to_owned());
        found
    };
    for document in all("LOISTD_") {
        let sku = field(&document, "MATNR").trim_start_matches('0').to_owned();
        mirror.stock.entry(sku).or_default().push(thousandths(field(&document, "LABST")));
    }
    for document in all("DESADV_") {
        let optional = |name: &str| document.contains(name).then(|| field(&document, name).to_owned());
        let issue = document.split("<QUALF>006</QUALF>").nth(1).unwrap();
        let at = format!("{}{}", field(issue, "NTANF"), field(issue, "NTANZ"));
        let at = jiff::fmt::strtime::parse("%Y%m%d%H%M%S", &at).ok().and_then(|at| at.to_datetime().ok());
        mirror.deliveries.push(ToldDelivery {
            number: field(&document, "VBELN").to_owned(),
            order: field(&document, "BSTNR").to_owned(),
            carrier: optional("TRATY"),
            tracking_number: optional("TRAID"),
            shipped_s: at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()),
            lines: document
                .split("<E1EDL24 ")
                .skip(1)
                .map(|item| (field(item, "MATNR").to_owned(), thousandths(field(item, "LFIMG"))))
                .collect(),
        });
    }
    mirror
}

/// Two orders booked, delivered and issued, stock published; all of it told.
async fn settled() -> (Erp, Vec<PlacedOrder>, IdocMirror) {
    let erp = start(Faults::none()).await;
    erp.drop("ORDERS_1.xml", &[idoc("0000000000000001", "W-1"), idoc("0000000000000002", "W-2")], true);
    erp.taken("ORDERS_1.xml").await;
    erp.erp.finish().await;
    let mirror = right(&erp);
    (erp, vec![order("W-1"), order("W-2")], mirror)
}

#[tokio::test]
async fn a_hub_that_is_right_is_clean_and_each_way_of_being_wrong_has_a_name() {
    use FindingKind::{Doubled, Lost, Stale, Wrong};
    let (erp, placed, mirror) = settled().await;
    erp.check(&placed, &mirror, &[]);
    assert_eq!(mirror.stock["MUG-01"], [-11_500], "a minus behind, and two deliveries of two");

    let mut more = placed.clone();
    more.push(order("W-3"));
    erp.check(&more, &mirror, &[(Lost, Vendor::Erp, "W-3")]);
    erp.check(&placed[..1], &mirror, &[(Wrong, Vendor::Erp, "W-2")]);
    let mut other = placed.clone();
    other[0].lines[1].discount_minor = 0;
    erp.check(&other, &mirror, &[(Wrong, Vendor::Erp, "W-1")]);

    let first = mirror.deliveries[0].number.clone();
    let told = |change: &dyn Fn(&mut IdocMirror)| {
        let mut changed = mirror.clone();
        change(&mut changed);
        changed
    };
    let forgotten = told(&|m| m.deliveries.retain(|delivery| delivery.number != first));
    erp.check(&placed, &forgotten, &[(Lost, Vendor::Shop, &first)]);
    let doubled = told(&|m| m.deliveries.push(m.deliveries.last().unwrap().clone()));
    erp.check(&placed, &doubled, &[(Doubled, Vendor::Shop, &mirror.deliveries.last().unwrap().number)]);
    let before_issue = mirror.deliveries.iter().find(|delivery| delivery.tracking_number.is_none()).unwrap().clone();
    let back = told(&|m| m.deliveries.push(before_issue.clone()));
    erp.check(
        &placed,
        &back,
        &[(Stale, Vendor::Shop, &before_issue.number), (Stale, Vendor::Shop, &before_issue.number)],
    );
    let wrong = told(&|m| m.deliveries.last_mut().unwrap().tracking_number = Some("1".to_owned()));
    erp.check(&placed, &wrong, &[(Wrong, Vendor::Shop, &mirror.deliveries.last().unwrap().number)]);

    erp.check(&placed, &told(&|m| drop(m.stock.remove("MUG-01"))), &[(Lost, Vendor::Shop, "MUG-01")]);
    let never = told(&|m| m.stock.get_mut("MUG-01").unwrap().insert(0, 7));
    erp.check(&placed, &never, &[(Wrong, Vendor::Shop, "MUG-01")]);
    let strange = told(&|m| drop(m.stock.insert("GONE".to_owned(), vec![1])));
    erp.check(&placed, &strange, &[(Wrong, Vendor::Shop, "GONE")]);
    erp.erp.shutdown().await;
}

#[tokio::test]
async fn number_and_sender_make_an_idoc_known_and_another_number_makes_another_order() {
    let erp = start(Faults { idoc_imported_twice_permille: 1000, ..Faults::none() }).await;
    let one = idoc("0000000000000001", "W-1");
    erp.drop("ORDERS_1.xml", &[one.clone(), one.clone()], true);
    erp.drop("ORDERS_2.xml", &[one], true);
    erp.taken("ORDERS_2.xml").await;
    assert_eq!(erp.erp.progress().orders, 1);
    erp.drop("ORDERS_3.xml", &[idoc("0000000000000009", "W-1")], true);
    erp.taken("ORDERS_3.xml").await;
    erp.erp.finish().await;
    erp.check(&[order("W-1")], &right(&erp), &[(FindingKind::Doubled, Vendor::Erp, "W-1")]);
    // Nothing else tells it apart: without a number the same file is an order each time.
    let nameless = start(Faults { idoc_imported_twice_permille: 1000, ..Faults::none() }).await;
    nameless.drop("ORDERS_1.xml", &[idoc("", "W-1")], true);
    nameless.taken("ORDERS_1.xml").await;
    assert_eq!(nameless.erp.progress().orders, 2);
    erp.erp.shutdown().await;
    nameless.erp.shutdown().await;
}

#[tokio::test]
async fn a_file_without_its_marker_waits_and_one_that_is_no_xml_is_set_aside() {
    let erp = start(Faults::none()).await;
    erp.drop("ORDERS_1.xml", &[idoc("0000000000000001", "W-1")], false);
    erp.drop("ORDERS_2.xml", &["<IDOC BEGIN=\"1\">".to_owned()], true);
    erp.taken("ORDERS_2.xml").await;
    assert!(erp.erp.inbound_dir().join("ORDERS_1.xml").exists());
    assert!(erp.erp.inbound_dir().join("error/ORDERS_2.xml").exists());
    erp.check(&[], &IdocMirror::default(), &[(FindingKind::Wrong, Vendor::Erp, "ORDERS_2.xml")]);
    erp.erp.shutdown().await;
}

#[tokio::test]
async fn a_status_is_told_for_what_is_posted_refused_and_posted_later() {
    let erp = start(Faults { idoc_rejected_permille: 1000, ..Faults::none() }).await;
    let bad = idoc("0000000000000002", "W-2").replace("MUG-01", "NO-SUCH");
    erp.drop("ORDERS_1.xml", &[idoc("0000000000000001", "W-1"), bad], true);
    erp.taken("ORDERS_1.xml").await;
    wait_for("the lock to be gone", || erp.erp.progress().orders == 1).await;
    erp.erp.finish().await;
    let expected = [("W-1", "51"), ("W-2", "51"), ("W-1", "53")].map(|(order, status)| (order.to_owned(), status));
    assert_eq!(erp.statuses(), expected);
    let told: Vec<String> = erp.outbound("ALEAUD_").iter().flat_map(|path| documents(path)).collect();
    let said = |document: &String| {
        let state = document.split("<E1STATE ").nth(1).unwrap();
        (field(state, "DOCNUM").trim_start_matches('0').to_owned(), field(state, "STATUS").to_owned())
    };
    let expected = [("1", "51"), ("2", "51"), ("1", "53")].map(|(n, status)| (n.to_owned(), status.to_owned()));
    assert_eq!(told.iter().map(said).collect::<Vec<_>>(), expected);
    assert!(told[1].contains("Material \"NO-SUCH\" is not defined"), "{}", told[1]);
    let placed = [order("W-1"), order("W-2")];
    let verdict = erp.erp.verdict(&placed, &right(&erp));
    assert!(verdict.to_string().contains("status 51: Material \"NO-SUCH\" is not defined"), "{verdict}");
    assert_eq!(verdict.lost, 1);
    erp.erp.shutdown().await;
    let silent = start(Faults { idoc_ack_missing_permille: 1000, ..Faults::none() }).await;
    silent.drop("ORDERS_1.xml", &[idoc("0000000000000001", "W-1")], true);
    silent.taken("ORDERS_1.xml").await;
    silent.erp.finish().await;
    assert_eq!((silent.erp.progress().orders, silent.outbound("ALEAUD_").len()), (1, 0));
    silent.erp.shutdown().await;
}

#[tokio::test]
async fn files_come_in_halves_before_their_marker_twice_and_in_any_order() {
    let faults = Faults {
        file_half_written_permille: 1000,
        file_abandoned_permille: 1000,
        file_marker_first_permille: 1000,
        idoc_repeated_permille: 1000,
        idoc_shuffled_permille: 1000,
        ..Faults::none()
    };
    let erp = start(faults).await;
    erp.drop("ORDERS_1.xml", &[idoc("0000000000000001", "W-1"), idoc("0000000000000002", "W-2")], true);
    erp.erp.start_work();
    let marked_first = || {
        let markers = fs::read_dir(erp.erp.outbound_dir()).unwrap().map(|entry| entry.unwrap().path());
        markers
            .filter(|path| path.extension().is_some_and(|e| e == "done"))
            .any(|path| !path.with_extension("").exists())
    };
    wait_for("a marker without its file", marked_first).await;
    let half =
        || erp.outbound("DESADV_").iter().any(|path| !fs::read_to_string(path).unwrap().ends_with("</DELVRY07>\n"));
    wait_for("half a file", half).await;
    wait_for("goods issues", || erp.erp.faults().get("idoc_repeated").is_some_and(|n| *n >= 3)).await;
    erp.erp.finish().await;
    let whole: Vec<String> = erp.outbound("DESADV_").iter().flat_map(|path| documents(path)).collect();
    let numbers: Vec<&str> = whole.iter().map(|document| field(document, "DOCNUM")).collect();
    let distinct: std::collections::BTreeSet<&&str> = numbers.iter().collect();
    assert!(distinct.len() < numbers.len(), "some come twice: {numbers:?}");
    assert!(!numbers.is_sorted(), "{numbers:?}");
    let marked = |path: &PathBuf| path.with_extension("xml.done").exists();
    assert!(erp.outbound("DESADV_").iter().all(marked), "halves are cleared away in the end");
    erp.erp.shutdown().await;
}

fn envelope(content: &str) -> String {
    format!("<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>{content}</e:Body></e:Envelope>")
}

const CREATE: &str = "<n:BAPI_SALESORDER_CREATEFROMDAT2 xmlns:n=\"urn:sap-com:document:sap:rfc:functions\"><ORDER_HEADER_IN><DOC_TYPE>TA</DOC_TYPE>\
    <SALES_ORG>1010</SALES_ORG><DISTR_CHAN>10</DISTR_CHAN><DIVISION>00</DIVISION><PURCH_DATE>2026-11-20</PURCH_DATE><PURCH_NO_C>W-1</PURCH_NO_C>\
    <CURRENCY>EUR</CURRENCY></ORDER_HEADER_IN><ORDER_ITEMS_IN><item><ITM_NUMBER>000010</ITM_NUMBER><MATERIAL>MUG-01</MATERIAL><TARGET_QTY>2.000</TARGET_QTY></item></ORDER_ITEMS_IN>\
    <ORDER_PARTNERS><item><PARTN_ROLE>AG</PARTN_ROLE><PARTN_NUMB>0010100001</PARTN_NUMB></item></ORDER_PARTNERS><ORDER_CONDITIONS_IN>\
    <item><ITM_NUMBER>000010</ITM_NUMBER><COND_TYPE>PR00</COND_TYPE><COND_VALUE>9.00</COND_VALUE><CURRENCY>EUR</CURRENCY></item></ORDER_CONDITIONS_IN></n:BAPI_SALESORDER_CREATEFROMDAT2>";

#[tokio::test]
async fn soap_wants_a_session_and_refuses_in_an_answer_of_200() {
    let erp = start(Faults::none()).await;
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (user, password) = erp.erp.login();
    let (url, password) = (erp.erp.soap_url(), Some(password));
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    let fetched = client.get(&url).basic_auth(user, password).header("x-csrf-token", "Fetch").send().await.unwrap();
    let token = fetched.headers()["x-csrf-token"].clone();
    let cookie = fetched.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let post = |content: &str| client.post(&url).basic_auth(user, password).body(envelope(content));
    let refused = post(CREATE).header("x-csrf-token", token.clone()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["x-csrf-token"]), (403, &"Required".parse().unwrap()));

    let call = async |content: &str| {
        let answer =
            post(content).header("x-csrf-token", token.clone()).header("cookie", &cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, body) = call(CREATE).await;
    assert_eq!((status, field(&body, "SALESDOCUMENT"), field(&body, "TYPE")), (200, "0000004711", "S"));
    let (status, body) = call(&CREATE.replace("MUG-01", "NO-SUCH")).await;
    assert_eq!((status, field(&body, "SALESDOCUMENT"), field(&body, "TYPE")), (200, "", "E"));
    let (status, body) = call("<NO_SUCH_FUNCTION/>").await;
    assert_eq!((status, field(&body, "faultcode")), (500, "soap:Client"));
    let list = "<BAPI_SALESORDER_GETLIST><PURCHASE_ORDER_NUMBER>W-1</PURCHASE_ORDER_NUMBER></BAPI_SALESORDER_GETLIST>";
    let (_, body) = call(list).await;
    assert_eq!(field(&body, "SD_DOC"), "0000004711");
    let mut placed = order("W-1");
    (placed.shipping_minor, placed.lines) = (0, placed.lines[..1].to_vec());
    erp.check(&[placed], &IdocMirror::default(), &[]);
    erp.erp.shutdown().await;
}
