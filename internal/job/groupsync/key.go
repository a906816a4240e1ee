// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"fmt"
	"net/url"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// keyring tells who signed what a primary serves, so that a secondary refuses what anybody else
// signed. It asks once a run, and only where a type's mirrors check signatures.
type keyring struct {
	list content.List // asks the primary
	warn func(why string)

	signed   map[string]map[string]string // path of publications → publication → signing service
	services map[string]string            // signing service → public key; nil: not asked for
	hidden   error                        // why the primary does not show its signing services
}

// signer is who signed the metadata of a repository.
type signer struct {
	key     string // armored; empty: nobody
	unknown bool   // somebody, but not known who: the remote's key is left as it is
}

func (k *keyring) of(ctx context.Context, r *inventory.Repository) (signer, error) {
	s := r.Type.Signature
	if s == nil || r.ServedPublication == "" {
		return signer{unknown: s != nil}, nil
	}
	published, err := k.publications(ctx, *s)
	if err != nil {
		return signer{}, err
	}
	service, ours := published[string(r.ServedPublication)]
	if !ours { // the very metadata of its own upstream
		if r.Linked && r.Remote != nil {
			key, _ := r.Remote.Fields()[s.Key].(string)
			return signer{key: key}, nil
		}
		return signer{}, nil
	}
	service, unknown := r.Type.Signed(service, r.Repository.Fields())
	if service == "" {
		return signer{unknown: unknown}, nil
	}
	if err := k.keys(ctx); err != nil {
		return signer{}, err
	}
	key := k.services[service]
	return signer{key: key, unknown: key == ""}, nil
}

// publications gives which service signed each publication of a path.
func (k *keyring) publications(ctx context.Context, s content.Signature) (map[string]string, error) {
	if known, ok := k.signed[s.Publication]; ok {
		return known, nil
	}
	all, err := k.list(ctx, "publications/"+s.Publication+"/", url.Values{"fields": {"pulp_href," + s.Service}, "limit": {"5000"}})
	if err != nil {
		return nil, err
	}
	services := make(map[string]string, len(all))
	for _, p := range all {
		href, _ := p["pulp_href"].(string)
		services[href], _ = p[s.Service].(string)
	}
	if k.signed == nil {
		k.signed = map[string]map[string]string{}
	}
	k.signed[s.Publication] = services
	return services, nil
}

// keys reads the public keys of the primary's signing services. Pulp shows them to administrators only.
func (k *keyring) keys(ctx context.Context) error {
	if k.services != nil || k.hidden != nil {
		return nil
	}
	all, err := k.list(ctx, "signing-services/", url.Values{"fields": {"pulp_href,public_key"}})
	if fault.Is(err, fault.Forbidden) {
		k.hidden = err
		k.warn(fmt.Sprintf("%s: the remotes' keys are left as they are", fault.Message(err)))
		return nil
	}
	if err != nil {
		return err
	}
	k.services = make(map[string]string, len(all))
	for _, s := range all {
		href, _ := s["pulp_href"].(string)
		k.services[href], _ = s["public_key"].(string)
	}
	return nil
}
