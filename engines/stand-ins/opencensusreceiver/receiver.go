// Package opencensusreceiver stands in for receiving traces from programs that speak OpenCensus, which is refused.
package opencensusreceiver

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/receiver"
)

type config struct{}

// Unmarshal refuses.
func (*config) Unmarshal(*confmap.Conf) error {
	return errors.New("the receiver opencensus is not built into this program; use a build of the vendor, or the receiver otlp")
}

// NewFactory makes receivers of which none can be configured.
func NewFactory() receiver.Factory {
	return receiver.NewFactory("opencensus", func() component.Config { return &config{} })
}
