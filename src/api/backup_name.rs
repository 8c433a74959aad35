//! What a backup file may be called: a plain file name, so that a request cannot write elsewhere; pure.

use super::error::ApiError;
use crate::telemetry::moment;

const LONGEST: usize = 100;

/// The name asked for, or one made from the time.
pub(super) fn backup_name(asked: Option<&str>, now_us: i64) -> Result<String, ApiError> {
    let Some(name) = asked.filter(|name| !name.is_empty()) else {
        let stamp: String = moment::rfc3339(now_us).chars().filter(char::is_ascii_alphanumeric).collect();
        return Ok(format!("syncline-{stamp}.db"));
    };
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.len() > LONGEST || name.starts_with('.') || !name.chars().all(plain) {
        return Err(ApiError::bad_request(
            format!("{name:?} is no name for a backup"),
            "use letters, digits, `-`, `_` and `.`; backups are written to `backups/` in the data directory",
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::backup_name;

    #[track_caller]
    fn check(asked: Option<&str>, expected: Option<&str>) {
        assert_eq!(backup_name(asked, 0).ok().as_deref(), expected);
    }

    #[test]
    fn names_stay_in_the_directory() {
        check(None, Some("syncline-19700101T000000000Z.db"));
        check(Some("before-upgrade.db"), Some("before-upgrade.db"));
        for refused in ["../x", "a/b", ".hidden", "a\\b", "a\0", "x y", &"a".repeat(101)] {
            check(Some(refused), None);
        }
    }
}
