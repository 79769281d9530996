// Package models declares alerts as Tempo's copy of Prometheus would send them. Tempo sends none.
package models

import "github.com/go-openapi/strfmt"

// LabelSet names an alert.
type LabelSet map[string]string

// Alert is an alert.
type Alert struct {
	GeneratorURL strfmt.URI
	Labels       LabelSet
}

// PostableAlert is an alert to be sent.
type PostableAlert struct {
	Alert
	Annotations      LabelSet
	EndsAt, StartsAt strfmt.DateTime
}

// PostableAlerts are alerts to be sent.
type PostableAlerts []*PostableAlert
