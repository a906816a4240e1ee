// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Signing services are looked up by name once a run; one that is not there says which are.
func TestDefinitionRules(t *testing.T) {
	for name, c := range map[string]struct {
		deb, rpm  string
		none      bool
		want      map[string]bool // by setting; nil: an error
		text      string
		hint      string
		questions int
	}{
		"nothing configured": {want: map[string]bool{}},
		"there":              {deb: "deb-release", want: map[string]bool{"deb_signing_service": true}, questions: 1},
		"both":               {deb: "deb-release", rpm: "rpm-metadata", want: map[string]bool{"deb_signing_service": true, "rpm_signing_service": true}, questions: 1},
		"of another name":    {deb: "apt", text: `has no signing service "apt"`, hint: "it has rpm-metadata, deb-release: set deb_signing_service in config.ini to one of them", questions: 1},
		"one of two":         {deb: "deb-release", rpm: "yum", text: `has no signing service "yum"`, hint: "set rpm_signing_service", questions: 1},
		"none at all":        {deb: "deb-release", none: true, text: `has no signing service "deb-release"`, hint: "it has none: add one with `pulpcore-manager add-signing-service`, or take deb_signing_service out of config.ini", questions: 1},
	} {
		t.Run(name, func(t *testing.T) {
			fake, base := pulpfake.Start(t, pulpfake.Options{NoSigning: c.none})
			d := &daemon{}
			settings := config.Defaults()
			settings.Local, settings.Pulp.DebSigningService, settings.Pulp.RPMSigningService = true, c.deb, c.rpm
			settings.Pulp.Password = fleet.NewSecret("password")
			d.current.Store(&config.Config{Settings: settings})
			pulps := job.NewPulps(d.connect, time.Minute)
			defer func() { _ = pulps.Close(context.WithoutCancel(t.Context())) }()
			server, err := pulps.Server(fleet.Server{ID: 1, Name: fleet.ServerName(strings.TrimPrefix(base, "http://")), Username: "admin"})
			if err != nil {
				t.Fatal(err)
			}
			rules, err := d.definitionRules(t.Context(), server)
			if c.want == nil {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), c.text) || !strings.Contains(fault.Message(err), string(server.Name)) ||
					!strings.Contains(fault.Hint(err), c.hint) {
					t.Errorf("%v (%s)", err, fault.Hint(err))
				}
			} else if err != nil || len(rules.SigningServices) != len(c.want) {
				t.Errorf("%v, %v", rules.SigningServices, err)
			}
			for setting := range c.want {
				if rules.SigningServices[setting] == "" {
					t.Errorf("%s: %v", setting, rules.SigningServices)
				}
			}
			asked := 0
			for _, r := range fake.Requests() {
				if strings.HasSuffix(r.Path, "/signing-services/") {
					asked++
				}
			}
			if asked != c.questions {
				t.Errorf("%d requests for signing services, want %d", asked, c.questions)
			}
		})
	}
}
