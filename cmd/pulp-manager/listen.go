// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/listen"
)

// serveAPI serves the API until ctx ends, and gives where. Trouble that ends it earlier ends everything.
func (d *daemon) serveAPI(ctx context.Context, stop context.CancelCauseFunc, parts *sync.WaitGroup) (string, error) {
	settings := d.settings().HTTP
	proxies, err := settings.Proxies()
	if err != nil {
		return "", err
	}
	d.served = &listen.Server{
		Address:         d.options.listen,
		CertificateFile: cmp.Or(d.options.tlsCert, settings.CertificateFile), KeyFile: cmp.Or(d.options.tlsKey, settings.KeyFile),
		TrustedProxies: proxies, Origins: settings.CORSOrigins,
		MaxRequests: settings.MaxRequests, MaxStreams: settings.MaxStreams, RequestTimeout: settings.RequestTimeout,
		Always: []string{"/healthz", "/readyz"},
	}
	d.served.Handler = d.api(ctx)
	if warning := d.exposed(); warning != "" {
		d.log.Warn("the API is served without TLS", "listen", d.options.listen, "problem", warning)
	}
	return d.listen(ctx, stop, parts, d.served, "api")
}

// serveMetrics does the same with the metrics.
func (d *daemon) serveMetrics(ctx context.Context, stop context.CancelCauseFunc, parts *sync.WaitGroup) error {
	settings := d.settings().HTTP
	_, err := d.listen(ctx, stop, parts, &listen.Server{
		Address: d.options.metricsListen, Handler: d.metrics(),
		MaxRequests: settings.MaxRequests, RequestTimeout: settings.RequestTimeout,
	}, "metrics")
	return err
}

// listen serves until ctx ends, and gives the address: that asked for, with a port where that was 0.
func (d *daemon) listen(ctx context.Context, stop context.CancelCauseFunc, parts *sync.WaitGroup, s *listen.Server, what string) (string, error) {
	s.Logger = d.log.With("served", what)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	s.Hangup = hangup
	address, err := s.Open()
	if err != nil {
		signal.Stop(hangup)
		return "", err
	}
	parts.Go(func() {
		defer signal.Stop(hangup)
		if err := s.Serve(ctx); err != nil {
			stop(err)
		}
	})
	return address, nil
}

// serving tells how the API is served, where it is.
func (d *daemon) serving() []api.Check {
	if d.served == nil {
		return nil
	}
	check := api.Check{Name: "serving"}
	check.Problem, check.Warning = d.served.Certificate()
	check.Warning = cmp.Or(check.Warning, d.exposed())
	check.OK = check.Problem == ""
	return []api.Check{check}
}

// exposed tells that passwords and tokens cross a network in clear. Behind trusted proxies these speak TLS.
func (d *daemon) exposed() string {
	settings := d.settings()
	if loopback(d.options.listen) || d.served.CertificateFile != "" || len(settings.HTTP.TrustedProxies) > 0 || !logins(settings.Auth) {
		return ""
	}
	return "the API listens beyond this machine without TLS: passwords and tokens can be read on the way; set [http] tls_certificate_file and tls_key_file, " +
		"or put a proxy with TLS before it and name it in trusted_proxies"
}

// proxied tells whether clients come through a proxy, by names that this machine does not know.
func (d *daemon) proxied() bool {
	settings := d.settings()
	return len(settings.HTTP.TrustedProxies) > 0 && logins(settings.Auth)
}

// logins tells whether anybody needs a login.
func logins(a config.Auth) bool { return a.RequireJWT && a.Method != config.MethodNone }
