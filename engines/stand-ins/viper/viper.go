// Package viper stands in for reading the flags of Jaeger's programs, which Tempo links and does not run.
package viper

import "errors"

// Viper has no values.
type Viper struct{}

// GetBool finds nothing.
func (*Viper) GetBool(string) bool { return false }

// GetInt finds nothing.
func (*Viper) GetInt(string) int { return 0 }

// GetString finds nothing.
func (*Viper) GetString(string) string { return "" }

// SetConfigFile has nothing to read.
func (*Viper) SetConfigFile(string) {}

// ReadInConfig refuses.
func (*Viper) ReadInConfig() error {
	return errors.New("viper: settings of Jaeger are not read by this program")
}
