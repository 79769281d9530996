// See ../README.md.
module github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kafkareceiver

go 1.26
