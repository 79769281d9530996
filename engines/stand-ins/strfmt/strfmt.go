// Package strfmt holds the two types of an alert that are not Go's own.
package strfmt

import "time"

// DateTime is a time.
type DateTime time.Time

// URI is an address.
type URI string
