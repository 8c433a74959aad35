//! Configuration files to checked structs: everything that is wrong is found in one run, each with file, line and column.
//!
//! Not here: defaults of other modules, what a connector can do (that is `connector::manifest`), anything that runs.

pub mod yaml;
