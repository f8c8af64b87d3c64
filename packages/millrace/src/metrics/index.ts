export { prometheusMetrics, type PrometheusOptions } from './prometheus.js';
