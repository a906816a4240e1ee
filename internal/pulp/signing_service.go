// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// SigningService signs metadata on the server. Its public key is what a secondary
// needs to trust what the server publishes.
type SigningService struct {
	Href        Href
	Name        string
	PublicKey   string // ASCII armoured
	Fingerprint string
}

// SigningServices lists the signing services, all or those of a name. Pulp shows
// them to administrators only.
func (c *Client) SigningServices(ctx context.Context, name string) ([]SigningService, error) {
	q := url.Values{}
	if name != "" {
		q.Set("name", name)
	}
	list, err := c.List(ctx, "signing-services/", q)
	return each(list, func(f Fields) SigningService {
		return SigningService{
			Href:        f.Href(),
			Name:        f.text("name"),
			PublicKey:   f.text("public_key"),
			Fingerprint: f.text("pubkey_fingerprint"),
		}
	}), err
}
