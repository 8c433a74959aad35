//! Where the hub connects to, and where it does not: proved by who was called.

use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use syncline::config::yaml::Source;
use syncline::connector::connection::{Connection, ConnectionError, ConnectionOptions};
use syncline::connector::http::guard::{EgressPolicy, NameLookup};
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::model::ErrorClass;

use crate::setup::{AUTH, SECRET, STREAMS, context, manifest, options, settings, try_connect};
use crate::vendor::{Vendor, json, with};

struct LeadsTo(&'static str);

impl NameLookup for LeadsTo {
    fn lookup(&self, _host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let address = self.0.parse().unwrap();
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn an_inner_address_is_refused_when_the_connection_is_made() {
    let vendor = Vendor::start(|_, _| json(200, "{}")).await;
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "169.254.169.254"] {
        let url = format!("https://{host}:{}", vendor.port());
        let no_allowance = ConnectionOptions { egress: EgressPolicy::default(), ..options() };
        let refused = try_connect(manifest(AUTH, STREAMS), &url, no_allowance);
        assert!(matches!(refused, Err(ConnectionError::BaseUrl { .. })), "{url}");
    }
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"orders":[]}"#)).await;
    let url = format!("https://shop.example.com:{}", vendor.port());
    for address in ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1", "fd00::1"] {
        let public_only =
            ConnectionOptions { egress: EgressPolicy::default(), lookup: Arc::new(LeadsTo(address)), ..options() };
        let shop = try_connect(manifest(AUTH, STREAMS), &url, public_only).unwrap();
        let error = shop.read_page("orders", None, None).await.unwrap_err();
        assert_eq!((error.class, error.sent), (ErrorClass::Permission, false), "{error}");
        assert!(error.message.contains("shop.example.com leads to"), "{error}");
    }
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn an_allowed_name_in_the_house_is_called_without_tls() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"orders":[]}"#)).await;
    let url = format!("http://erp.internal:{}", vendor.port());
    let in_house = ConnectionOptions { lookup: Arc::new(LeadsTo("127.0.0.1")), ..options() };
    let erp = try_connect(manifest(AUTH, STREAMS), &url, in_house).unwrap();
    assert!(erp.read_page("orders", None, None).await.is_ok());
    // The same name, led elsewhere, is not.
    let flipped = ConnectionOptions { lookup: Arc::new(LeadsTo("192.0.2.1")), ..options() };
    let erp = try_connect(manifest(AUTH, STREAMS), &url, flipped).unwrap();
    let error = erp.read_page("orders", None, None).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::Permission, 1));
}

#[tokio::test]
async fn a_failed_handshake_sends_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 4096];
        let count = stream.read(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        hello[..count].to_vec()
    });
    let shop = try_connect(manifest(AUTH, STREAMS), &url, patient_once()).unwrap();
    let error = shop.write("orders", OpKind::Create, &context()).await.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::Transient, false), "{error}");
    assert!(error.message.contains("TLS"), "{error}");
    let hello = server.await.unwrap();
    assert!(!hello.windows(3).any(|window| window == b"tok"), "nothing but the handshake was sent");
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_not_sent_to() {
    // Waits for the end of an HTTP head, which a handshake never shows.
    let vendor = Vendor::start(|_, _| json(200, "{}")).await;
    let url = vendor.url.replace("http://", "https://");
    let shop = try_connect(manifest(AUTH, STREAMS), &url, patient_once()).unwrap();
    let error = shop.write("orders", OpKind::Create, &context()).await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::Transient, false, 0), "{error}");
}

fn patient_once() -> ConnectionOptions {
    let mut once = options();
    once.patience.retries = 0;
    once
}

const LINKED: &str = r#"
streams:
  orders:
    entity: order
    key: "{record.id}"
    version: none
    read:
      request: { get: /orders }
      records: orders
      pages: { scheme: next_url, path: next }
      cursor: { kind: snapshot }
"#;

/// A list whose second page lies on another host. `allow` is what the connection lists.
async fn linked(allow: &[&str]) -> (Result<usize, syncline::connector::call::CallError>, usize) {
    let other = Vendor::start(|_, _| json(200, r#"{"orders":[{"id":2}]}"#)).await;
    let next = format!("http://files.internal:{}/page2", other.port());
    let first = format!(r#"{{"orders":[{{"id":1}}],"next":"{next}"}}"#);
    let vendor = Vendor::start(move |_, _| json(200, &first)).await;
    let mut options = ConnectionOptions { lookup: Arc::new(LeadsTo("127.0.0.1")), ..options() };
    options.egress.hosts = Some(allow.iter().map(|host| (*host).to_owned()).collect());
    let url = format!("http://shop.internal:{}", vendor.port());
    let shop = try_connect(manifest(AUTH, LINKED), &url, options).unwrap();
    let read = async || {
        let first = shop.read_page("orders", None, None).await?;
        let second = shop.read_page("orders", None, first.next).await?;
        Ok(first.records.len() + second.records.len())
    };
    (read().await.map_err(|error: Box<_>| *error), other.count())
}

#[tokio::test]
async fn a_next_page_elsewhere_is_read_only_from_a_listed_host() {
    let (read, calls) = linked(&["cdn.internal"]).await;
    let error = read.unwrap_err();
    assert!(error.message.contains("files.internal") && error.message.contains("allow_hosts"), "{error}");
    assert_eq!(calls, 0);
    assert_eq!(linked(&["Files.Internal"]).await, (Ok(2), 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed_even_to_a_listed_host() {
    let other = Vendor::start(|_, _| json(200, r#"{"orders":[]}"#)).await;
    let to = format!("http://files.internal:{}/orders", other.port());
    let vendor = Vendor::start(move |_, _| with(302, &[("Location", &to)], "{}")).await;
    let mut options = ConnectionOptions { lookup: Arc::new(LeadsTo("127.0.0.1")), ..options() };
    options.egress.hosts = Some(vec!["files.internal".to_owned()]);
    let url = format!("http://shop.internal:{}", vendor.port());
    let shop = try_connect(manifest(AUTH, STREAMS), &url, options).unwrap();
    assert!(shop.read_page("orders", None, None).await.is_err());
    assert_eq!(other.connections(), 0);
}

/// Reads and writes once, with something that is asked of another host than the connection's. How often that one was called.
async fn proved_elsewhere(http: &str, allow: &[&str]) -> Result<usize, String> {
    let elsewhere = Vendor::start(|_, _| {
        with(200, &[("X-CSRF-Token", "t")], r#"{"access_token":"a","expires_in":600,"token":"s"}"#)
    });
    let (elsewhere, vendor) = (elsewhere.await, Vendor::start(|_, _| json(200, r#"{"orders":[]}"#)).await);
    let mut options = ConnectionOptions { lookup: Arc::new(LeadsTo("127.0.0.1")), ..options() };
    options.egress.hosts = Some(allow.iter().map(|host| (*host).to_owned()).collect());
    let text = format!(
        "connector: fake\ntitle: Fake\nsettings:\n  url: {{ format: url }}\n  login: {{ format: url }}\n  token: {{ secret: true }}\n\
         http:\n  base_url: \"{{settings.url}}\"\n{http}\n{STREAMS}"
    );
    let described = Manifest::parse(&Source::new("fake.yaml", text.as_str()));
    let described = Arc::new(described.unwrap_or_else(|problems| panic!("{problems}\n{text}")));
    let (url, other) =
        (format!("http://shop.internal:{}", vendor.port()), format!("http://login.internal:{}/at", elsewhere.port()));
    let settings = settings(&described, &[("url", &url), ("token", SECRET), ("login", &other)]);
    let shop = Connection::new("shop", described, &settings, options).map_err(|error| error.to_string())?;
    shop.read_page("orders", None, None).await.map_err(|error| error.to_string())?;
    let written = shop.write("orders", OpKind::Update, &context()).await;
    written.map_err(|error| error.to_string())?;
    Ok(elsewhere.count())
}

#[tokio::test]
async fn what_proves_who_we_are_is_asked_for_where_the_configuration_says() {
    let client = "client_id: hub, client_secret: \"{settings.token}\"";
    let token = format!("  auth: {{ scheme: oauth2_client_credentials, token_url: \"{{settings.login}}\", {client} }}");
    assert_eq!(proved_elsewhere(&token, &[]).await, Ok(1));
    // These go out with what every call of the connection carries, and lead elsewhere only where that is listed.
    let session = "  auth: { scheme: session, login: { post: \"{settings.login}\", json: { password: \"{settings.token}\" } }, token: \"{body.token}\", header: X-Session }";
    let csrf = format!("{AUTH}\n  csrf: {{ fetch: {{ get: \"{{settings.login}}\" }} }}");
    for http in [session, csrf.as_str()] {
        let refused = proved_elsewhere(http, &["cdn.internal"]).await.unwrap_err();
        assert!(refused.contains("allow_hosts"), "{http}: {refused}");
        assert_eq!(proved_elsewhere(http, &["login.internal"]).await, Ok(1), "{http}");
    }
}
