//! NATS JetStream as an outlet: publishing with acknowledgements, and ids by which the server drops repetitions.
//!
//! Not here: which events, in which order (`publish`).

use std::time::Duration;

use async_nats::jetstream::context::{Context, PublishAckFuture};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config as StreamConfig, StorageType};
use async_nats::{ConnectOptions, jetstream};
use async_trait::async_trait;
use secrecy::ExposeSecret as _;

use crate::config::{Nats, NatsLogin};

use super::{BrokerError, Message, Outlet};

const CONNECT: Duration = Duration::from_secs(5);
/// Without an acknowledgement for so long, it is not known whether the server has a message: it is sent again, under its id.
const ACKNOWLEDGED: Duration = Duration::from_secs(5);
/// What a message's headers take at most; they count, too.
const HEADERS: usize = 4096;
/// The server knows ids for so long.
const REMEMBERED: Duration = Duration::from_secs(600);

pub(super) struct NatsOutlet {
    /// For the server's list of its clients.
    name: String,
    settings: Nats,
    context: Option<Context>,
}

impl NatsOutlet {
    pub fn new(name: String, settings: Nats) -> NatsOutlet {
        NatsOutlet { name, settings, context: None }
    }

    async fn reached(&mut self) -> Result<&Context, BrokerError> {
        let context = match self.context.take() {
            Some(context) => context,
            None => self.connect().await?,
        };
        Ok(self.context.insert(context))
    }

    async fn connect(&self) -> Result<Context, BrokerError> {
        let settings = &self.settings;
        let servers = settings.servers.join(", ");
        let unreached = |cause: String| BrokerError {
            cause: format!("NATS at {servers}: {cause}"),
            next: "check that the server runs and takes this login; the hub tries again by itself".to_owned(),
        };
        let mut options = ConnectOptions::new()
            .name(format!("syncline {}", self.name))
            .connection_timeout(CONNECT)
            .request_timeout(Some(ACKNOWLEDGED));
        options = match &settings.login {
            NatsLogin::None => options,
            NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
            NatsLogin::User { user, password } => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
            NatsLogin::Credentials(path) => options
                .credentials_file(path)
                .await
                .map_err(|error| unreached(format!("credentials_file {}: {error}", path.display())))?,
        };
        if let Some(path) = &settings.ca_file {
            options = options.add_root_certificates(path.clone());
        }
        let client = options.connect(settings.servers.clone()).await.map_err(|error| unreached(error.to_string()))?;
        let mut context = jetstream::new(client);
        context.set_timeout(ACKNOWLEDGED);
        self.stream(&context).await?;
        Ok(context)
    }

    /// Made where it is missing; one that is there stays as its owner made it.
    async fn stream(&self, context: &Context) -> Result<(), BrokerError> {
        let settings = &self.settings;
        let Err(error) = context.get_stream(&settings.stream).await else { return Ok(()) };
        let failed = |cause: String| BrokerError {
            cause: format!("the JetStream stream {}: {cause}", settings.stream),
            next: "check that the server has JetStream switched on and that this login may use it".to_owned(),
        };
        if !settings.create {
            return Err(failed(error.to_string()));
        }
        let stream = StreamConfig {
            name: settings.stream.clone(),
            subjects: vec![settings.subject.pattern()],
            storage: StorageType::File,
            num_replicas: settings.replicas,
            duplicate_window: REMEMBERED,
            ..StreamConfig::default()
        };
        context.create_stream(stream).await.map_err(|error| failed(error.to_string()))?;
        tracing::info!(stream = settings.stream, "JetStream stream made");
        Ok(())
    }

    async fn begin(&mut self, message: &Message) -> Result<PublishAckFuture, BrokerError> {
        let subject = self.settings.subject.of(message.names.each_ref().map(String::as_str));
        let context = self.reached().await?;
        let body = if message.body.len() + HEADERS > context.client().server_info().max_payload {
            tracing::warn!(id = message.id, "larger than the server takes: sent without its data");
            &message.envelope
        } else {
            &message.body
        };
        let publish = PublishMessage::build()
            .message_id(&message.id)
            .header("Content-Type", "application/cloudevents+json")
            .payload(body.clone().into());
        context.send_publish(subject.clone(), publish).await.map_err(|error| refused(&subject, &error.to_string()))
    }
}

fn refused(subject: &str, cause: &str) -> BrokerError {
    BrokerError {
        cause: format!("NATS did not confirm a message on {subject}: {cause}"),
        next: "check the stream's subjects and limits; the message is sent again under its id".to_owned(),
    }
}

#[async_trait]
impl Outlet for NatsOutlet {
    async fn send(&mut self, messages: &[Message]) -> Vec<Result<(), BrokerError>> {
        let mut begun = Vec::with_capacity(messages.len());
        for message in messages {
            let one = self.begin(message).await;
            let failed = one.is_err();
            begun.push(one);
            // What could not even be handed over would only be tried in vain for the rest.
            if failed {
                break;
            }
        }
        let mut told = Vec::with_capacity(messages.len());
        for (message, begun) in messages.iter().zip(begun) {
            let subject = self.settings.subject.of(message.names.each_ref().map(String::as_str));
            told.push(match begun {
                Ok(acknowledged) => {
                    acknowledged.await.map(|_| ()).map_err(|error| refused(&subject, &error.to_string()))
                }
                Err(error) => Err(error),
            });
        }
        if told.iter().any(Result::is_err) {
            // The next try begins with a connection of its own: nothing of this one is still on its way by then.
            self.context = None;
        }
        let missing = messages.len() - told.len();
        let last = told.last().cloned();
        told.extend(std::iter::repeat_n(last.unwrap_or(Ok(())), missing));
        told
    }
}
