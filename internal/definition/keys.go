// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// keys reads typed values of a definition. The first thing that is wrong stays in err.
type keys struct {
	values map[string]any
	err    error
}

func (k *keys) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

// must gives a text that has to be there.
func (k *keys) must(key string) string {
	value := k.values[key]
	text, ok := value.(string)
	switch {
	case value == nil:
		k.fail(fault.New(fault.Invalid, "key %q is missing", key))
	case !ok:
		k.fail(wrongType(key, "text", value))
	case strings.TrimSpace(text) == "":
		k.fail(fault.New(fault.Invalid, "key %q is empty", key))
	}
	return text
}

// maybe gives a text that may be missing or null.
func (k *keys) maybe(key string) string {
	value := k.values[key]
	text, ok := value.(string)
	if value != nil && !ok {
		k.fail(wrongType(key, "text", value))
	}
	return strings.TrimSpace(text)
}

// feed reads the keys that are about where the repository is filled from. Without a url there
// are none. An internal feed has no proxy, and a proxy need not be named (D75).
func (k *keys) feed(d *fleet.Definition, internal func(string) bool) {
	feed := strings.ReplaceAll(k.maybe("url"), feedToken, "")
	if url, there := k.values["url"]; there && url != nil && feed == "" {
		k.fail(fault.New(fault.Invalid, "key %q is empty", "url").WithHint("remove it for an internal repository"))
	}
	proxy := k.maybe("proxy")
	tls := k.values["tls_validation"]
	validate, ok := tls.(bool)
	if tls != nil && !ok {
		k.fail(wrongType("tls_validation", "true or false", tls))
	}
	if feed == "" {
		return
	}
	if err := checkFeed(feed, "http", "https", "file", "ftp"); err != nil {
		k.fail(fault.New(fault.Invalid, "url %v", err).WithHint("name user and password in vault_load_secrets"))
	}
	d.URL = feed
	if ok {
		d.TLSValidation = &validate
	}
	if proxy != "" && (internal == nil || !internal(feed)) {
		if err := checkFeed(proxy, "http", "https"); err != nil {
			k.fail(fault.New(fault.Invalid, "proxy %v", err).WithHint("write http://host:port"))
		}
		d.Proxy = proxy
	}
}

// properties are what secrets can fill of a remote.
var properties = []string{"ca_cert", "client_cert", "client_key", "username", "password", "proxy_username", "proxy_password"}

var secretKeys = []string{"secret_name", "kv", "path", "remote_property"}

// secrets reads where the remote's secrets are kept.
func (k *keys) secrets(allowed func(string) (fleet.SecretRef, error)) []fleet.SecretSource {
	sources := k.vaultSecrets()
	for _, s := range k.references(allowed) {
		if slices.ContainsFunc(sources, func(o fleet.SecretSource) bool { return o.Property == s.Property }) {
			k.fail(fault.New(fault.Invalid, "%s is both in vault_load_secrets and in secrets", s.Property).WithHint("keep one"))
		}
		sources = append(sources, s)
	}
	return sources
}

// references reads secrets that are not in Vault, or there by a reference: {"password": "env:NAME"}.
func (k *keys) references(allowed func(string) (fleet.SecretRef, error)) []fleet.SecretSource {
	const key = "secrets"
	value := k.values[key]
	if value == nil {
		return nil
	}
	entries, ok := value.(map[string]any)
	if !ok {
		k.fail(wrongType(key, "an object", value))
	}
	var sources []fleet.SecretSource
	for _, property := range slices.Sorted(maps.Keys(entries)) {
		text, ok := entries[property].(string)
		switch {
		case !slices.Contains(properties, property):
			k.fail(fault.New(fault.Invalid, "%s: %q is not a secret of a remote", key, property).WithHint("known are %s", join(properties)))
		case !ok:
			k.fail(wrongType(key+"."+property, "a reference to a secret", entries[property]))
		case allowed == nil:
			k.fail(fault.New(fault.Invalid, "%s: definitions may not name secrets by reference here", key).
				WithHint("set [pulp] definition_secrets in config.ini, or use vault_load_secrets"))
		default:
			ref, err := allowed(text)
			if err != nil {
				k.fail(fault.Wrap(fault.Invalid, err, "%s.%s %s", key, property, fault.Message(err)).WithHint("%s", fault.Hint(err)))
			}
			sources = append(sources, fleet.SecretSource{Property: property, Ref: ref})
		}
	}
	return sources
}

// vaultSecrets reads `vault_load_secrets` (legacy section 1.9.2).
func (k *keys) vaultSecrets() []fleet.SecretSource {
	const key = "vault_load_secrets"
	value := k.values[key]
	if value == nil {
		return nil
	}
	entries, ok := value.([]any)
	if !ok {
		k.fail(wrongType(key, "a list", value))
	}
	var sources []fleet.SecretSource
	for i, entry := range entries {
		where := fmt.Sprintf("%s[%d]", key, i)
		values, ok := entry.(map[string]any)
		if !ok {
			k.fail(wrongType(where, "an object", entry))
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !slices.Contains(secretKeys, name) {
				k.fail(fault.New(fault.Invalid, "%s: key %q is not known", where, name).WithHint("known are %s", join(secretKeys)))
			}
		}
		inner := keys{values: values}
		s := fleet.SecretSource{
			Property: inner.must("remote_property"), Mount: strings.Trim(inner.must("kv"), "/"),
			Path: strings.Trim(inner.must("path"), "/"), Field: inner.must("secret_name"),
		}
		switch {
		case inner.err != nil:
			k.fail(fault.New(fault.Invalid, "%s: %s", where, fault.Message(inner.err)))
		case s.Mount == "" || s.Path == "":
			k.fail(fault.New(fault.Invalid, "%s: kv and path must not be empty", where))
		case !slices.Contains(properties, s.Property):
			k.fail(fault.New(fault.Invalid, "%s: remote_property %q is not known", where, s.Property).WithHint("known are %s", join(properties)))
		case slices.ContainsFunc(sources, func(o fleet.SecretSource) bool { return o.Property == s.Property }):
			k.fail(fault.New(fault.Invalid, "%s: remote_property %q is there twice", where, s.Property).WithHint("keep one"))
		}
		sources = append(sources, s)
	}
	return sources
}

// wrongType says what a value must be and what kind of value it is. The value itself may be a
// secret in a wrong place.
func wrongType(key, want string, got any) error {
	kind := "null"
	switch got.(type) {
	case string:
		kind = "text"
	case bool:
		kind = "true or false"
	case float64:
		kind = "a number"
	case []any:
		kind = "a list"
	case map[string]any:
		kind = "an object"
	}
	return fault.New(fault.Invalid, "key %q must be %s, not %s", key, want, kind)
}
