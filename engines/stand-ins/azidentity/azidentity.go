// Package azidentity stands in for signing in to Azure: every credential is refused.
package azidentity

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

var errNotBuiltIn = errors.New("azuread: signing in to Azure is not built into this program; " +
	"use a build of the vendor, or another way to authenticate")

type credential struct{}

func (*credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errNotBuiltIn
}

// ClientID names a managed identity.
type ClientID string

// What the constructors below would be given.
type (
	ManagedIdentityCredentialOptions struct {
		azcore.ClientOptions
		ID ClientID
	}
	WorkloadIdentityCredentialOptions struct {
		azcore.ClientOptions
		ClientID, TenantID, TokenFilePath string
	}
	ClientSecretCredentialOptions struct{ azcore.ClientOptions }
	DefaultAzureCredentialOptions struct {
		azcore.ClientOptions
		TenantID string
	}
	ClientCertificateCredentialOptions struct {
		azcore.ClientOptions
		SendCertificateChain bool
	}
)

// NewManagedIdentityCredential refuses.
func NewManagedIdentityCredential(*ManagedIdentityCredentialOptions) (*credential, error) {
	return nil, errNotBuiltIn
}

// NewWorkloadIdentityCredential refuses.
func NewWorkloadIdentityCredential(*WorkloadIdentityCredentialOptions) (*credential, error) {
	return nil, errNotBuiltIn
}

// NewClientSecretCredential refuses.
func NewClientSecretCredential(_, _, _ string, _ *ClientSecretCredentialOptions) (*credential, error) {
	return nil, errNotBuiltIn
}

// NewDefaultAzureCredential refuses.
func NewDefaultAzureCredential(*DefaultAzureCredentialOptions) (*credential, error) {
	return nil, errNotBuiltIn
}

// NewClientCertificateCredential refuses.
func NewClientCertificateCredential(
	_, _ string, _ []*x509.Certificate, _ crypto.PrivateKey, _ *ClientCertificateCredentialOptions,
) (*credential, error) {
	return nil, errNotBuiltIn
}

// ParseCertificates refuses.
func ParseCertificates(_, _ []byte) ([]*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, errNotBuiltIn
}
