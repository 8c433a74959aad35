//! Numbers that name one record of a rehearsal wherever they turn up: in a key, a body, a row of a file.
//!
//! Not here: where they are written (`recipe`), what an arrival means (`book`).

/// As many digits as no field of a real payload usually has in a row: ids have fewer or more, GTINs 13.
pub(super) const DIGITS: usize = 12;
const SMALLEST: u64 = 100_000_000_000;
/// More records than a rehearsal has.
const MOST: u64 = 100_000_000;

/// The numbers of one rehearsal: a seed moves the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    base: u64,
}

impl Tokens {
    pub(super) fn new(seed: u64) -> Tokens {
        // 17 to 8,016: never all the same digits, always twelve of them.
        Tokens { base: SMALLEST + (17 + seed % 8_000) * MOST }
    }

    /// The number of record `index`.
    pub(super) fn of(self, index: u64) -> u64 {
        self.base + index
    }

    /// A number that no record has, for trying things out.
    pub(super) fn trial(self) -> u64 {
        self.base + MOST - 1
    }

    fn index(self, number: u64) -> Option<u64> {
        number.checked_sub(self.base).filter(|index| *index < MOST - 1)
    }

    /// The records named in a text, each once, in order of appearance.
    pub(super) fn found_in(self, text: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            if !text[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let run = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if run == DIGITS {
                let number =
                    text[at..at + run].iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
                if let Some(index) = self.index(number).filter(|index| !found.contains(index)) {
                    found.push(index);
                }
            }
            at += run;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_where_they_are_named_and_nowhere_else() {
        let tokens = Tokens::new(1);
        let (seven, eight) = (tokens.of(7), tokens.of(8));
        let text =
            format!("{{\"id\":{seven},\"name\":\"#{eight}\",\"again\":\"{seven}\",\"ean\":\"{seven}0\",\"n\":12}}");
        assert_eq!(tokens.found_in(text.as_bytes()), [7, 8]);
        assert!(Tokens::new(2).found_in(text.as_bytes()).is_empty(), "another seed has other numbers");
        assert!(tokens.found_in(tokens.trial().to_string().as_bytes()).is_empty(), "a trial is no record");
        assert_eq!(tokens.of(0).to_string().len(), DIGITS);
        assert_eq!(Tokens::new(u64::MAX).trial().to_string().len(), DIGITS);
    }
}
