//! Reconciliations: definitions, runs, breaks and what people decide about them; not here: the rules of deciding
//! (`finance::workflow`), comparing (`recon`).

mod acts;
mod reading;
mod schedule;
mod views;
mod watch;

pub use acts::{ActBody, Decided, HealBody, MatchBody, ReasonBody, RunBody, SignBody};
pub(in crate::api) use acts::{act, decide, heal, rederive, reopen, sign, start, undo};
pub use reading::{BreakQuery, load_breaks, load_list, load_one, load_run};
pub(in crate::api) use reading::{breaks, events, journal, list, run, show};
pub use schedule::{keep_schedule, look};
pub use views::{
    AgreementView, AmountView, BreakView, ReconciliationDetail, ReconciliationView, RemarkView, RunDetail, RunView,
    SignatureView,
};
pub use watch::{Watching, keep_watch};
