// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// yamlKey is one key of pulp_config.yml (legacy section 1.5).
type yamlKey struct {
	level, key string
	alias      string // another name for it
	misspelt   string // a name that is accepted, with a note
	kind       string // in words
	tag, tag2  string // of the scalars it takes
	check      func(text string) error
	required   bool
	hidden     bool // what is there may be a secret
	meaning    string
	added      bool // the original does not know it
}

// The levels of the file, as the documentation names them.
const (
	levelTop          = "top"
	levelServer       = "pulp_servers.SERVER"
	levelServerGroup  = "pulp_servers.SERVER.repo_groups.GROUP"
	levelRegistration = "pulp_servers.SERVER.repo_config_registration"
	levelSnapshot     = "pulp_servers.SERVER.snapshot_support"
	levelCredential   = "credentials.NAME"
	levelGroup        = "repo_groups.GROUP"
)

func yamlKeys() []yamlKey {
	return slices.Concat(plainKeys(), scheduleKeys(levelServerGroup), scheduleKeys(levelRegistration), []yamlKey{
		blackoutsKey(levelTop, "Times in which no schedule queues anything."),
		blackoutsKey(levelServer, "Times in which no schedule of this server queues anything, besides those of the file."),
	})
}

func plainKeys() []yamlKey {
	return []yamlKey{
		{
			level: levelTop, key: "pulp_servers", kind: "a map", required: true,
			meaning: "The Pulp servers. A server's name is its network address: lower-case host and optional port.",
		},
		{level: levelTop, key: "credentials", kind: "a map", required: true, meaning: "Accounts on Pulp servers."},
		{level: levelTop, key: "repo_groups", kind: "a map", required: true, meaning: "Groups of repositories, chosen by name."},

		textKey(levelServer, "credentials", "Account to log in with: a key of `credentials`.").must(),
		{level: levelServer, key: "repo_groups", kind: "a map", meaning: "Groups that this server syncs; each is a key of the top-level `repo_groups`."},
		{level: levelServer, key: "repo_config_registration", kind: "a map", meaning: "Creating and updating repositories from definitions, on a schedule."},
		{level: levelServer, key: "snapshot_support", kind: "a map", meaning: "Its presence allows snapshots on this server."},
		textKey(levelServer, "url", "Address of Pulp's API where the server's name is not it: `https://host:port`.").checked("a URL", checkOrigin).new(),
		textKey(levelServer, "content_origin", "Where pulp-manager reads the server's content. Default: the same address as the API.").checked("a URL", checkOrigin).new(),
		textKey(levelServer, "mirror_url", "Where secondaries read the server's content. Default: the server's name, with `https` or `http` by `use_https_for_sync`.").checked("a URL", checkOrigin).new(),
		textKey(levelServer, "password", "Password of the account on this server, by reference.").checked("a reference to a secret", checkRef).new().secret(),
		textKey(levelServer, "domain", "Pulp domain to work in. Default: the server has none.").checked("the name of a domain", checkDomain).new(),
		textKey(levelServer, "description", "Free text.").new(),
		flagKey(levelServer, "adopt", "`true`: repositories that somebody else made on this server and that a definition or a mirror names become ours at once. "+
			"Default: they wait until `pulp-manager adopt SERVER` accepts what would change.").new(),

		textKey(levelServerGroup, "schedule", "When to sync, as cron text. Default: only by request.").checked("a cron text", checkCron),
		wholeKey(levelServerGroup, "max_concurrent_syncs", "How many repositories of the group sync at a time.").must().misread("max_concurrent_sync"),
		runtimeKey(levelServerGroup, "Longest time a sync of the group may take.").must(),
		textKey(levelServerGroup, "pulp_primary", "Server to mirror the repositories from. Default: each repository's own feed.").also("pulp_master"),

		textKey(levelRegistration, "schedule", "When to read the definitions, as cron text.").checked("a cron text", checkCron).must(),
		runtimeKey(levelRegistration, "Longest time a registration may take.").must(),
		patternKey(levelRegistration, "regex_include", "Only definitions whose name it finds."),
		patternKey(levelRegistration, "regex_exclude", "Not definitions whose name it finds; looked at first."),

		textKey(levelRegistration, "on_missing", "What becomes of repositories that pulp-manager made and that no definition names any more: `keep` "+
			"(they are told) or `remove`. Nothing is removed while a definition cannot be read, or when there is none at all. Default: `keep`.").checked("keep or remove", checkMissing).new(),
		wholeKey(levelRegistration, "on_missing_cap", "How many of these one registration removes at most; where there are more, none is removed and the "+
			"task fails. Default: 5, or a tenth of the server's repositories that pulp-manager made if that is more.").new(),

		wholeKey(levelSnapshot, "max_concurrent_snapshots", "How many repositories are copied at a time.").must(),

		textKey(levelCredential, "username", "User name in Pulp.").must(),
		textKey(levelCredential, "vault_service_account_mount", "Vault mount with the account's password, at `creds/USERNAME`, field `current_password`. Needed unless the server gives `password`, or `Is_local` is true.").checked("a Vault mount", checkMount),

		patternKey(levelGroup, "regex_include", "Only repositories whose name it finds. Default: all."),
		patternKey(levelGroup, "regex_exclude", "Not repositories whose name it finds; looked at first."),
	}
}

func textKey(level, key, meaning string) yamlKey {
	return yamlKey{level: level, key: key, kind: "text", tag: "!!str", check: checkText, meaning: meaning}
}

func wholeKey(level, key, meaning string) yamlKey {
	return yamlKey{level: level, key: key, kind: "a whole number, 1 or more", tag: "!!int", check: checkCount, meaning: meaning}
}

func flagKey(level, key, meaning string) yamlKey {
	return yamlKey{level: level, key: key, kind: "true or false", tag: "!!bool", check: checkText, meaning: meaning}
}

func runtimeKey(level, meaning string) yamlKey {
	return yamlKey{
		level: level, key: "max_runtime", kind: "a duration", tag: "!!str", tag2: "!!int", check: checkRuntime,
		meaning: meaning + " Seconds, or a number with `d`, `h`, `m` or `s`; `-1` is unlimited.",
	}
}

func patternKey(level, key, meaning string) yamlKey {
	return textKey(level, key, meaning).checked("a regular expression", checkPattern)
}

func (k yamlKey) must() yamlKey               { k.required = true; return k }
func (k yamlKey) new() yamlKey                { k.added = true; return k }
func (k yamlKey) secret() yamlKey             { k.hidden = true; return k }
func (k yamlKey) also(name string) yamlKey    { k.alias = name; return k }
func (k yamlKey) misread(name string) yamlKey { k.misspelt = name; return k }
func (k yamlKey) checked(kind string, check func(string) error) yamlKey {
	k.kind, k.check = kind, check
	return k
}

func keysOf(level string) []yamlKey {
	var keys []yamlKey
	for _, k := range yamlKeys() {
		if k.level == level {
			keys = append(keys, k)
		}
	}
	return keys
}

func findKey(keys []yamlKey, name string) (yamlKey, bool) {
	for _, k := range keys {
		if name != "" && (k.key == name || k.alias == name || k.misspelt == name) {
			return k, true
		}
	}
	return yamlKey{}, false
}

func namesOf(keys []yamlKey) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.key)
		if k.alias != "" {
			names = append(names, k.alias)
		}
	}
	return names
}

func checkText(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func checkCount(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 1000 {
		return fmt.Errorf("must be a whole number from 1 to 1000, not %s", text)
	}
	return nil
}

func checkMissing(text string) error {
	if text != fleet.KeepMissing && text != fleet.RemoveMissing {
		return fmt.Errorf("must be %s or %s, not %q", fleet.KeepMissing, fleet.RemoveMissing, text)
	}
	return nil
}

func checkRuntime(text string) error {
	_, err := fleet.ParseRuntime(text)
	return err
}

func checkPattern(text string) error {
	_, err := fleet.CompilePattern(text)
	return err
}

func checkCron(text string) error {
	_, err := cron.Parse(text)
	return err
}

func checkOrigin(text string) error {
	if err := checkURL(text); err != nil {
		return err
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "http://"), "https://"), "/")
	if path != "" {
		return errors.New("must end after the host and port")
	}
	return nil
}

func checkRef(text string) error {
	_, err := ParseRef(text)
	return err
}

var (
	domainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	mountPath  = regexp.MustCompile(`^[^/#?\s]+(/[^/#?\s]+)*$`)
)

func checkDomain(text string) error {
	if !domainName.MatchString(text) {
		return errors.New("may hold letters, digits, - and _ only")
	}
	return nil
}

func checkMount(text string) error {
	if !mountPath.MatchString(text) {
		return errors.New("must be a path without a slash in front or at its end")
	}
	return nil
}
