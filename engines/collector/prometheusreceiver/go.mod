// See receiver.go.
module github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver/static/prometheusreceiver

go 1.26

require github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver v0.159.0
