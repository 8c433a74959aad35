//! Break codes and sub-causes: the closed vocabulary of what can be wrong between two sides.
//!
//! Not here: the predicates (`matching`, `compare`), run-level findings about sources (sources).

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Why rows are not in agreement.
    Code {
        /// A row cannot be matched because a SKU, location, account or currency of it has no translation: the fix is configuration.
        MappingMissing = "MAPPING_MISSING",
        /// More rows of A than of B share a key and are no configured group; the excess copies.
        DuplicateA = "DUPLICATE_A",
        /// As `DuplicateA`, on the other side.
        DuplicateB = "DUPLICATE_B",
        /// The key is on side B only, and A's row is due.
        MissingInA = "MISSING_IN_A",
        /// The key is on side A only, and B's row is due.
        MissingInB = "MISSING_IN_B",
        /// `MissingInB` of payouts against a bank statement.
        PayoutNotReceived = "PAYOUT_NOT_RECEIVED",
        /// `MissingInA` of payouts against a bank statement.
        UnidentifiedDeposit = "UNIDENTIFIED_DEPOSIT",
        /// It belongs to something (an order, a charge) that neither side has.
        Orphan = "ORPHAN",
        /// The keys match, the currencies do not; amounts are then not compared.
        CurrencyMismatch = "CURRENCY_MISMATCH",
        /// Equal magnitude, opposite sign.
        DirectionMismatch = "DIRECTION_MISMATCH",
        /// B is more than A, beyond tolerance.
        AmountOver = "AMOUNT_OVER",
        /// B is less than A, beyond tolerance.
        AmountUnder = "AMOUNT_UNDER",
        /// The group's key matches, its sums do not.
        GroupSumMismatch = "GROUP_SUM_MISMATCH",
        /// Quantities differ.
        QuantityMismatch = "QUANTITY_MISMATCH",
        /// A pair of states that the rules do not allow.
        StatusMismatch = "STATUS_MISMATCH",
        /// Another compared field differs.
        FieldMismatch = "FIELD_MISMATCH",
        /// A fee that is not the one agreed.
        UnexpectedFee = "UNEXPECTED_FEE",
        /// Several candidates fit equally well: nothing is guessed.
        Ambiguous = "AMBIGUOUS",
        /// The hub has carried the difference for longer than it may take.
        StuckInFlight = "STUCK_IN_FLIGHT",
        /// The hub gave up carrying it: a dead letter explains the difference.
        SyncFailed = "SYNC_FAILED",
        /// It is dated in a period that is signed off: it goes to a catch-up line, the signed report stays.
        PeriodReopened = "PERIOD_REOPENED",
    }
}

impl Code {
    /// The same finding with the sides exchanged.
    pub fn mirrored(self) -> Code {
        match self {
            Code::DuplicateA => Code::DuplicateB,
            Code::DuplicateB => Code::DuplicateA,
            Code::MissingInA => Code::MissingInB,
            Code::MissingInB => Code::MissingInA,
            Code::PayoutNotReceived => Code::UnidentifiedDeposit,
            Code::UnidentifiedDeposit => Code::PayoutNotReceived,
            Code::AmountOver => Code::AmountUnder,
            Code::AmountUnder => Code::AmountOver,
            same @ (Code::MappingMissing
            | Code::Orphan
            | Code::CurrencyMismatch
            | Code::DirectionMismatch
            | Code::GroupSumMismatch
            | Code::QuantityMismatch
            | Code::StatusMismatch
            | Code::FieldMismatch
            | Code::UnexpectedFee
            | Code::Ambiguous
            | Code::StuckInFlight
            | Code::SyncFailed
            | Code::PeriodReopened) => same,
        }
    }

    /// What it means to the person who works the list.
    pub fn meaning(self) -> &'static str {
        match self {
            Code::MappingMissing => "cannot be matched: a value has no translation",
            Code::DuplicateA => "more copies on side A than on side B",
            Code::DuplicateB => "more copies on side B than on side A",
            Code::MissingInA => "on side B only",
            Code::MissingInB => "on side A only",
            Code::PayoutNotReceived => "paid out, not seen at the bank",
            Code::UnidentifiedDeposit => "at the bank, paid out by nobody",
            Code::Orphan => "belongs to something that neither side has",
            Code::CurrencyMismatch => "same key, different currencies",
            Code::DirectionMismatch => "same amount, opposite sign",
            Code::AmountOver => "B is more than A",
            Code::AmountUnder => "B is less than A",
            Code::GroupSumMismatch => "the group's sums differ",
            Code::QuantityMismatch => "quantities differ",
            Code::StatusMismatch => "states that do not go together",
            Code::FieldMismatch => "a compared field differs",
            Code::UnexpectedFee => "not the agreed fee",
            Code::Ambiguous => "several candidates fit equally well",
            Code::StuckInFlight => "carried by the hub for too long",
            Code::SyncFailed => "the hub gave up carrying it",
            Code::PeriodReopened => "dated in a period that is signed off",
        }
    }
}

impl Code {
    /// What the person who works the list does first.
    pub fn next_step(self) -> &'static str {
        match self {
            Code::MappingMissing => "Add the translation to the configuration, then run again.",
            Code::DuplicateA | Code::DuplicateB => {
                "Look whether it was booked twice or read twice; correct the copy at its source, then run again."
            }
            Code::MissingInA => {
                "Find out why side A does not have it: booked late, booked under another key, or not A's at all."
            }
            Code::MissingInB => {
                "Find out why side B does not have it: not yet there, there under another key, or lost on the way."
            }
            Code::PayoutNotReceived => {
                "Ask the bank with the payout's trace. If it came under another reference, match it with that line."
            }
            Code::UnidentifiedDeposit => {
                "Find out who paid: look for a payout of the same amount, or post it as something else than a payout."
            }
            Code::Orphan => "Look for the order or charge that it belongs to; it may lie before the period.",
            Code::CurrencyMismatch => "Amounts are not compared. Correct the currency on the side that is wrong.",
            Code::DirectionMismatch => "One side has the opposite sign: correct the entry that is turned round.",
            Code::AmountOver | Code::AmountUnder => {
                "See which part differs: a fee, tax, or a partial payment. Correct it, or write the rest off."
            }
            Code::GroupSumMismatch => "Compare the group's rows one by one: one is missing, too many, or differs.",
            Code::QuantityMismatch => "Count again, or find the movement that only one side has.",
            Code::StatusMismatch => {
                "Bring the side that lags behind to the other's state, or correct the state that is wrong."
            }
            Code::FieldMismatch => "Correct the field on the side that is wrong; the amounts tie.",
            Code::UnexpectedFee => "Compare with the contract; claim the difference back, or correct the agreed fee.",
            Code::Ambiguous => "Decide which rows belong together and match them by hand: nothing is guessed.",
            Code::StuckInFlight => "Look at the flow that carries it: its delivery takes longer than it may.",
            Code::SyncFailed => "Open its issue, correct the record and send it again.",
            Code::PeriodReopened => {
                "Book it in the present period as a catch-up, or reopen the signed run if its report has to change."
            }
        }
    }
}

words! {
    /// What a difference of amounts is proven to be, by an identity over the rows' own parts.
    SubCause {
        Rounding = "ROUNDING",
        Fee = "FEE",
        Tax = "TAX",
        Shipping = "SHIPPING",
        Discount = "DISCOUNT",
        Fx = "FX",
        PartialCapture = "PARTIAL_CAPTURE",
        PartialRefund = "PARTIAL_REFUND",
        Tip = "TIP",
        Duty = "DUTY",
    }
}
