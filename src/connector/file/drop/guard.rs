//! A full snapshot that suddenly shrinks is more often a truncated export than an emptied warehouse.

use crate::connector::file::error::FileCause;

/// Refuses `found` rows when they are less than `minimum_percent` of the previous run's. `None`: first run.
///
/// The error's disposition is `Hold`: the file is sound, a person decides.
pub fn guard_min_rows(previous: Option<u64>, found: u64, minimum_percent: u8) -> Result<(), FileCause> {
    let Some(previous) = previous.filter(|previous| *previous > 0) else { return Ok(()) };
    let enough = u128::from(found) * 100 >= u128::from(previous) * u128::from(minimum_percent);
    if enough {
        return Ok(());
    }
    let percent = u64::try_from(u128::from(found) * 100 / u128::from(previous)).unwrap_or(u64::MAX);
    Err(FileCause::TooFewRows { previous, found, percent, minimum_percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunken_snapshot_is_held() {
        assert!(guard_min_rows(Some(1000), 800, 80).is_ok());
        assert!(guard_min_rows(Some(1000), 799, 80).is_err());
        assert!(guard_min_rows(Some(1000), 0, 80).is_err());
        assert!(guard_min_rows(None, 0, 80).is_ok());
        assert!(guard_min_rows(Some(0), 0, 80).is_ok());
        assert!(guard_min_rows(Some(u64::MAX), u64::MAX, 100).is_ok());
    }
}
