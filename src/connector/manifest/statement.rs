//! Reading a bank statement format's declaration: `type: mt940`, `bai2` or `camt053`, how strictly the bank keeps to it, and
//! which rows of a file are wanted.
//!
//! Not here: what the words mean (`connector::file`).

use crate::config::yaml::{Context, MapReader, Node};
use crate::connector::file::format::{Balances, Numbering, OnlyRows, StatementFormat, StatementSyntax};

crate::choice! {
    enum NumberingWord ("numbering") { None = "none", Statements = "statements", Files = "files" }
}

crate::choice! {
    enum BalancesWord ("rule for balances") { Required = "required", Optional = "optional" }
}

crate::choice! {
    enum TerminatorWord ("rule for the terminator") { Required = "required", Optional = "optional" }
}

pub(super) fn mt940(map: &MapReader<'_>) -> StatementFormat {
    let terminated = match map.or("terminator", TerminatorWord::Required) {
        TerminatorWord::Required => true,
        TerminatorWord::Optional => false,
    };
    read(map, StatementSyntax::Mt940 { terminated })
}

pub(super) fn read(map: &MapReader<'_>, syntax: StatementSyntax) -> StatementFormat {
    let numbering = match map.or("numbering", NumberingWord::Statements) {
        NumberingWord::None => Numbering::None,
        NumberingWord::Statements => Numbering::Statements,
        NumberingWord::Files => Numbering::Files,
    };
    let balances = match map.or("balances", BalancesWord::Required) {
        BalancesWord::Required => Balances::Required,
        BalancesWord::Optional => Balances::Optional,
    };
    StatementFormat { syntax, numbering, balances }
}

/// `only: { column: Type, values: [MerchantPayout] }`.
pub(super) fn only(node: &Node, cx: &Context) -> Option<OnlyRows> {
    let map = cx.map(node, "only")?;
    let (column, values) = (map.required("column"), map.required("values"));
    map.finish();
    Some(OnlyRows { column: column?, values: values? })
}
