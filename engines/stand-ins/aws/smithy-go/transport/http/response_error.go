// Package http declares answers of AWS, of which there are none.
package http

import "net/http"

// Response would be one.
type Response struct{ *http.Response }

// ResponseError would carry one.
type ResponseError struct{ Response *Response }

func (*ResponseError) Error() string { return "an answer of AWS" }
