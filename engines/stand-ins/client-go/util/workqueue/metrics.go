// Package workqueue declares the metrics of queues of work for Kubernetes, of which there are none.
package workqueue

// What a queue would report.
type (
	GaugeMetric interface {
		Inc()
		Dec()
	}
	SettableGaugeMetric interface{ Set(float64) }
	CounterMetric       interface{ Inc() }
	HistogramMetric     interface{ Observe(float64) }
)

// MetricsProvider would make the metrics of a queue.
type MetricsProvider interface {
	NewDepthMetric(name string) GaugeMetric
	NewAddsMetric(name string) CounterMetric
	NewLatencyMetric(name string) HistogramMetric
	NewWorkDurationMetric(name string) HistogramMetric
}

// SetProvider has no queues to make metrics for.
func SetProvider(MetricsProvider) {}
