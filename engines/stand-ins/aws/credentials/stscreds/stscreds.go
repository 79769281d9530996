// Package stscreds declares roles of AWS, which nothing assumes.
package stscreds

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// NewAssumeRoleProvider would assume a role.
func NewAssumeRoleProvider(*sts.Client, string) aws.CredentialsProvider {
	return &aws.CredentialsCache{}
}
