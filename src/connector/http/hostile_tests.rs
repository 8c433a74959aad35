//! Nothing that a vendor sends makes a parser panic, whatever it is.
#![allow(clippy::unwrap_used)]

use http::HeaderMap;
use jiff::Timestamp;
use proptest::prelude::*;

use super::{body, json, link, mask, retry_after, xml};

proptest! {
    #[test]
    fn parsers_survive_anything(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let _ = json::parse(&bytes);
        let _ = xml::parse(&bytes);
        let _ = body::parse(&HeaderMap::new(), &bytes);
        let _ = link::target(&text, "next");
        let _ = retry_after::parse(&text, Timestamp::UNIX_EPOCH);
        let shown = mask::Mask::new(["a".into()]).excerpt(&bytes);
        prop_assert!(shown.len() <= mask::MAX_EXCERPT_BYTES && !shown.chars().any(char::is_control));
    }

    #[test]
    fn almost_markup_survives(text in "[<>/a-c!?&;=\"' \\[\\]CDAT\\-]{0,60}", links in "[<>;,=\"\\\\ relnxt]{0,60}") {
        let _ = xml::parse(text.as_bytes());
        let _ = link::target(&links, "next");
    }

    #[test]
    fn what_serde_writes_we_read(value in values()) {
        let text = value.to_string();
        prop_assert_eq!(json::parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn waits_are_bounded(seconds in any::<u64>(), fraction in 0_u32..1_000_000) {
        let wait = retry_after::parse(&format!("{seconds}.{fraction}"), Timestamp::UNIX_EPOCH).unwrap();
        prop_assert!(wait <= retry_after::MAX_RETRY_AFTER);
    }
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,10}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
