//! Deliberate defects, present only in builds with the `mutations` feature, that prove the tests of the promises can
//! fail; not here: anything a release contains (without the feature every check is `false` at compile time).

/// Answer writes before they are committed (breaks P1).
pub const ACK_BEFORE_COMMIT: &str = "ack-before-commit";
/// Treat every delivery of a payload as new (breaks P2).
pub const NO_INBOX_DEDUPE: &str = "no-inbox-dedupe";
/// Let older versions overwrite newer ones (breaks P3).
pub const NO_VERSION_FENCE: &str = "no-version-fence";

/// Whether the named defect is switched on by `SYNCLINE_MUTATION`.
#[cfg(feature = "mutations")]
pub fn active(name: &str) -> bool {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("SYNCLINE_MUTATION").ok()).as_deref() == Some(name)
}

/// Whether the named defect is switched on: never, in a build without the `mutations` feature.
#[cfg(not(feature = "mutations"))]
pub const fn active(_name: &str) -> bool {
    false
}
