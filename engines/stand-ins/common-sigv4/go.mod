// See ../README.md.
module github.com/prometheus/common/sigv4

go 1.26
