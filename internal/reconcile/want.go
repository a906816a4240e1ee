// SPDX-License-Identifier: Apache-2.0

// Package reconcile makes a server match what is wanted of it: Plan compares
// without any I/O, Apply sends the changes.
package reconcile

import (
	"context"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Labels that we put on what we create. Older versions of Pulp refuse a hyphen in a key.
const (
	// OwnerLabel names the server in our fleet that the object was made for.
	OwnerLabel = "pulp_manager"
	// PrimaryLabel, on a remote, names the server that the repository is mirrored from.
	PrimaryLabel = "pulp_manager_primary"
	// SnapshotLabel, on a repository and a distribution, names the version that it is a snapshot of: the
	// source's id and the number, as in its href.
	SnapshotLabel = "pulp_manager_snapshot"
	// SnapshotVersionLabel, on a distribution, is the number of the snapshot's own version that holds
	// exactly that.
	SnapshotVersionLabel = "pulp_manager_snapshot_version"
)

// Want is a repository as it should be on a server: its remote, itself, and its distribution, all
// of one name.
type Want struct {
	Type     content.Type
	Name     string
	Source   string         // where it says so: a file, a server
	Fields   map[string]any // of the repository
	Remote   map[string]any // nil: none
	Secrets  map[string]fleet.Secret
	BasePath string
	Follows  bool // the distribution names the repository; else what it serves is left alone
	Labels   map[string]string
	Primary  fleet.ServerName // mirrored from; empty: not
}

// Rules are what makes of a definition, or of a primary's repository, the wanted state. They come
// from `config.ini`.
type Rules struct {
	InternalDomains    []string // hosts whose remotes get RootCA, and no proxy
	RootCA             string   // PEM
	TLSValidation      *bool    // for external remotes that do not say; nil: true
	SockConnectTimeout float64  // seconds; 0: Pulp's default
	SockReadTimeout    float64
	Rename             fleet.Rename
	SigningServices    map[string]string // hrefs, by the setting that names the service (content.Type.SigningSetting)
}

// Internal tells whether a url leads to a host in one of the internal domains: the host itself or
// one below it, by whole labels (D66).
func (r Rules) Internal(feed string) bool {
	u, err := url.Parse(feed)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, d := range r.InternalDomains {
		d = strings.ToLower(strings.Trim(strings.TrimSpace(d), "."))
		if h, _, ok := strings.Cut(d, ":"); ok {
			d = h
		}
		if d != "" && (host == d || strings.HasSuffix(host, "."+d)) {
			return true
		}
	}
	return false
}

// FromDefinition gives the wanted state of a defined repository.
func (r Rules) FromDefinition(server fleet.ServerName, d fleet.Definition, secrets map[string]fleet.Secret) (Want, error) {
	t, ok := content.Find(d.Type)
	if !ok {
		return Want{}, fault.New(fault.Invalid, "%s: content type %q is not known", d.Source, d.Type)
	}
	path, err := fleet.BasePath(d.BaseURL, d.Name, r.Rename)
	if err != nil {
		return Want{}, err
	}
	w := r.want(server, t, d.Name, d.PulpDescription())
	w.Source, w.BasePath = d.Source, path
	if !d.External() {
		w.Follows = true
		return w, nil
	}
	w.Follows = t.Serving == content.Following
	w.Secrets = secrets
	w.Remote = t.Remote(d.Options)
	r.common(w.Remote, d.URL)
	if d.TLSValidation != nil && !r.Internal(d.URL) {
		w.Remote["tls_validation"] = *d.TLSValidation
	}
	w.Remote["proxy_url"] = nil
	if d.Proxy != "" && !r.Internal(d.URL) {
		w.Remote["proxy_url"] = d.Proxy
	}
	return w, nil
}

// Mirrored is a repository as its primary has it.
type Mirrored struct {
	Type        content.Type
	Name        string
	Description string
	BasePath    string // of the primary's distribution
	Remote      map[string]any
	Version     string // that the primary serves
	PublicKey   string // of whoever signed the metadata that it serves; empty: it is not signed
	// Mirror are the fields of the secondary's remote, where it has mirrored this very version by them.
	Mirror map[string]any
	// Secrets are what a secondary logs in to the primary with, by the remote's field; nil: it need not.
	Secrets map[string]fleet.Secret
}

// FromPrimary gives the wanted state on a secondary of a repository of a primary that is read at
// address, the primary's scheme and host.
func (r Rules) FromPrimary(ctx context.Context, server, primary fleet.ServerName, address string, m Mirrored, list content.List) (Want, error) {
	w := r.want(server, m.Type, m.Name, m.Description)
	w.Source, w.Primary, w.BasePath = "server "+string(primary), primary, m.BasePath
	w.Follows = m.Type.Serving == content.Following
	fields, err := m.Type.Mirror(ctx, content.Source{
		BasePath: m.BasePath, Remote: m.Remote, Version: m.Version, PublicKey: m.PublicKey, Mirror: m.Mirror, List: list,
	})
	if err != nil {
		return Want{}, err
	}
	w.Remote, w.Secrets = fields, m.Secrets
	r.common(w.Remote, m.Type.Feed(strings.TrimRight(address, "/"), m.BasePath))
	w.Remote["proxy_url"] = nil
	return w, nil
}

func (r Rules) want(server fleet.ServerName, t content.Type, name, description string) Want {
	w := Want{
		Type: t, Name: name, Fields: map[string]any{"description": described(description)},
		Labels: map[string]string{OwnerLabel: string(server)},
	}
	if service := r.SigningServices[t.SigningSetting]; service != "" && t.Signs != "" {
		w.Fields[t.Signs] = service
	}
	return w
}

// common sets the fields that the remotes of all types have.
func (r Rules) common(remote map[string]any, feed string) {
	remote["url"] = feed
	remote["sock_connect_timeout"] = seconds(r.SockConnectTimeout)
	remote["sock_read_timeout"] = seconds(r.SockReadTimeout)
	remote["tls_validation"] = r.TLSValidation == nil || *r.TLSValidation
	remote["ca_cert"] = nil
	if r.Internal(feed) {
		remote["tls_validation"] = true
		if r.RootCA != "" {
			remote["ca_cert"] = r.RootCA
		}
	}
}

func seconds(s float64) any {
	if s == 0 {
		return nil
	}
	return s
}

// described gives a description as Pulp takes it: null where there is none.
func described(text string) any {
	if text == "" {
		return nil
	}
	return text
}
