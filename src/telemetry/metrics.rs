//! The process's metrics: a recorder for what is counted as it happens, and its text for Prometheus; not here: gauges
//! that are read from the store at each scrape (see `api::metrics`).

use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Counters and histograms of this process.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

#[derive(Debug, thiserror::Error)]
#[error("metrics are recorded already: another recorder was installed first")]
pub struct InstalledTwice;

impl Default for Metrics {
    fn default() -> Metrics {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Metrics { recorder: Arc::new(recorder), handle }
    }
}

impl Metrics {
    /// Makes `metrics::counter!` and its kin report here; once per process.
    pub fn install(&self) -> Result<(), InstalledTwice> {
        metrics::set_global_recorder(Arc::clone(&self.recorder)).map_err(|_| InstalledTwice)
    }

    /// Prometheus text of everything counted so far.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Prometheus text of what `record` sets, and of nothing else: gauges of one moment, without those of the last.
    pub fn render_once(record: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, record);
        recorder.handle().render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_once_is_rendered_once() {
        let text = Metrics::render_once(|| metrics::gauge!("syncline_test_depth", "flow" => "a\"b\n").set(3.0));
        assert!(text.contains("syncline_test_depth{flow=\"a\\\"b\\n\"} 3"), "{text}");
        assert!(!Metrics::render_once(|| {}).contains("syncline_test_depth"));
    }

    #[test]
    fn counters_accumulate() {
        let metrics = Metrics::default();
        for _ in 0..2 {
            metrics::with_local_recorder(metrics.recorder.as_ref(), || {
                metrics::counter!("syncline_test_total").increment(2);
            });
        }
        assert!(metrics.render().contains("syncline_test_total 4"), "{}", metrics.render());
    }
}
