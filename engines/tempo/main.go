// SPDX-License-Identifier: AGPL-3.0-only
//
// This program links Grafana Tempo, which is AGPL-3.0, and so is under that licence itself: see LICENSE beside it. Nothing
// else of this repository links it; the rest speaks to it over HTTP.

// Command tempo runs Grafana Tempo as one process.
//
// The pinned Tempo registers its gRPC codec from an init function and relies on an initialisation order that Go 1.21
// changed: under a newer Go every push panics. So this main registers an equivalent codec last.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/grafana/tempo/cmd/tempo/app"
	"github.com/grafana/tempo/pkg/util/log"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v2"
)

type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	if m, ok := v.(interface{ Marshal() ([]byte, error) }); ok {
		return m.Marshal()
	}
	return proto.Marshal(v.(proto.Message))
}

func (codec) Unmarshal(data []byte, v any) error {
	if m, ok := v.(interface {
		Reset()
		Unmarshal([]byte) error
	}); ok {
		m.Reset()
		return m.Unmarshal(data)
	}
	return proto.Unmarshal(data, v.(proto.Message))
}

func run(path string) error {
	var cfg app.Config
	cfg.RegisterFlagsAndApplyDefaults("", flag.NewFlagSet("tempo", flag.ContinueOnError))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, &cfg); err != nil {
		return err
	}
	log.InitLogger(&cfg.Server)
	t, err := app.New(cfg)
	if err != nil {
		return err
	}
	return t.Run()
}

func main() {
	path := flag.String("config.file", "tempo.yaml", "configuration file")
	flag.Parse()
	encoding.RegisterCodec(codec{})
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "tempo:", err)
		os.Exit(1)
	}
}
