// Package gax declares how long to wait before a request to Google Cloud is repeated. None is made.
package gax

// Backoff would say how long.
type Backoff struct{}
