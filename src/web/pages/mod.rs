//! One file per page: what it reads through the API's functions and how it is laid out.

pub(super) mod connections;
pub(super) mod flows;
pub(super) mod issues;
pub(super) mod ledger;
pub(super) mod overview;
pub(super) mod recon_break;
pub(super) mod recon_run;
pub(super) mod reconciliations;
pub(super) mod records;
pub(super) mod story;
