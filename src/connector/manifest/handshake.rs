//! What a vendor asks for beside authentication: a token against forged requests, certificates of the TLS handshake.
//!
//! Not here: who we are (`auth`), carrying it out (`http::csrf`, `http::client`).

use crate::config::yaml::{Context, Decode, Node, Spanned};

use super::request::{Method, Request};
use crate::mapping::expr::Template;

/// A token against forged requests that every change must carry: fetched with a read, kept with its cookies, fetched again
/// when a 403 asks for it.
#[derive(Debug, Clone)]
pub struct Csrf {
    pub fetch: Request,
    pub header: String,
}

/// What the TLS handshake needs beyond the public authorities.
#[derive(Debug, Clone)]
pub struct Tls {
    /// A client certificate (with its chain) and its key, in PEM; both or none.
    pub certificate: Option<Spanned<Template>>,
    pub key: Option<Spanned<Template>>,
    /// The authority that signed the server's certificate, in PEM, where it is a private one; trusted besides the public ones.
    pub authority: Option<Spanned<Template>>,
}

impl Decode for Csrf {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "csrf")?;
        let fetch: Option<Request> = map.required("fetch");
        let header = map.or("header", "X-CSRF-Token".to_owned());
        if fetch.as_ref().is_some_and(|fetch| !matches!(fetch.method, Method::Get | Method::Head)) {
            map.error("fetch", "the token is fetched with a read", "use `get` or `head`");
        }
        map.finish();
        Some(Self { fetch: fetch?, header })
    }
}

impl Decode for Tls {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "tls")?;
        let (certificate, key) = (map.optional("certificate"), map.optional("key"));
        let authority = map.optional("authority");
        if map.has("certificate") != map.has("key") {
            map.error("certificate", "a certificate and its key come together", "write both `certificate` and `key`");
        }
        map.finish();
        Some(Self { certificate, key, authority })
    }
}
