//! OAuth 1.0a signatures with HMAC-SHA256 (RFC 5849, 3.4 and 3.5.1).
//!
//! Not here: obtaining the token (a person does), other hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Url;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::form::{decoded_pairs, percent_encode};
use super::render::{self, RenderError};
use crate::connector::manifest::OAuth1;
use crate::mapping::expr::Scope;

/// Who signs.
pub(crate) struct OAuth1Signer {
    consumer_key: String,
    token: Option<String>,
    realm: Option<String>,
    send_version: bool,
    /// `consumer secret & token secret`, both encoded.
    key: SecretString,
}

/// What makes each signature another one.
pub(super) struct Moment<'a> {
    pub(super) nonce: &'a str,
    pub(super) time_s: i64,
}

impl OAuth1Signer {
    pub(crate) fn new(described: &OAuth1, scope: &Scope<'_>) -> Result<Self, RenderError> {
        let consumer_secret = render::text("the consumer secret", &described.consumer_secret, scope)?;
        let token_secret =
            render::optional_text("the token secret", described.token_secret.as_ref(), scope)?.unwrap_or_default();
        Ok(Self {
            consumer_key: render::text("the consumer key", &described.consumer_key, scope)?,
            token: render::optional_text("the token", described.token.as_ref(), scope)?,
            realm: render::optional_text("the realm", described.realm.as_ref(), scope)?,
            send_version: described.send_version,
            key: format!("{}&{}", percent_encode(&consumer_secret), percent_encode(&token_secret)).into(),
        })
    }

    /// The `Authorization` header of one request; `form` is its body where that is a form. `None` if the system gives no
    /// random bytes.
    pub(super) fn header(&self, method: &str, url: &Url, form: Option<&str>, now: Timestamp) -> Option<String> {
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).ok()?;
        self.header_at(method, url, form, &Moment { nonce: &hex::encode(nonce), time_s: now.as_second() })
    }

    fn header_at(&self, method: &str, url: &Url, form: Option<&str>, moment: &Moment<'_>) -> Option<String> {
        let own = self.own(moment);
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes()).ok()?;
        mac.update(base_string(method, url, form, &own).as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let realm = self.realm.iter().map(|realm| format!("realm=\"{}\"", realm.replace(['"', '\\'], "")));
        let pairs = own.iter().map(|(name, value)| format!("{name}=\"{}\"", percent_encode(value)));
        let signature = std::iter::once(format!("oauth_signature=\"{}\"", percent_encode(&signature)));
        Some(format!("OAuth {}", realm.chain(pairs).chain(signature).collect::<Vec<_>>().join(", ")))
    }

    fn own(&self, moment: &Moment<'_>) -> Vec<(&'static str, String)> {
        let mut own = vec![
            ("oauth_consumer_key", self.consumer_key.clone()),
            ("oauth_nonce", moment.nonce.to_owned()),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_timestamp", moment.time_s.to_string()),
        ];
        own.extend(self.token.clone().map(|token| ("oauth_token", token)));
        own.extend(self.send_version.then(|| ("oauth_version", "1.0".to_owned())));
        own
    }
}

/// RFC 5849, 3.4.1: method, address without query, and all parameters decoded, encoded again and sorted.
fn base_string(method: &str, url: &Url, form: Option<&str>, own: &[(&str, String)]) -> String {
    let mut address = url.clone();
    address.set_query(None);
    address.set_fragment(None);
    let given = [url.query(), form].into_iter().flatten().flat_map(|text| {
        let pairs = decoded_pairs(text);
        pairs.map(|(name, value)| (percent_encode(&name), percent_encode(&value)))
    });
    let own = own.iter().map(|(name, value)| (percent_encode(name), percent_encode(value)));
    let mut all: Vec<(String, String)> = given.chain(own).collect();
    all.sort();
    let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&{}&{}", method.to_ascii_uppercase(), percent_encode(address.as_str()), percent_encode(&all.join("&")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signer(secrets: &str, token: Option<&str>, realm: Option<&str>, consumer: &str) -> OAuth1Signer {
        OAuth1Signer {
            consumer_key: consumer.to_owned(),
            token: token.map(str::to_owned),
            realm: realm.map(str::to_owned),
            send_version: token.is_some(),
            key: secrets.to_owned().into(),
        }
    }

    #[track_caller]
    fn check(
        signer: &OAuth1Signer,
        method: &str,
        url: &str,
        form: Option<&str>,
        nonce: &str,
        base: &str,
        signature: &str,
    ) {
        let url = Url::parse(url).unwrap();
        let moment = Moment { nonce, time_s: 1_700_000_000 };
        assert_eq!(base_string(method, &url, form, &signer.own(&moment)), base);
        let header = signer.header_at(method, &url, form, &moment).unwrap();
        assert!(header.ends_with(&format!("oauth_signature=\"{}\"", percent_encode(signature))), "{header}");
    }

    #[test]
    fn known_answers() {
        let token_based = signer("cs_secret&ts_secret", Some("tk_test"), Some("123456_SB1"), "ck_test");
        let base = "POST&https%3A%2F%2F123456-sb1.suitetalk.api.netsuite.com%2Fservices%2Frest%2Fquery%2Fv1%2Fsuiteql&limit%3D1000%26oauth_consumer_key%3Dck_test%26oauth_nonce%3Dabcdef123456%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1700000000%26oauth_token%3Dtk_test%26oauth_version%3D1.0%26offset%3D0";
        let url = "https://123456-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql?limit=1000&offset=0";
        check(&token_based, "post", url, None, "abcdef123456", base, "dYALwOqVOauxgr0Pzf0FNvBIpJi/O+1jG9ljjhmwBEA=");
        let header =
            token_based.header_at("POST", &Url::parse(url).unwrap(), None, &Moment { nonce: "n", time_s: 1 }).unwrap();
        assert!(header.starts_with("OAuth realm=\"123456_SB1\", oauth_consumer_key=\"ck_test\", "), "{header}");
        let plain = signer("cs_xyz&", None, None, "ck_abc");
        let base = "GET&http%3A%2F%2Fshop.example.com%2Fwp-json%2Fwc%2Fv3%2Forders&oauth_consumer_key%3Dck_abc%26oauth_nonce%3Dnonce1%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1700000000%26per_page%3D100";
        let url = "http://shop.example.com/wp-json/wc/v3/orders?per_page=100";
        check(&plain, "GET", url, None, "nonce1", base, "jDADPbdLdIAewWFzjHjWHKqTr8DkUqqUQDoDvBElMTM=");
    }

    /// The base string of RFC 5849, 3.4.1.1, with this method's own parameters.
    #[test]
    fn parameters_of_query_and_form_are_decoded_and_sorted() {
        let signer = signer("a&b", Some("kkk9d7dh3k39sjv7"), None, "9djdj82h48djs9d2");
        let url = Url::parse("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").unwrap();
        let moment = Moment { nonce: "7d8f3e4a", time_s: 137_131_201 };
        let base = base_string("POST", &url, Some("c2&a3=2+q"), &signer.own(&moment));
        assert_eq!(
            base,
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26\
             oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA256%26\
             oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7%26oauth_version%3D1.0"
        );
    }
}
