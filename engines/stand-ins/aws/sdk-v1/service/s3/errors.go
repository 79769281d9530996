// Package s3 holds the one name that Tempo takes from the SDK of AWS.
package s3

// ErrCodeNoSuchKey is what S3 answers where there is no such object.
const ErrCodeNoSuchKey = "NoSuchKey"
