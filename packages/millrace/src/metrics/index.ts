/**
 * Metrics of a run for Prometheus.
 * @module millrace/metrics
 */
export { prometheusMetrics, type PrometheusOptions } from './prometheus.js';
