// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// connect makes a client for a server, by the settings in force.
func (d *daemon) connect(s fleet.Server) (*pulp.Client, error) {
	settings := d.settings()
	ca, err := settings.CA.PEM()
	if err != nil {
		return nil, err
	}
	return pulp.New(pulp.Config{
		Base: apiAddress(s, settings), APIRoot: settings.Pulp.APIRoot, Domain: s.Domain, Name: string(s.Name),
		Username: s.Username, CA: ca, RequestTimeout: settings.Pulp.RequestTimeout,
		Password: func(ctx context.Context) (string, error) {
			secret, err := d.password(ctx, s)
			return secret.Reveal(), err
		},
	})
}

// password finds the password of a server's user, by the settings in force.
func (d *daemon) password(ctx context.Context, s fleet.Server) (fleet.Secret, error) {
	where, err := config.PasswordOf(s, d.settings())
	if err != nil {
		return fleet.Secret{}, fault.Wrap(fault.KindOf(err), err, "server %s: %s", s.Name, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	if where.Ref == "" {
		return where.Value, nil
	}
	return d.Secret(ctx, where.Ref)
}

// mirrorLogin is what secondaries log in to a primary with, where they must: as we do.
func (d *daemon) mirrorLogin(ctx context.Context, primary fleet.Server) (map[string]fleet.Secret, error) {
	password, err := d.password(ctx, primary)
	if err != nil {
		return nil, err
	}
	return map[string]fleet.Secret{"username": fleet.NewSecret(primary.Username), "password": password}, nil
}

// apiAddress is where a server's API is: its url, else its name, by http only where Is_local (legacy
// section 1.7).
func apiAddress(s fleet.Server, settings config.Settings) string {
	return address(s.URL, s.Name, !settings.Local)
}

// mirrorAddress is where secondaries read a server.
func (d *daemon) mirrorAddress(s fleet.Server) string {
	return address(s.MirrorURL, s.Name, d.settings().Pulp.UseHTTPSForSync)
}

func address(given string, name fleet.ServerName, https bool) string {
	switch {
	case given != "":
		return strings.TrimRight(given, "/")
	case https:
		return "https://" + string(name)
	}
	return "http://" + string(name)
}

// mirrorRules are the rules for repositories that a server mirrors. It does not sign them: it
// serves the primary's very metadata.
func (d *daemon) mirrorRules(context.Context, *job.Server) (reconcile.Rules, error) {
	settings := d.settings()
	ca, err := settings.CA.PEM()
	if err != nil {
		return reconcile.Rules{}, err
	}
	return reconcile.Rules{
		InternalDomains: settings.Pulp.InternalDomains, RootCA: string(ca), TLSValidation: settings.Pulp.RemoteTLSValidation,
		SockConnectTimeout: settings.Remotes.ConnectTimeout.Seconds(), SockReadTimeout: settings.Remotes.ReadTimeout.Seconds(),
		Rename: settings.Pulp.Rename,
	}, nil
}

// definitionRules are the rules for repositories that are defined: those of a type are signed by the
// service that is configured for it, which must be on the server.
func (d *daemon) definitionRules(ctx context.Context, s *job.Server) (reconcile.Rules, error) {
	rules, err := d.mirrorRules(ctx, s)
	wanted := d.settings().Pulp.SigningServices()
	if err != nil || len(wanted) == 0 {
		return rules, err
	}
	var services []pulp.SigningService
	err = s.Try(ctx, nil, func(ctx context.Context) error {
		services, err = s.Client.SigningServices(ctx, "")
		return err
	})
	if err != nil {
		return rules, err
	}
	rules.SigningServices = map[string]string{}
	for _, setting := range slices.Sorted(maps.Keys(wanted)) {
		at := slices.IndexFunc(services, func(service pulp.SigningService) bool { return service.Name == wanted[setting] })
		if at < 0 {
			return rules, fault.New(fault.Invalid, "server %s has no signing service %q", s.Name, wanted[setting]).
				WithHint("%s", signingHint(setting, services))
		}
		rules.SigningServices[setting] = string(services[at].Href)
	}
	return rules, nil
}

func signingHint(setting string, there []pulp.SigningService) string {
	if len(there) == 0 {
		return fmt.Sprintf("it has none: add one with `pulpcore-manager add-signing-service`, or take %s out of config.ini", setting)
	}
	var names []string
	for _, service := range there {
		names = append(names, service.Name)
	}
	return fmt.Sprintf("it has %s: set %s in config.ini to one of them", strings.Join(names, ", "), setting)
}
