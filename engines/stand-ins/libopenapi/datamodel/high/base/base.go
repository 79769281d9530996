// Package base holds the parts of an OpenAPI description that Prometheus writes: what it describes its API with.
package base

import (
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Info says what is described.
type Info struct {
	Title       string   `yaml:"title,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Contact     *Contact `yaml:"contact,omitempty"`
	Version     string   `yaml:"version,omitempty"`
}

// Contact says who answers for it.
type Contact struct {
	Name string `yaml:"name,omitempty"`
	URL  string `yaml:"url,omitempty"`
}

// Tag groups operations.
type Tag struct {
	Name        string `yaml:"name,omitempty"`
	Summary     string `yaml:"summary,omitempty"`
	Description string `yaml:"description,omitempty"`
}

// Example is an example of a value.
type Example struct {
	Summary     string     `yaml:"summary,omitempty"`
	Description string     `yaml:"description,omitempty"`
	Value       *yaml.Node `yaml:"value,omitempty"`
}

// MarshalYAML writes it.
func (e *Example) MarshalYAML() (any, error) {
	type plain Example
	written := plain(*e)
	written.Value = content(e.Value)
	return written, nil
}

// content is what is in a document, which has no place inside another.
func content(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.DocumentNode {
		return node.Content[0]
	}
	return node
}

// Types are the types of a value; one alone is written without a list.
type Types []string

// MarshalYAML writes them.
func (t Types) MarshalYAML() (any, error) {
	if len(t) == 1 {
		return t[0], nil
	}
	return []string(t), nil
}

// Schema is the shape of a value.
type Schema struct {
	Type                 Types                                 `yaml:"type,omitempty"`
	OneOf                []*SchemaProxy                        `yaml:"oneOf,omitempty"`
	AnyOf                []*SchemaProxy                        `yaml:"anyOf,omitempty"`
	Items                *DynamicValue[*SchemaProxy, bool]     `yaml:"items,omitempty"`
	ContentSchema        *SchemaProxy                          `yaml:"contentSchema,omitempty"`
	Properties           *orderedmap.Map[string, *SchemaProxy] `yaml:"properties,omitempty"`
	Title                string                                `yaml:"title,omitempty"`
	Minimum              *float64                              `yaml:"minimum,omitempty"`
	Format               string                                `yaml:"format,omitempty"`
	MaxItems             *int64                                `yaml:"maxItems,omitempty"`
	MinItems             *int64                                `yaml:"minItems,omitempty"`
	Required             []string                              `yaml:"required,omitempty"`
	Enum                 []*yaml.Node                          `yaml:"enum,omitempty"`
	AdditionalProperties *DynamicValue[*SchemaProxy, bool]     `yaml:"additionalProperties,omitempty"`
	Description          string                                `yaml:"description,omitempty"`
	ContentMediaType     string                                `yaml:"contentMediaType,omitempty"`
	Default              *yaml.Node                            `yaml:"default,omitempty"`
	Example              *yaml.Node                            `yaml:"example,omitempty"`
}

// MarshalYAML writes it.
func (s *Schema) MarshalYAML() (any, error) {
	type plain Schema
	written := plain(*s)
	written.Default, written.Example = content(s.Default), content(s.Example)
	return written, nil
}

// SchemaProxy is a schema, or the name of one.
type SchemaProxy struct {
	schema *Schema
	ref    string
}

// CreateSchemaProxy wraps a schema.
func CreateSchemaProxy(schema *Schema) *SchemaProxy { return &SchemaProxy{schema: schema} }

// CreateSchemaProxyRef names a schema.
func CreateSchemaProxyRef(ref string) *SchemaProxy { return &SchemaProxy{ref: ref} }

// MarshalYAML writes the schema or its name.
func (p *SchemaProxy) MarshalYAML() (any, error) {
	if p.ref != "" {
		return map[string]string{"$ref": p.ref}, nil
	}
	return p.schema, nil
}

// DynamicValue is an A if N is 0, and a B if it is 1.
type DynamicValue[A, B any] struct {
	N int
	A A
	B B
}

// MarshalYAML writes the one that it is.
func (v *DynamicValue[A, B]) MarshalYAML() (any, error) {
	if v.N == 0 {
		return v.A, nil
	}
	return v.B, nil
}
