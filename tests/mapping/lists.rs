//! Values that mean nothing, lists with conditions and joins, named cells: known answers and known complaints.
//!
//! Not here: the shipped mappings and everything older (see `mapping`).

use serde_json::{Value as Json, json};
use syncline::mapping::{OutContext, Refs};
use syncline::model::{Entity, Record};

use super::{ORDER, VALUES, check_refused, load, map, settings};

const NULLS: &str = "mapping: shop/order\ndefaults: { nulls: [false, 0000-00-00, 0] }\nin:\n  number: id\n  placed_at: at\n  currency: cur\n  total: { money: sum }\n";

/// Reads `payload` by a mapping of an order with further `in` lines; gives the record's canonical JSON at a place.
#[track_caller]
fn check_read(mapping: &str, payload: &str, place: &str, expected: Result<Json, &str>) {
    let values = "values: shop\ncrosswalks:\n  delivery: { false: unfulfilled, \"\": fulfilled, null: on_hold }\n";
    let mapping = load(mapping, values).unwrap_or_else(|problems| panic!("{problems}"));
    let payload = format!(r#"{{"id":1,"at":"2026-11-20T10:00:00Z","cur":"EUR","sum":0,{payload}}}"#);
    match (map(&mapping, &payload), expected) {
        (Ok(record), Ok(expected)) => {
            let found: Json = serde_json::from_str(&record.canonical_json()).unwrap();
            assert_eq!(found.pointer(place).unwrap_or(&Json::Null), &expected, "{payload}");
        }
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{payload}: {error}"),
        (found, expected) => panic!("{payload}: {found:?} against {expected:?}"),
    }
}

#[test]
fn values_that_mean_nothing_are_absent() {
    let nulls = |cells: &str| format!("{NULLS}{cells}");
    check_read(&nulls("  note: n\n"), r#""n":false"#, "/note", Ok(Json::Null));
    check_read(&nulls("  note: n\n"), r#""n":"false""#, "/note", Ok(Json::Null));
    check_read(&nulls("  note: n\n"), r#""n":"0000-00-00""#, "/note", Ok(Json::Null));
    check_read(&nulls("  note: n\n"), r#""n":0.00"#, "/note", Ok(Json::Null));
    check_read(&nulls("  note: n\n"), r#""n":"0.00""#, "/note", Ok(json!("0.00")));
    check_read(&nulls("  note: { from: n, nulls: [\"0\"] }\n"), r#""n":0"#, "/note", Ok(json!("0")));
    check_read(&nulls("  note: { from: n, nulls: [\"0\"] }\n"), r#""n":false"#, "/note", Err("n -> note"));
    check_read(&nulls("  note: { expr: record.n }\n"), r#""n":false"#, "/note", Ok(Json::Null));
    check_read(
        &nulls("  note: { from: n, required: true }\n"),
        r#""n":false"#,
        "/note",
        Err("n -> note: it is required"),
    );
    // On the way to a value, too, but not where something is really missing.
    check_read(&nulls("  note: a.b.c\n"), r#""a":{"b":false}"#, "/note", Ok(Json::Null));
    check_read(&nulls("  note: a.b.c\n"), r#""a":{"b":true}"#, "/note", Err("a.b.c -> note: it is missing"));
    check_read(&nulls("  note: a.b.c\n"), r#""a":{"b":{}}"#, "/note", Err("a.b.c -> note: it is missing"));
    // Amounts may be nothing, and flags false.
    check_read(&nulls("  subtotal: { money: s }\n"), r#""s":0"#, "/subtotal/amount_minor", Ok(json!(0)));
    check_read(&nulls("  subtotal: { money: s }\n"), r#""s":false"#, "/subtotal", Ok(Json::Null));
    check_read(&nulls("  subtotal: { money: s, nulls: [0] }\n"), r#""s":0.0"#, "/subtotal", Ok(Json::Null));
    check_read(&nulls("  extra.shop.test: t\n"), r#""t":false"#, "/extra/shop.test", Ok(json!(false)));
    check_read(
        &nulls("  extra.shop.test: { from: t, as: text }\n"),
        r#""t":false"#,
        "/extra/shop.test",
        Ok(Json::Null),
    );
    check_read(&nulls("  extra.shop.test: a.t\n"), r#""a":false"#, "/extra/shop.test", Ok(Json::Null));
    // Objects and lists.
    let address = "  billing_address: { from: a, fields: { city: c } }\n";
    check_read(&nulls(address), r#""a":false"#, "/billing_address", Ok(Json::Null));
    check_read(&nulls(address), r#""a":true"#, "/billing_address", Err("a -> billing_address"));
    let lines = "  lines: { each: l, fields: { quantity: q } }\n";
    check_read(&nulls(lines), r#""l":false"#, "/lines", Ok(Json::Null));
    check_read(&nulls(lines), r#""l":true"#, "/lines", Err("it is not a list"));
    check_read(&nulls(lines), r#""l":[{"q":0}]"#, "/lines/0/quantity", Ok(json!("0")));
    // What a crosswalk lists is a value.
    let delivery = "  fulfilment_status: { from: d, values: delivery }\n";
    check_read(&nulls(delivery), r#""d":false"#, "/fulfilment_status", Ok(json!("unfulfilled")));
    check_read(&nulls(delivery), r#""d":"""#, "/fulfilment_status", Ok(json!("fulfilled")));
    check_read(&nulls(delivery), r#""d":0"#, "/fulfilment_status", Ok(json!("on_hold")));
    check_read(
        &nulls(delivery),
        r#""d":true"#,
        "/fulfilment_status",
        Err("\"true\" is not listed in crosswalk `delivery`"),
    );
    check_refused("  note: { from: n, nulls: [null] }\n", &["m.yaml:7:28: null is no value anyway"]);
    check_refused("  note: { from: n, nulls: [[1]] }\n", &["expected text, a number, true or false"]);
}

#[test]
fn lists_are_chosen_from_and_put_together() {
    let lines = |cell: &str| format!("{ORDER}  lines:\n{cell}");
    let when = lines("    each: l\n    when: item.kind == \"part\"\n    fields: { sku: sku, quantity: q }\n");
    let two = r#""l":[{"kind":"note"},{"kind":"part","sku":"A","q":1},{"kind":"part","sku":"B","q":2}]"#;
    check_read(&when, two, "/lines", Ok(json!([{ "sku": "A", "quantity": "1" }, { "sku": "B", "quantity": "2" }])));
    check_read(&when, r#""l":[{"kind":"note"}]"#, "/lines", Ok(json!([])));
    check_read(
        &when,
        r#""l":[{"kind":"note"},{"kind":"part","sku":"A","q":"x"}]"#,
        "",
        Err("l[1].q -> lines[0].quantity"),
    );
    check_read(&when, r#""l":[{"kind":"note"},{}]"#, "", Err("l[1].when -> lines[0]"));
    let odd = lines("    each: l\n    when: item.kind\n    fields: { quantity: q }\n");
    check_read(&odd, two, "", Err("a condition is true or false, not string"));

    let several = lines("    each: [a, \"b[].c\"]\n    optional: true\n    fields: { sku: s, quantity: q }\n");
    let payload =
        r#""a":[{"s":"A","q":1}],"b":[{"c":[{"s":"B","q":2}]},{},{"c":[{"s":"C","q":3},{"s":"D","q":4}]},{"c":null}]"#;
    let all =
        ["A", "B", "C", "D"].iter().enumerate().map(|(n, sku)| json!({ "sku": sku, "quantity": (n + 1).to_string() }));
    check_read(&several, payload, "/lines", Ok(all.collect()));
    check_read(&several, r#""b":[]"#, "/lines", Ok(json!([])));
    check_read(&several, r#""x":1"#, "/lines/0", Ok(Json::Null));
    check_read(
        &several,
        r#""a":[],"b":[{"c":[{"s":"B","q":-1},{"s":"B","q":"x"}]}]"#,
        "",
        Err("b[].c[1].q -> lines[1].quantity"),
    );
    let strict = several.replace("    optional: true\n", "");
    check_read(&strict, payload, "", Err("b[].c -> lines: it is missing"));
    check_read(&strict, r#""a":[],"b":[{"c":7}]"#, "", Err("b[].c -> lines: it is not a list"));

    let tuples =
        lines("    each: l\n    fields: { sku: \"[0]\", quantity: \"[1].n\", title: { expr: 'item[0] + \"!\"' } }\n");
    check_read(
        &tuples,
        r#""l":[["A",{"n":2}]]"#,
        "/lines/0",
        Ok(json!({ "sku": "A", "quantity": "2", "title": "A!" })),
    );
    check_read(&tuples, r#""l":[["A"]]"#, "", Err("l[0].[1].n -> lines[0].quantity: it is missing"));
    let plain = lines("    each: l\n    fields: { sku: $item, quantity: { const: 1 } }\n");
    check_read(&plain, r#""l":["A","B"]"#, "/lines/1/sku", Ok(json!("B")));

    check_refused("  lines: { each: [], fields: { quantity: q } }\n", &["`each` goes over no list"]);
    check_refused(
        "  lines: { each: l, when: itm.x, fields: { quantity: q } }\n",
        &["m.yaml:7:27: expression `itm.x`", "known here: record, item, settings"],
    );
    check_refused("  note: { from: n, when: true }\n", &["`when` chooses among the items of a list"]);
    check_refused("  note: { each: [a, b] }\n", &["several lists make no single value"]);
    check_refused(
        "out:\n  l: { each: [lines, taxes], fields: { q: quantity } }\n",
        &["goes over one list of the record"],
    );
}

#[test]
fn lists_going_out_have_conditions_too() {
    let text = format!(
        "{ORDER}out:\n  l: {{ each: lines, when: item?.sku != () && record.currency == \"EUR\", fields: {{ s: sku }} }}\n"
    );
    let mapping = load(&text, VALUES).unwrap();
    let order = r#"{"number":"1","placed_at":"2026-11-20T10:00:00Z","currency":"EUR","total":{"amount_minor":1,"currency":"EUR"},"lines":[{"quantity":"1"},{"quantity":"2","sku":"A"}]}"#;
    let record = Record::from_canonical_json(Entity::Order, order).unwrap();
    let (refs, settings) = (Refs::new(), settings());
    let written = mapping.map_out(&record, OutContext { refs: &refs, binding: None, settings: &settings }).unwrap();
    assert_eq!(written, json!({ "l": [{ "s": "A" }] }));
    check_refused(
        "out:\n  l: { each: lines, when: record.totl > 1, fields: { s: sku } }\n",
        &["did you mean `total`?"],
    );
    check_refused(
        "out:\n  l: { each: lines, join: { list: taxes, on: title, as: x }, fields: { s: sku } }\n",
        &["a join is for `in` only"],
    );
}

#[test]
fn items_know_what_other_lists_say_of_them() {
    let lines = |further: &str| {
        format!(
            "{ORDER}  lines:\n    each: l\n    join: {{ list: f, when: item.ok, items: li, on: {{ item: id, list: of }}, as: shipped }}\n{further}"
        )
    };
    let payload = r#""l":[{"id":7,"q":5},{"id":8,"q":1}],
        "f":[{"ok":true,"li":[{"of":"7","n":1,"w":"x"}]},{"ok":false,"li":[{"of":7,"n":9}]},{"ok":true,"li":[{"of":7,"n":"1.5","w":"y"},{"of":null,"n":8}]}]"#;
    let sums = lines(
        "    fields:\n      quantity: { from: \"$shipped[].n\", sum: true }\n      title: { from: \"$shipped[0].w\" }\n",
    );
    check_read(&sums, payload, "/lines", Ok(json!([{ "quantity": "2.5", "title": "x" }, { "quantity": "0" }])));
    let open = lines("    fields:\n      quantity: { expr: 'item.q - sum(shipped, \"n\")' }\n");
    check_read(&open, payload, "/lines/0/quantity", Ok(json!("2.5")));
    check_read(&open, payload, "/lines/1/quantity", Ok(json!("1")));
    let filtered = lines("    when: shipped.is_empty()\n    fields: { line_id: id, quantity: q }\n");
    check_read(&filtered, payload, "/lines", Ok(json!([{ "line_id": "8", "quantity": "1" }])));
    let only = lines("    fields: { quantity: q, title: $shipped.w }\n");
    check_read(&only, payload, "", Err("$shipped.w -> lines[0].title: 2 items"));
    check_read(&only, payload, "", Err("2 items are joined as `shipped`; take one with `$shipped[0].w`"));
    let one = r#""l":[{"id":7,"q":5},{"id":8,"q":1}],"f":[{"ok":true,"li":[{"of":7,"w":"x"}]}]"#;
    check_read(&only, one, "/lines", Ok(json!([{ "quantity": "5", "title": "x" }, { "quantity": "1" }])));
    check_read(
        &only,
        r#""l":[{"id":7,"q":5}],"f":[{"ok":true,"li":[{"of":7}]}]"#,
        "",
        Err("$shipped.w -> lines[0].title: it is missing"),
    );
    check_read(&only, r#""l":[{"id":7,"q":5}]"#, "", Err("f -> lines: it is missing"));
    check_read(&only, r#""l":[],"f":[{"ok":true}]"#, "", Err("f[0].li"));
    check_read(&only, r#""l":[],"f":[{"ok":true,"li":[{}]}]"#, "", Err("f[0].of -> shipped[0]: it is missing"));
    check_read(&only, r#""l":[{"q":5}],"f":[]"#, "", Err("l[0].id -> lines[0].shipped: it is missing"));
    let two = format!(
        "{ORDER}  lines:\n    each: l\n    join:\n      - {{ list: a, on: id, as: a, optional: true }}\n      - {{ list: $record.b, on: id, as: b }}\n    fields: {{ quantity: $a.q, title: $b.t }}\n"
    );
    check_read(
        &two,
        r#""l":[{"id":1}],"a":[{"id":1,"q":2}],"b":[{"id":1,"t":"x"}]"#,
        "/lines/0",
        Ok(json!({ "quantity": "2", "title": "x" })),
    );
    check_read(&two, r#""l":[{"id":1}],"b":[]"#, "", Err("$a.q -> lines[0].quantity: it is required"));
}

#[test]
fn mistakes_in_joins_are_found_before_anything_runs() {
    let refused = |join: &str, cell: &str, expected: &str| {
        check_refused(&format!("  lines: {{ each: l, join: {join}, fields: {{ quantity: {cell} }} }}\n"), &[expected]);
    };
    refused(
        "{ list: f, on: id, as: shipped }",
        "$shiped.n",
        "did you mean `shipped`? expected one of: record, item, settings, shipped",
    );
    refused("{ list: f, on: id, as: shipped }", "$shipped", "this is the whole item");
    refused("{ list: f, on: id, as: shipped }", "\"$shipped[].n\"", "say `sum: true`");
    refused(
        "{ list: f, on: id, as: shipped }",
        "{ expr: shiped.len() }",
        "known here: record, item, settings, shipped",
    );
    refused("{ list: f, on: id, as: item }", "q", "`item` is taken");
    refused("{ list: f, on: id, as: a-b }", "q", "`a-b` is no name");
    refused("{ list: f, as: shipped }", "q", "join needs `on`");
    refused("{ list: f, on: \"a[].b\", as: shipped }", "q", "a key is one value");
    refused("{ list: $settings.f, on: id, as: shipped }", "q", "there is no variable `settings`");
    refused("{ lst: f, on: id, as: shipped }", "q", "unknown key `lst` in join");
    check_refused("  note: { from: n, join: { list: f, on: id, as: x } }\n", &["it goes with `each` and `fields`"]);
    check_refused("  note: $shipped.n\n", &["there is no variable `shipped`"]);
}

#[test]
fn what_is_personal_in_joined_and_gathered_lists_is_known() {
    let text = format!(
        "{ORDER}  lines:\n    each: [a, \"b[].c\"]\n    join: {{ list: f, items: li, on: id, as: x }}\n    fields:\n      quantity: q\n      title: {{ from: t, personal: true }}\n      sku: {{ from: $x.who.name, personal: true }}\n"
    );
    let mapping = load(&text, VALUES).unwrap();
    let mut paths = mapping.personal_paths().to_vec();
    paths.sort();
    assert_eq!(paths, ["a[].t", "b[].c[].t", "f[].li[].who.name", "f[].li[].who.name"]);
}

#[test]
fn cells_with_a_name_are_used_several_times() {
    let text = "mapping: shop/order\nlet:\n  text: { from: x, trim: true, optional: true }\n  city: c\n  address: { optional: true, fields: { city: { use: city }, street: { use: text, from: s } } }\nin:\n  number: id\n  placed_at: at\n  currency: cur\n  total: { money: sum }\n  billing_address: { use: address, from: b }\n  shipping_address: { use: address, from: s }\n  note: { use: text, expr: 'record.n + \"!\"' }\n";
    let payload = r#""b":{"c":"Kiel","s":" Weg 1 "},"n":" hi ""#;
    check_read(text, payload, "/billing_address", Ok(json!({ "city": "Kiel", "street": "Weg 1" })));
    check_read(text, payload, "/shipping_address", Ok(Json::Null));
    check_read(text, payload, "/note", Ok(json!("hi !")));
    let problems = load(&text.replace("use: city", "use: cty"), VALUES).expect_err("no such cell");
    assert!(problems.contains("m.yaml:5:53: there is no cell `cty` under `let`"), "{problems}");
    assert!(problems.contains("did you mean `city`?"), "{problems}");
    check_refused("  note: { use: text }\n", &["there is no cell `text` under `let`"]);
}
