//! File names: which are safe, which match, and in which order they are read.
//!
//! Names are compared as they are; a partner that changes between composed and decomposed umlauts changes the name.

use super::error::DropError;

/// Refuses names that could lead elsewhere or break a log line.
pub fn check_name(name: &str) -> Result<(), DropError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it is a directory reference"
    } else if name.contains(['/', '\\']) {
        "it contains a path separator"
    } else if name.chars().any(char::is_control) {
        "it contains control characters"
    } else if name.len() > 200 {
        "it is longer than 200 bytes"
    } else {
        return Ok(());
    };
    Err(DropError::Name { name: name.to_owned(), reason })
}

/// What operating systems and office programs leave behind.
pub(in crate::connector::file) fn is_litter(name: &str) -> bool {
    ["thumbs.db", "desktop.ini", ".ds_store"].iter().any(|litter| name.eq_ignore_ascii_case(litter))
        || name.starts_with("~$")
        || name.starts_with("._")
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `{seq}`: a whole run of digits.
    Sequence,
    /// `[a-z]`, `[!0-9]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A glob over names (`*`, `?`, `[a-z]`) in which `{seq}` marks numbers to order by.
///
/// `ART_BESTAND_{seq}_{seq}.csv` orders by day, then by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    tokens: Vec<Token>,
    ignore_case: bool,
}

/// Longest run of digits that is taken for a number.
const SEQUENCE_DIGITS: usize = 38;

impl NamePattern {
    pub fn parse(pattern: &str, ignore_case: bool) -> Result<Self, DropError> {
        let bad = |reason| DropError::Pattern { pattern: pattern.to_owned(), reason };
        if pattern.is_empty() || pattern.contains(['/', '\\']) {
            return Err(bad("give a pattern for names, without directories"));
        }
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            match character {
                '*' => tokens.push(Token::Any),
                '?' => tokens.push(Token::One),
                '{' => {
                    rest = rest.strip_prefix("seq}").ok_or_else(|| bad("the only placeholder is {seq}"))?;
                    tokens.push(Token::Sequence);
                }
                '[' => {
                    let (class, after) = rest.split_once(']').ok_or_else(|| bad("`[` is never closed"))?;
                    tokens.push(parse_class(class).ok_or_else(|| bad("empty or reversed character class"))?);
                    rest = after;
                }
                literal => tokens.push(Token::Literal(literal)),
            }
        }
        Ok(Self { tokens, ignore_case })
    }

    /// A name that matches, with `number` in every place that is free; `None` where a class leaves no obvious choice.
    pub fn example(&self, number: u64) -> Option<String> {
        let mut name = String::new();
        for token in &self.tokens {
            match token {
                Token::Literal(character) => name.push(*character),
                Token::One => name.push('0'),
                Token::Any => name.push_str(&number.to_string()),
                Token::Sequence => name.push_str(&format!("{number:07}")),
                Token::Class { negated: false, ranges } => name.push(ranges.first()?.0),
                Token::Class { negated: true, .. } => name.push('x'),
            }
        }
        self.matches(&name).map(|_| name)
    }

    /// Whether only one name can match (upper and lower case aside), so that a name says nothing about a file.
    pub fn is_constant(&self) -> bool {
        self.tokens.iter().all(|token| match token {
            Token::Literal(_) => true,
            Token::One | Token::Any | Token::Sequence | Token::Class { .. } => false,
        })
    }

    /// The numbers at `{seq}` if the name matches, in order of the pattern.
    pub fn matches(&self, name: &str) -> Option<Vec<u128>> {
        let name: Vec<char> = name.chars().collect();
        // failed[token][position]: known dead ends, so that no pattern takes more than their product.
        let mut failed = vec![vec![false; name.len() + 1]; self.tokens.len() + 1];
        let mut numbers = Vec::new();
        self.match_from(0, &name, 0, &mut failed, &mut numbers).then_some(numbers)
    }

    fn match_from(
        &self,
        token: usize,
        name: &[char],
        at: usize,
        failed: &mut [Vec<bool>],
        numbers: &mut Vec<u128>,
    ) -> bool {
        if failed[token][at] {
            return false;
        }
        let matched = match self.tokens.get(token) {
            None => at == name.len(),
            Some(Token::Any) => (at..=name.len()).any(|next| self.match_from(token + 1, name, next, failed, numbers)),
            Some(Token::Sequence) => self.match_sequence(token, name, at, failed, numbers),
            Some(single @ (Token::Literal(_) | Token::One | Token::Class { .. })) => {
                name.get(at).is_some_and(|c| self.accepts(single, *c))
                    && self.match_from(token + 1, name, at + 1, failed, numbers)
            }
        };
        failed[token][at] = !matched;
        matched
    }

    fn match_sequence(
        &self,
        token: usize,
        name: &[char],
        at: usize,
        failed: &mut [Vec<bool>],
        numbers: &mut Vec<u128>,
    ) -> bool {
        let starts_run = at == 0 || !name[at - 1].is_ascii_digit();
        let digits: String = name[at..].iter().take_while(|c| c.is_ascii_digit()).collect();
        if !starts_run || digits.is_empty() || digits.len() > SEQUENCE_DIGITS {
            return false;
        }
        let Ok(number) = digits.parse() else { return false };
        numbers.push(number);
        let matched = self.match_from(token + 1, name, at + digits.len(), failed, numbers);
        if !matched {
            numbers.pop();
        }
        matched
    }

    fn accepts(&self, token: &Token, character: char) -> bool {
        let same = |a: char, b: char| a == b || (self.ignore_case && a.to_lowercase().eq(b.to_lowercase()));
        let within = |c: char, ranges: &[(char, char)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        match token {
            Token::Literal(literal) => same(*literal, character),
            Token::One => true,
            Token::Class { negated, ranges } => {
                let mut spellings = vec![character];
                if self.ignore_case {
                    spellings.extend(character.to_lowercase());
                    spellings.extend(character.to_uppercase());
                }
                spellings.into_iter().any(|c| within(c, ranges)) != *negated
            }
            Token::Any | Token::Sequence => false,
        }
    }
}

fn parse_class(class: &str) -> Option<Token> {
    let (negated, class) = match class.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, class),
    };
    let characters: Vec<char> = class.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let from = characters[at];
        let to = if characters.get(at + 1) == Some(&'-') && at + 2 < characters.len() {
            at += 2;
            characters[at]
        } else {
            from
        };
        if from > to {
            return None;
        }
        ranges.push((from, to));
        at += 1;
    }
    (!ranges.is_empty()).then_some(Token::Class { negated, ranges })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, ignore_case: bool, name: &str, expected: Option<&[u128]>) {
        let found = NamePattern::parse(pattern, ignore_case).unwrap().matches(name);
        assert_eq!(found.as_deref(), expected, "{pattern} on {name}");
    }

    #[test]
    fn patterns_match_names_and_find_numbers() {
        check("*.csv", false, "a.csv", Some(&[]));
        check("*.csv", false, "a.CSV", None);
        check("*.csv", true, "a.CSV", Some(&[]));
        check("*.csv", false, "a.csv.done", None);
        check("ART_{seq}_{seq}.csv", false, "ART_20261120_0001.csv", Some(&[20_261_120, 1]));
        check("*_{seq}.csv", false, "ART_20261120_0012.csv", Some(&[12]));
        check("*{seq}.csv", false, "a0012.csv", Some(&[12]));
        check("{seq}*", false, "12ab", Some(&[12]));
        check("x{seq}", false, "x", None);
        check("x{seq}", false, &format!("x{}", "9".repeat(39)), None);
        check("[A-C]?.t[!x]t", false, "B1.txt", None);
        check("[A-C]?.t[!y]t", false, "B1.txt", Some(&[]));
        check("Größe*", true, "GRÖßE1", Some(&[]));
    }

    #[test]
    fn many_stars_stay_cheap() {
        check(&"*a".repeat(60), false, &"a".repeat(180), Some(&[]));
        check(&format!("{}b", "*a".repeat(60)), false, &"a".repeat(180), None);
    }

    #[test]
    fn unusable_patterns_and_names_are_refused() {
        for pattern in ["", "a/b", "[", "[]", "[z-a]", "{n}"] {
            assert!(NamePattern::parse(pattern, false).is_err(), "{pattern}");
        }
        for name in ["", ".", "..", "a/b", "..\\a", "a\nb", "a\u{1b}[2J"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("Größe 1 (neu).csv").is_ok());
    }
}
