//! Why a report was not written.
//!
//! Not here: why there is no report (`finance::run`).

/// A failed export; what was written until then is to be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(
        "the report of `{reconciliation}` holds an amount that is none, in {section}: {cause}; run the reconciliation again"
    )]
    Amount { reconciliation: String, section: &'static str, cause: String },
    #[error(
        "the report of `{reconciliation}` does not add up: {section} lists {listed}, the tie-out says {reported}; nothing was exported, run the reconciliation again"
    )]
    Totals {
        reconciliation: String,
        section: &'static str,
        /// `12.50 EUR on side A`.
        listed: String,
        reported: String,
    },
    #[error(
        "the signature of {actor} is of a report with the hash {signed}, this one has {actual}: it was not exported as signed; export the report that was signed"
    )]
    OtherReport { actor: String, signed: String, actual: String },
    #[error("the report of `{reconciliation}` could not be laid out as {format}: {cause}")]
    Layout { reconciliation: String, format: &'static str, cause: String },
    #[error("the export of `{reconciliation}` could not be written: {cause}; check the place that it is written to")]
    Write { reconciliation: String, cause: std::io::Error },
}
