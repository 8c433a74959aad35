//! What a connection says about its file server.
//!
//! Not here: folders (they are the connector's settings, paths on the server).

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::choice;
use crate::config::yaml::{Context, Decode, Node};

choice! {
    /// What becomes of a file on the server once the hub has it.
    pub enum After ("fate of files that were taken") {
        /// Moved into `archive` beside it.
        Archive = "archive",
        Delete = "delete",
        /// Left; it is known by name, size and time, and by its content.
        Leave = "leave",
    }
}

/// How the hub proves who it is.
#[derive(Clone)]
pub enum SftpAuth {
    Password(SecretString),
    Key { key: SecretString, passphrase: Option<SecretString> },
}

#[derive(Clone)]
pub struct SftpSpec {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub auth: SftpAuth,
    /// `SHA256:...`, as `ssh-keygen -lf` shows it. Several while a server changes its key.
    pub host_keys: Vec<String>,
    pub after: After,
}

impl fmt::Debug for SftpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sftp://{}@{}:{} {:?} {:?}", self.user, self.host, self.port, self.host_keys, self.after)
    }
}

impl SftpSpec {
    /// Keys whose values nothing may show.
    pub const SECRETS: [&'static str; 3] = ["password", "private_key", "passphrase"];

    /// Texts that nothing may show.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let (first, second) = match &self.auth {
            SftpAuth::Password(password) => (password, None),
            SftpAuth::Key { key, passphrase } => (key, passphrase.as_ref()),
        };
        std::iter::once(first).chain(second)
    }

    /// The same for equal descriptions, secrets included.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.secrets().map(ExposeSecret::expose_secret) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        format!("{self:?} {}", hex::encode(hash.finalize()))
    }

    /// A path on the server, for messages.
    pub fn place(&self, path: &str) -> String {
        format!("{}/{}", self.server(), path.trim_start_matches('/'))
    }

    /// Host, port and user, for messages.
    pub fn server(&self) -> String {
        format!("sftp://{}@{}:{}", self.user, self.host, self.port)
    }
}

impl Decode for SftpSpec {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "sftp")?;
        let (host, user): (Option<String>, Option<String>) = (map.required("host"), map.required("user"));
        let port = map.or("port", 22_u16);
        let secret = |text: String| SecretString::from(text);
        let password = map.optional::<String>("password").map(secret);
        let key = map.optional::<String>("private_key").map(secret);
        let passphrase = map.optional::<String>("passphrase").map(secret);
        let host_keys = match map.node("host_key") {
            Some(node) if node.seq().is_some() => Vec::<String>::decode(node, cx).unwrap_or_default(),
            Some(node) => String::decode(node, cx).into_iter().collect(),
            None => {
                let help = "ask the partner for it, or read it with `ssh-keyscan HOST | ssh-keygen -lf -` over a line you trust";
                map.error("host_key", "without `host_key` anybody could pose as the server", help);
                Vec::new()
            }
        };
        for fingerprint in host_keys.iter().filter(|text| !text.starts_with("SHA256:")) {
            map.error(
                "host_key",
                format!("`{fingerprint}` is no fingerprint"),
                "it looks like `SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDKnOhk5LmrXr5Kqjw`",
            );
        }
        let after = map.or("after", After::Archive);
        map.finish();
        let auth = match (password, key) {
            (Some(password), None) => Some(SftpAuth::Password(password)),
            (None, Some(key)) => Some(SftpAuth::Key { key, passphrase }),
            (Some(_), Some(_)) | (None, None) => {
                cx.error(
                    node.span,
                    "the hub logs in by a password or by a key",
                    "state `password: ${...}` or `private_key: ${file:...}`, not both",
                );
                None
            }
        };
        Some(SftpSpec { host: host?, port, user: user?, auth: auth?, host_keys, after })
    }
}
