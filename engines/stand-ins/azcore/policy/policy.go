// Package policy declares what a token would be asked for with.
package policy

// TokenRequestOptions would say what a token is for.
type TokenRequestOptions struct{ Scopes []string }
