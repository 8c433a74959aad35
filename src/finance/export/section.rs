//! The sections of an export, in their order.
//!
//! Not here: their columns (`tables`).

/// Version of the columns; columns are only ever added, at the end, and then it stays.
pub const SCHEMA: u32 = 1;

/// A part of the report that is a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    Cover,
    Inputs,
    Findings,
    TieOut,
    Payouts,
    Breaks,
    InFlight,
    Timing,
    Aging,
    RollForward,
    Matches,
    Heals,
    Excluded,
    Rejected,
    Signatures,
}

impl Section {
    pub const ALL: [Section; 15] = [
        Section::Cover,
        Section::Inputs,
        Section::Findings,
        Section::TieOut,
        Section::Payouts,
        Section::Breaks,
        Section::InFlight,
        Section::Timing,
        Section::Aging,
        Section::RollForward,
        Section::Matches,
        Section::Heals,
        Section::Excluded,
        Section::Rejected,
        Section::Signatures,
    ];

    /// As files and records name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Section::Cover => "cover",
            Section::Inputs => "inputs",
            Section::Findings => "findings",
            Section::TieOut => "tie_out",
            Section::Payouts => "payouts",
            Section::Breaks => "breaks",
            Section::InFlight => "in_flight",
            Section::Timing => "timing",
            Section::Aging => "aging",
            Section::RollForward => "roll_forward",
            Section::Matches => "matches",
            Section::Heals => "heals",
            Section::Excluded => "excluded",
            Section::Rejected => "rejected",
            Section::Signatures => "signatures",
        }
    }

    pub fn parse(text: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|section| section.as_str() == text)
    }

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Section::Cover => "Cover",
            Section::Inputs => "Inputs",
            Section::Findings => "Findings",
            Section::TieOut => "Tie-out",
            Section::Payouts => "Payouts",
            Section::Breaks => "Breaks",
            Section::InFlight => "In flight",
            Section::Timing => "Timing",
            Section::Aging => "Aging",
            Section::RollForward => "Roll-forward",
            Section::Matches => "Matches",
            Section::Heals => "Heals",
            Section::Excluded => "Excluded",
            Section::Rejected => "Rejected",
            Section::Signatures => "Signatures",
        }
    }
}
