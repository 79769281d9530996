// Package orderedmap is a map that keeps the order in which its keys were set, also in YAML.
package orderedmap

import "go.yaml.in/yaml/v4"

// Map is made by New.
type Map[K comparable, V any] struct {
	pairs []*Pair[K, V]
	index map[K]int
}

// Pair is one entry of a Map.
type Pair[K comparable, V any] struct {
	key   K
	value V
	next  func(int) *Pair[K, V]
	at    int
}

// New returns an empty Map.
func New[K comparable, V any]() *Map[K, V] { return &Map[K, V]{index: map[K]int{}} }

// Set replaces the value of a key, or adds the key at the end.
func (m *Map[K, V]) Set(key K, value V) {
	if at, known := m.index[key]; known {
		m.pairs[at].value = value
		return
	}
	m.index[key] = len(m.pairs)
	m.pairs = append(m.pairs, &Pair[K, V]{key: key, value: value, next: m.pair, at: len(m.pairs)})
}

// First returns the first entry, or nil.
func (m *Map[K, V]) First() *Pair[K, V] { return m.pair(0) }

func (m *Map[K, V]) pair(at int) *Pair[K, V] {
	if at < len(m.pairs) {
		return m.pairs[at]
	}
	return nil
}

// Next returns the entry after this one, or nil.
func (p *Pair[K, V]) Next() *Pair[K, V] { return p.next(p.at + 1) }

// Key returns the key.
func (p *Pair[K, V]) Key() K { return p.key }

// Value returns the value.
func (p *Pair[K, V]) Value() V { return p.value }

// MarshalYAML keeps the order.
func (m *Map[K, V]) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, pair := range m.pairs {
		var key, value yaml.Node
		if err := key.Encode(pair.key); err != nil {
			return nil, err
		}
		if err := value.Encode(pair.value); err != nil {
			return nil, err
		}
		node.Content = append(node.Content, &key, &value)
	}
	return node, nil
}
