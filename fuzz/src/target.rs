//! What a fuzz target is.
//!
//! Not here: the loop and the mutations.

/// What one execution came to.
pub enum Outcome {
    /// The input was taken, and what was promised about it holds.
    Accepted,
    Refused,
    /// A promise does not hold.
    Broken(String),
}

pub struct Target {
    pub name: &'static str,
    /// Must neither panic nor break its promise, whatever the bytes.
    pub run: fn(&[u8]) -> Outcome,
    /// Inputs to begin with: fixtures.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// Words that mean something in this format.
    pub dictionary: &'static [&'static str],
}

/// All files below `connectors/<connector>/fixtures` whose name ends so.
pub fn fixtures(connector: &str, ending: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/../connectors/{connector}/fixtures", env!("CARGO_MANIFEST_DIR"));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    // The order of a directory is not the same everywhere; a seeded run must be.
    paths.sort();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}
