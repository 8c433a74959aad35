//! The copy of the user's installation that the rehearsed hub reads. Not here: changing manifests (`manifest_copy`).

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::yaml::{Kind, Node, Source, parse};
use crate::config::{CONFIG_FILE, Config, Database};
use crate::connector::registry::Registry;

use super::audit::{cannot_invent, cannot_redirect};
use super::manifest_copy::{FOLDER, URL, redirect};
use super::secrets::{Substitutes, entries, path_secret, value_for};
use super::yaml_text::{child_mut, list, map, plain, remove, render, set, word};

const PARTS: [&str; 4] = ["connections", "flows", "ownership", "retry"];
/// Magic number of tmpfs and ramfs in what `statfs` tells: memory, on which durability costs nothing.
const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// To remove the folder.
const ATTEMPTS: u32 = 50;

/// A folder of the rehearsal's own, removed at its end.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) path: PathBuf,
    /// Whether fsync there costs what it will cost the real store.
    pub(super) same_disk: bool,
}

impl Scratch {
    /// On the disk of the configured store, but never below the user's folder.
    pub(super) fn new(config: &Config, wanted: Option<&Path>) -> io::Result<Scratch> {
        let folder = config.folder.canonicalize()?;
        let store = match &config.hub.database {
            Database::Sqlite { path } => existing(path),
            Database::Postgres { .. } => folder.clone(),
        };
        let disk = std::fs::metadata(&store)?.dev();
        let mut places: Vec<PathBuf> = wanted.map(Path::to_owned).into_iter().collect();
        if wanted.is_none() {
            places.push(std::env::temp_dir());
            places.extend(folder.parent().map(Path::to_owned));
            places.push(PathBuf::from("/var/tmp"));
            places.sort_by_key(|place| std::fs::metadata(place).map_or(true, |meta| meta.dev() != disk));
        }
        let mut last = io::Error::other("there is no folder for the rehearsal");
        for place in places {
            let path = place.join(format!("syncline-rehearsal-{}-{:08x}", std::process::id(), fastrand::u32(..)));
            if path.starts_with(&folder) {
                last = io::Error::other("the rehearsal writes nothing below the configuration's folder");
                continue;
            }
            match std::fs::DirBuilder::new().recursive(true).create(&path) {
                Ok(()) => {
                    let path = path.canonicalize()?;
                    let same_disk = std::fs::metadata(&path)?.dev() == disk && !in_memory(&path);
                    return Ok(Scratch { path, same_disk });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A hub that was just ended may still be writing its last file.
        for _ in 0..ATTEMPTS {
            match std::fs::remove_dir_all(&self.path) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => {
                    tracing::debug!(path = %self.path.display(), %error, "the rehearsal's folder is still in use")
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        tracing::warn!(path = %self.path.display(), "the rehearsal's folder could not be removed");
    }
}

fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn in_memory(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|stat| u64::try_from(stat.f_type).is_ok_and(|kind| MEMORY.contains(&kind)))
}

/// Everything that a copy is made from, read once.
pub(super) struct Original {
    pub(super) folder: PathBuf,
    files: Vec<Node>,
    pub(super) substitutes: Substitutes,
    seed: u64,
}

impl Original {
    /// Reads the files as they are; what is wrong with them is told by loading the configuration, not here.
    pub(super) fn read(folder: &Path, seed: u64) -> Original {
        let mut paths = vec![folder.join(CONFIG_FILE)];
        if let Ok(found) = std::fs::read_dir(folder.join("conf.d")) {
            let mut more: Vec<PathBuf> = found.filter_map(Result::ok).map(|entry| entry.path()).collect();
            let hidden = |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            more.retain(|path| path.extension().is_some_and(|extension| extension == "yaml") && !hidden(path));
            more.sort();
            paths.extend(more);
        }
        let read = |path: &PathBuf| parse(&Source::new("", std::fs::read_to_string(path).ok()?)).ok();
        let files: Vec<Node> = paths.iter().filter_map(read).collect();
        let registry = Registry::load(folder).or_else(|_| Registry::shipped()).unwrap_or_default();
        let substitutes = Substitutes::for_files(&files, &registry, seed);
        Original { folder: folder.to_owned(), files, substitutes, seed }
    }

    /// Writes a copy into `to` whose hub listens on `listen` and whose vendors are at `stand_in`. The connections and
    /// flows that had to be left out, with the reason.
    pub(super) fn write_copy(
        &self,
        config: &Config,
        to: &Path,
        listen: &str,
        stand_in: &str,
    ) -> io::Result<Vec<(String, String)>> {
        let mut copy = map(Vec::new());
        let mut hub = self.files.iter().find_map(|file| file.get("hub")).cloned().unwrap_or_else(|| map(Vec::new()));
        set(&mut hub, "listen", word(listen));
        set(&mut hub, "database", word("sqlite:data/syncline.db"));
        set(&mut hub, "data_dir", word("data"));
        remove(&mut hub, "public_url");
        set(&mut copy, "hub", hub);
        for part in PARTS {
            let all: Vec<_> = self.files.iter().flat_map(|file| entries(file, part)).cloned().collect();
            if !all.is_empty() {
                let span = crate::config::yaml::Span::START;
                set(&mut copy, part, Node { span, kind: Kind::Map(all) });
            }
        }
        let mut off = Vec::new();
        for connection in &config.connections {
            let name = connection.name.as_str();
            let Some(node) = child_mut(&mut copy, "connections").and_then(|all| child_mut(all, name)) else { continue };
            if let Some(reason) = cannot_redirect(&connection.manifest) {
                set(node, "enabled", plain("false"));
                off.push((name.to_owned(), reason));
            }
            self.redirect(connection, node, to, stand_in);
        }
        for flow in &config.flows {
            let to = config.connection(&flow.to.connection).and_then(|to| to.manifest.stream(&flow.to.stream));
            if let Some(reason) = to.and_then(cannot_invent) {
                if let Some(flows) = child_mut(&mut copy, "flows") {
                    remove(flows, &flow.name);
                }
                off.push((format!("flow {}", *flow.name), reason));
            }
        }
        if let Some(connections) = child_mut(&mut copy, "connections") {
            self.strip_files(connections);
        }
        write_private(&to.join(CONFIG_FILE), &render(&copy))?;
        write_connectors(config, to)?;
        copy_mappings(&self.folder, to)?;
        Ok(off)
    }

    fn redirect(&self, connection: &crate::config::Connection, node: &mut Node, to: &Path, stand_in: &str) {
        let name = connection.name.as_str();
        set(node, "allow_networks", list(vec![word("127.0.0.0/8")]));
        remove(node, "allow_hosts");
        // Nothing of a rehearsal reaches a partner: its folders are on this machine.
        remove(node, "sftp");
        if connection.manifest.webhooks.is_some() {
            set(node, "path_secret", word(path_secret(name, self.seed)));
        }
        if child_mut(node, "settings").is_none_or(|settings| settings.entries().is_none()) {
            set(node, "settings", map(Vec::new()));
        }
        let Some(settings) = child_mut(node, "settings") else { return };
        for setting in connection.manifest.settings.iter().filter(|setting| setting.secret) {
            if setting.required || settings.get(&setting.name).is_some_and(|node| !node.is_null()) {
                set(settings, &setting.name, word(value_for(&connection.manifest, setting, true, self.seed)));
            }
        }
        set(settings, URL, word(format!("{stand_in}/{name}")));
        set(settings, FOLDER, word(to.join("files").join(name).display().to_string()));
    }

    fn strip_files(&self, node: &mut Node) {
        match &mut node.kind {
            Kind::Scalar(scalar) => scalar.text = self.substitutes.without_files(&scalar.text),
            Kind::Seq(items) => items.iter_mut().for_each(|item| self.strip_files(item)),
            Kind::Map(entries) => entries.iter_mut().for_each(|entry| self.strip_files(&mut entry.value)),
        }
    }
}

/// Every connector that a connection uses, redirected, in the place of the shipped or the user's own.
fn write_connectors(config: &Config, to: &Path) -> io::Result<()> {
    let used: BTreeSet<&str> = config.connections.iter().map(|connection| connection.manifest.name.as_str()).collect();
    for name in used {
        let Some(connector) = config.registry.connector(name) else { continue };
        let mut manifest = parse(&connector.source).map_err(|_| io::Error::other("a manifest cannot be read again"))?;
        redirect(&mut manifest);
        let folder = to.join("connectors").join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("connector.yaml"), render(&manifest))?;
    }
    Ok(())
}

/// The user's layers over the shipped mappings, with their fixtures.
fn copy_mappings(from: &Path, to: &Path) -> io::Result<()> {
    let source = from.join("mappings");
    if source.is_dir() { copy_folder(&source, &to.join("mappings")) } else { Ok(()) }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for found in std::fs::read_dir(from)? {
        let found = found?;
        let target = to.join(found.file_name());
        let kind = std::fs::metadata(found.path())?;
        if kind.is_dir() {
            copy_folder(&found.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(found.path(), target)?;
        }
    }
    Ok(())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
