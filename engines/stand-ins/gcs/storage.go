// Package storage stands in for storing in Google Cloud, which is refused.
package storage

import (
	"context"
	"errors"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
)

var errNotBuiltIn = errors.New("storing in Google Cloud is not built into this program; " +
	"use a build of the vendor, or the backend local")

// ErrObjectNotExist would say that there is no such object.
var ErrObjectNotExist = errors.New("storage: object doesn't exist")

// ScopeReadWrite is what a token would be for.
const ScopeReadWrite = "https://www.googleapis.com/auth/devstorage.read_write"

// Client would reach the store.
type Client struct{}

// NewClient refuses.
func NewClient(context.Context, ...option.ClientOption) (*Client, error) { return nil, errNotBuiltIn }

// Bucket names a bucket.
func (*Client) Bucket(string) *BucketHandle { return &BucketHandle{} }

// BucketHandle would be a bucket.
type BucketHandle struct{}

// BucketAttrs would describe a bucket.
type BucketAttrs struct{}

// Attrs refuses.
func (*BucketHandle) Attrs(context.Context) (*BucketAttrs, error) { return nil, errNotBuiltIn }

// Object names an object.
func (*BucketHandle) Object(string) *ObjectHandle { return &ObjectHandle{} }

// Objects lists objects.
func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return &ObjectIterator{} }

// Query would choose objects.
type Query struct {
	Prefix, Delimiter string
	Versions          bool
}

// ObjectAttrs would describe an object.
type ObjectAttrs struct{ Name, Prefix string }

// ObjectIterator would list objects.
type ObjectIterator struct{}

// Next refuses.
func (*ObjectIterator) Next() (*ObjectAttrs, error) { return nil, errNotBuiltIn }

// ObjectHandle would be an object.
type ObjectHandle struct{}

// Retryer would retry.
func (o *ObjectHandle) Retryer(...RetryOption) *ObjectHandle { return o }

// NewWriter writes an object.
func (*ObjectHandle) NewWriter(context.Context) *Writer { return &Writer{} }

// NewReader refuses.
func (*ObjectHandle) NewReader(context.Context) (*Reader, error) { return nil, errNotBuiltIn }

// NewRangeReader refuses.
func (*ObjectHandle) NewRangeReader(context.Context, int64, int64) (*Reader, error) {
	return nil, errNotBuiltIn
}

// Delete refuses.
func (*ObjectHandle) Delete(context.Context) error { return errNotBuiltIn }

// CopierFrom copies an object.
func (*ObjectHandle) CopierFrom(*ObjectHandle) *Copier { return &Copier{} }

// Copier would copy an object.
type Copier struct{}

// Run refuses.
func (*Copier) Run(context.Context) (*ObjectAttrs, error) { return nil, errNotBuiltIn }

// RetryOption would say when to retry.
type RetryOption struct{}

// RetryPolicy would say what to retry.
type RetryPolicy int

// RetryAlways would retry everything.
const RetryAlways RetryPolicy = 0

// WithBackoff would say when to retry.
func WithBackoff(gax.Backoff) RetryOption { return RetryOption{} }

// WithPolicy would say what to retry.
func WithPolicy(RetryPolicy) RetryOption { return RetryOption{} }

// Writer would write an object.
type Writer struct {
	ChunkSize    int
	CacheControl string
	Metadata     map[string]string
}

func (*Writer) Write([]byte) (int, error) { return 0, errNotBuiltIn }

// Close refuses.
func (*Writer) Close() error { return errNotBuiltIn }

// ReaderObjectAttrs would describe what is read.
type ReaderObjectAttrs struct {
	Size         int64
	LastModified time.Time
}

// Reader would read an object.
type Reader struct{ Attrs ReaderObjectAttrs }

func (*Reader) Read([]byte) (int, error) { return 0, errNotBuiltIn }

// Close has nothing to close.
func (*Reader) Close() error { return nil }
