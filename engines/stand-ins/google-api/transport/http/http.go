// Package http stands in for requests to Google Cloud: they are refused.
package http

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/api/option"
)

// NewTransport refuses.
func NewTransport(context.Context, http.RoundTripper, ...option.ClientOption) (http.RoundTripper, error) {
	return nil, errors.New("signing in to Google Cloud is not built into this program; use a build of the vendor")
}
