//! What stands where a secret was, in everything that is shown; not here: finding secrets (see the HTTP engine's `mask`).

/// Whoever saves it back has copied it from what was shown: it is nobody's value.
pub const MASKED: &str = "[secret]";
