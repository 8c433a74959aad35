//! An sshd of the test's own, as the user who runs the tests, on this machine alone.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use syncline::connector::file::sftp::{After, Sftp, SftpAuth, SftpSpec};
use syncline::connector::http::guard::{AddressRange, EgressPolicy};
use tokio::runtime::Handle;

pub struct Server {
    pub root: tempfile::TempDir,
    pub port: u16,
    sshd: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn make_key(path: &Path, passphrase: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(path));
}

impl Server {
    pub fn start() -> Server {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        make_key(&at("host"), "");
        make_key(&at("user"), "");
        make_key(&at("stranger"), "");
        make_key(&at("locked"), "open sesame");
        let both = [fs::read(at("user.pub")).unwrap(), fs::read(at("locked.pub")).unwrap()].concat();
        fs::write(at("authorized"), both).unwrap();
        for folder in ["in", "out"] {
            fs::create_dir(at(folder)).unwrap();
        }
        // Where sshd parts with its privileges, if it has any.
        if run(Command::new("id").arg("-u")).trim() == "0" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for _ in 0..20 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nStrictModes no\nUsePAM no\n\
                 AuthorizedKeysFile {}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
                 LogLevel ERROR\nSubsystem sftp internal-sftp\n",
                at("host").display(),
                at("authorized").display()
            );
            fs::write(at("sshd_config"), config).unwrap();
            let mut command = Command::new("/usr/sbin/sshd");
            command.args(["-D", "-e", "-f"]).arg(at("sshd_config"));
            let mut sshd = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if answers(port, &mut sshd) {
                return Server { root, port, sshd };
            }
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
        panic!("no sshd would start");
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// As the connection's settings name it.
    pub fn path(&self, name: &str) -> String {
        self.folder(name).to_str().unwrap().to_owned()
    }

    pub fn key(&self, name: &str) -> String {
        fs::read_to_string(self.folder(name)).unwrap()
    }

    pub fn fingerprint(&self, name: &str) -> String {
        let shown = run(Command::new("ssh-keygen").arg("-lf").arg(self.folder(&format!("{name}.pub"))));
        shown.split_whitespace().nth(1).unwrap().to_owned()
    }

    pub fn user() -> String {
        run(Command::new("id").arg("-un")).trim().to_owned()
    }

    pub fn spec(&self) -> SftpSpec {
        SftpSpec {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: Server::user(),
            auth: SftpAuth::Key { key: SecretString::from(self.key("user")), passphrase: None },
            host_keys: vec![self.fingerprint("host")],
            after: After::Archive,
        }
    }

    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder(folder))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn answers(port: u16, sshd: &mut Child) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if sshd.try_wait().unwrap().is_some() {
            return false;
        }
        let mut banner = [0; 4];
        let greeted = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).and_then(|mut line| {
            line.set_read_timeout(Some(Duration::from_secs(5)))?;
            line.read_exact(&mut banner)
        });
        if greeted.is_ok() && &banner == b"SSH-" {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

pub fn client(spec: SftpSpec) -> Arc<Sftp> {
    let local = AddressRange::new(Ipv4Addr::LOCALHOST.into(), 8).unwrap();
    let egress = EgressPolicy { allow: vec![local], ..EgressPolicy::default() };
    Arc::new(Sftp::new(spec, egress, Handle::current()))
}

/// What blocks, where it may.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
