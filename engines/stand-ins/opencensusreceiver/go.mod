// See ../README.md.
module github.com/open-telemetry/opentelemetry-collector-contrib/receiver/opencensusreceiver

go 1.26
