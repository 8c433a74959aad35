//! Every payment's newest state is on its order in the ERP, to the minor unit, and never went back.
//!
//! Not here: the order's own financial status (`orders`).

use super::findings::{FindingKind, Verdict};
use crate::sandbox::courier::Vendor;
use crate::sandbox::erp::{ErpLedger, ErpOrder, ErpPayment};
use crate::sandbox::psp::{Intent, PayVersion, PspLedger};

pub fn judge_payments(verdict: &mut Verdict, psp: &PspLedger, erp: &ErpLedger) {
    for intent in &psp.intents {
        verdict.payments_checked += 1;
        let told: Vec<&ErpOrder> = erp.by_reference(&intent.order_name).filter(|o| !o.payments.is_empty()).collect();
        if told.is_empty() {
            let detail = format!("payment {} is not on order {}", intent.id, intent.order_name);
            verdict.add(FindingKind::Lost, Vendor::Erp, &intent.id, detail);
        }
        for document in told {
            judge_document(verdict, intent, document);
        }
    }
}

fn judge_document(verdict: &mut Verdict, intent: &Intent, document: &ErpOrder) {
    let key = format!("{} on {} ({})", intent.id, intent.order_name, document.id);
    let agrees = |payment: &ErpPayment| intent.versions.iter().rposition(|v| difference(intent, v, payment).is_none());
    let newest = intent.versions.len() - 1;
    let Some(last) = document.payments.last() else { return };
    match agrees(last) {
        Some(at) if at == newest => {}
        Some(_) => {
            let detail = format!("is {}, should be {}", last.status, intent.erp_word(&intent.current));
            verdict.add(FindingKind::Stale, Vendor::Erp, &key, detail);
        }
        None => {
            let detail = difference(intent, &intent.current, last).unwrap_or_default();
            verdict.add(FindingKind::Wrong, Vendor::Erp, &key, detail);
        }
    }
    let written: Vec<usize> = document.payments.iter().filter_map(agrees).collect();
    if let Some(back) = written.windows(2).find(|pair| pair[1] < pair[0]) {
        let word = |at: usize| intent.erp_word(&intent.versions[at]);
        let detail = format!("{} was written over {}", word(back[1]), word(back[0]));
        verdict.add(FindingKind::Stale, Vendor::Erp, &key, detail);
    }
}

/// The first field in which the ERP's payment differs from a version.
fn difference(intent: &Intent, version: &PayVersion, payment: &ErpPayment) -> Option<String> {
    let said = |field: &str, is: &str, should: &str| Some(format!("{field} is {is}, should be {should}"));
    let amount = |minor: i64| format!("{} {}", intent.currency.decimal(minor), intent.currency.code());
    if payment.psp_reference != intent.id {
        return said("psp_reference", &payment.psp_reference, &intent.id);
    }
    if payment.currency != intent.currency {
        return said("currency", payment.currency.code(), intent.currency.code());
    }
    if payment.amount_minor != intent.amount_minor {
        return said("amount", &amount(payment.amount_minor), &amount(intent.amount_minor));
    }
    let word = intent.erp_word(version);
    if payment.status != word {
        return said("status", &payment.status, word);
    }
    if payment.refunded_minor != version.refunded_minor {
        return said("amount_refunded", &amount(payment.refunded_minor), &amount(version.refunded_minor));
    }
    None
}
