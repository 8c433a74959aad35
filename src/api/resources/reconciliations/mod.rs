//! Reconciliations: definitions, runs, breaks and what people decide about them; not here: the rules of deciding
//! (`finance::workflow`), comparing (`recon`).

mod acts;
mod export;
mod reading;
mod views;

pub use acts::{ActBody, Decided, MatchBody, ReasonBody, RunBody, SignBody};
pub(in crate::api) use acts::{act, decide, rederive, reopen, sign, start, undo};
pub(in crate::api) use export::export;
pub use reading::{BreakQuery, load_breaks, load_list, load_one, load_run};
pub(in crate::api) use reading::{breaks, events, journal, list, run, show};
pub use views::{
    AmountView, BreakView, ReconciliationDetail, ReconciliationView, RemarkView, RunDetail, RunView, SignatureView,
};
