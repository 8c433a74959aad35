//! The whole hub with the shipped IDoc connector, and with a SOAP connector of the test's own, against an ERP that speaks
//! both and keeps its own books; those books are the judge.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "idoc_erp/files.rs"]
mod files;
#[path = "idoc_erp/rig.rs"]
mod rig;
#[path = "idoc_erp/soap.rs"]
mod soap;
