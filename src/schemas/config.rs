//! `syncline.yaml` and `conf.d/*.yaml`.
//!
//! Not here: what settings a connector has (its manifest).

use super::shape::Shape::{Duration, Flag, List, Named, Of, Percent, Size, Text, Whole, Words};
use super::shape::{Definition, ONE_OR_MANY, TEXTS, key, map, must, set, words};
use crate::config::{Deliver, LogFormat, LogLevel};
use crate::connector::file::sftp::After;

pub(super) static CONFIG: Definition = map(
    "config",
    "A configuration of the hub: docs/configuration.md. Values may hold ${NAME}, ${NAME:-default} and ${file:path}.",
    &[&[
        key("hub", Of(&HUB), "Where it listens, where it keeps its data, its limits"),
        key("connections", Named(&Of(&CONNECTION)), "Configured instances of connectors"),
        key("flows", Named(&Of(&FLOW)), "What carries records from one stream to another"),
        key("ownership", Named(&Text), "entity.field to connection: the system of record of a field"),
        key("retry", Named(&Of(&RETRY)), "Retry policies of your own"),
        key("brokers", Named(&Of(&BROKER)), "Where the event log is published"),
    ]],
);
static HUB: Definition = map(
    "hub",
    "The hub's own part.",
    &[&[
        key("listen", Text, "Address and port"),
        key("public_url", Text, "How vendors reach this hub; needed for webhooks"),
        key("database", Text, "sqlite:path, or postgres://user:password@host/name"),
        key("data_dir", Text, "Files of the hub's own"),
        key("limits", Of(&LIMITS), "At a limit the hub holds or answers 503, it never drops"),
        key("log", Of(&LOG), "What it writes about itself"),
    ]],
);
static BROKER: Definition = map(
    "broker",
    "A message broker that the event log is published to: docs/events.md.",
    &[&[
        must("nats", Of(&NATS), "A JetStream stream"),
        key("events", List(&Text), "Streams as connection.stream; without, all events"),
    ]],
);
static NATS: Definition = map(
    "nats",
    "A JetStream stream of a NATS server or cluster.",
    &[&[
        must("servers", ONE_OR_MANY, "nats://host:4222 or tls://host:4222, one or several"),
        key("stream", Text, "The stream's name; SYNCLINE unless stated"),
        key(
            "subject",
            Text,
            "With {connection}, {stream}, {entity}, {kind}; syncline.{connection}.{stream} unless stated",
        ),
        key("user", Text, "With `password`"),
        key("password", Text, "Of `user`; as ${NAME} or ${file:path}"),
        key("token", Text, "In place of a user"),
        key("credentials_file", Text, "As nsc writes it, in place of a user"),
        key("ca_file", Text, "Certificates of the server's authority, where it is no public one"),
        key("create", Flag, "The stream is made where it is missing; true unless stated"),
        key("replicas", Whole, "Of a stream that is made: 1 to 5"),
    ]],
);
static LIMITS: Definition = map(
    "limits",
    "What the hub takes on at most.",
    &[&[
        key("webhook_body", Size, "Largest webhook body"),
        key("connections", Whole, "Open HTTP connections"),
        key("workers", Whole, "Jobs in flight at once"),
        key("inbox_backlog", Whole, "Unprocessed inbox rows"),
        key("disk_reserve", Size, "Free disk space below which intake pauses"),
        key("retention", Duration, "How long raw payloads and finished jobs are kept"),
    ]],
);
static LOG: Definition = map(
    "log",
    "What the hub writes about itself.",
    &[&[
        key("level", Words(words::<LogLevel>), "How much"),
        key("format", Words(words::<LogFormat>), "For people, or for programs"),
    ]],
);
static CONNECTION: Definition = map(
    "connection",
    "One configured instance of a connector.",
    &[&[
        must("connector", Text, "Which; `syncline connectors` lists them"),
        key("settings", Named(&Text), "What its connector asks for: `syncline connectors NAME`"),
        key("enabled", Flag, "Whether it runs; flows hold otherwise"),
        key("path_secret", Text, "The unguessable part of its webhook address; at least 16 characters"),
        key("allow_hosts", TEXTS, "Hosts besides those of the connector's own addresses"),
        key("allow_networks", TEXTS, "Private networks that it may reach"),
        key("polls", Named(&Duration), "Stream to how often it is read"),
        key("rate_limit", Of(&super::http::RATE_LIMIT), "In place of the manifest's"),
        key("sftp", Of(&SFTP), "The file server that its folders are on"),
    ]],
);
static SFTP: Definition = map(
    "sftp",
    "A file server: the folders in the settings are paths there.",
    &[&[
        must("host", Text, "Name or address"),
        key("port", Whole, "22 unless stated"),
        must("user", Text, "User name"),
        must("host_key", ONE_OR_MANY, "SHA256 fingerprint of its key, or several while it changes"),
        key("password", Text, "Its password, or"),
        key("private_key", Text, "A private key, OpenSSH or PEM"),
        key("passphrase", Text, "What the key is locked with"),
        key("after", Words(words::<After>), "What becomes of a file there once it is here"),
    ]],
);
static FLOW: Definition = map(
    "flow",
    "Carries the records of one stream to another.",
    &[&[
        must("from", Text, "connection.stream"),
        must("to", Text, "connection.stream"),
        must("mode", set!("shadow", "canary", "live", "paused"), "shadow sends nothing, canary a share"),
        key("canary", Percent, "The share of canary"),
        key("when", Text, "Only records for which this holds"),
        key("needs", TEXTS, "References that are synced first"),
        key("deliver", Words(words::<Deliver>), "Every change in order, or the latest state"),
        key("retry", Text, "standard, patient, brief, or one of your own"),
        key("freshness", Duration, "The objective that the flow's status is computed from"),
        key("brake", Of(&BRAKE), "What is held until a person releases it"),
        key("publish", Text, "What is available to sell, from stock"),
    ]],
);
static BRAKE: Definition = map(
    "brake",
    "What is held until a person releases it.",
    &[&[
        key("changes_per_run", Percent, "A file or walk that changes more"),
        key("zero_stock", Percent, "A file or walk that sets more to nothing"),
    ]],
);
static RETRY: Definition = map(
    "retry",
    "When to try again, and when to give up.",
    &[&[
        must("first_delay", Duration, "After the first failure"),
        must("max_delay", Duration, "At most"),
        must("give_up_after", Duration, "Then a person decides"),
    ]],
);
