// See ../README.md.
module go.opentelemetry.io/contrib/detectors/aws/eks

go 1.26
