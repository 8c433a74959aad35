//! Signatures as exports show them, and what they are of.
//!
//! Not here: who may sign, how signatures are kept.

use sha2::{Digest as _, Sha256};

use crate::recon::report::Report;

use super::error::ExportError;

/// In which capacity somebody signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Preparer,
    Approver,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Preparer => "preparer",
            Role::Approver => "approver",
        }
    }
}

/// A signature under a report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Signature {
    pub role: Role,
    pub actor: String,
    /// RFC 3339.
    pub at: String,
    /// What was checked.
    pub note: String,
    /// Of the report's canonical JSON, as signed.
    pub sha256: String,
}

/// The hash that signatures are of: SHA-256 of the report's canonical JSON, in lower-case hex.
pub fn fingerprint(report: &Report) -> Result<String, ExportError> {
    let json = serde_json::to_vec(report).map_err(|error| ExportError::Layout {
        reconciliation: report.cover.reconciliation.clone(),
        format: "JSON",
        cause: error.to_string(),
    })?;
    Ok(hex::encode(Sha256::digest(json)))
}

/// Refuses signatures of another report: an export never shows a signature under what was not signed.
pub(super) fn check(actual: &str, signatures: &[Signature]) -> Result<(), ExportError> {
    match signatures.iter().find(|signature| signature.sha256 != actual) {
        None => Ok(()),
        Some(other) => Err(ExportError::OtherReport {
            actor: other.actor.clone(),
            signed: other.sha256.clone(),
            actual: actual.to_owned(),
        }),
    }
}
