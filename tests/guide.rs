//! The guide "a new connector in an afternoon", done as it says: its files are written as they are printed, its commands are
//! run, and what they print is compared.
//!
//! A block's info string says what it is: `yaml file=PATH` a file, with `above="START"` lines that go above the one that begins so, with `end`
//! lines at its end; `sh` commands that end well (`exit=1`: with that code), `sh terminal=NAME` a program that goes on in a
//! terminal of its own, `sh until` commands that are repeated until they print what they should. The `text` block that follows
//! is what they print: `…` is any text within a line, a line of `…` any lines.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const GUIDE: &str = "docs/guide-new-connector.md";
/// A batch of files takes half a minute, and what changed meanwhile goes with the next one.
const PATIENCE: Duration = Duration::from_secs(150);

struct Block {
    /// Where it begins in the guide.
    line: usize,
    info: Vec<String>,
    text: String,
}

impl Block {
    fn kind(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    fn says(&self, word: &str) -> bool {
        self.info.iter().any(|part| part == word)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.info.iter().find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Words of an info string; quotes keep blanks together.
fn words(info: &str) -> Vec<String> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for c in info.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => all.push(String::new()),
            c => all.last_mut().unwrap().push(c),
        }
    }
    all
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = guide.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let text = text.into_iter().map(|line| format!("{line}\n")).collect();
        found.push(Block { line: number + 1, info: words(info), text });
    }
    found
}

/// Whether `line` is `pattern`, where `…` is any text.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn prints(expected: &[&str], printed: &[&str]) -> bool {
    match (expected, printed) {
        ([], []) => true,
        (["…", rest @ ..], _) => (0..=printed.len()).any(|skipped| prints(rest, &printed[skipped..])),
        ([first, rest @ ..], [line, more @ ..]) => fits(first, line) && prints(rest, more),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

fn is_shown(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let printed: Vec<&str> = printed.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    prints(&expected, &printed)
}

struct Reader {
    folder: tempfile::TempDir,
    environment: [(&'static str, String); 3],
    terminals: Vec<(String, Child)>,
}

impl Reader {
    fn new() -> Reader {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        std::os::unix::fs::symlink(examples, folder.path().join("examples")).unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_syncline")).parent().unwrap().to_str().unwrap().to_owned();
        let (hub, vendor) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let environment = [
            ("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap())),
            ("SYNCLINE_LISTEN", hub.local_addr().unwrap().to_string()),
            ("HALDE_PORT", vendor.local_addr().unwrap().port().to_string()),
        ];
        Reader { folder, environment, terminals: Vec::new() }
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-eu", "-c", script]).current_dir(self.folder.path()).envs(self.environment.clone());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        command
    }

    fn write(&self, block: &Block, path: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = || fs::read_to_string(&path).unwrap();
        let text = if let Some(start) = block.value("above") {
            let (before, line) = (before(), format!("\n{start}"));
            assert_eq!(before.matches(&line).count(), 1, "line {}: where does it go?", block.line);
            before.replace(&line, &format!("\n{}{start}", block.text))
        } else if block.says("end") {
            before() + &block.text
        } else {
            block.text.clone()
        };
        fs::write(path, text).unwrap();
    }

    /// Output and errors as a terminal shows them; the exit code.
    fn run(&self, script: &str) -> (String, Option<i32>) {
        let output = self.shell(&format!("exec 2>&1\n{script}")).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    fn log(&self, terminal: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{terminal}.log"))).unwrap()
    }

    fn start(&mut self, script: &str, terminal: &str) {
        let log = File::create(self.folder.path().join(format!("{terminal}.log"))).unwrap();
        let mut command = self.shell(&format!("exec {script}"));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.terminals.push((terminal.to_owned(), command.spawn().unwrap()));
    }

    #[track_caller]
    fn until(&self, line: usize, expected: &str, mut look: impl FnMut() -> String) {
        let end = Instant::now() + PATIENCE;
        loop {
            let printed = look();
            if is_shown(expected, &printed) {
                return;
            }
            let logs: Vec<String> = self.terminals.iter().map(|(name, _)| self.log(name)).collect();
            assert!(
                Instant::now() < end,
                "line {line}: it never printed\n{expected}\nbut\n{printed}\n{}",
                logs.join("\n")
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn does(&mut self, block: &Block, expected: Option<&str>) {
        match (block.kind(), block.value("file")) {
            (_, Some(path)) => self.write(block, path),
            ("sh", None) => {
                if let Some(terminal) = block.value("terminal") {
                    self.start(&block.text, terminal);
                    self.until(block.line, expected.unwrap(), || self.log(terminal));
                } else if block.says("until") {
                    self.until(block.line, expected.unwrap(), || self.run(&block.text).0);
                } else {
                    let code = block.value("exit").map_or(0, |code| code.parse().unwrap());
                    let (printed, ended) = self.run(&block.text);
                    assert_eq!(ended, Some(code), "line {}:\n{printed}", block.line);
                    let expected = expected.unwrap_or_default();
                    let right = expected.is_empty() || is_shown(expected, &printed);
                    assert!(right, "line {}: expected\n{expected}\nprinted\n{printed}", block.line);
                }
            }
            (kind, None) => panic!("line {}: a block of {kind} that is neither a file nor a command", block.line),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for (_, child) in &mut self.terminals {
            if child.kill().is_ok() {
                child.wait().unwrap();
            }
        }
    }
}

#[test]
fn the_guide_works_as_it_says() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE)).unwrap();
    let blocks = blocks(&guide);
    assert!(blocks.len() > 40, "the guide's blocks are not found: {}", blocks.len());
    let mut reader = Reader::new();
    let mut rest = blocks.iter().peekable();
    while let Some(block) = rest.next() {
        let expected = rest.next_if(|next| block.kind() == "sh" && next.kind() == "text");
        reader.does(block, expected.map(|block| block.text.as_str()));
    }
}

#[test]
fn what_is_printed_is_compared() {
    for (pattern, line, fitting) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "ab", true),
        ("…b", "ab", true),
        ("a…c…e", "abcde", true),
        ("a…c…e", "abde", false),
        ("…", "", true),
    ] {
        assert_eq!(fits(pattern, line), fitting, "{pattern} {line}");
    }
    assert!(is_shown("a\n…\nd\n", "a\nb\nc\nd\n") && is_shown("a\n…\n", "a\n"));
    assert!(!is_shown("a\n…\nd\n", "a\nb\n") && !is_shown("a\n", "a\nb\n"));
}
