//! The event log on its way to message brokers: at least once, each record's events in their order, going on where it stopped.
//!
//! A position is the number of the last event that the broker has confirmed, with all before it. It is kept like a read's cursor.
//! Not here: what an event looks like (`model::CloudEvent`), flows to systems (`deliver`).

mod nats;
mod publish;

use async_trait::async_trait;

use crate::config::{Broker, BrokerKind};

pub use publish::{Published, Publisher, Standing, cursor_of};

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same on every repetition: the broker, or who reads, drops what it has.
    pub id: String,
    /// Connection, stream, entity, kind: what a subject or topic may be made of.
    pub names: [String; 4],
    /// Messages of one key keep their order: the source, then the record's key.
    pub key: String,
    /// A CloudEvent in structured JSON.
    pub body: Vec<u8>,
    /// The same without its data, for a broker that takes no message of that size: nothing else waits for it, and who reads asks the
    /// hub for the record.
    pub envelope: Vec<u8>,
}

/// Why a message is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}; {next}")]
pub struct BrokerError {
    pub cause: String,
    /// What a person can do about it.
    pub next: String,
}

/// A broker, reached.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// Sends messages of different keys; says of each, in their order, whether the broker has it for good.
    async fn send(&mut self, messages: &[Message]) -> Vec<Result<(), BrokerError>>;
}

/// The outlet of a configured broker, which connects when it first sends.
pub fn outlet(broker: &Broker) -> Box<dyn Outlet> {
    match &broker.to {
        BrokerKind::Nats(settings) => Box::new(nats::NatsOutlet::new(broker.name.value.clone(), settings.clone())),
    }
}
