//! The recorder behind `/metrics`: everything that the library measures, in the text format of Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// How often old samples are let go.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts to record the metrics of this process; `None` if something else records them already.
pub(super) fn record() -> Option<PrometheusHandle> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    Some(handle)
}

/// Lets old samples go, for as long as the future is polled.
pub(super) async fn keep_up(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
