// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// origin says where a setting's value is from: the line in config.ini; 0: its default.
type origin map[string]int

func id(section, key string) string { return "[" + section + "] " + key }

// Defaults are the settings of an empty config.ini.
func Defaults() Settings {
	s, _ := readSettings(parseINI("", &report{}), &report{})
	return s
}

// readSettings fills the settings from a file and reports what is wrong with it.
func readSettings(f *iniFile, r *report) (Settings, origin) {
	var s Settings
	from := origin{}
	known := fields()
	checkNames(f, known, r)
	for _, field := range known {
		value, line := field.fallback, 0
		if k := f.lookup(field.section, field.key); k != nil {
			line = k.line
			given, err := f.value(field.section, k)
			if err != nil {
				r.errorf(line, "write %% for a single %", "[%s] %s: %v", field.section, field.key, err)
				continue
			}
			given = strings.TrimSpace(given) // of a line break before it
			// An empty value of a key that has a default is a left-over, except where empty has a meaning.
			if given != "" || field.fallback == "" || field.key == "use_ssl" {
				value = given
			}
			if field.dead != "" {
				r.warnf(line, field.dead, "%s has no effect", id(field.section, field.key))
			}
		}
		if err := field.value.set(&s, value); err != nil {
			r.value(line, id(field.section, field.key), err)
			_ = field.value.set(&s, field.fallback) // what comes after sees the safe value
		}
		from[id(field.section, field.key)] = line
	}
	checkSettings(s, from, r)
	return s, from
}

// value adds what is wrong with a value. Checks decide themselves whether they repeat it.
func (r *report) value(line int, where string, err error) {
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		// Some messages begin with the key's name themselves.
		if at := strings.LastIndex(where, ": "); at >= 0 && strings.HasPrefix(e.Msg, where[at+2:]+" ") {
			where = where[:at]
		}
		r.fault(line, where, err)
		return
	}
	r.errorf(line, "", "%s %v", where, err)
}

// checkNames warns of sections and keys that nothing reads: the original ignored them, so they
// do not stop an upgrade.
func checkNames(f *iniFile, known []field, r *report) {
	var sections, all []string
	keys := map[string][]string{}
	for _, field := range known {
		if !slices.Contains(sections, field.section) {
			sections = append(sections, field.section)
		}
		keys[field.section] = append(keys[field.section], field.key)
		all = append(all, field.key)
	}
	for _, section := range f.sections {
		if why, ok := deadSections[section.name]; ok {
			r.warnf(section.line, why, "section [%s] has no effect", section.name)
			continue
		}
		if keys[section.name] == nil {
			r.warnf(section.line, didYouMean("["+section.name+"]", brackets(sections)), "section [%s] is not known and has no effect", section.name)
			continue
		}
		for _, key := range section.keys {
			if !slices.Contains(keys[section.name], key.name) && !f.referred(key.name) {
				r.warnf(key.line, didYouMean(key.name, keys[section.name]), "%s is not known and has no effect", id(section.name, key.name))
			}
		}
	}
	for _, key := range f.defaults.keys {
		if !slices.Contains(all, key.name) && !f.referred(key.name) {
			r.warnf(key.line, didYouMean(key.name, all), "%s is not known and has no effect", id(defaultSection, key.name))
		}
	}
}

// referred tells whether a value somewhere refers to the key.
func (f *iniFile) referred(key string) bool {
	for _, s := range append([]*iniSection{f.defaults}, f.sections...) {
		for _, k := range s.keys {
			if strings.Contains(strings.ToLower(k.raw), "%("+key+")s") {
				return true
			}
		}
	}
	return false
}

func brackets(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, "["+n+"]")
	}
	return out
}

// checkSettings looks at what must fit together.
func checkSettings(s Settings, from origin, r *report) {
	if s.Paging.DefaultSize > s.Paging.MaxSize {
		r.errorf(from[id("paging", "default_page_size")], "lower it, or raise max_page_size",
			"[paging] default_page_size %d is more than max_page_size %d", s.Paging.DefaultSize, s.Paging.MaxSize)
	}
	if s.Pulp.Rename.Pattern != nil && s.Pulp.Rename.Rule == "" {
		r.errorf(from[id("pulp", "package_name_replacement_pattern")], "give package_name_replacement_rule too",
			"[pulp] package_name_replacement_pattern has no rule")
	}
	if s.Pulp.LocalDir != "" && s.Pulp.Git.URL != "" {
		r.warnf(from[id("pulp", "git_repo_config")], "remove one of them", "[pulp] git_repo_config has no effect: local_repo_config_dir is given too")
	}
	if RedactURL(s.Pulp.Git.URL) != s.Pulp.Git.URL {
		r.warnf(from[id("pulp", "git_repo_config")], "use git_repo_config_username and git_repo_config_password = env:NAME",
			"[pulp] git_repo_config holds a password or token")
	}
	checkLogins(s.Auth, from, r)
	checkVault(s, from, r)
	checkHTTP(s.HTTP, from, r)
	checkNotices(s.Notices, from, r)
}
