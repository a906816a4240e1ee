// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
)

// assets are the documentation's pages: our own short ones, and Swagger UI and ReDoc as
// published, with their licences. They work without a network.
//
//go:embed docs
var assets embed.FS

// assetFiles are the files below /static/, with the original's names.
var assetFiles = []string{
	"swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "docs.js", "redoc.js",
	"LICENSE.swagger-ui.txt", "NOTICE.swagger-ui.txt", "LICENSE.swagger-ui-bundle.txt", "LICENSE.redoc.txt",
}

// pagePolicy lets a page load our own files only. Both pages set styles from script, by the CSSOM, which needs no
// leave; ReDoc does it in an element that is empty at first, whose hash this is.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocs adds the documentation's pages and files.
func (a *api) registerDocs() {
	a.mux.HandleFunc("GET /openapi.json", serveDocument(func() ([]byte, error) { return json.Marshal(a.document) }))
	a.mux.HandleFunc("GET /openapi-3.0.json", serveDocument(a.downgrade))
	a.mux.HandleFunc("GET /docs", serveAsset("docs.html"))
	a.mux.HandleFunc("GET /redoc", serveAsset("redoc.html"))
	for _, name := range assetFiles {
		a.mux.HandleFunc("GET /static/"+name, serveAsset(name))
	}
}

// downgrade gives the document in version 3.0 of OpenAPI, where a field has one type.
func (a *api) downgrade() ([]byte, error) {
	text, err := a.document.Downgrade()
	if err != nil {
		return nil, err
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	oneType(document)
	return json.Marshal(document)
}

// oneType takes out what is about the types that downgrading dropped: words for booleans, bounds of texts
// that may be numbers.
func oneType(value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			oneType(e)
		}
	case map[string]any:
		switch v["type"] {
		case "boolean":
			delete(v, "enum")
		case "string":
			delete(v, "minimum")
			delete(v, "maximum")
			if _, isSchema := v["not"].(map[string]any); isSchema {
				delete(v, "not")
			}
		case "integer":
			delete(v, "pattern")
		}
		for _, e := range v {
			oneType(e)
		}
	}
}

// serveDocument serves the OpenAPI document. It is made once, when first asked for.
func serveDocument(render func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(render)
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := once()
		if err != nil {
			exchangeOf(r.Context()).err = fault.Wrap(fault.Internal, err, "the OpenAPI document cannot be written")
			writeProblem(w, r, http.StatusInternalServerError, Problem{Detail: "internal error"})
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

// serveAsset serves one embedded file. Large ones are embedded compressed.
func serveAsset(name string) http.HandlerFunc {
	load := sync.OnceValues(func() (asset, error) { return loadAsset(name) })
	return func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r.Context()).quiet = true
		file, err := load()
		if err != nil {
			exchangeOf(r.Context()).err = err
			writeProblem(w, r, http.StatusInternalServerError, Problem{Detail: "internal error"})
			return
		}
		file.serve(w, r)
	}
}

// asset is an embedded file.
type asset struct {
	kind string // content type
	tag  string // ETag
	text []byte
	zip  []byte // the same compressed; nil: it is not worth it
}

// loadAsset reads an embedded file.
func loadAsset(name string) (asset, error) {
	kinds := map[string]string{".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}
	file := asset{kind: kinds[path.Ext(name)] + "; charset=utf-8"}
	text, err := assets.ReadFile("docs/" + name)
	if err != nil {
		if file.zip, err = assets.ReadFile("docs/" + name + ".gz"); err != nil {
			return asset{}, err
		}
		unzip, err := gzip.NewReader(bytes.NewReader(file.zip))
		if err != nil {
			return asset{}, err
		}
		if text, err = io.ReadAll(unzip); err != nil {
			return asset{}, err
		}
	}
	file.text = text
	sum := sha256.Sum256(text)
	file.tag = `"` + hex.EncodeToString(sum[:8]) + `"`
	return file, nil
}

// serve answers with the file, compressed if the client takes that.
func (f asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-cache") // kept, but asked for again
	h.Set("ETag", f.tag)
	if f.zip != nil {
		h.Add("Vary", "Accept-Encoding")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	text := f.text
	if f.zip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		text = f.zip
	}
	_, _ = w.Write(text)
}
