//! The layout of EDI files: which messages, from whom to whom, and how their segments make a tree.
//!
//! Not here: the tree itself (`edi_structure`), delimiters and envelopes, which files state themselves (`edi`, `read`).

use super::edi_structure::Structure;

/// The two families of syntax; everything below the delimiters is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdiSyntax {
    /// ANSI ASC X12: ISA, GS, ST ... SE, GE, IEA.
    X12,
    /// UN/EDIFACT (ISO 9735): UNA, UNB, UNG, UNH ... UNT, UNE, UNZ.
    Edifact,
}

impl EdiSyntax {
    pub const fn name(self) -> &'static str {
        match self {
            Self::X12 => "X12",
            Self::Edifact => "EDIFACT",
        }
    }
}

/// One kind of EDI file; a record is one transaction set or message.
///
/// Elements stand under their position: `BEG.03`. In EDIFACT each element is a composite: `DTM.01.02`; in X12 those that
/// `composites` names. Empty elements are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdiFormat {
    pub syntax: EdiSyntax,
    /// ST01 or UNH 0065: `850`, `ORDERS`. A message of another type refuses the file.
    pub messages: Vec<String>,
    /// What the version begins with: GS08 (`004010`), or UNH version and release (`D:96A`). Empty accepts any.
    pub versions: Vec<String>,
    /// What the envelope must state about the partners; the manifest leaves it open, the connection's settings fill it.
    pub partner: ExpectedPartner,
    /// Accept lower-case letters under UNOA, which many send.
    pub any_case: bool,
    pub structure: Structure,
}

/// Not checked where it is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpectedPartner {
    pub sender: Option<String>,
    pub receiver: Option<String>,
    /// `P` or `T`: ISA15, or in EDIFACT `T` where the test indicator is 1.
    pub usage: Option<String>,
}
