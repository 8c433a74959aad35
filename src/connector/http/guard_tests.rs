//! Addresses that must not be called, in the forms that hide them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn policy(allow: &[&str]) -> EgressPolicy {
    EgressPolicy { allow: allow.iter().map(|range| range.parse().unwrap()).collect(), ports: vec![44300], hosts: None }
}

/// Whether a URL may be called as far as can be said without resolving names; forms that do not parse are refused.
fn refused(policy: &EgressPolicy, url: &str) -> bool {
    Url::parse(url).map_or(true, |url| policy.check(&url).is_err())
}

#[test]
fn odd_forms_of_inner_addresses_are_refused() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0x7F.1",
        "127.0.0.1.",
        "127。0。0。1",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "0x0",
        "00",
        "10.0.0.1",
        "10.255.255.255",
        "167772161",
        "0xa000001",
        "012.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "3232235521",
        "0xc0a80001",
        "192.168.257",
        "169.254.169.254",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.254.0251.254",
        "100.64.0.1",
        "100.127.255.255",
        "100.100.100.200",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "256.256.256.256",
        "127.0.0.256",
        "4294967296",
        "1.2.3.4.5",
        "0x100000000",
        "127.0.0.0x1",
        "127..1",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[0:0:0:0:0:ffff:c0a8:1]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:2::1]",
        "[2001:db8::1]",
        "[2001:20::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fdff:ffff::1]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "[::1%25lo]",
        "[::1%lo]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[::ffff:0]",
        "[::fffe:127.0.0.1]",
        "[:::1]",
        "[127.0.0.1]",
        "[1::2::3]",
        "[",
        "[]",
        "",
        "a b",
        "a<b",
        "ex%00ample.com",
        "exa%23mple.com",
        "user@example.com",
        "user:pass@example.com",
        "example.com@127.0.0.1",
        "127.0.0.1#@example.com",
        "127.0.0.1?@example.com",
        "127.0.0.1\\@example.com",
        "example.com:80@127.0.0.1",
        "@127.0.0.1",
        ":@127.0.0.1",
    ];
    for host in hosts {
        assert!(refused(&policy(&[]), &format!("https://{host}/")), "{host}");
    }
    assert!(hosts.len() > 100);
}

#[test]
fn schemes_and_ports() {
    for url in [
        "http://example.com/",
        "https://example.com:22/",
        "https://example.com:6379/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://8.8.8.8/",
        "https://8.8.8.8:8443/",
        "unix:/run/x",
        "data:text/plain,x",
        "javascript:1",
        "https:///",
        "//example.com/",
        "/relative",
    ] {
        assert!(refused(&policy(&[]), url), "{url}");
    }
    for url in [
        "https://example.com/",
        "https://example.com:44300/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://EXAMPLE.COM",
    ] {
        assert_eq!(policy(&[]).check(&Url::parse(url).unwrap()), Ok(Reach::Public), "{url}");
    }
}

#[test]
fn an_allowed_range_opens_only_itself() {
    let policy = policy(&["127.0.0.0/8", "10.1.0.0/16", "fd12:3456::/32"]);
    for url in [
        "http://127.0.0.1:8080/",
        "https://10.1.2.3/",
        "http://[::ffff:10.1.0.9]/",
        "http://[fd12:3456::1]:81/",
        "http://2130706433/",
    ] {
        assert!(!refused(&policy, url), "{url}");
    }
    for url in [
        "http://10.2.0.1/",
        "https://10.2.0.1/",
        "https://192.168.0.1/",
        "http://8.8.8.8/",
        "http://[fd12:3457::1]/",
        "http://[::1]/",
    ] {
        assert!(refused(&policy, url), "{url}");
    }
    // A name without TLS may be tried, but its resolver then accepts allowed addresses alone.
    assert_eq!(policy.check(&Url::parse("http://erp.internal/").unwrap()), Ok(Reach::AllowedOnly));
}

#[test]
fn ranges_are_read_strictly() {
    for wrong in
        ["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "example.com", "", "/8", "010.0.0.0/8"]
    {
        assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
    }
    let everything: AddressRange = "0.0.0.0/0".parse().unwrap();
    assert!(everything.contains("203.0.113.1".parse().unwrap()) && !everything.contains("::1".parse().unwrap()));
    let one: AddressRange = "10.1.2.3".parse().unwrap();
    assert!(one.contains("10.1.2.3".parse().unwrap()) && !one.contains("10.1.2.4".parse().unwrap()));
    assert_eq!(one.to_string(), "10.1.2.3/32");
}

struct Fixed(Vec<IpAddr>);

impl NameLookup for Fixed {
    fn lookup(&self, _host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

async fn resolve(policy: EgressPolicy, reach: Reach, addresses: &[&str]) -> Result<Vec<String>, String> {
    let lookup = Fixed(addresses.iter().map(|address| address.parse().unwrap()).collect());
    let resolver = GuardedResolver::new(Arc::new(policy), reach, Arc::new(lookup));
    let found = resolver.addresses("shop.example.com").await.map_err(|error| error.to_string())?;
    Ok(found.iter().map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn names_that_lead_inside_are_not_dialled() {
    let inner = resolve(policy(&[]), Reach::Public, &["127.0.0.1"]).await;
    assert_eq!(inner.unwrap_err(), "shop.example.com leads to 127.0.0.1, which is loopback");
    let mixed = resolve(policy(&[]), Reach::Public, &["10.0.0.1", "8.8.8.8", "::ffff:169.254.169.254"]).await;
    assert_eq!(mixed.unwrap(), ["8.8.8.8"]);
    assert!(resolve(policy(&["10.0.0.0/8"]), Reach::AllowedOnly, &["8.8.8.8"]).await.is_err());
    assert_eq!(
        resolve(policy(&["10.0.0.0/8"]), Reach::AllowedOnly, &["8.8.8.8", "10.9.9.9"]).await.unwrap(),
        ["10.9.9.9"]
    );
    assert!(resolve(policy(&[]), Reach::Public, &[]).await.is_err());
}

#[test]
fn only_listed_names_are_called() {
    let listed = EgressPolicy { hosts: Some(vec!["api.example.com".to_owned()]), ..policy(&[]) };
    assert_eq!(listed.check(&Url::parse("https://API.example.com/a").unwrap()), Ok(Reach::Public));
    for url in ["https://example.com/", "https://api.example.com.evil.net/", "https://8.8.8.8/"] {
        assert!(matches!(listed.check(&Url::parse(url).unwrap()), Err(Blocked::Host { .. })), "{url}");
    }
    let nothing = EgressPolicy { hosts: Some(Vec::new()), ..policy(&[]) };
    assert!(refused(&nothing, "https://api.example.com/"));
}

#[test]
fn a_wildcard_stands_for_what_is_below_its_domain() {
    for (listed, host, expected) in [
        ("api.example.com", "API.example.com", true),
        ("api.example.com", "x.api.example.com", false),
        ("*.example.com", "api.Example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "evilexample.com", false),
        ("*.example.com", "\u{e4}.example.com", true),
        ("*.example.com", "\u{e4}xample.com", false),
    ] {
        assert_eq!(covers(listed, host), expected, "{listed} {host}");
    }
}

#[test]
fn what_a_vendor_says_leads_to_our_host_or_a_listed_one() {
    let base = |url: &str| Base { url: Url::parse(url).unwrap(), hosts: vec!["files.example.com".to_owned()] };
    let reaches = |from: &str, to: &str| base(from).reaches(&Url::parse(to).unwrap());
    assert!(reaches("https://api.example.com/v1", "https://api.example.com/v2?page=2"));
    assert!(reaches("https://api.example.com", "https://files.example.com/a"));
    assert!(reaches("http://api.example.com", "http://files.example.com/a"));
    assert!(!reaches("https://api.example.com", "http://files.example.com/a"), "TLS is not given up");
    assert!(!reaches("https://api.example.com", "https://api.example.com:8443/"));
    assert!(!reaches("https://api.example.com", "https://example.com/"));
}
