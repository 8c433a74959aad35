//! Seeded changes to inputs.
//!
//! Not here: which inputs are kept.

use fastrand::Rng;

const LONGEST: usize = 64 << 10;

/// One to eight changes of `input`.
pub fn mutate(rng: &mut Rng, input: &[u8], corpus: &[Vec<u8>], dictionary: &[&str]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=8) {
        change(rng, &mut bytes, corpus, dictionary);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>, corpus: &[Vec<u8>], dictionary: &[&str]) {
    let at = rng.usize(0..=bytes.len());
    let end = (at + rng.usize(0..=32)).min(bytes.len());
    match rng.u8(0..10) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(0..8),
        1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => bytes.insert(at, rng.u8(..)),
        3 => drop(bytes.drain(at..end)),
        4 => bytes.truncate(at),
        5 => {
            let piece = bytes[at..end].to_vec();
            splice(bytes, rng.usize(0..=at), &piece);
        }
        6 if !dictionary.is_empty() => splice(bytes, at, dictionary[rng.usize(0..dictionary.len())].as_bytes()),
        7 if !corpus.is_empty() => {
            let other = &corpus[rng.usize(0..corpus.len())];
            let from = rng.usize(0..=other.len());
            let to = (from + rng.usize(0..=200)).min(other.len());
            splice(bytes, at, &other[from..to]);
        }
        // Digits change more often than chance would have it: counts and control numbers are digits.
        8 => {
            let digits: Vec<usize> = (0..bytes.len()).filter(|index| bytes[*index].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[rng.usize(0..digits.len())]] = b'0' + rng.u8(0..10);
            }
        }
        _ if bytes.len() > 1 => {
            let (last, other) = (bytes.len() - 1, rng.usize(0..bytes.len()));
            bytes.swap(at.min(last), other);
        }
        _ => bytes.push(rng.u8(..)),
    }
}

fn splice(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if bytes.len() + piece.len() <= LONGEST {
        let tail = bytes.split_off(at);
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(&tail);
    }
}
