// Package config stands in for signing in to Amazon Web Services, which is refused.
package config

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// LoadOptions would collect the options.
type LoadOptions struct{}

// LoadDefaultConfig refuses.
func LoadDefaultConfig(context.Context, ...func(*LoadOptions) error) (aws.Config, error) {
	return aws.Config{}, errors.New("sns_configs: sending through AWS is not built into this program; " +
		"use a build of the vendor, or another receiver")
}

func none(*LoadOptions) error { return nil }

// WithBaseEndpoint would set the address.
func WithBaseEndpoint(string) func(*LoadOptions) error { return none }

// WithCredentialsProvider would set the credentials.
func WithCredentialsProvider(aws.CredentialsProvider) func(*LoadOptions) error { return none }

// WithHTTPClient would set the client.
func WithHTTPClient(*http.Client) func(*LoadOptions) error { return none }

// WithRegion would set the region.
func WithRegion(string) func(*LoadOptions) error { return none }

// WithSharedConfigProfile would set the profile.
func WithSharedConfigProfile(string) func(*LoadOptions) error { return none }
