//! A range of addresses that a connection may reach although it is private.
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
