//! What the quickstart needs besides the hub: a service that listens for its events, and a hand that posts signed webhooks.
//!
//! Not here: anything of the hub. Both sides sign and verify by themselves, as a partner's code would.

mod listen;
mod post;

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: quickstart listen <address> <secret file> <output file>
       quickstart post <url> --shopify|--stripe <secret file> [--header 'Name: value']... <body file>";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["listen", address, secret, output] => listen::run(address, secret, output),
        ["post", url, scheme, secret, rest @ ..] => post::run(url, scheme, secret, rest),
        _ => Err(USAGE.into()),
    }
}
