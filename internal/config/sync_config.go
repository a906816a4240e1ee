// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// syncConfig is pulp_config.yml, read but not yet put together.
type syncConfig struct {
	groups      map[string]fleet.Group
	credentials map[string]credential
	servers     []configuredServer
	blackouts   []string // of all schedules
}

type credential struct {
	username, mount string
	line            int
}

type configuredServer struct {
	fleet.ConfiguredServer
	line      int
	primaries map[string]int            // line of pulp_primary, by group
	password  bool                      // password is given, right or wrong
	schedules map[string]fleet.Schedule // by group; "": of the registration
	blackouts []string                  // of the server's schedules
}

var (
	// Digits are fine in both places where a group is named; the original allowed them in one (D14).
	groupName      = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	credentialName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
)

// readSyncConfig reads pulp_config.yml and reports everything that is wrong with it.
func readSyncConfig(text []byte, settings Settings, r *report) syncConfig {
	root := parseYAML(text, r)
	if root == nil {
		return syncConfig{}
	}
	y := &yamlReader{report: r}
	top := y.object(root, root.Line, levelTop, "the file")
	c := syncConfig{groups: map[string]fleet.Group{}, credentials: map[string]credential{}}
	c.blackouts = y.blackouts(top)
	for _, e := range y.below(top, "repo_groups") {
		c.addGroup(y, e)
	}
	for _, e := range y.below(top, "credentials") {
		c.addCredential(y, e)
	}
	for _, e := range y.below(top, "pulp_servers") {
		c.addServer(y, e)
	}
	c.checkPrimaries(r)
	c.checkPasswords(settings, r)
	return c
}

// below gives the entries of a map below a key; none where the key is missing.
func (y *yamlReader) below(o object, key string) []entry {
	n, ok := o.nodes[key]
	if !ok {
		return nil
	}
	where := key
	if o.where != "the file" {
		where = o.where + ": " + key
	}
	return y.mapping(n, where)
}

func (c *syncConfig) addGroup(y *yamlReader, e entry) {
	where := "group " + e.key
	if !groupName.MatchString(e.key) {
		y.errorf(e.line, "use lower-case letters, digits, - and _, a letter first", "%s: not a name for a group", where)
	}
	g := fleet.Group{Name: e.key}
	// A group may be as short as "all:", with nothing below.
	if n := resolve(e.value); n == nil || n.Kind != yaml.ScalarNode || n.Tag != "!!null" {
		o := y.object(e.value, e.line, levelGroup, where)
		g.Include, g.Exclude = o.values["regex_include"], o.values["regex_exclude"]
	}
	c.groups[e.key] = g
}

func (c *syncConfig) addCredential(y *yamlReader, e entry) {
	where := "credentials " + e.key
	if !credentialName.MatchString(e.key) {
		y.errorf(e.line, "use lower-case letters, digits, - and _", "%s: not a name for credentials", where)
	}
	o := y.object(e.value, e.line, levelCredential, where)
	c.credentials[e.key] = credential{username: o.values["username"], mount: o.values["vault_service_account_mount"], line: e.line}
}

func (c *syncConfig) addServer(y *yamlReader, e entry) {
	where := "server " + e.key
	name := fleet.ServerName(e.key)
	if !name.Valid() {
		hint := "a server's name is its address: host in lower case, or host:port"
		if lower := strings.ToLower(e.key); fleet.ServerName(lower).Valid() {
			hint = "write " + lower
		}
		y.errorf(e.line, hint, "%s: not a name for a server", where)
	}
	o := y.object(e.value, e.line, levelServer, where)
	s := configuredServer{line: e.line, primaries: map[string]int{}, password: o.has("password"), schedules: map[string]fleet.Schedule{}}
	s.blackouts = append(slices.Clone(c.blackouts), y.blackouts(o)...)
	s.Server = fleet.Server{
		Name: name, Password: fleet.SecretRef(o.values["password"]),
		URL: trimSlash(o.values["url"]), ContentOrigin: trimSlash(o.values["content_origin"]), MirrorURL: trimSlash(o.values["mirror_url"]),
		Domain: o.values["domain"], Description: o.values["description"], Adopt: strings.EqualFold(o.values["adopt"], "true"),
	}
	if used := o.values["credentials"]; used != "" {
		account, known := c.credentials[used]
		if !known {
			y.errorf(o.lines["credentials"], didYouMean(used, sortedKeys(c.credentials)), "%s: credentials %s are not there", where, used)
		}
		s.Server.Username, s.Server.CredentialMount = account.username, account.mount
	}
	if n, ok := o.nodes["snapshot_support"]; ok {
		snapshot := y.object(n, o.lines["snapshot_support"], levelSnapshot, where+": snapshot_support")
		s.Server.SnapshotSupported, s.Server.MaxConcurrentSnapshots = true, snapshot.whole("max_concurrent_snapshots")
	}
	if n, ok := o.nodes["repo_config_registration"]; ok {
		reg := y.object(n, o.lines["repo_config_registration"], levelRegistration, where+": repo_config_registration")
		schedule := y.schedule(reg, s.blackouts)
		s.schedules[""] = schedule
		s.Server.Registration = &fleet.Registration{
			Schedule: schedule.Cron, MaxRuntime: reg.values["max_runtime"],
			Include: reg.values["regex_include"], Exclude: reg.values["regex_exclude"],
			OnMissing: reg.values["on_missing"], OnMissingCap: reg.whole("on_missing_cap"),
		}
	}
	if n := resolve(o.nodes["repo_groups"]); n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		delete(o.nodes, "repo_groups") // "repo_groups:" with nothing below
	}
	for _, g := range y.below(o, "repo_groups") {
		c.addServerGroup(y, &s, g)
	}
	c.servers = append(c.servers, s)
}

func (c *syncConfig) addServerGroup(y *yamlReader, s *configuredServer, e entry) {
	where := fmt.Sprintf("server %s: group %s", s.Server.Name, e.key)
	group, known := c.groups[e.key]
	if !known {
		y.errorf(e.line, didYouMean(e.key, sortedKeys(c.groups)), "%s: it is not in the top-level repo_groups", where)
		group.Name = e.key
	}
	o := y.object(e.value, e.line, levelServerGroup, where)
	primary := fleet.ServerName(o.values["pulp_primary"])
	if primary != "" {
		s.primaries[e.key] = o.lines["pulp_primary"]
	}
	schedule := y.schedule(o, s.blackouts)
	s.schedules[e.key] = schedule
	s.Groups = append(s.Groups, fleet.ServerGroup{
		Group: group, Primary: primary, Schedule: schedule.Cron,
		MaxConcurrentSyncs: o.whole("max_concurrent_syncs"), MaxRuntime: o.values["max_runtime"],
	})
}

func trimSlash(address string) string { return strings.TrimRight(address, "/") }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
