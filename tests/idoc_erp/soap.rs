//! Orders over SOAP: a session with a token, refusals inside answers of 200, faults, and answers that never come.

use std::fs;
use std::path::Path;
use std::time::Duration;

use syncline::sandbox::{Faults, IdocErp, IdocMirror, IdocOptions};

use crate::rig::Rig;

const CONNECTOR: &str = r#"
connector: sap-soap
title: SAP over SOAP
description: Creates sales orders by function modules.
settings:
  base_url: { format: url, title: Address }
  username: { title: User }
  password: { secret: true, title: Password }
http:
  base_url: "{settings.base_url}"
  auth: { scheme: basic, username: "{settings.username}", password: "{settings.password}" }
  csrf: { fetch: { get: /sap/bc/soap/rfc }, header: X-CSRF-Token }
  rate_limit: { scheme: none, concurrency: 4 }
  timeouts: { connect: 2s, request: 10s }
  errors:
    # The token that was just fetched is stale already: nothing was done, and it is nobody's missing right.
    - { status: 403, header: { name: x-csrf-token, equals: Required }, class: transient, message: "the session's token has expired again" }
    # Refusals come as messages in an answer of 200; that of a locked record is gone in a moment.
    - { when: 'body.Envelope.Body?.get("BAPI_SALESORDER_CREATEFROMDAT2.Response")?.RETURN?.item?.NUMBER == "042"', class: transient, message: locked }
    - { when: 'body.Envelope.Body?.get("BAPI_SALESORDER_CREATEFROMDAT2.Response")?.RETURN?.item?.TYPE == "E"', class: data, message: "{body.Envelope.Body.\"BAPI_SALESORDER_CREATEFROMDAT2.Response\".RETURN.item.MESSAGE}" }
check: { get: /sap/bc/soap/rfc }
streams:
  orders:
    title: Sales orders
    entity: order
    write:
      create:
        post: /sap/bc/soap/rfc
        soap:
          content:
            "rfc:BAPI_SALESORDER_CREATEFROMDAT2":
              "@xmlns:rfc": urn:sap-com:document:sap:rfc:functions
              ORDER_HEADER_IN: { DOC_TYPE: TA, SALES_ORG: "1010", DISTR_CHAN: "10", DIVISION: "00", PURCH_DATE: "{record.day}", PURCH_NO_C: "{record.number}", CURRENCY: "{record.currency}" }
              ORDER_ITEMS_IN: { item: "{record.items}" }
              ORDER_PARTNERS: { item: [{ PARTN_ROLE: AG, PARTN_NUMB: "0010100001" }] }
              ORDER_CONDITIONS_IN: { item: "{record.conditions}" }
        response: { id: "{body.Envelope.Body.\"BAPI_SALESORDER_CREATEFROMDAT2.Response\".SALESDOCUMENT}" }
        idempotency:
          scheme: lookup
          request:
            post: /sap/bc/soap/rfc
            soap: { content: "<rfc:BAPI_SALESORDER_GETLIST xmlns:rfc='urn:sap-com:document:sap:rfc:functions'><CUSTOMER_NUMBER>0010100001</CUSTOMER_NUMBER><PURCHASE_ORDER_NUMBER>{record.number}</PURCHASE_ORDER_NUMBER></rfc:BAPI_SALESORDER_GETLIST>" }
          found: Envelope.Body."BAPI_SALESORDER_GETLIST.Response".SALES_ORDERS
          id: item.SD_DOC
"#;

/// The items and their conditions of up to four lines, numbered: a mapping cannot count lines.
fn mapping() -> String {
    let each = |part: &dyn Fn(usize, String) -> String| {
        let lines: Vec<String> = (0..4)
            .map(|at| {
                let row = part(at, format!("{:06}", (at + 1) * 10));
                format!("(if record.lines.len() > {at} {{ {row} }} else {{ [] }})")
            })
            .collect();
        lines.join(" + ")
    };
    let items = each(&|at, position| {
        format!(
            "[#{{ITM_NUMBER: \"{position}\", MATERIAL: record.lines[{at}].sku, TARGET_QTY: \"\" + record.lines[{at}].quantity}}]"
        )
    });
    let condition = |position: &str, kind: &str, value: &str| {
        format!(
            "[#{{ITM_NUMBER: \"{position}\", COND_TYPE: \"{kind}\", COND_VALUE: \"\" + {value}, CURRENCY: record.currency}}]"
        )
    };
    let conditions = each(&|at, position| {
        let price = condition(&position, "PR00", &format!("record.lines[{at}].unit_price.amount"));
        let discount = condition(&position, "RB00", &format!("(0 - record.lines[{at}].discount.amount)"));
        format!("{price} + (if record.lines[{at}].discount.amount == 0 {{ [] }} else {{ {discount} }})")
    });
    let freight = condition("000000", "HD00", "record.shipping_total.amount");
    format!(
        "mapping: sap-soap/order\nout:\n  number: number\n  currency: currency\n  \
         day: {{ from: placed_at, format: \"%Y-%m-%d\", zone: UTC }}\n  items:\n    expr: >-\n      {items}\n  \
         conditions:\n    expr: >-\n      {conditions} + (if record.shipping_total.amount == 0 {{ [] }} else {{ {freight} }})\n"
    )
}

fn install(folder: &Path, erp: &IdocErp) -> String {
    fs::create_dir_all(folder.join("connectors/sap-soap")).unwrap();
    fs::create_dir_all(folder.join("mappings/sap-soap")).unwrap();
    fs::write(folder.join("connectors/sap-soap/connector.yaml"), CONNECTOR).unwrap();
    fs::write(folder.join("mappings/sap-soap/order.yaml"), mapping()).unwrap();
    let (user, password) = erp.login();
    fs::write(folder.join("password"), password).unwrap();
    format!(
        "  erp:\n    connector: sap-soap\n    settings: {{ base_url: \"{}\", username: {user}, password: \"${{file:password}}\" }}\n    \
         allow_networks: [127.0.0.0/8]\nflows:\n  orders-to-erp: {{ from: shop.orders, to: erp.orders, mode: live, retry: quick }}\n",
        erp.base_url()
    )
}

fn faults() -> Faults {
    Faults {
        api_503_permille: 20,
        api_lost_answer_permille: 80,
        api_html_permille: 10,
        api_truncated_permille: 30,
        api_reset_permille: 20,
        idoc_rejected_permille: 100,
        soap_session_stale_permille: 60,
        ..Faults::none()
    }
}

/// Orders only: the ERP ships and counts nothing here, so that there is nothing else to judge.
async fn run(seed: u64, faults: Faults) {
    let options = |dir| IdocOptions { faults, ..IdocOptions::new(seed, dir) };
    let rig = Rig::start(options, 40, install).await;
    rig.place();
    let started = std::time::Instant::now();
    loop {
        let verdict = rig.erp.verdict(&rig.placed, &IdocMirror::default());
        if verdict.clean() {
            println!("{verdict}{:?} in {:?}", rig.erp.faults(), started.elapsed());
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(50),
            "{verdict}\n{:?}\n{}",
            rig.erp.faults(),
            rig.issues().await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What is on its way twice arrives now.
    rig.idle().await;
    let verdict = rig.erp.verdict(&rig.placed, &IdocMirror::default());
    assert!(verdict.clean(), "{verdict}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_service_that_behaves_has_every_order_once() {
    run(20, Faults::none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_service_that_misbehaves_has_every_order_once() {
    for seed in [21, 22, 23] {
        run(seed, faults()).await;
    }
}
