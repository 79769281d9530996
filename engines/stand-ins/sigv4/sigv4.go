// Package sigv4 stands in for signing requests to Amazon Web Services: a configuration that asks for it is refused.
package sigv4

import (
	"errors"
	"net/http"
)

var errNotBuiltIn = errors.New("sigv4: signing for AWS is not built into this program; " +
	"use a build of the vendor, or another way to authenticate")

// SigV4Config is never filled: there is nothing that would use it.
type SigV4Config struct {
	Region    string `yaml:"region,omitempty"`
	AccessKey string `yaml:"access_key,omitempty"`
	SecretKey string `yaml:"secret_key,omitempty"`
	Profile   string `yaml:"profile,omitempty"`
	RoleARN   string `yaml:"role_arn,omitempty"`
}

// UnmarshalYAML refuses, so that the configuration fails where it is read and not at the first request.
func (*SigV4Config) UnmarshalYAML(func(any) error) error { return errNotBuiltIn }

// NewSigV4RoundTripper refuses.
func NewSigV4RoundTripper(*SigV4Config, http.RoundTripper) (http.RoundTripper, error) {
	return nil, errNotBuiltIn
}
