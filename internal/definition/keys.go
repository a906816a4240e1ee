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
func (k *keys) secrets() []fleet.SecretSource {
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
