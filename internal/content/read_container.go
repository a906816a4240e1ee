// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/pulp/pulp-manager/internal/fault"
)

// ManifestTypes are the manifests that a client of a registry says it takes; some registries give
// others something older.
var ManifestTypes = []string{
	"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
}

// readContainer reads the tags and the manifests they name, as the registry's API gives them (OCI
// distribution specification). Everything else is named by its digest in those.
func readContainer(ctx context.Context, fetch Fetch, _ map[string]any) (View, error) {
	const list = "tags/list"
	body, err := fetch(ctx, list)
	if err != nil {
		return View{}, err
	}
	var found struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &found); err != nil || found.Name == "" {
		return View{}, fault.Wrap(fault.Invalid, err, "%s is not a list of tags", list)
	}
	view := View{Metadata: map[string][]byte{}}
	for _, tag := range found.Tags {
		digest, listed, err := readManifest(ctx, fetch, "manifests/"+tag, view)
		if err != nil {
			return View{}, err
		}
		view.Units = append(view.Units, tag+" "+digest)
		for _, l := range listed {
			got, _, err := readManifest(ctx, fetch, "manifests/"+l, view)
			if err != nil {
				return View{}, err
			}
			if got != l {
				return View{}, fault.New(fault.Invalid, "manifest %s has other bytes than its name promises", l)
			}
		}
	}
	slices.Sort(view.Units)
	return view, nil
}

// readManifest puts a manifest into a view, and gives its digest and those of the manifests that it lists.
func readManifest(ctx context.Context, fetch Fetch, path string, view View) (digest string, listed []string, err error) {
	body, err := fetch(ctx, path)
	if err != nil {
		return "", nil, err
	}
	var manifest struct {
		SchemaVersion int `json:"schemaVersion"`
		Manifests     []struct {
			Digest string `json:"digest"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(body, &manifest); err != nil || manifest.SchemaVersion == 0 {
		return "", nil, fault.Wrap(fault.Invalid, err, "%s is not a manifest", path)
	}
	for _, m := range manifest.Manifests {
		listed = append(listed, m.Digest)
	}
	view.Metadata[path] = body
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:]), listed, nil
}
