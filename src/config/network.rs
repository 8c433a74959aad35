//! What a connection may reach besides its own address: ranges of addresses although they are private, and hosts by name.
//!
//! Not here: the guard that refuses all other private addresses (the HTTP engine).

use std::fmt;
use std::net::IpAddr;

use super::yaml::{Context, Decode, Node};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Network {
    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= longest)?,
            None => longest,
        };
        Some(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Decode for Network {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let network = node.as_str().and_then(Self::parse);
        if network.is_none() {
            cx.expected(node, "an address or network such as `10.1.2.3` or `10.0.0.0/8`");
        }
        network
    }
}

/// A host by its name, as it stands in an address; the port does not belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: String,
}

impl Host {
    /// `files.example.com`, `10.1.2.3`, `[fd00::1]`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_'))
                && !text.starts_with('.')
        };
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let known = match inner {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => plain(text),
        };
        known.then(|| Self { name: text.to_ascii_lowercase() })
    }
}

impl Decode for Host {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let host = node.as_str().and_then(Self::parse);
        if host.is_none() {
            cx.expected(node, "a host name such as `files.example.com`, without scheme, port, path or wildcard");
        }
        host
    }
}
