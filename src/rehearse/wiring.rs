//! What connects the parts of a stage: addresses, signatures, lanes, watched folders; not here: running it (`stage`).

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Config, Endpoint, Mode};
use crate::connector::manifest::{Read, Write};

use super::book::Lane;
use super::cast::{Source, Way};
use super::files::Outbox;
use super::load::Sender;
use super::prepare::{Rehearsal, RehearseError};
use super::secrets::path_secret;
use crate::connector::webhook::sign::Signer;

/// How long files and polls wait by themselves, twice: once on the way in, once on the way out.
pub(super) fn patience(copy: &Config, senders: &[Sender]) -> Duration {
    let stream = |end: &Endpoint| {
        let connection = copy.connection(&end.connection)?;
        Some((connection, connection.manifest.stream(&end.stream)?))
    };
    let reads = senders.iter().filter_map(|sender| {
        let source = &sender.source;
        let end = Endpoint { connection: source.connection.clone(), stream: source.stream.clone() };
        let (connection, described) = stream(&end)?;
        let own = connection.polls.get(&source.stream).copied();
        match (&source.way, &described.read) {
            (Way::Webhook(_), _) | (_, None | Some(Read::Process(_) | Read::Sql(_))) => None,
            (Way::Poll | Way::File(_), Some(Read::Http(read))) => Some(own.unwrap_or(read.every)),
            (Way::Poll | Way::File(_), Some(Read::File(read))) => Some(own.unwrap_or(read.every)),
        }
    });
    let writes = copy.flows.iter().filter_map(|flow| match &stream(&flow.to)?.1.write {
        Some(Write::File(write)) => Some(write.batch.every),
        Some(Write::Http(_) | Write::Process(_) | Write::Sql(_)) | None => None,
    });
    reads.chain(writes).max().unwrap_or_default() * 2
}

pub(super) fn lanes(copy: &Config, sources: &[Source], held: &[String]) -> Vec<Lane> {
    let sends = copy.flows.iter().filter(|flow| matches!(flow.mode, Mode::Live | Mode::Canary { .. }));
    let sends = sends.filter(|flow| !held.contains(&flow.name));
    sends
        .filter_map(|flow| {
            let from = |source: &Source| source.connection == flow.from.connection && source.stream == flow.from.stream;
            Some(Lane {
                flow: flow.name.value.clone(),
                source: sources.iter().position(from)?,
                connection: flow.to.connection.clone(),
                stream: flow.to.stream.clone(),
            })
        })
        .collect()
}

pub(super) fn sender(
    rehearsal: &Rehearsal,
    copy: &Config,
    source: Source,
    listen: SocketAddr,
) -> Result<Sender, RehearseError> {
    let secret = path_secret(&source.connection, rehearsal.options.seed);
    let url = format!("http://{listen}/hooks/{}/{secret}", source.connection);
    let connection = copy.connection(&source.connection);
    let verify = connection.and_then(|connection| Some((connection, connection.manifest.webhooks.as_ref()?)));
    let signer = match (&source.way, verify) {
        (Way::Webhook(_), Some((connection, webhooks))) => {
            let signer = Signer::new(&webhooks.verify, &connection.settings.expose());
            Some(signer.map_err(|reason| RehearseError::Unsigned { connection: source.connection.clone(), reason })?)
        }
        (Way::Webhook(_) | Way::Poll | Way::File(_), _) => None,
    };
    Ok(Sender { source, url, signer })
}

pub(super) fn outboxes(copy: &Config) -> Vec<Outbox> {
    let streams = copy.connections.iter().flat_map(|connection| {
        connection.manifest.streams.iter().filter_map(move |stream| match &stream.write {
            Some(Write::File(write)) => Outbox::new(connection, stream, write.marker.clone()),
            Some(Write::Http(_) | Write::Process(_) | Write::Sql(_)) | None => None,
        })
    });
    streams.collect()
}

/// Nobody has it now; whoever takes it in between makes the start fail, which is told.
pub(super) fn free_address() -> Result<SocketAddr, RehearseError> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    listener.and_then(|listener| listener.local_addr()).map_err(RehearseError::io("no free port"))
}
