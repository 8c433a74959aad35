//! A NATS server of the tests' own, with JetStream on disk, that can be killed and started again.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const TOKEN: &str = "t0ken-5f1b";

pub struct NatsServer {
    pub port: u16,
    folder: tempfile::TempDir,
    process: Option<Child>,
    max_payload: usize,
}

fn program() -> PathBuf {
    let folders = std::env::var("PATH").unwrap_or_default();
    let folders = folders.split(':').map(str::to_owned).chain(["/usr/sbin".to_owned()]);
    let found = folders.map(|folder| PathBuf::from(folder).join("nats-server")).find(|path| path.is_file());
    found.expect("nats-server is needed (on Debian: apt-get install nats-server); ./scripts/test installs it")
}

impl NatsServer {
    pub async fn start(max_payload: usize) -> NatsServer {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::Builder::new().prefix("syncline-nats-").tempdir().unwrap();
        let mut server = NatsServer { port, folder, process: None, max_payload };
        server.resume().await;
        server
    }

    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub async fn resume(&mut self) {
        let config = self.folder.path().join("nats.conf");
        let store = self.folder.path().join("store");
        let text = format!(
            "host: 127.0.0.1\nport: {}\nmax_payload: {}\nauthorization {{ token: \"{TOKEN}\" }}\njetstream {{ store_dir: {:?} }}\n",
            self.port, self.max_payload, store
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program());
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        let limit = Instant::now() + Duration::from_secs(30);
        while let Err(error) = self.context().await {
            assert!(Instant::now() < limit, "nats-server does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Without a word, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub async fn context(&self) -> Result<async_nats::jetstream::Context, Box<dyn std::error::Error>> {
        let client = async_nats::ConnectOptions::with_token(TOKEN.to_owned()).connect(self.address()).await?;
        Ok(async_nats::jetstream::new(client))
    }

    /// What a stream holds: subject, id and body of each message, in its order.
    pub async fn messages(&self, stream: &str) -> Vec<(String, String, serde_json::Value)> {
        let context = self.context().await.unwrap();
        let Ok(mut stream) = context.get_stream(stream).await else { return Vec::new() };
        let last = stream.info().await.unwrap().state.last_sequence;
        let mut messages = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let id = message.headers.get("Nats-Msg-Id").map_or_else(String::new, |id| id.as_str().to_owned());
            let body = serde_json::from_slice(&message.payload).unwrap();
            messages.push((message.subject.to_string(), id, body));
        }
        messages
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
