// Package sns declares Amazon's Simple Notification Service, which nothing reaches.
package sns

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// Client would reach it.
type Client struct{}

// PublishInput is a message.
type PublishInput struct {
	Message, MessageDeduplicationId, MessageGroupId, PhoneNumber, Subject, TargetArn, TopicArn *string

	MessageAttributes map[string]types.MessageAttributeValue
}

// PublishOutput would be the answer.
type PublishOutput struct{ MessageId, SequenceNumber *string }

// NewFromConfig is never reached: there is no configuration.
func NewFromConfig(aws.Config) *Client { return &Client{} }

// Publish refuses.
func (*Client) Publish(context.Context, *PublishInput) (*PublishOutput, error) {
	return nil, errors.New("sns_configs: sending through AWS is not built into this program")
}
