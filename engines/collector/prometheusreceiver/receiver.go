// Package prometheusreceiver is the receiver of that name of opentelemetry-collector-contrib for targets that are written in the
// configuration (`static_configs`). It scrapes and translates with the packages of that receiver, under whose path it
// therefore lies; without its discovery of targets in Kubernetes, its target allocator and its API server, which are two
// thirds of what the Collector would be built from. A configuration that asks for one of these is refused.
package prometheusreceiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/scrape"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap/exp/zapslog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver/internal"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver/internal/metadata"
)

// Config has the settings of the full receiver that concern scraping, under the same names.
type Config struct {
	PrometheusConfig         *PrometheusConfig `mapstructure:"config"`
	TrimMetricSuffixes       bool              `mapstructure:"trim_metric_suffixes"`
	ScrapeOnShutdown         bool              `mapstructure:"scrape_on_shutdown"`
	DiscoveryReloadOnStartup bool              `mapstructure:"discovery_reload_on_startup"`
	InitialScrapeOffset      time.Duration     `mapstructure:"initial_scrape_offset"`
}

// PrometheusConfig is a configuration of Prometheus, of which only the scraping may be used.
type PrometheusConfig promconfig.Config

// Unmarshal reads it as Prometheus does, defaults and strictness included.
func (c *PrometheusConfig) Unmarshal(conf *confmap.Conf) error {
	settings := conf.ToStringMap()
	if len(settings) == 0 {
		return nil
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return err
	}
	read, err := promconfig.Load(string(text), slog.Default())
	if err != nil {
		return err
	}
	*c = PrometheusConfig(*read)
	return nil
}

// Validate refuses what the full receiver refuses.
func (c *Config) Validate() error {
	config := (*promconfig.Config)(c.PrometheusConfig)
	if len(config.RemoteWriteConfigs) > 0 || len(config.RemoteReadConfigs) > 0 || len(config.RuleFiles) > 0 ||
		len(config.AlertingConfig.AlertRelabelConfigs) > 0 || len(config.AlertingConfig.AlertmanagerConfigs) > 0 {
		return errors.New("the receiver only scrapes: remote_write, remote_read, rule_files and alerting are not supported")
	}
	if len(config.ScrapeConfigs) == 0 && len(config.ScrapeConfigFiles) == 0 {
		return errors.New("no scrape_configs set")
	}
	jobs, err := config.GetScrapeConfigs()
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if job.ScrapeFallbackProtocol == "" {
			job.ScrapeFallbackProtocol = promconfig.PrometheusText0_0_4
		}
		files := []string{job.HTTPClientConfig.TLSConfig.CertFile, job.HTTPClientConfig.TLSConfig.KeyFile}
		if authorization := job.HTTPClientConfig.Authorization; authorization != nil {
			files = append(files, authorization.CredentialsFile)
		}
		for _, file := range files {
			if file == "" {
				continue
			}
			if _, err := os.Stat(file); err != nil {
				return fmt.Errorf("job %s: %w", job.JobName, err)
			}
		}
	}
	return nil
}

// NewFactory makes the factory of the receiver `prometheus`.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		func() component.Config {
			return &Config{PrometheusConfig: &PrometheusConfig{GlobalConfig: promconfig.DefaultGlobalConfig}}
		},
		receiver.WithMetrics(
			func(_ context.Context, settings receiver.Settings, config component.Config, next consumer.Metrics) (
				receiver.Metrics, error,
			) {
				return &scraper{config: config.(*Config), settings: settings, next: next}, nil
			},
			metadata.MetricsStability,
		),
	)
}

type scraper struct {
	config   *Config
	settings receiver.Settings
	next     consumer.Metrics
	stop     func()
}

func (s *scraper) Start(_ context.Context, host component.Host) error {
	logger := slog.New(zapslog.NewHandler(s.settings.Logger.Core()))
	config := (*promconfig.Config)(s.config.PrometheusConfig)
	registerer := prometheus.WrapRegistererWith(
		prometheus.Labels{"receiver": s.settings.ID.String()}, prometheus.NewRegistry(),
	)
	metrics, err := discovery.CreateAndRegisterSDMetrics(registerer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	targets := discovery.NewManager(ctx, logger, registerer, metrics)
	if targets == nil {
		cancel()
		return errors.New("the discovery of targets could not be started; the reason is in the log")
	}
	store, err := internal.NewAppendable(
		s.next, s.settings, true, config.GlobalConfig.ExternalLabels, s.config.TrimMetricSuffixes,
	)
	if err != nil {
		cancel()
		return err
	}
	scrapes, err := scrape.NewManager(&scrape.Options{
		PassMetadataInContext: true,
		HTTPClientOptions: []commonconfig.HTTPClientOption{
			commonconfig.WithUserAgent(s.settings.BuildInfo.Command + "/" + s.settings.BuildInfo.Version),
		},
		EnableStartTimestampZeroIngestion: metadata.ReceiverPrometheusreceiverEnableCreatedTimestampZeroIngestionFeatureGate.IsEnabled(),
		ScrapeOnShutdown:                  s.config.ScrapeOnShutdown,
		DiscoveryReloadOnStartup:          s.config.DiscoveryReloadOnStartup,
		InitialScrapeOffset:               s.config.InitialScrapeOffset,
	}, logger, nil, nil, store, registerer)
	if err != nil {
		cancel()
		return err
	}
	if err := apply(config, scrapes, targets); err != nil {
		cancel()
		return err
	}

	var running sync.WaitGroup
	run := func(part func() error) {
		running.Go(func() {
			if err := part(); err != nil && !errors.Is(err, context.Canceled) {
				componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
			}
		})
	}
	run(targets.Run)
	run(func() error { return scrapes.Run(targets.SyncCh()) })
	s.stop = func() {
		cancel()
		scrapes.Stop()
		running.Wait()
	}
	return nil
}

func apply(config *promconfig.Config, scrapes *scrape.Manager, targets *discovery.Manager) error {
	if err := scrapes.ApplyConfig(config); err != nil {
		return err
	}
	jobs, err := config.GetScrapeConfigs()
	if err != nil {
		return err
	}
	discoverers := map[string]discovery.Configs{}
	for _, job := range jobs {
		discoverers[job.JobName] = job.ServiceDiscoveryConfigs
	}
	return targets.ApplyConfig(discoverers)
}

func (s *scraper) Shutdown(context.Context) error {
	if s.stop != nil {
		s.stop()
	}
	return nil
}
