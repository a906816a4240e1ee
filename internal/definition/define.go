// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// common are the keys that definitions of all types have (legacy section 1.9.2).
var common = set("name", "content_repo_type", "description", "owner", "base_url", "url", "proxy", "tls_validation", "vault_load_secrets", "secrets")

// ignored are keys of older tooling, which the original did not read either.
var ignored = set("repo_type", "publish_latest", "ca_cert", "client_cert", "client_key", "ignore_missing_package_indices")

const (
	// externalPrefix begins the names of all repositories with a feed.
	externalPrefix = "ext-"
	// feedToken is left over in URLs of older definitions and was always cut out.
	feedToken = "{{hpe_fwpp_token}}:null@"
	maxName   = 255
)

// formerNames are texts in a type's name that were replaced since.
var formerNames = strings.NewReplacer("iso", "file")

// define makes a definition of a file's text.
func (r *reader) define(source string, text []byte) (file, error) {
	own, err := object(text)
	if err != nil {
		return file{}, err
	}
	g := r.globalFor(source)
	if g.err != nil {
		return file{}, g.err
	}
	k := keys{values: merge(own, g.values)}
	f := file{Definition: fleet.Definition{
		Source:      source,
		Type:        fleet.RepositoryType(formerNames.Replace(k.must("content_repo_type"))),
		Description: k.must("description"), Owner: k.must("owner"), BaseURL: k.must("base_url"),
	}}
	name := k.must("name")
	k.feed(&f.Definition, r.rules.Internal)
	f.Secrets = k.secrets(r.rules.SecretRef)
	if !f.External() {
		f.Secrets = nil
	}
	if k.err != nil {
		return file{}, k.err
	}
	if f.Options, err = r.options(f.Type, own, g, k.values); err != nil {
		return file{}, err
	}
	f.Name = name
	if f.External() {
		if f.URL, err = r.rules.Types.Feed(f.Type, f.URL, f.Options); err != nil {
			return file{}, err
		}
		f.Name = prefixed(externalPrefix, name)
	} else {
		f.Name = prefixed(g.prefix, name)
	}
	f.Candidate = r.candidate(source, name)
	if f.basePath, err = check(f.Definition, r.rules.Rename); err != nil {
		return file{}, err
	}
	return f, nil
}

// merge lays a file's own values over the global ones: the meant order (D73).
func merge(own, global map[string]any) map[string]any {
	all := maps.Clone(global)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, own)
	return all
}

// options gives the keys that only the type knows, checked. Values that the file does not have itself
// but its global.json has count only where the type takes them: that file speaks to all types.
func (r *reader) options(t fleet.RepositoryType, own map[string]any, g global, values map[string]any) (map[string]any, error) {
	if !slices.Contains(r.rules.Types.Known(), t) {
		return nil, fault.New(fault.Invalid, "content_repo_type %q is not known", t).WithHint("known are %s", join(r.rules.Types.Known()))
	}
	options := map[string]any{}
	for key, value := range values {
		if !common[key] && !ignored[key] && value != nil {
			options[key] = value
		}
	}
	for _, key := range g.options {
		if _, has := own[key]; has || options[key] == nil {
			continue
		}
		if _, err := r.rules.Types.Check(t, map[string]any{key: options[key]}); err != nil {
			delete(options, key)
		}
	}
	return r.rules.Types.Check(t, options)
}

// candidate gives the name that a registration's patterns are matched against.
func (r *reader) candidate(source, name string) string {
	switch tree(source) {
	case remoteTree:
		return prefixed(r.rules.ExternalPrefix, name)
	case internalTree:
		return prefixed(r.rules.InternalPrefix, name)
	}
	return name
}

func prefixed(prefix, name string) string {
	if strings.HasPrefix(name, prefix) {
		return name
	}
	return prefix + name
}

// check looks at a definition as a whole and gives its base path.
func check(d fleet.Definition, rename fleet.Rename) (string, error) {
	const marker = "base_url:"
	switch {
	case strings.ContainsFunc(d.Name, unicode.IsControl) || strings.TrimSpace(d.Name) != d.Name:
		return "", fault.New(fault.Invalid, "name %q begins or ends with a blank, or has a character that cannot be printed", d.Name)
	case len(d.Name) > maxName:
		return "", fault.New(fault.Invalid, "name of %d characters is too long (%d at most)", len(d.Name), maxName)
	case strings.Contains(d.Description+d.Owner+d.BaseURL, marker):
		return "", fault.New(fault.Invalid, "description, owner and base_url must not hold %q", marker).
			WithHint("Pulp's description carries the base path after that text")
	}
	return fleet.BasePath(d.BaseURL, d.Name, rename)
}

// withHost are the schemes of URLs that need a host.
var withHost = []string{"http", "https", "ftp"}

// checkFeed tells what is wrong with the address of a feed or proxy. It never repeats a login.
func checkFeed(text string, schemes ...string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !slices.Contains(schemes, u.Scheme):
		return fmt.Errorf("is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
	case u.Host == "" && slices.Contains(withHost, u.Scheme):
		return fmt.Errorf("has no host")
	case u.User != nil:
		return fmt.Errorf("holds a user or password, which Pulp refuses")
	}
	return nil
}

func set(keys ...string) map[string]bool {
	m := map[string]bool{}
	for _, k := range keys {
		m[k] = true
	}
	return m
}

func join[T ~string](all []T) string {
	var texts []string
	for _, t := range all {
		texts = append(texts, string(t))
	}
	return strings.Join(texts, ", ")
}

func itoa(n int) string { return strconv.Itoa(n) }
