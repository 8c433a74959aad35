//! Fetching the certificate that a delivery names, before the delivery is judged.
//!
//! Not here: whether it is to be trusted (`webhook::certificate`).

use http::{HeaderMap, Method};
use reqwest::Url;

use super::client::{BodyEnd, WireRequest};
use super::guard::covers;
use crate::connector::connection::Connection;
use crate::connector::manifest::CertificateSignature;
use crate::connector::webhook::{Certificates, single_header};

impl Connection {
    /// Whether a delivery with these headers names a certificate that has to be fetched first. Only addresses of the
    /// vendor's own hosts are; whoever names another is refused when judged.
    pub fn lacks_certificate(&self, headers: &HeaderMap) -> Option<Url> {
        let (described, certificates) = self.certificates()?;
        let url = allowed(described, single_header(headers, &described.url_header).ok()?)?;
        (!certificates.knows(url.as_str(), self.now())).then_some(url)
    }

    /// Fetches and checks it; says why where that fails. Carries no credential: the address came from the delivery.
    pub async fn fetch_certificate(&self, url: &Url) -> Result<(), String> {
        let (_, certificates) = self.certificates().ok_or("the connector verifies no certificates")?;
        let channel = self.channel("fetch a certificate").map_err(|error| error.to_string())?;
        let request =
            WireRequest { method: Method::GET, url: url.clone(), headers: HeaderMap::new(), body: bytes::Bytes::new() };
        let answer = channel.caller.wire.send(request).await.map_err(|failure| failure.to_string())?;
        if answer.status != 200 || answer.end != BodyEnd::Complete {
            return Err(format!("the certificate's address answers with status {}", answer.status));
        }
        certificates.add(url.as_str(), &answer.body, self.now()).map_err(|error| error.to_string())
    }

    /// Checks and keeps one as if it had been fetched from there.
    pub fn keep_certificate(&self, url: &Url, pem: &[u8]) -> Result<(), String> {
        let (_, certificates) = self.certificates().ok_or("the connector verifies no certificates")?;
        certificates.add(url.as_str(), pem, self.now()).map_err(|error| error.to_string())
    }

    fn certificates(&self) -> Option<(&CertificateSignature, &Certificates)> {
        self.verifier.as_ref()?.certificates()
    }
}

/// The address, if it is one of the vendor's.
pub(crate) fn allowed(described: &CertificateSignature, text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.username().is_empty())?;
    let host = url.host_str()?;
    let is_listed = described.hosts.iter().any(|listed| covers(listed, host));
    is_listed.then_some(url)
}
