// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Show writes what is in force, and where each setting is from, without secrets.
func Show(w io.Writer, c *Config) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(out, "# %s\n", c.ConfigPath)
	section := ""
	for _, f := range fields() {
		if f.dead != "" {
			continue
		}
		if f.section != section {
			section = f.section
			fmt.Fprintf(out, "[%s]\n", section)
		}
		from := "default"
		if line := c.from[id(f.section, f.key)]; line > 0 {
			from = fmt.Sprintf("line %d", line)
		}
		value := strings.ReplaceAll(f.value.show(&c.Settings), "\n", " ")
		fmt.Fprintf(out, "%s = %s\t# %s\n", f.key, value, from)
	}
	fmt.Fprintf(out, "\n# Is_local = %v\n", c.Settings.Local)
	if !c.HasFleet {
		fmt.Fprintf(out, "# %s is not in force\n", c.SyncPath)
		return out.Flush()
	}
	fmt.Fprintf(out, "\n# %s\nrepo_groups:\n", c.SyncPath)
	for _, g := range c.Fleet.Groups {
		fmt.Fprintf(out, "  %s: %s\n", g.Name, pairs("regex_include", g.Include, "regex_exclude", g.Exclude))
	}
	fmt.Fprint(out, "pulp_servers:\n")
	for _, s := range c.Fleet.Servers {
		showServer(out, s, c.Settings)
	}
	for _, s := range c.Fleet.Schedules {
		what := "registration"
		if s.GroupName != "" {
			what = "group " + s.GroupName
		}
		next, err := nextRun(s.Schedule, c.read)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "# next: %s  %s %s (%s)\n", next.Format("2006-01-02T15:04:05Z"), s.ServerName, what, s.Schedule.Cron)
	}
	return out.Flush()
}

func showServer(out io.Writer, c fleet.ConfiguredServer, settings Settings) {
	s := c.Server
	password := "none"
	if p, err := PasswordOf(s, settings); err == nil && p.Ref != "" {
		password = string(p.Ref)
	} else if err == nil {
		password = p.Value.String()
	}
	fmt.Fprintf(out, "  %s: %s\n", s.Name, pairs("username", s.Username, "password", password, "url", s.URL,
		"content_origin", s.ContentOrigin, "mirror_url", s.MirrorURL, "domain", s.Domain, "description", s.Description))
	if s.SnapshotSupported {
		fmt.Fprintf(out, "    snapshot_support: {max_concurrent_snapshots: %d}\n", s.MaxConcurrentSnapshots)
	}
	if r := s.Registration; r != nil {
		fmt.Fprintf(out, "    repo_config_registration: %s\n", pairs("schedule", r.Schedule, "max_runtime", r.MaxRuntime, "regex_include", r.Include, "regex_exclude", r.Exclude))
	}
	for _, g := range c.Groups {
		fmt.Fprintf(out, "    group %s: %s\n", g.Group.Name, pairs("schedule", g.Schedule, "max_concurrent_syncs", fmt.Sprint(g.MaxConcurrentSyncs),
			"max_runtime", g.MaxRuntime, "pulp_primary", string(g.Primary)))
	}
}

// pairs writes keys and values that are there as {key: "value", …}.
func pairs(keysAndValues ...string) string {
	var parts []string
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if keysAndValues[i+1] != "" {
			parts = append(parts, fmt.Sprintf("%s: %q", keysAndValues[i], keysAndValues[i+1]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Show gives the database's place without its password.
func (d Database) Show() string {
	if d.Embedded() {
		return d.DataDir
	}
	u, err := url.Parse(d.URL.Reveal())
	if err != nil {
		return d.URL.String()
	}
	return u.Scheme + "://" + u.Host + u.Path
}
