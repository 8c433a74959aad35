//! Protocols inside HTTP, business errors behind a 200, dressed values.

use serde_json::{Value, json as value};
use syncline::connector::call::{Receipt, WriteContext};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, context, manifest};
use crate::vendor::{Asked, Vendor, json, with};

fn sink(write: &str, http: &str) -> std::sync::Arc<syncline::connector::manifest::Manifest> {
    manifest(
        &format!("{AUTH}{http}"),
        &format!("\nstreams:\n  sink:\n    entity: any\n    write:\n      set: {write}\n"),
    )
}

async fn set(shop: &Connection) -> Result<Receipt, (ErrorClass, String)> {
    let record = value!({"sku": "A&B<1>", "qty": 3, "price": "1.50"});
    let context = WriteContext { record, ..context() };
    shop.write("sink", OpKind::Set, &context).await.map_err(|error| (error.class, error.message))
}

/// The verdict over one answer.
async fn judged(write: &str, http: &str, status: u16, body: &str) -> Result<Receipt, (ErrorClass, String)> {
    let body = body.to_owned();
    let vendor = Vendor::start(move |_, _| json(status, body.clone())).await;
    set(&connect(sink(write, http), &vendor.url)).await
}

#[tokio::test]
async fn business_errors_behind_a_200_get_their_class_from_the_vendors_code() {
    let http = r#"
  success: "body.status == \"ok\""
  errors:
    - { code: "{body.error.code}", classes: { "100": auth, "200": transient, "429": rate_limited, "300": conflict }, retry_after: "{body.error.wait?}", message: "{body.error.text}" }
    - { status: 503, code: "{body.code}", classes: { closed: permission } }"#;
    let write = "{ post: /x, json: { a: 1 } }";
    let ask = async |body: &str| judged(write, http, 200, body).await;
    assert!(ask(r#"{"status":"ok"}"#).await.is_ok());
    for (code, class) in [
        ("100", ErrorClass::Auth),
        ("\"200\"", ErrorClass::Transient),
        ("300", ErrorClass::Conflict),
        ("999", ErrorClass::Data),
    ] {
        let body = format!(r#"{{"status":"failed","error":{{"code":{code},"text":"no way"}}}}"#);
        let (found, message) = ask(&body).await.unwrap_err();
        assert_eq!(found, class, "{code}");
        assert!(message.contains("no way"), "{message}");
    }
    // An answer that does not say whether it worked leaves the outcome open.
    assert_eq!(ask(r#"{"state":"ok"}"#).await.unwrap_err().0, ErrorClass::UnknownOutcome);
    assert_eq!(ask("").await.unwrap_err().0, ErrorClass::UnknownOutcome);
    assert_eq!(judged(write, http, 503, r#"{"code":"closed"}"#).await.unwrap_err().0, ErrorClass::Permission);
    assert_eq!(judged(write, http, 503, r#"{"code":"busy"}"#).await.unwrap_err().0, ErrorClass::Transient);
    // A request's own condition comes first.
    let own = "{ post: /x, json: { a: 1 }, success: \"status == 204 || body.done\" }";
    assert!(judged(own, http, 204, "").await.is_ok());
    assert!(judged(own, http, 200, r#"{"done":true}"#).await.is_ok());
    assert_eq!(judged(own, http, 200, r#"{"done":false,"status":"ok"}"#).await.unwrap_err().0, ErrorClass::Data);
}

#[tokio::test]
async fn a_body_may_ask_for_patience() {
    let http = "\n  errors: [{ when: \"body.throttled\", class: rate_limited, retry_after: \"{body.wait}\" }]";
    let vendor = Vendor::start(|_, _| json(200, r#"{"throttled":true,"wait":7.5}"#)).await;
    let shop = connect(sink("{ post: /x, json: {} }", http), &vendor.url);
    let error = shop.write("sink", OpKind::Set, &context()).await.unwrap_err();
    assert_eq!((error.class, error.retry_after.map(|wait| wait.as_millis())), (ErrorClass::RateLimited, Some(7_500)));
}

#[tokio::test]
async fn a_budget_of_points_is_fed_by_the_body() {
    let http = "\n  rate_limit: { scheme: cost, size: 1000, restore_per_s: 50, cost: 100, left: \"{body.extensions.cost.throttleStatus.currentlyAvailable}\", \
                restore: \"{body.extensions.cost.throttleStatus.restoreRate}\", keep_free: 10% }";
    let vendor = Vendor::start(|number, _| {
        let left = if number == 0 { "500.0" } else { "190.0" };
        let throttled = if number == 2 { r#""errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"# } else { "" };
        json(200, format!(r#"{{{throttled}"data":{{}},"extensions":{{"cost":{{"throttleStatus":{{"currentlyAvailable":{left},"restoreRate":100.0}}}}}}}}"#))
    })
    .await;
    let shop = connect(sink("{ post: /g, graphql: { query: \"{ a }\" }, cost: 400 }", http), &vendor.url);
    set(&shop).await.unwrap();
    // 500 are left, 400 of them usable for work; then 190, of which 90.
    set(&shop).await.unwrap();
    let error = shop.write("sink", OpKind::Set, &context()).await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::RateLimited, false, 2), "{error}");
    assert!((2_500..=3_200).contains(&error.retry_after.unwrap().as_millis()), "{:?}", error.retry_after);
    // A refusal that came all the same says how long it takes until the points are there.
    let cheap = connect(sink("{ post: /g, graphql: { query: \"{ a }\" }, cost: 10 }", http), &vendor.url);
    let error = cheap.write("sink", OpKind::Set, &context()).await.unwrap_err();
    assert_eq!((error.class, error.sent, error.retry_after), (ErrorClass::RateLimited, true, None), "{error}");
}

const RPC: &str = "{ post: /jsonrpc, json_rpc: { method: call, params: { model: stock.quant, args: [\"{record.sku}\", \"{record.qty}\"] } } }";

#[tokio::test]
async fn json_rpc_calls_carry_an_id_and_answers_must_too() {
    let vendor = Vendor::start(|number, asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let id = if number == 2 { value!(0) } else { body["id"].clone() };
        json(200, value!({"jsonrpc": "2.0", "id": id, "result": true}).to_string())
    })
    .await;
    let shop = connect(sink(RPC, ""), &vendor.url);
    set(&shop).await.unwrap();
    set(&shop).await.unwrap();
    let (class, message) = set(&shop).await.unwrap_err();
    assert_eq!(class, ErrorClass::UnknownOutcome, "{message}");
    let sent: Vec<Value> = vendor.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect();
    assert_eq!((sent[0]["jsonrpc"].as_str(), sent[0]["method"].as_str()), (Some("2.0"), Some("call")));
    assert_eq!(sent[0]["params"], value!({"model": "stock.quant", "args": ["A&B<1>", 3]}));
    assert_ne!(sent[0]["id"], sent[1]["id"]);
}

#[tokio::test]
async fn json_rpc_errors_are_failures_whatever_the_status() {
    let http = "\n  errors: [{ code: \"{body.error.code}\", classes: { \"100\": auth } }]";
    for (error, status, class) in [
        (value!({"code": 100, "message": "Session expired"}), 200, ErrorClass::Auth),
        (
            value!({"code": 200, "message": "Server Error", "data": {"message": "Session expired"}}),
            200,
            ErrorClass::Data,
        ),
        (value!({"code": -32602, "message": "Session expired"}), 200, ErrorClass::Data),
        (value!({"code": -32603, "message": "Session expired"}), 200, ErrorClass::Transient),
        (value!({"code": -32000, "message": "Session expired"}), 500, ErrorClass::Transient),
        (value!({"message": "Session expired"}), 401, ErrorClass::Auth),
    ] {
        let body = value!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
        let (found, message) = judged(RPC, http, status, &body).await.unwrap_err();
        assert_eq!((found, message.as_str()), (class, "Session expired"), "{body}");
    }
    for shapeless in ["{}", "[]", "null", ""] {
        let (class, message) = judged(RPC, "", 200, shapeless).await.unwrap_err();
        assert_eq!(class, ErrorClass::UnknownOutcome, "{shapeless}: {message}");
    }
}

#[tokio::test]
async fn xml_rpc_calls_values_and_faults() {
    let write = "{ post: /xmlrpc, xml_rpc: { method: execute_kw, params: [db, 2, [[\"{record.sku}\"]], { price: \"{record.price}\", qty: \"{record.qty}\" }] }, response: { id: \"{body.result.id}\" } }";
    let answer = "<?xml version='1.0'?><methodResponse><params><param><value><struct><member><name>id</name><value><int>7</int></value></member></struct></value></param></params></methodResponse>";
    let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member><member><name>faultString</name><value><string>Access denied</string></value></member></struct></value></fault></methodResponse>";
    let vendor = Vendor::start(move |number, _| {
        with(200, &[("content-type", "text/xml")], if number == 0 { answer } else { fault })
    })
    .await;
    let http = "\n  errors: [{ when: 'body.fault.faultString == \"Access denied\"', class: permission }]";
    let shop = connect(sink(write, http), &vendor.url);
    assert_eq!(set(&shop).await.unwrap().remote_id.as_deref(), Some("7"));
    let asked = &vendor.asked()[0];
    assert_eq!(asked.header("content-type"), Some("text/xml; charset=utf-8"));
    assert!(
        asked.body.contains("<methodName>execute_kw</methodName>")
            && asked.body.contains("<string>A&amp;B&lt;1&gt;</string>"),
        "{}",
        asked.body
    );
    assert_eq!(set(&shop).await.unwrap_err(), (ErrorClass::Permission, "Access denied".to_owned()));
    assert_eq!(judged(write, "", 200, fault).await.unwrap_err(), (ErrorClass::Data, "Access denied".to_owned()));
    assert_eq!(judged(write, "", 200, "<html>proxy</html>").await.unwrap_err().0, ErrorClass::UnknownOutcome);
    assert_eq!(judged(write, "", 200, "{}").await.unwrap_err().0, ErrorClass::UnknownOutcome);
}

#[tokio::test]
async fn a_soap_fault_says_whose_fault_it_was() {
    let write = "{ post: /s, soap: { content: \"<set/>\" } }";
    let fault = |code: &str| {
        format!(
            "<s:Envelope xmlns:s='x'><s:Body><s:Fault><faultcode>{code}</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
        )
    };
    for (code, class) in [
        ("soap:Client", ErrorClass::Data),
        ("s:Server", ErrorClass::Transient),
        ("Client.Validation", ErrorClass::Data),
    ] {
        for status in [200, 500] {
            assert_eq!(
                judged(write, "", status, &fault(code)).await.unwrap_err(),
                (class, "no".to_owned()),
                "{code} {status}"
            );
        }
    }
}

/// The envelope, the content type with its action and the fault of the recommendation (part 0, examples 1 and 5; RFC 3902).
#[tokio::test]
async fn soap_1_2_has_its_own_envelope_content_type_and_fault() {
    let write = "{ post: /s, soap: { version: \"1.2\", action: 'urn:set\"x', content: { \"t:Set\": { \"@xmlns:t\": \"urn:t\", Sku: \"{record.sku}\" } } }, response: { id: \"{body.Envelope.Body.Done.Id}\" } }";
    let done = "<env:Envelope xmlns:env='http://www.w3.org/2003/05/soap-envelope'><env:Body><Done><Id>7</Id></Done></env:Body></env:Envelope>";
    let vendor =
        Vendor::start(move |_, _| with(200, &[("content-type", "application/soap+xml; charset=utf-8")], done)).await;
    assert_eq!(set(&connect(sink(write, ""), &vendor.url)).await.unwrap().remote_id.as_deref(), Some("7"));
    let asked = &vendor.asked()[0];
    assert_eq!(
        asked.body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Body>\
         <t:Set xmlns:t=\"urn:t\"><Sku>A&amp;B&lt;1&gt;</Sku></t:Set></soap:Body></soap:Envelope>"
    );
    assert_eq!(asked.header("content-type"), Some(r#"application/soap+xml; charset=utf-8; action="urn:set\"x""#));
    assert_eq!(asked.header("soapaction"), None);
    let vendor = Vendor::start(move |_, _| json(200, "<a/>")).await;
    set(&connect(sink("{ post: /s, soap: { version: 1.2, content: \"<set/>\" } }", ""), &vendor.url)).await.unwrap();
    assert_eq!(vendor.asked()[0].header("content-type"), Some("application/soap+xml; charset=utf-8"));

    let fault = |code: &str, reasons: &str| {
        format!(
            "<env:Envelope xmlns:env='http://www.w3.org/2003/05/soap-envelope' xmlns:rpc='http://www.w3.org/2003/05/soap-rpc'><env:Body><env:Fault>\
             <env:Code><env:Value>env:{code}</env:Value><env:Subcode><env:Value>rpc:BadArguments</env:Value></env:Subcode></env:Code>\
             <env:Reason>{reasons}</env:Reason><env:Detail><e:e xmlns:e='urn:e'>999</e:e></env:Detail></env:Fault></env:Body></env:Envelope>"
        )
    };
    let english = "<env:Text xml:lang='en-US'>Processing error</env:Text>";
    let both = format!("<env:Text xml:lang='cs'>Chyba zpracování</env:Text>{english}");
    for (code, class) in [
        ("Sender", ErrorClass::Data),
        ("Receiver", ErrorClass::Transient),
        ("MustUnderstand", ErrorClass::Data),
        ("VersionMismatch", ErrorClass::Data),
        ("DataEncodingUnknown", ErrorClass::Data),
    ] {
        for (status, reasons) in [(200, english), (500, &both), (400, english)] {
            let judged = judged(write, "", status, &fault(code, reasons)).await.unwrap_err();
            assert_eq!(judged, (class, "Processing error".to_owned()), "{code} {status}");
        }
    }
}

#[tokio::test]
async fn parts_of_a_multipart_body() {
    let write = "{ post: /files, multipart: { note: \"{record.sku}\", \"gone?\": \"{record.gone?}\", file: { filename: \"{record.qty}.bin\", type: application/octet-stream, base64: \"aGVsbG8=\" } } }";
    let vendor = Vendor::start(|_, _| json(200, "{}")).await;
    set(&connect(sink(write, ""), &vendor.url)).await.unwrap();
    let Asked { body, .. } = &vendor.asked()[0];
    let kind = vendor.asked()[0].header("content-type").unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(body.matches(boundary).count(), 3, "{body}");
    assert!(body.contains("name=\"note\"\r\n\r\nA&B<1>\r\n") && !body.contains("gone"), "{body}");
    assert!(body.contains("filename=\"3.bin\"\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n"), "{body}");
}

#[tokio::test]
async fn dressed_values_go_in_and_out() {
    let text = format!(
        "{AUTH}\n  wrappers: [{{ tag: __class__, is: Decimal, value: value, write: [price, \"lines[].price\"] }}]"
    );
    let streams = r#"
streams:
  orders:
    entity: order
    key: "{record.id}"
    read: { request: { get: /orders }, records: orders, cursor: { kind: snapshot } }
    write: { set: { post: /orders, json: "{record}" } }
"#;
    let vendor =
        Vendor::start(|_, _| json(200, r#"{"orders":[{"id":1,"total":{"__class__":"Decimal","value":19.90}}]}"#)).await;
    let shop = connect(manifest(&text, streams), &vendor.url);
    let page = shop.read_page("orders", None, None).await.unwrap();
    assert_eq!(page.records[0].to_string(), r#"{"id":1,"total":19.90}"#);
    let record = value!({"price": "1.50", "lines": [{"price": "2"}]});
    shop.write("orders", OpKind::Set, &WriteContext { record, ..context() }).await.unwrap();
    assert_eq!(
        vendor.asked()[1].body,
        r#"{"price":{"__class__":"Decimal","value":"1.50"},"lines":[{"price":{"__class__":"Decimal","value":"2"}}]}"#
    );
}
