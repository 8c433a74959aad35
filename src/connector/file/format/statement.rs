//! Bank statements: which syntax, and how strictly the bank keeps to it.
//!
//! What all must satisfy (balances tie, pages and numbers follow each other) is no choice; see `statement`.
//! Not here: the syntaxes themselves (read).

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFormat {
    pub syntax: StatementSyntax,
    pub numbering: Numbering,
    pub balances: Balances,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementSyntax {
    /// SWIFT customer statement. `terminated`: a last statement without its `-` line is cut.
    Mt940 { terminated: bool },
    /// Cash management balance reporting, version 2.
    Bai2,
    /// ISO 20022 bank-to-customer statement, versions 001.02 and later.
    Camt053,
}

/// What statement numbers are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// The bank does not number: statements are told apart by their closing day.
    None,
    /// Within a file, an account's numbers must be without gaps; they may start again with the year.
    #[default]
    Statements,
    /// Also from file to file: each file holds statements of one account.
    Files,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balances {
    /// A statement without opening and closing balance is refused.
    #[default]
    Required,
    /// Checked where both are stated.
    Optional,
}
