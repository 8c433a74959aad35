//! Programs that read what we wrote: LibreOffice and Poppler. scripts/test installs them; without, a test says so and ends. Not
//! here: what is asked of them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program on the path; nothing, said aloud, if there is none and nobody promised one.
pub fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    if found.is_none() {
        let message = format!("{name} is not installed (Debian: apt-get install {package}); scripts/test installs it");
        assert!(std::env::var_os("SYNCLINE_TEST_PROGRAMS").is_none(), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    found
}

pub fn run(program: &Path, arguments: &[&std::ffi::OsStr], home: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).env("HOME", home).output().unwrap();
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}
