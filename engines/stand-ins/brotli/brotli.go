// Package brotli stands in for the compression Brotli, of which the blocks of Tempo make no use.
package brotli

import (
	"errors"
	"io"
)

var errNotBuiltIn = errors.New("brotli: this compression is not built into this program")

// Reader refuses to read.
type Reader struct{}

// NewReader makes a Reader.
func NewReader(io.Reader) *Reader { return &Reader{} }

func (*Reader) Read([]byte) (int, error) { return 0, errNotBuiltIn }

// Reset refuses.
func (*Reader) Reset(io.Reader) error { return errNotBuiltIn }

// WriterOptions would set the strength.
type WriterOptions struct{ Quality, LGWin int }

// Writer refuses to write.
type Writer struct{}

// NewWriterOptions makes a Writer.
func NewWriterOptions(io.Writer, WriterOptions) *Writer { return &Writer{} }

func (*Writer) Write([]byte) (int, error) { return 0, errNotBuiltIn }

// Close refuses.
func (*Writer) Close() error { return errNotBuiltIn }

// Reset has nothing to reset.
func (*Writer) Reset(io.Writer) {}
