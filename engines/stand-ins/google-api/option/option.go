// Package option declares what the stand-in for transport/http refuses to use.
package option

import (
	"net/http"

	"golang.org/x/oauth2/google"
)

// ClientOption would configure a client.
type ClientOption struct{}

// CredentialsType would say what a file of credentials holds.
type CredentialsType string

// ServiceAccount would be the credentials of a program.
const ServiceAccount CredentialsType = "service_account"

// WithScopes would limit what a token is for.
func WithScopes(...string) ClientOption { return ClientOption{} }

// WithCredentials would use the credentials of the environment.
func WithCredentials(*google.Credentials) ClientOption { return ClientOption{} }

// WithAuthCredentialsFile would read credentials.
func WithAuthCredentialsFile(CredentialsType, string) ClientOption { return ClientOption{} }

// WithoutAuthentication would use no credentials.
func WithoutAuthentication() ClientOption { return ClientOption{} }

// WithEndpoint would set the address.
func WithEndpoint(string) ClientOption { return ClientOption{} }

// WithHTTPClient would set the client.
func WithHTTPClient(*http.Client) ClientOption { return ClientOption{} }
