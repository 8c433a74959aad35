//! Why a delivery was not accepted: told apart for metrics and alarms only, never in the HTTP answer.
//!
//! Not here: the answer itself. Every refusal is answered with the same 401 and the same body, so that a forger learns nothing.

use jiff::SignedDuration;
use thiserror::Error;

/// A delivery that is not proven to come from the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A header that carries part of the proof is absent: often a subscription without a secret, or a scanner.
    #[error("header `{header}` is missing")]
    MissingHeader { header: String },
    /// A header of the proof appears twice: which one a proxy and we would read may differ, so neither counts.
    #[error("header `{header}` appears more than once")]
    DuplicateHeader { header: String },
    /// The proof cannot be read: wrong prefix, wrong encoding, an unreadable time.
    #[error("header `{header}` is malformed: {reason}")]
    Malformed { header: String, reason: &'static str },
    /// The proof is in the body and cannot be read there.
    #[error("the body is malformed at `{path}`: {reason}")]
    Body { path: String, reason: &'static str },
    /// The certificate that the delivery names is not known (yet), or no authority vouches for it.
    #[error("the certificate that the delivery names is not at hand")]
    NoCertificate,
    /// No active secret yields any of the given signatures: a forger, or a secret that was changed on one side only.
    #[error("no active secret yields the given signature")]
    Forged,
    /// The signature is genuine but its time lies outside the window: a replay, or a clock that runs wrong.
    #[error("the signature is valid but its time is {} (tolerance {tolerance:#})", describe(*age))]
    Stale { age: SignedDuration, tolerance: SignedDuration },
}

impl Refusal {
    /// The label for the metric: a closed set, no vendor's text in it.
    pub const fn label(&self) -> &'static str {
        match self {
            Refusal::MissingHeader { .. } => "missing_header",
            Refusal::DuplicateHeader { .. } => "duplicate_header",
            Refusal::Malformed { .. } | Refusal::Body { .. } => "malformed",
            Refusal::NoCertificate => "no_certificate",
            Refusal::Forged => "forged",
            Refusal::Stale { .. } => "stale",
        }
    }

    /// The status of the answer: one for all causes.
    pub const fn http_status(&self) -> u16 {
        401
    }
}

fn describe(age: SignedDuration) -> String {
    if age.is_negative() { format!("{:#} in the future", age.abs()) } else { format!("{age:#} old") }
}
