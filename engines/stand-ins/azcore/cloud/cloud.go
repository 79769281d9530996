// Package cloud names the clouds of Azure.
package cloud

// Configuration would hold the addresses of a cloud.
type Configuration struct{}

// The clouds that a configuration may name.
var AzureChina, AzureGovernment, AzurePublic Configuration
