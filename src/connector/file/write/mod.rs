//! Writing files that partners read: deterministic, exactly encoded, with control totals.
//!
//! The same rows and spec give the same bytes. Not here: where the file goes (drop::outbound), which rows and in which
//! order (the caller).

mod csv;
mod edi_interchange;
mod edi_segments;
mod edi_spec;
mod edi_text;
mod fixed;
mod spec;
mod value;
mod writer;
mod xml;

pub use edi_spec::{ControlNumbers, EdiWrite, Stamp};
pub use spec::{
    ControlCell, CsvWrite, FixedWrite, Formulas, OutColumn, OutLineEnd, Quoting, WriteFormat, WriteSpec, XmlWrite,
};
pub use writer::{FileWriter, WriteSummary};
