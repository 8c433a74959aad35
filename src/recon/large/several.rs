//! Several statements as one: the files of one side.
//!
//! Not here: which files belong together.

use super::digest::Glance;
use super::{LargeError, Statement};
use crate::recon::row::Entry;

/// Bits of a position that are the file's own.
const POSITION_BITS: u32 = 48;

/// At most 65,536 files of at most 256 TiB.
pub struct Several<S>(pub Vec<S>);

impl<S: Statement> Statement for Several<S> {
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError> {
        for (at, statement) in self.0.iter().enumerate() {
            let first = (at as u64) << POSITION_BITS;
            statement.glance(&mut |glance| each(Glance { position: first | glance.position, ..glance }))?;
        }
        Ok(())
    }

    fn fetch(
        &self,
        positions: &[u64],
        each: &mut dyn FnMut(Entry) -> Result<(), LargeError>,
    ) -> Result<(), LargeError> {
        for (at, statement) in self.0.iter().enumerate() {
            let first = (at as u64) << POSITION_BITS;
            let from = positions.partition_point(|position| *position < first);
            let of_file = positions[from..].iter().take_while(|position| **position >> POSITION_BITS == at as u64);
            let own: Vec<u64> = of_file.map(|position| position & !first).collect();
            if !own.is_empty() {
                statement.fetch(&own, each)?;
            }
        }
        Ok(())
    }

    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError> {
        self.0.iter().try_for_each(|statement| statement.read(each))
    }
}
