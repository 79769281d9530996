// Package metrics declares the metrics of requests to Kubernetes, of which there are none.
package metrics

import (
	"context"
	"net/url"
	"time"
)

// LatencyMetric would observe how long a request took.
type LatencyMetric interface {
	Observe(ctx context.Context, verb string, u url.URL, latency time.Duration)
}

// ResultMetric would count the answers.
type ResultMetric interface {
	Increment(ctx context.Context, code, method, host string)
}

// RegisterOpts holds what would be observed.
type RegisterOpts struct {
	RequestLatency LatencyMetric
	RequestResult  ResultMetric
}

// Register has nothing to observe.
func Register(RegisterOpts) {}
