// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// links prints where to look, and how clients read the secondary.
func (m *demo) links(ctx context.Context, rows []demoRow) {
	if m.login.user != "" {
		m.printf("\nLog in\n  %-24s http://%s/login\n  %-24s %s\n  %-24s %s\n",
			"in a browser", m.address, "name", m.login.user, "password, shown once", m.login.password.Reveal())
	}
	m.printf("\nOpen\n  %-24s http://%s/docs\n  %-24s http://%s/v1/tasks/\n  %-24s http://%s/jobs/\n  %-24s %s\n  %-24s %s\n",
		"the API's documentation", m.address, "the tasks", m.address, "the jobs", m.address, "the primary's content", m.primary.content, "the secondary's content", m.secondary.content)
	var lines []string
	for _, r := range rows {
		if r.secondary.state == demoServed {
			lines = append(lines, m.examples(ctx, r)...)
		}
	}
	if len(lines) > 0 {
		m.printf("\nRead the secondary\n  %s\n", strings.Join(lines, "\n  "))
	}
}

// examples are the commands of a client that reads a repository. Which client that is, its metadata tell.
func (m *demo) examples(ctx context.Context, r demoRow) []string {
	address := m.secondary.content + r.repository.basePath + "/"
	var suites []string
	components := ""
	for path, body := range r.secondary.view.Metadata {
		parts := strings.Split(path, "/")
		switch {
		case parts[0] == "dists" && len(parts) > 2:
			suites = append(suites, strings.Join(parts[1:len(parts)-1], "/"))
			components = releaseField(string(body), "Components")
		case parts[0] == "repodata":
			return []string{"dnf --repofrompath=" + r.repository.name + "," + address + " --repo=" + r.repository.name + " repoquery"}
		default:
			return []string{"curl " + address + path}
		}
	}
	slices.Sort(suites)
	trust, lines := "trusted=yes", []string{}
	if key := m.key(ctx); key != "" {
		const ring = "/etc/apt/keyrings/pulp-manager-demo.asc"
		trust, lines = "signed-by="+ring, append(lines, "install -D -m 644 "+key+" "+ring)
	}
	for i, suite := range suites {
		into := ">"
		if i > 0 {
			into = ">>"
		}
		lines = append(lines, "echo 'deb ["+trust+"] "+address+" "+suite+" "+components+"' "+into+"/etc/apt/sources.list.d/"+r.repository.name+".list")
	}
	return append(lines, "apt-get update")
}

// releaseField gives a field of a Release file, signed or not.
func releaseField(release, name string) string {
	for line := range strings.Lines(release) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// key writes the key that the primary signs with beside the data, and gives its path; empty: nothing is
// signed, or the key cannot be had.
func (m *demo) key(ctx context.Context) string {
	name, dir := m.daemon.settings().Pulp.DebSigningService, m.options.sources.DataDir
	if name == "" || dir == "" {
		return ""
	}
	key, err := m.publicKey(ctx, name)
	path, pathErr := filepath.Abs(filepath.Join(dir, "primary.asc"))
	if err = errors.Join(err, pathErr); err == nil {
		err = os.WriteFile(path, []byte(key), 0o644)
	}
	if err != nil {
		m.daemon.log.Warn("the primary's key cannot be had", "server", m.primary.name, "err", err)
		return ""
	}
	return path
}

func (m *demo) publicKey(ctx context.Context, service string) (string, error) {
	row, err := m.daemon.store.ServerByName(ctx, fleet.ServerName(m.primary.name))
	if err != nil {
		return "", err
	}
	pulp, err := m.daemon.connect(row)
	if err != nil {
		return "", err
	}
	defer func() { _ = pulp.Close(context.WithoutCancel(ctx)) }()
	services, err := pulp.SigningServices(ctx, service)
	if err != nil {
		return "", err
	}
	if len(services) == 0 {
		return "", fault.New(fault.NotFound, "server %s has no signing service %q", m.primary.name, service)
	}
	return services[0].PublicKey, nil
}
