// Package aws declares what the stand-in for config refuses to use.
package aws

// Config would say how to reach AWS.
type Config struct{ Region string }

// CredentialsProvider would fetch credentials.
type CredentialsProvider interface{ provider() }

// CredentialsCache would keep them.
type CredentialsCache struct{}

func (*CredentialsCache) provider() {}

// NewCredentialsCache has nothing to keep.
func NewCredentialsCache(CredentialsProvider) *CredentialsCache { return &CredentialsCache{} }

// String returns a pointer to a copy.
func String(s string) *string { return &s }

// ToString returns what s points to, or nothing.
func ToString(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
