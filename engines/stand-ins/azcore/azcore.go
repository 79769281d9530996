// Package azcore declares what the stand-in for azidentity refuses to use.
package azcore

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// AccessToken would come from a TokenCredential.
type AccessToken struct {
	Token     string
	ExpiresOn time.Time
}

// ClientOptions would configure a client.
type ClientOptions struct{ Cloud cloud.Configuration }

// TokenCredential would ask Azure for a token.
type TokenCredential interface {
	GetToken(context.Context, policy.TokenRequestOptions) (AccessToken, error)
}
