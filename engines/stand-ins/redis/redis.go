// Package redis stands in for keeping a cache in Redis, which is refused at the first request.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"time"
)

var errNotBuiltIn = errors.New("a cache in Redis is not built into this program; use a build of the vendor, or memcached")

// Nil would say that there is no such key.
var Nil = errors.New("redis: nil")

// UniversalOptions would say how to reach Redis.
type UniversalOptions struct {
	Addrs                                                              []string
	MasterName, Username, Password, SentinelUsername, SentinelPassword string
	DB, PoolSize                                                       int
	IdleTimeout, MaxConnAge                                            time.Duration
	TLSConfig                                                          *tls.Config
}

// UniversalClient would reach Redis.
type UniversalClient interface {
	Ping(context.Context) Cmd[string]
	Get(context.Context, string) Cmd[string]
	MGet(context.Context, ...string) Cmd[[]any]
	TxPipeline() Pipeliner
	Close() error
}

// NewUniversalClient makes a client that refuses.
func NewUniversalClient(*UniversalOptions) UniversalClient { return &ClusterClient{} }

// ClusterClient refuses.
type ClusterClient struct{}

// Ping refuses.
func (*ClusterClient) Ping(context.Context) (refused Cmd[string]) { return }

// Get refuses.
func (*ClusterClient) Get(context.Context, string) (refused Cmd[string]) { return }

// MGet refuses.
func (*ClusterClient) MGet(context.Context, ...string) (refused Cmd[[]any]) { return }

// TxPipeline collects what will be refused.
func (*ClusterClient) TxPipeline() Pipeliner { return Pipeliner{} }

// Close has nothing to close.
func (*ClusterClient) Close() error { return nil }

// Cmd is a refused request.
type Cmd[T any] struct{}

// Val is nothing.
func (Cmd[T]) Val() (none T) { return }

// Err says why.
func (Cmd[T]) Err() error { return errNotBuiltIn }

// Result says why.
func (Cmd[T]) Result() (none T, err error) { return none, errNotBuiltIn }

// Pipeliner collects requests.
type Pipeliner struct{}

// Set collects one.
func (Pipeliner) Set(context.Context, string, any, time.Duration) {}

// Exec refuses them.
func (Pipeliner) Exec(context.Context) (any, error) { return nil, errNotBuiltIn }
