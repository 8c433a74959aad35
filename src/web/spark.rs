//! A day as forty-eight bars, with a sentence for those who cannot see them; pure.

use askama::Template;

use crate::telemetry::moment::grouped;

const HEIGHT: i64 = 32;
const STEP: usize = 4;

#[derive(Template)]
#[template(path = "spark.html")]
pub(super) struct Spark {
    pub label: String,
    pub total: String,
    /// The busiest half hour, in words.
    pub peak: String,
    pub width: usize,
    pub bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub x: usize,
    pub y: i64,
    pub height: i64,
}

pub(super) fn spark(slices: &[i64]) -> Spark {
    let most = slices.iter().copied().max().unwrap_or(0);
    let total: i64 = slices.iter().sum();
    let bars = slices.iter().enumerate().map(|(index, n)| {
        // Something is never drawn as nothing.
        let height = if *n == 0 { 1 } else { (n * HEIGHT / most.max(1)).max(2) };
        Bar { x: index * STEP, y: HEIGHT - height, height }
    });
    let peak = format!("at most {} in half an hour", grouped(most));
    Spark {
        label: format!("{} deliveries in 24 hours, {peak}", grouped(total)),
        total: grouped(total),
        peak,
        width: slices.len() * STEP,
        bars: bars.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn bars_scale_to_the_busiest_slice() {
        let heights: Vec<i64> = spark(&[0, 1, 50, 100]).bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [1, 2, 16, 32]);
        assert!(spark(&[]).bars.is_empty());
    }
}
