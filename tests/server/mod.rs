//! Servers of the tests' own: a data directory in a temporary folder, a free port of 127.0.0.1, ended with the test.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const USER: &str = "hub";
pub const PASSWORD: &str = "pa/ss'w@rd-7d1c";
const SUPERUSER: &str = "root";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Postgres,
    Mariadb,
}

pub struct Server {
    pub kind: Kind,
    pub port: u16,
    /// It writes through to the disk, as a hub asks it to.
    durable: bool,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Server {
    pub fn start(kind: Kind) -> Server {
        // Below /tmp, where the user that the server runs as may go.
        Server::start_in(Path::new("/tmp"), kind, false)
    }

    /// A PostgreSQL that a hub takes for its own database: where writing through costs nothing, if there is such a place.
    pub fn durable() -> Server {
        let memory = Path::new("/dev/shm");
        Server::start_in(if memory.is_dir() { memory } else { Path::new("/tmp") }, Kind::Postgres, true)
    }

    fn start_in(place: &Path, kind: Kind, durable: bool) -> Server {
        let folder = tempfile::Builder::new().prefix("syncline-sql-").tempdir_in(place).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Server { kind, port, durable, folder, process: None };
        let data = server.data();
        match kind {
            Kind::Postgres => cluster(&server.password_file(), &data),
            Kind::Mariadb => done(
                unprivileged("mysql", &found(&["mariadb-install-db"], &[], "mariadb-server"))
                    .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
                    .arg(format!("--datadir={}", data.display())),
            ),
        }
        server.resume();
        let user = match kind {
            Kind::Postgres => format!(
                "CREATE ROLE {USER} LOGIN PASSWORD '{}';\nCREATE DATABASE shop OWNER {USER};",
                PASSWORD.replace('\'', "''")
            ),
            Kind::Mariadb => format!(
                "CREATE DATABASE shop; CREATE USER '{USER}'@'%' IDENTIFIED BY '{}'; GRANT ALL ON shop.* TO '{USER}'@'%';",
                PASSWORD.replace('\'', "''")
            ),
        };
        match kind {
            Kind::Postgres => user.lines().for_each(|line| drop(server.run_in("postgres", line).unwrap())),
            Kind::Mariadb => drop(server.run_in("mysql", &user).unwrap()),
        }
        server
    }

    /// Starts the process and waits until it answers.
    pub fn resume(&mut self) {
        self.process = Some(self.spawn());
        let limit = Instant::now() + Duration::from_secs(60);
        let system = match self.kind {
            Kind::Postgres => "postgres",
            Kind::Mariadb => "mysql",
        };
        while let Err(error) = self.run_in(system, "SELECT 1") {
            let log = || fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
            assert!(Instant::now() < limit, "{:?}: {error}\n{}", self.kind, log());
            std::thread::sleep(Duration::from_millis(50));
            // What its predecessor left running may still hold the data directory for a moment.
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.process = Some(self.spawn());
            }
        }
    }

    fn spawn(&self) -> Child {
        let (data, run) = (self.data(), self.folder.path());
        let log = fs::File::create(run.join("server.log")).unwrap();
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = unprivileged("postgres", &postgres("postgres"));
                let fsync = if self.durable { "fsync=on" } else { "fsync=off" };
                command.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-c", fsync]);
                command.args(["-p", &self.port.to_string(), "-c", "deadlock_timeout=200ms"]).arg("-k").arg(run);
                command
            }
            Kind::Mariadb => {
                let mut command = unprivileged("mysql", &found(&["mariadbd"], &["/usr/sbin"], "mariadb-server"));
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"]);
                command.arg("--innodb-buffer-pool-size=32M").arg(format!("--port={}", self.port));
                command.arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", run.join("s").display()));
                command.arg(format!("--pid-file={}", run.join("pid").display()));
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().unwrap()
    }

    /// Gives PostgreSQL a certificate for `name`; returns another authority's certificate, and that of the one that signed.
    pub fn encrypt(&self, name: &str) -> (String, String) {
        let at = |file: &str| self.folder.path().join(file).display().to_string();
        let openssl = |words: &str, more: &[&str]| {
            done(Command::new(found(&["openssl"], &[], "openssl")).args(words.split(' ')).args(more));
        };
        for (key, authority) in [("other.key", "other.pem"), ("ca.key", "ca.pem")] {
            let subject = format!("/CN=authority {authority}");
            let words = "req -x509 -newkey rsa:2048 -nodes -days 2";
            openssl(words, &["-subj", &subject, "-keyout", &at(key), "-out", &at(authority)]);
        }
        let subject = format!("/CN={name}");
        let request = ["-subj", &subject, "-keyout", &at("server.key"), "-out", &at("server.csr")];
        openssl("req -newkey rsa:2048 -nodes", &request);
        fs::write(at("extensions"), format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")).unwrap();
        let (csr, ca, key, extensions, out) =
            (at("server.csr"), at("ca.pem"), at("ca.key"), at("extensions"), at("server.pem"));
        let sign = ["-in", &csr, "-CA", &ca, "-CAkey", &key, "-extfile", &extensions, "-out", &out];
        openssl("x509 -req -days 2 -CAcreateserial", &sign);
        // Its key has to be the server's user's alone.
        let data = fs::metadata(self.data()).unwrap();
        for (from, to) in [("server.key", "data/server.key"), ("server.pem", "data/server.crt")] {
            fs::copy(at(from), at(to)).unwrap();
            fs::set_permissions(at(to), fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(at(to), Some(data.uid()), Some(data.gid())).unwrap();
        }
        for setting in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
            self.run_in("postgres", setting).unwrap();
        }
        while self.run("SHOW ssl") != "on" {
            std::thread::sleep(Duration::from_millis(20));
        }
        (fs::read_to_string(at("other.pem")).unwrap(), fs::read_to_string(at("ca.pem")).unwrap())
    }

    /// A database of its own for a hub; its address, with the password.
    pub fn database(&self, name: &str) -> String {
        self.run_in("postgres", &format!("CREATE DATABASE {name} OWNER {USER}")).unwrap();
        self.url(name)
    }

    pub fn url(&self, database: &str) -> String {
        let password: String = PASSWORD
            .bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect();
        format!("postgres://{USER}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// As the server's administrator.
    pub fn administer(&self, sql: &str) -> String {
        self.run_in("postgres", sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Kills it and starts it as a standby: it answers readers and takes no writes until it is promoted.
    pub fn become_standby(&mut self) {
        self.kill();
        let file = self.data().join("standby.signal");
        fs::write(&file, "").unwrap();
        let data = fs::metadata(self.data()).unwrap();
        std::os::unix::fs::chown(&file, Some(data.uid()), Some(data.gid())).unwrap();
        self.resume();
    }

    /// As a power cut would end it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // `setpriv` became the server.
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Runs statements as the user of the tests; what was asked for comes back as lines of tab-separated fields.
    pub fn run(&self, sql: &str) -> String {
        self.run_in("shop", sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn run_in(&self, database: &str, sql: &str) -> Result<String, String> {
        let (user, password) = if database == "shop" { (USER, PASSWORD) } else { (SUPERUSER, ADMIN) };
        let port = self.port.to_string();
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = Command::new(postgres("psql"));
                command.args(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]);
                command.args(["-p", &port, "-U", user, "-d", database, "-c", sql]).env("PGPASSWORD", password);
                command
            }
            Kind::Mariadb => {
                let mut command = Command::new(found(&["mariadb"], &[], "mariadb-client"));
                command.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
                if database == "shop" {
                    command.args(["-h", "127.0.0.1", "-P", &port, "-u", user]).env("MYSQL_PWD", password);
                } else {
                    command.arg("-S").arg(self.folder.path().join("s")).args(["-u", user]);
                }
                command.args(["-D", database, "-e", sql]);
                command
            }
        };
        let output = command.output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn password_file(&self) -> String {
        let file = self.folder.path().join("password");
        fs::write(&file, ADMIN).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        file.display().to_string()
    }
}

const ADMIN: &str = "admin-of-the-test";

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        // The files are the server's user's.
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

/// Makes a cluster. Its files are prepared once for all tests: making them takes longer than most of the tests.
fn cluster(password_file: &str, data: &Path) {
    let program = postgres("initdb");
    let version = program.to_string_lossy().replace(['/', '.'], "-");
    let prepared = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster{version}"));
    let lock = fs::File::create(prepared.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !prepared.is_dir() {
        let args = ["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"];
        done(
            unprivileged("postgres", &program)
                .args(args)
                .args(["--no-sync", "--pwfile", password_file, "-D"])
                .arg(data),
        );
        // Under its name only when it is whole.
        let partial = prepared.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        done(Command::new("cp").arg("-a").arg(data).arg(&partial));
        fs::rename(&partial, &prepared).unwrap();
        return;
    }
    drop(lock);
    done(Command::new("cp").arg("-a").arg(&prepared).arg(data));
}

fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server refuses to run as root: it is started as the user that its package made.
fn unprivileged(user: &str, program: &Path) -> Command {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program).current_dir("/tmp");
    command
}

fn postgres(program: &str) -> PathBuf {
    let mut folders: Vec<String> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.map(|version| version.unwrap().path().join("bin").display().to_string()).collect())
        .unwrap_or_default();
    folders.sort();
    let folders: Vec<&str> = folders.iter().rev().map(String::as_str).collect();
    found(&[program], &folders, "postgresql")
}

fn found(names: &[&str], folders: &[&str], package: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = folders.iter().copied().chain(path.split(':'));
    let mut files = places.flat_map(|folder| names.iter().map(move |name| Path::new(folder).join(name)));
    files.find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "these tests run real databases, and there is no `{}`: install it (Debian: apt-get install {package}), or run scripts/test",
            names[0]
        )
    })
}
