// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// Content lists content units, such as those of "deb/packages". q should hold
// "fields", for a repository may have 60 000 units.
func (c *Client) Content(ctx context.Context, path string, q url.Values) ([]Fields, error) {
	return c.List(ctx, collection("content/"+path), q)
}
