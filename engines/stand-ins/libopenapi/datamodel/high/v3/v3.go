// Package v3 holds the parts of an OpenAPI description that Prometheus writes: its paths.
package v3

import (
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Document is a whole description.
type Document struct {
	Version    string      `yaml:"openapi,omitempty"`
	Info       *base.Info  `yaml:"info,omitempty"`
	Servers    []*Server   `yaml:"servers,omitempty"`
	Paths      *Paths      `yaml:"paths,omitempty"`
	Components *Components `yaml:"components,omitempty"`
	Tags       []*base.Tag `yaml:"tags,omitempty"`
}

// Render writes it as YAML.
func (d *Document) Render() ([]byte, error) { return yaml.Marshal(d) }

// Server is where the API is.
type Server struct {
	URL string `yaml:"url,omitempty"`
}

// Paths are the paths of the API.
type Paths struct {
	PathItems *orderedmap.Map[string, *PathItem]
}

// MarshalYAML writes the paths themselves.
func (p *Paths) MarshalYAML() (any, error) { return p.PathItems, nil }

// PathItem says what can be done at a path.
type PathItem struct {
	Get  *Operation `yaml:"get,omitempty"`
	Put  *Operation `yaml:"put,omitempty"`
	Post *Operation `yaml:"post,omitempty"`
}

// Operation is what can be done.
type Operation struct {
	Tags        []string     `yaml:"tags,omitempty"`
	Summary     string       `yaml:"summary,omitempty"`
	Description string       `yaml:"description,omitempty"`
	OperationId string       `yaml:"operationId,omitempty"`
	Parameters  []*Parameter `yaml:"parameters,omitempty"`
	RequestBody *RequestBody `yaml:"requestBody,omitempty"`
	Responses   *Responses   `yaml:"responses,omitempty"`
}

// Parameter is part of an address.
type Parameter struct {
	Name        string                                 `yaml:"name,omitempty"`
	In          string                                 `yaml:"in,omitempty"`
	Description string                                 `yaml:"description,omitempty"`
	Required    *bool                                  `yaml:"required,omitempty"`
	Explode     *bool                                  `yaml:"explode,omitempty"`
	Schema      *base.SchemaProxy                      `yaml:"schema,omitempty"`
	Examples    *orderedmap.Map[string, *base.Example] `yaml:"examples,omitempty"`
}

// RequestBody is what is sent.
type RequestBody struct {
	Description string                              `yaml:"description,omitempty"`
	Content     *orderedmap.Map[string, *MediaType] `yaml:"content,omitempty"`
	Required    *bool                               `yaml:"required,omitempty"`
}

// Responses are the answers by status.
type Responses struct {
	Codes *orderedmap.Map[string, *Response]
}

// MarshalYAML writes the answers themselves.
func (r *Responses) MarshalYAML() (any, error) { return r.Codes, nil }

// Response is an answer.
type Response struct {
	Description string                              `yaml:"description"`
	Content     *orderedmap.Map[string, *MediaType] `yaml:"content,omitempty"`
}

// MediaType is one form of what is sent or answered.
type MediaType struct {
	Schema     *base.SchemaProxy                      `yaml:"schema,omitempty"`
	ItemSchema *base.SchemaProxy                      `yaml:"itemSchema,omitempty"`
	Examples   *orderedmap.Map[string, *base.Example] `yaml:"examples,omitempty"`
}

// Components are named parts.
type Components struct {
	Schemas *orderedmap.Map[string, *base.SchemaProxy] `yaml:"schemas,omitempty"`
}
