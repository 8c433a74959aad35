//! Where the hub may connect to: public addresses over TLS, and what an administrator allowed by name.
//!
//! Not here: the calls themselves. Nothing dials an address that this module has not judged: literal addresses are judged
//! before the call, names when they are resolved, and the judged address is the one that is dialled (no second look-up).

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// A range of addresses, `10.1.0.0/16` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    base: IpAddr,
    prefix: u8,
}

impl AddressRange {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Self {
        Self { base: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
    }

    /// `None` for a prefix that is longer than the address.
    pub fn new(base: IpAddr, prefix: u8) -> Option<Self> {
        let longest = if base.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(Self { base, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not an address range; write it as 10.1.0.0/16 or 10.1.2.3")]
pub struct RangeError {
    text: String,
}

impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError { text: text.to_owned() };
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |text| text.parse::<u8>().map_err(|_| wrong()))?;
        Self::new(base, prefix).ok_or_else(wrong)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// Special ranges with the word that explains them (IANA special-purpose registries).
const BLOCKED: [(AddressRange, &str); 36] = [
    (AddressRange::v4(0, 0, 0, 0, 8), "this host"),
    (AddressRange::v4(10, 0, 0, 0, 8), "private"),
    (AddressRange::v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (AddressRange::v4(127, 0, 0, 0, 8), "loopback"),
    (AddressRange::v4(169, 254, 0, 0, 16), "link-local"),
    (AddressRange::v4(172, 16, 0, 0, 12), "private"),
    (AddressRange::v4(192, 0, 0, 0, 24), "protocol assignments"),
    (AddressRange::v4(192, 0, 2, 0, 24), "documentation"),
    (AddressRange::v4(192, 31, 196, 0, 24), "AS112"),
    (AddressRange::v4(192, 52, 193, 0, 24), "AMT"),
    (AddressRange::v4(192, 88, 99, 0, 24), "6to4 relay"),
    (AddressRange::v4(192, 168, 0, 0, 16), "private"),
    (AddressRange::v4(192, 175, 48, 0, 24), "AS112"),
    (AddressRange::v4(198, 18, 0, 0, 15), "benchmarking"),
    (AddressRange::v4(198, 51, 100, 0, 24), "documentation"),
    (AddressRange::v4(203, 0, 113, 0, 24), "documentation"),
    (AddressRange::v4(224, 0, 0, 0, 4), "multicast"),
    (AddressRange::v4(240, 0, 0, 0, 4), "reserved"),
    (AddressRange::v6(0, 0, 0, 96), "unspecified, loopback or embedded IPv4"),
    (AddressRange::v6(0x64, 0xff9b, 0, 96), "NAT64"),
    (AddressRange::v6(0x64, 0xff9b, 1, 48), "NAT64"),
    (AddressRange::v6(0x100, 0, 0, 64), "discard"),
    (AddressRange::v6(0x2001, 0, 0, 23), "protocol assignments"),
    (AddressRange::v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (AddressRange::v6(0x2002, 0, 0, 16), "6to4"),
    (AddressRange::v6(0x2620, 0x4f, 0x8000, 48), "AS112"),
    (AddressRange::v6(0x3fff, 0, 0, 20), "documentation"),
    (AddressRange::v6(0x5f00, 0, 0, 16), "segment routing"),
    (AddressRange::v6(0xfc00, 0, 0, 7), "unique local"),
    (AddressRange::v6(0xfe80, 0, 0, 10), "link-local"),
    (AddressRange::v6(0xfec0, 0, 0, 10), "site-local"),
    (AddressRange::v6(0xff00, 0, 0, 8), "multicast"),
    (AddressRange::v6(0x3ffe, 0, 0, 16), "retired test network"),
    // All global unicast addresses lie in 2000::/3; whatever else is assigned one day is not a vendor.
    (AddressRange::v6(0, 0, 0, 3), "not global unicast"),
    (AddressRange::v6(0x4000, 0, 0, 2), "not global unicast"),
    (AddressRange::v6(0x8000, 0, 0, 1), "not global unicast"),
];

/// An address or URL that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Blocked {
    #[error("{host} leads to {address}, which is {kind}")]
    Address { host: String, address: IpAddr, kind: &'static str },
    #[error(
        "{host} leads to {address}; without TLS or on an unlisted port only the connection's allowed addresses may be called"
    )]
    NotAllowed { host: String, address: IpAddr },
    #[error(
        "{host} is neither the host of the connection's own address nor one that it lists; add it to `allow_hosts` if it is to be called"
    )]
    Host { host: String },
    #[error("the address `{url}` {reason}")]
    Url { url: String, reason: &'static str },
}

/// The rules of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    /// Ranges that may be called although they are private, and without TLS: set by an administrator for systems in the house.
    pub allow: Vec<AddressRange>,
    /// Ports besides 443 that may be called on public addresses, with TLS.
    pub ports: Vec<u16>,
    /// The only hosts that may be called, `*.example.com` for every host below it; `None` where names are not what limits.
    pub hosts: Option<Vec<String>>,
}

/// Where a connection's requests begin, and where what its vendor says may lead them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub url: Url,
    /// Hosts that an administrator listed besides.
    pub hosts: Vec<String>,
}

impl Base {
    /// Whether credentials may go to an address that the vendor gave us (a next page, a link): our own origin, or a listed
    /// host without giving TLS up.
    pub fn reaches(&self, url: &Url) -> bool {
        let listed = url.host_str().is_some_and(|host| is_among(&self.hosts, host));
        url.origin() == self.url.origin() || (listed && (url.scheme() == "https" || self.url.scheme() == url.scheme()))
    }
}

fn is_among(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host))
}

/// Whether `listed` is the host, or stands as `*.example.com` for all below a domain.
pub fn covers(listed: &str, host: &str) -> bool {
    let Some(parent) = listed.strip_prefix("*.") else { return listed.eq_ignore_ascii_case(host) };
    let below = host.len().checked_sub(parent.len() + 1).and_then(|at| host.split_at_checked(at));
    below.is_some_and(|(own, rest)| !own.is_empty() && rest.starts_with('.') && rest[1..].eq_ignore_ascii_case(parent))
}

/// Which client may make the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public and explicitly allowed addresses.
    Public,
    /// Explicitly allowed addresses alone: no TLS, or an unlisted port.
    AllowedOnly,
}

impl EgressPolicy {
    /// Judges a URL before it is called; a literal address is judged here, a name when `GuardedResolver` resolves it.
    pub fn check(&self, url: &Url) -> Result<Reach, Blocked> {
        let refuse = |reason| Blocked::Url { url: shown(url), reason };
        let reach = match (url.scheme(), url.port_or_known_default()) {
            ("https", Some(443)) => Reach::Public,
            ("https", Some(port)) if self.ports.contains(&port) => Reach::Public,
            ("https" | "http", Some(_)) => Reach::AllowedOnly,
            _ => return Err(refuse("is neither https nor http")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("contains a user name; use the connection's authentication instead"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| refuse("has no host"))?;
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|listed| covers(listed, host))) {
            return Err(Blocked::Host { host: host.to_owned() });
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            self.check_address(host, address, reach)?;
        } else if reach == Reach::AllowedOnly && self.allow.is_empty() {
            return Err(refuse("has no TLS or an unlisted port, and the connection allows no address for that"));
        }
        Ok(reach)
    }

    /// Judges one address.
    pub fn check_address(&self, host: &str, address: IpAddr, reach: Reach) -> Result<(), Blocked> {
        let address = address.to_canonical();
        if self.allow.iter().any(|range| range.contains(address)) {
            return Ok(());
        }
        if let Some((_, kind)) = BLOCKED.iter().find(|(range, _)| range.contains(address)) {
            return Err(Blocked::Address { host: host.to_owned(), address, kind });
        }
        match reach {
            Reach::Public => Ok(()),
            Reach::AllowedOnly => Err(Blocked::NotAllowed { host: host.to_owned(), address }),
        }
    }
}

/// The URL without its query and user information.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// How names become addresses; replaced in tests.
pub trait NameLookup: Send + Sync {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
pub struct SystemLookup;

impl NameLookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Resolves names and lets only judged addresses through.
#[derive(Clone)]
pub struct GuardedResolver {
    policy: Arc<EgressPolicy>,
    reach: Reach,
    lookup: Arc<dyn NameLookup>,
}

impl GuardedResolver {
    pub fn new(policy: Arc<EgressPolicy>, reach: Reach, lookup: Arc<dyn NameLookup>) -> Self {
        Self { policy, reach, lookup }
    }

    /// The addresses that may be dialled. Fails with the first refusal when none may.
    pub async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.lookup.lookup(host.to_owned()).await?;
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match self.policy.check_address(host, address, self.reach) {
                Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                Err(blocked) => refused = refused.or(Some(blocked)),
            }
        }
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(allowed),
            (true, Some(blocked)) => Err(Box::new(blocked)),
            (true, None) => Err(Box::new(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
