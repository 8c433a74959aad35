//! PostgreSQL's `numeric` on the wire, to and from digits; nothing is rounded. Pure.
//!
//! Not here: the other types (`postgres`).

const NEGATIVE: u16 = 0x4000;

/// Groups of four decimal digits, the first one's weight, sign, and the digits to show after the point.
pub(super) fn read(bytes: &[u8]) -> Result<String, String> {
    let word = |at: usize| -> Result<u16, String> {
        let pair = bytes.get(at * 2..at * 2 + 2).and_then(|pair| <[u8; 2]>::try_from(pair).ok());
        pair.map(u16::from_be_bytes).ok_or_else(|| "is a cut-off numeric".to_owned())
    };
    let signed = |word: u16| i32::from(i16::from_be_bytes(word.to_be_bytes()));
    let (count, weight, sign, scale) = (i32::from(word(0)?), signed(word(1)?), word(2)?, usize::from(word(3)?));
    match sign {
        0 | NEGATIVE => {}
        0xC000 => return Err("is NaN".to_owned()),
        0xD000 | 0xF000 => return Err("is infinite".to_owned()),
        _ => return Err("is no numeric".to_owned()),
    }
    // The group of ten-thousands at a power: 0 is that before the point, -1 that behind it.
    let group = |power: i32| -> Result<u16, String> {
        let place = weight - power;
        if (0..count).contains(&place) { word(4 + usize::try_from(place).unwrap_or_default()) } else { Ok(0) }
    };
    let mut whole = String::new();
    for power in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", group(power)?));
    }
    let whole = whole.trim_start_matches('0');
    let mut text = if sign == NEGATIVE { "-".to_owned() } else { String::new() };
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let mut fraction = String::new();
        let mut power = -1;
        while fraction.len() < scale {
            fraction.push_str(&format!("{:04}", group(power)?));
            power -= 1;
        }
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Ok(text)
}

/// From plain digits, as `param` makes them.
pub(super) fn write(text: &str) -> Result<Vec<u8>, String> {
    let (sign, digits) = text.strip_prefix('-').map_or((0, text), |rest| (NEGATIVE, rest));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err("is not a number in plain digits".to_owned());
    }
    let ahead = whole.len().next_multiple_of(4);
    let behind = fraction.len().next_multiple_of(4);
    let padded = format!("{whole:0>ahead$}{fraction:0<behind$}");
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let kept = groups.len() - groups.iter().rev().take_while(|group| **group == 0).count();
    let significant = groups.get(leading..kept).unwrap_or_default();
    let too_long = || "has more digits than a numeric holds".to_owned();
    let number = |value: usize| u16::try_from(value).map_err(|_| too_long());
    let weight =
        i64::try_from(ahead / 4).map_err(|_| too_long())? - 1 - i64::try_from(leading).map_err(|_| too_long())?;
    let weight = if significant.is_empty() { 0 } else { i16::try_from(weight).map_err(|_| too_long())? };
    let mut bytes = Vec::with_capacity(8 + significant.len() * 2);
    bytes.extend(number(significant.len())?.to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(if significant.is_empty() { 0 } else { sign }.to_be_bytes());
    bytes.extend(number(fraction.len())?.to_be_bytes());
    significant.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_stay_as_they_are() {
        for digits in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "9999.9999",
            "0.1",
            "0.10",
            "0.0001",
            "0.00001",
            "-0.000000012",
            "12345678901234567890.12345678901234567890",
            "100000000.5",
            "0.00010000",
            "123456789012345678901234567890",
        ] {
            assert_eq!(read(&write(digits).unwrap()).unwrap(), digits);
        }
        // As PostgreSQL itself writes 12345.678: two groups before the point, one and a half behind.
        assert_eq!(write("12345.678").unwrap(), [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1A, 0x7C]);
        assert!(write("1e5").is_err());
        assert!(write("").is_err());
        assert!(read(&[0, 0, 0, 0, 0xC0, 0, 0, 0]).unwrap_err().contains("NaN"));
        assert!(read(&[0, 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_digits_come_back(whole in "(0|[1-9][0-9]{0,40})", fraction in "[0-9]{0,40}", negative: bool) {
            let digits = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
            let is_zero = digits.bytes().all(|b| b == b'0' || b == b'.');
            let digits = if negative && !is_zero { format!("-{digits}") } else { digits };
            prop_assert_eq!(read(&write(&digits).unwrap()).unwrap(), digits);
        }

        #[test]
        fn bytes_never_panic(bytes: Vec<u8>) {
            if bytes.len() < 64 { let _ = read(&bytes); }
        }
    }
}
