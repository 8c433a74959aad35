//! Why a bank statement is refused: what does not fit, with both figures.
//!
//! Not here: where in the file (`FileError`).

use rust_decimal::Decimal;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementCause {
    #[error(
        "statement {statement} of {account} does not tie: {opening} + entries {entries} = {found}, stated {stated}, difference {}",
        .stated - .found
    )]
    DoesNotTie {
        account: String,
        statement: String,
        opening: Decimal,
        entries: Decimal,
        found: Decimal,
        stated: Decimal,
    },
    #[error(
        "statement {statement} of {account} opens with {opening}, the one before closed with {closing}, difference {}",
        .opening - .closing
    )]
    OpeningDiffers { account: String, statement: String, opening: Decimal, closing: Decimal },
    #[error("{place} states {stated}, found {found}, difference {}", .stated - .found)]
    TotalDiffers { place: String, stated: Decimal, found: Decimal },
    #[error("after statement {previous} of {account} comes {found}: there is a gap")]
    Gap { account: String, previous: String, found: String },
    #[error("statement {statement} of {account} is in the file twice")]
    Repeated { account: String, statement: String },
    #[error("statement {statement} of {account} goes on with page {found}, page {expected} was due: a page is missing")]
    MissingPage { account: String, statement: String, expected: u64, found: u64 },
    #[error("the last page of statement {statement} of {account} is missing")]
    MissingLastPage { account: String, statement: String },
    #[error(
        "the file holds statements of {first} and {second}, but files are numbered: each account needs its own files"
    )]
    SeveralAccounts { first: String, second: String },
    #[error("{what} of statement {statement} of {account} is missing")]
    Missing { what: &'static str, account: String, statement: String },
    #[error("the file ends before {expected}")]
    Ends { expected: &'static str },
    #[error("{found} where {expected} was due")]
    Order { found: String, expected: &'static str },
    #[error("{field} is {text:?}: {reason}")]
    Field { field: &'static str, text: String, reason: &'static str },
    #[error("{field} is in {found}, the account in {account}")]
    Currency { field: &'static str, found: String, account: String },
    #[error("{what} is not supported")]
    Unsupported { what: String },
    #[error("more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("the amounts need more digits than fit")]
    TooManyDigits,
}

impl StatementCause {
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::DoesNotTie { .. } | Self::TotalDiffers { .. } => {
                "nothing of the file is applied; ask the bank to send it again"
            }
            Self::OpeningDiffers { .. } | Self::Gap { .. } => {
                "a statement between the two is missing; ask the bank for it, in one file with these"
            }
            Self::Repeated { .. } => {
                "statements were joined twice or are not numbered; `numbering: none` takes the closing day in place of the number"
            }
            Self::MissingPage { .. } | Self::MissingLastPage { .. } | Self::Ends { .. } => {
                "the file is cut or its pages came apart; ask the bank to send it again"
            }
            Self::SeveralAccounts { .. } => "declare `numbering: statements`, or give each account a folder of its own",
            Self::Missing { .. } => {
                "declare `balances: optional` if the bank never states it, else ask for a complete file"
            }
            Self::Order { .. } | Self::Field { .. } | Self::TooManyDigits => {
                "the file is damaged or in another dialect; compare it with the bank's description"
            }
            Self::Currency { .. } => "ask the bank for amounts in the account's currency",
            Self::Unsupported { .. } => "agree a supported form with the bank",
            Self::TooMany { .. } => "ask the bank for smaller statements",
        }
    }
}

impl StatementCause {
    pub(in crate::connector::file) fn field(field: &'static str, text: &str, reason: &'static str) -> Self {
        Self::Field { field, text: text.chars().take(60).collect(), reason }
    }
}
