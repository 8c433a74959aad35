//! `brokers:`: where the event log is published, and which of it.
//!
//! Not here: publishing (`crate::broker`).

use std::path::PathBuf;

use secrecy::SecretString;

use super::connection::Connection;
use super::flow::Endpoint;
use super::yaml::{Context, Decode, Diagnostic, Diagnostics, Node, Spanned, suggest};

/// One broker that the event log is published to.
#[derive(Debug, Clone)]
pub struct Broker {
    /// How far it has come is kept by it.
    pub name: Spanned<String>,
    pub to: BrokerKind,
    /// Events of these streams; without any, all.
    pub events: Vec<Endpoint>,
}

#[derive(Debug, Clone)]
pub enum BrokerKind {
    Nats(Nats),
}

/// A JetStream stream of a NATS server or cluster.
#[derive(Debug, Clone)]
pub struct Nats {
    /// `nats://host:4222` or `tls://host:4222`, without credentials.
    pub servers: Vec<String>,
    /// The JetStream stream's name.
    pub stream: String,
    pub subject: SubjectTemplate,
    pub login: NatsLogin,
    /// Certificates of the server's authority, where it is no public one.
    pub ca_file: Option<PathBuf>,
    /// The stream is made, with so many replicas, where the server has none of this name.
    pub create: bool,
    pub replicas: usize,
}

#[derive(Debug, Clone)]
pub enum NatsLogin {
    None,
    Token(SecretString),
    User {
        user: String,
        password: SecretString,
    },
    /// A file as `nsc` writes it.
    Credentials(PathBuf),
}

/// `syncline.{connection}.{stream}.{kind}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectTemplate(String);

/// What a subject may hold of an event. Keys may not: they are of any characters.
const PLACES: [&str; 4] = ["connection", "stream", "entity", "kind"];

impl SubjectTemplate {
    fn parse(text: &str) -> Result<SubjectTemplate, String> {
        let mut plain = text.to_owned();
        for place in PLACES {
            plain = plain.replace(&format!("{{{place}}}"), "x");
        }
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if plain.split('.').all(token) { Ok(SubjectTemplate(text.to_owned())) } else { Err(text.to_owned()) }
    }

    /// The subject of an event; every value is made of letters, digits, `-` and `_`.
    pub fn of(&self, values: [&str; PLACES.len()]) -> String {
        let mut subject = self.0.clone();
        for (place, value) in PLACES.iter().zip(values) {
            subject = subject.replace(&format!("{{{place}}}"), value);
        }
        subject
    }

    /// All subjects that it can make: a broker's wildcard stands for a whole name between dots.
    pub fn pattern(&self) -> String {
        let names = self.0.split('.').map(|name| if name.contains('{') { "*" } else { name });
        names.collect::<Vec<_>>().join(".")
    }
}

/// As written, before its streams are looked up.
#[derive(Debug, Clone)]
pub(super) struct WrittenBroker {
    to: BrokerKind,
    events: Vec<Spanned<Endpoint>>,
}

impl WrittenBroker {
    pub(super) fn link(
        self,
        name: Spanned<String>,
        connections: &[Connection],
        declared: &[&str],
        folder: &std::path::Path,
        problems: &mut Diagnostics,
    ) -> Broker {
        for events in &self.events {
            if !declared.contains(&events.connection.as_str()) {
                let message = format!("no connection is named `{}`", events.connection.escape_debug());
                problems.push(Diagnostic::new(&events.place, message).help(suggest(&events.connection, declared)));
                continue;
            }
            let Some(connection) = connections.iter().find(|connection| *connection.name == events.connection) else {
                continue;
            };
            if connection.manifest.stream(&events.stream).is_none() {
                let known: Vec<&str> = connection.manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
                let message = format!("`{}` has no stream `{}`", events.connection, events.stream.escape_debug());
                problems.push(Diagnostic::new(&events.place, message).help(suggest(&events.stream, &known)));
            }
        }
        let BrokerKind::Nats(mut nats) = self.to;
        nats.ca_file = nats.ca_file.map(|path| folder.join(path));
        if let NatsLogin::Credentials(path) = &mut nats.login {
            *path = folder.join(&*path);
        }
        let events = self.events.into_iter().map(|events| events.value).collect();
        Broker { name, to: BrokerKind::Nats(nats), events }
    }
}

/// Texts below `brokers` that no message may show, whether the rest can be read or not.
pub(super) fn sensitive(configuration: &Node) -> Vec<String> {
    let brokers = configuration.get("brokers").and_then(Node::entries).unwrap_or_default();
    let nats = brokers.iter().filter_map(|broker| broker.value.get("nats"));
    let secrets = nats.flat_map(|nats| {
        let servers = nats.get("servers").into_iter().flat_map(|node| node.seq().unwrap_or(std::slice::from_ref(node)));
        let addresses = servers.filter_map(Node::as_str).filter(|address| address.contains('@'));
        addresses.chain(["token", "password"].into_iter().filter_map(|key| nats.get(key)?.as_str()))
    });
    secrets.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

impl Decode for WrittenBroker {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "broker")?;
        let events = map.or("events", Vec::new());
        let nats: Option<Nats> = map.required("nats");
        map.finish();
        Some(Self { to: BrokerKind::Nats(nats?), events })
    }
}

impl Decode for Nats {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "nats")?;
        let servers = match map.node("servers") {
            Some(node) if node.seq().is_some() => Vec::<Spanned<String>>::decode(node, cx).unwrap_or_default(),
            Some(node) => Spanned::<String>::decode(node, cx).into_iter().collect(),
            None => {
                map.missing("servers");
                Vec::new()
            }
        };
        for server in &servers {
            // The text is not shown: it may hold a password.
            if !(server.starts_with("nats://") || server.starts_with("tls://")) || server.contains('@') {
                let help = "write `nats://host:4222` or `tls://host:4222`; credentials stand beside it";
                cx.error(server.place.span, "not the address of a NATS server", help);
            }
        }
        let stream = map.or("stream", "SYNCLINE".to_owned());
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if stream.is_empty() || !stream.bytes().all(token) {
            map.error("stream", format!("`{stream}` is no name of a stream"), "letters, digits, `-` and `_`");
        }
        let subject = map.or("subject", "syncline.{connection}.{stream}".to_owned());
        let subject = SubjectTemplate::parse(&subject);
        if let Err(text) = &subject {
            let help = "names between dots, such as `syncline.{connection}.{stream}`; places are {connection}, {stream}, {entity}, {kind}";
            map.error("subject", format!("`{text}` is no subject"), help);
        }
        let (user, password): (Option<String>, Option<String>) = (map.optional("user"), map.optional("password"));
        let token: Option<String> = map.optional("token");
        let credentials: Option<String> = map.optional("credentials_file");
        let ways = usize::from(user.is_some()) + usize::from(token.is_some()) + usize::from(credentials.is_some());
        if ways > 1 || user.is_some() != password.is_some() {
            let help = "`user` with `password`, or `token`, or `credentials_file`";
            cx.error(map.span(), "the login is told in more than one way, or by half", help);
        }
        let login = match (user, password, token, credentials) {
            (Some(user), Some(password), _, _) => NatsLogin::User { user, password: SecretString::from(password) },
            (_, _, Some(token), _) => NatsLogin::Token(SecretString::from(token)),
            (_, _, _, Some(path)) => NatsLogin::Credentials(path.into()),
            (_, _, None, None) => NatsLogin::None,
        };
        let ca_file = map.optional::<String>("ca_file").map(PathBuf::from);
        let create = map.or("create", true);
        let replicas = map.or("replicas", 1_u32);
        if !(1..=5).contains(&replicas) {
            map.error("replicas", format!("{replicas} replicas"), "1 to 5");
        }
        map.finish();
        let servers = servers.into_iter().map(|server| server.value).collect();
        let subject = subject.ok()?;
        Some(Nats { servers, stream, subject, login, ca_file, create, replicas: replicas as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_hold_names_only() {
        let template =
            SubjectTemplate::parse("hub.{connection}.{stream}-{kind}").unwrap_or(SubjectTemplate(String::new()));
        assert_eq!(template.of(["shop", "orders", "order", "OrderPaid"]), "hub.shop.orders-OrderPaid");
        assert_eq!(template.pattern(), "hub.*.*");
        for wrong in ["", "a..b", "a.>", "a.*", "a b", "{key}", "a."] {
            assert!(SubjectTemplate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
