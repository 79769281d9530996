// Package smithy declares errors of AWS, of which there are none.
package smithy

// APIError would be an answer.
type APIError interface {
	error
	ErrorCode() string
	ErrorMessage() string
}
