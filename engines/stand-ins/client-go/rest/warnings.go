// Package rest stands in for requests to Kubernetes, which are never made: discovery of targets there is not built in.
package rest

import "context"

// WarningHandlerWithContext would be told of warnings in the answers of Kubernetes.
type WarningHandlerWithContext interface {
	HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string)
}

// WarningLogger would write them to the log.
type WarningLogger struct{}

// HandleWarningHeaderWithContext has nothing to write: nothing asks.
func (WarningLogger) HandleWarningHeaderWithContext(context.Context, int, string, string) {}

// SetDefaultWarningHandlerWithContext has nothing to handle.
func SetDefaultWarningHandlerWithContext(WarningHandlerWithContext) {}
