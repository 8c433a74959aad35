//! The bank's statements: one per account and month, as camt.053 for euro accounts, as MT940 for the others.
//!
//! Not here: which lines there are.

use std::collections::BTreeMap;

use crate::sandbox::ledger::{Leg, Line, Month};
use crate::sandbox::money::Currency;

/// Path and text of each account's statement.
pub(super) fn statements(month: &Month, leg: &Leg) -> Vec<(String, String)> {
    let accounts: BTreeMap<&str, (usize, Currency)> =
        month.payouts.iter().map(|payout| (payout.trace.as_str(), (payout.account, payout.currency))).collect();
    let mut lines: BTreeMap<(usize, Currency), Vec<&Line>> = BTreeMap::new();
    for account in accounts.values() {
        lines.entry(*account).or_default();
    }
    for cluster in &leg.clusters {
        if let Some(account) = accounts.get(cluster.key.as_str()) {
            lines.entry(*account).or_default().extend(&cluster.sides[1]);
        }
    }
    let statement = |((account, currency), mut lines): ((usize, Currency), Vec<&Line>)| {
        lines.sort_by_key(|line| line.day);
        // An invented bank; the number's check digits are not claimed to be right.
        let statement = Statement { iban: format!("XX00SYNC{account:014}"), currency, lines, leg };
        match currency {
            Currency::Eur => (format!("bank/account-{account}.xml"), statement.camt053()),
            Currency::Jpy | Currency::Kwd | Currency::Isk => (format!("bank/account-{account}.sta"), statement.mt940()),
        }
    };
    lines.into_iter().map(statement).collect()
}

struct Statement<'a> {
    iban: String,
    currency: Currency,
    lines: Vec<&'a Line>,
    leg: &'a Leg,
}

impl Statement<'_> {
    fn closing(&self) -> i64 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// The trace as the bank passes it on: without spaces around it.
    fn trace(line: &Line) -> &str {
        line.keys[0].as_deref().unwrap_or_default().trim()
    }

    fn camt053(&self) -> String {
        let (first, last) = (self.leg.days.text(0), self.leg.days.text(self.leg.days.last()));
        let month = &first[..7];
        let written = format!("{last}T21:00:00+01:00");
        let code = self.currency.code();
        let balance = |kind: &str, amount: i64, day: &str| {
            format!(
                "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{}<Dt><Dt>{day}</Dt></Dt></Bal>\n",
                self.signed(amount)
            )
        };
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt>\n\
             <GrpHdr><MsgId>{month}-1</MsgId><CreDtTm>{written}</CreDtTm><MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>\n\
             <Stmt><Id>{month}</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>{written}</CreDtTm>\n\
             <Acct><Id><IBAN>{}</IBAN></Id><Ccy>{code}</Ccy></Acct>\n",
            self.iban
        );
        text += &balance("OPBD", 0, &first);
        text += &balance("CLBD", self.closing(), &last);
        for (at, line) in self.lines.iter().enumerate() {
            let (day, amount, trace) = (self.leg.days.text(line.day), self.signed(line.amount), Self::trace(line));
            let family = if line.amount < 0 { "ICDT" } else { "RCDT" };
            text += &format!(
                "<Ntry>{amount}<Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>\
                 <AcctSvcrRef>{:08}</AcctSvcrRef>\
                 <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>\
                 <NtryDtls><TxDtls><Refs><EndToEndId>{trace}</EndToEndId></Refs><RmtInf><Ustrd>PAYOUT {trace}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n",
                at + 1
            );
        }
        text + "</Stmt></BkToCstmrStmt></Document>\n"
    }

    fn signed(&self, amount: i64) -> String {
        let direction = if amount < 0 { "DBIT" } else { "CRDT" };
        let (code, amount) = (self.currency.code(), self.currency.decimal(amount.abs()));
        format!("<Amt Ccy=\"{code}\">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>")
    }

    fn mt940(&self) -> String {
        let last = self.leg.days.last();
        let mut text = format!(":20:MONTH\r\n:25:{}\r\n:28C:00001/001\r\n", self.iban);
        text += &format!(":60F:{}\r\n", self.balance(0, 0));
        for (at, line) in self.lines.iter().enumerate() {
            let (date, trace) = (self.short(line.day), Self::trace(line));
            let (sign, amount) = (direction(line.amount), self.comma(line.amount));
            text += &format!(":61:{date}{}{sign}{amount}NTRF{trace}//{:08}\r\n", &date[2..], at + 1);
            text += &format!(":86:166?00PAYOUT?20EREF+{trace}?21SVWZ+PAYOUT\r\n");
        }
        text += &format!(":62F:{}\r\n-\r\n", self.balance(self.closing(), last));
        text
    }

    fn balance(&self, amount: i64, day: i32) -> String {
        format!("{}{}{}{}", direction(amount), self.short(day), self.currency.code(), self.comma(amount))
    }

    /// `261130`.
    fn short(&self, day: i32) -> String {
        self.leg.days.text(day)[2..].replace('-', "")
    }

    /// `12,50`, `1500,`.
    fn comma(&self, amount: i64) -> String {
        let text = self.currency.decimal(amount.abs());
        if text.contains('.') { text.replace('.', ",") } else { text + "," }
    }
}

fn direction(amount: i64) -> &'static str {
    if amount < 0 { "D" } else { "C" }
}
