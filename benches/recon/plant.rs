//! Two statements with known differences, in unlike orders.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub const STATES: [&str; 4] = ["paid", "authorized", "refunded", "voided"];

/// What is there to be found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub exact: u64,
    pub missing_in_a: u64,
    pub missing_in_b: u64,
    pub amount: u64,
    pub state: u64,
    pub duplicate: u64,
}

/// Writes `a.csv` and `b.csv`, about 38 bytes a row.
pub fn plant(folder: &Path, rows: u64) -> std::io::Result<Counts> {
    let file = |name: &str| File::create(folder.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    let (mut a, mut b) = (file("a.csv")?, file("b.csv")?);
    let mut counts = Counts::default();
    for file in [&mut a, &mut b] {
        writeln!(file, "order,amount,currency,state,day")?;
    }
    for at in 0..rows {
        line(&mut a, scattered(at, rows, 0x9E37_79B1), 0, 0)?;
    }
    for at in 0..rows {
        let order = scattered(at, rows, 0x85EB_CA6B);
        if order.is_multiple_of(10_007) {
            counts.missing_in_b += 1;
        } else if order % 10_009 == 1 {
            counts.amount += 1;
            line(&mut b, order, 1, 0)?;
        } else if order % 10_037 == 2 {
            counts.state += 1;
            line(&mut b, order, 0, 1)?;
        } else {
            counts.exact += 1;
            line(&mut b, order, 0, 0)?;
            if order % 10_039 == 3 {
                counts.duplicate += 1;
                line(&mut b, order, 0, 0)?;
            }
        }
        if at % 2_000 == 4 {
            counts.missing_in_a += 1;
            line(&mut b, rows + at, 0, 0)?;
        }
    }
    a.flush()?;
    b.flush()?;
    Ok(counts)
}

/// The `at`th of a permutation of `0..rows`.
fn scattered(at: u64, rows: u64, step: u64) -> u64 {
    let mut step = step % rows;
    while step == 0 || gcd(step, rows) != 1 {
        step += 1;
    }
    (u128::from(at) * u128::from(step) % u128::from(rows)) as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn line(file: &mut impl Write, order: u64, more: u64, further: usize) -> std::io::Result<()> {
    let minor = order.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44;
    let minor = minor + more;
    let state = STATES[(order as usize + further) % STATES.len()];
    let currency = ["EUR", "USD", "GBP"][(order % 3) as usize];
    writeln!(file, "SO{order:010},{}.{:02},{currency},{state},2026-11-{:02}", minor / 100, minor % 100, order % 28 + 1)
}
