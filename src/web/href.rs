//! Addresses of pages, with everything that a record may contain encoded; pure.

pub(super) use crate::api::encode;

pub(super) fn record(connection: &str, stream: &str, key: &str) -> String {
    format!("/records/{}/{}/{}", encode(connection), encode(stream), encode(key))
}

pub(super) fn flow(name: &str) -> String {
    format!("/flows/{}", encode(name))
}

pub(super) fn issue(id: i64) -> String {
    format!("/issues/{id}")
}

pub(super) fn reconciliation(name: &str) -> String {
    format!("/reconciliations/{}", encode(name))
}

pub(super) fn run(id: i64) -> String {
    format!("/reconciliations/runs/{id}")
}

pub(super) fn a_break(name: &str, item: &str) -> String {
    format!("/reconciliations/{}/breaks/{}", encode(name), encode(item))
}

pub(super) fn story(name: &str) -> String {
    format!("/reconciliations/stories/{}", encode(name))
}

/// One that is asked for already.
pub(super) fn story_of(name: &str, by: &str, key: &str) -> String {
    format!("{}?key={}&by={}", story(name), encode(key), encode(by))
}

/// A flow, or the connections if the scope is one of them.
pub(super) fn scope(scope: &str, flows: &[String]) -> String {
    if flows.iter().any(|flow| flow == scope) { flow(scope) } else { "/connections".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_one_segment() {
        assert_eq!(record("shop", "orders", "a/b?c#d%e \"<é"), "/records/shop/orders/a%2Fb%3Fc%23d%25e%20%22%3C%C3%A9");
    }
}
