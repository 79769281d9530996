// Package types declares parts of a message.
package types

// MessageAttributeValue is an attribute of a message.
type MessageAttributeValue struct{ DataType, StringValue *string }
