//! A service that takes the hub's events: verifies them by Standard Webhooks 1.0.0 and appends each once to a file.
//!
//! Not here: a server fit for production.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Failure;

/// Older or newer messages are refused: somebody may be playing back what he has recorded.
const TOLERANCE_S: u64 = 300;

struct Service {
    key: Vec<u8>,
    output: String,
    /// Message ids that were taken: the hub repeats a message until it has heard that it arrived.
    taken: Mutex<HashSet<String>>,
}

#[tokio::main(flavor = "current_thread")]
pub async fn run(address: &str, secret_file: &str, output: &str) -> Result<(), Failure> {
    let secret = std::fs::read_to_string(secret_file).map_err(|error| format!("{secret_file}: {error}"))?;
    let key = STANDARD.decode(secret.trim().strip_prefix("whsec_").ok_or("the secret does not begin with whsec_")?)?;
    let service = Service { key, output: output.to_owned(), taken: Mutex::default() };
    let service: &'static Service = Box::leak(Box::new(service));
    let app =
        Router::new().route("/events", post(async |headers: HeaderMap, body: Bytes| service.take(&headers, &body)));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{address}/events, events go to {output}");
    Ok(axum::serve(listener, app).await?)
}

impl Service {
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let Some(id) = self.verified(headers, body) else {
            println!("refused: the signature or its time is wrong");
            return StatusCode::UNAUTHORIZED;
        };
        let Ok(mut taken) = self.taken.lock() else { return StatusCode::INTERNAL_SERVER_ERROR };
        if taken.contains(id) {
            println!("{id}: known already");
            return StatusCode::OK;
        }
        let line = [body, b"\n"].concat();
        let written = OpenOptions::new().create(true).append(true).open(&self.output);
        match written.and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_data())) {
            Ok(()) => {
                taken.insert(id.to_owned());
                println!("{id}: {} bytes", body.len());
                StatusCode::OK
            }
            Err(error) => {
                println!("{id}: not written, the hub will come again: {error}");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The message's id, if one of its signatures is ours and its time is near.
    fn verified<'h>(&self, headers: &'h HeaderMap, body: &[u8]) -> Option<&'h str> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        if timestamp.parse::<u64>().ok()?.abs_diff(now) > TOLERANCE_S {
            return None;
        }
        let signed = header("webhook-signature")?.split(' ').filter_map(|part| part.strip_prefix("v1,")).any(|text| {
            let (Ok(signature), Ok(mut mac)) = (STANDARD.decode(text), Hmac::<Sha256>::new_from_slice(&self.key))
            else {
                return false;
            };
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            mac.verify_slice(&signature).is_ok()
        });
        signed.then_some(id)
    }
}
