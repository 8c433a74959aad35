//! EDIFACT: UNA, release characters, repertoires, references.
