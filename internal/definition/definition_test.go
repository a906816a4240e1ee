// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// types is a stand-in for package content: one type with suites, one without keys.
type types struct{}

func (types) Known() []fleet.RepositoryType { return []fleet.RepositoryType{"deb", "file"} }

func (types) Check(t fleet.RepositoryType, options map[string]any) (map[string]any, error) {
	checked := map[string]any{}
	for key, value := range options {
		text, ok := value.(string)
		switch {
		case t != "deb" || key != "releases":
			return nil, fault.New(fault.Invalid, "key %q does not exist for %s repositories", key, t)
		case !ok:
			return nil, fault.New(fault.Invalid, "releases: must be a text")
		}
		checked[key] = strings.ToLower(text)
	}
	return checked, nil
}

// Feed wants releases where a url asks for them.
func (types) Feed(t fleet.RepositoryType, url string, options map[string]any) (string, error) {
	if strings.HasSuffix(url, "/needs-releases") && options["releases"] == nil {
		return "", fault.New(fault.Invalid, "key %q is missing: %s repositories with this url need it", "releases", t)
	}
	return url, nil
}

var rules = Rules{
	SecretRef: func(text string) (fleet.SecretRef, error) {
		if !strings.HasPrefix(text, "env:OK_") {
			return "", fault.New(fault.Invalid, "is not for definitions")
		}
		return fleet.SecretRef(text), nil
	},
	Types: types{}, InternalPrefix: "int-", ExternalPrefix: "ext-",
	Internal: func(feed string) bool { return strings.Contains(feed, "//internal.example.com/") },
}

// folder writes files: path → text.
func folder(t interface {
	Helper()
	Fatal(...any)
}, dir string, files map[string]string,
) string {
	t.Helper()
	for path, text := range files {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, rules Rules, files map[string]string) ([]fleet.Definition, []string) {
	t.Helper()
	found, problems, err := Folder{Dir: folder(t, t.TempDir(), files), Rules: rules}.Definitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found, told(problems)
}

func told(problems []fleet.DefinitionProblem) []string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Source+": "+fault.Message(p.Err))
	}
	return lines
}

// define gives a definition's file, with keys as JSON in front.
func define(name, keys string) string {
	return fmt.Sprintf(`{%s "name": %q, "content_repo_type": "deb", "description": "d", "owner": "o", "base_url": "base"}`, keys, name)
}

func TestDefinition(t *testing.T) {
	found, problems := read(t, rules, map[string]string{
		"remote/global.json": `{"proxy": "http://proxy.example.com:3128", "owner": "everybody", "tls_validation": true}`,
		"remote/debian/main.json": `{
			"name": "debian", "content_repo_type": "deb", "description": "Debian", "owner": "me", "base_url": "debian/12",
			"url": "https://{{hpe_fwpp_token}}:null@deb.example.com/debian/", "releases": "Bookworm", "tls_validation": false,
			"repo_type": "x", "client_key": "y", "ignore_missing_package_indices": true,
			"vault_load_secrets": [{"secret_name": "key", "kv": "kv/", "path": "/redhat/cert", "remote_property": "client_key"}]}`,
		"remote/own.json":      define("ext-own", `"url": "http://up.example.com/", "proxy": null,`),
		"remote/inside.json":   define("inside", `"url": "http://internal.example.com/", "secrets": {"username": "env:OK_U", "password": "env:OK_P"},`),
		"internal/global.json": `{"pulp": {"package_prefix": "corp-", "other": 1}, "content_repo_type": "iso"}`,
		"internal/tools.json":  `{"name": "tools", "description": "d", "owner": "o", "base_url": "tools", "url": null, "components": null}`,
		"elsewhere.json":       define("elsewhere", ""),
		"README.md":            "# not a definition",
		"old-global.json":      "not read",
		".git/config.json":     "not read",
		".hidden.json":         "not read",
	})
	no, yes := false, true
	want := []fleet.Definition{
		{Name: "elsewhere", Candidate: "elsewhere", Type: "deb", Description: "d", Owner: "o", BaseURL: "base", Options: map[string]any{}, Source: "elsewhere.json"},
		{Name: "corp-tools", Candidate: "int-tools", Type: "file", Description: "d", Owner: "o", BaseURL: "tools", Options: map[string]any{}, Source: "internal/tools.json"}, // D73
		{
			Name: "ext-debian", Candidate: "ext-debian", Type: "deb", Description: "Debian", Owner: "me", BaseURL: "debian/12", // D73: its own owner
			URL: "https://deb.example.com/debian/", Proxy: "http://proxy.example.com:3128", TLSValidation: &no,
			Options: map[string]any{"releases": "bookworm"},
			Secrets: []fleet.SecretSource{{Property: "client_key", Mount: "kv", Path: "redhat/cert", Field: "key"}},
			Source:  "remote/debian/main.json",
		},
		{
			Name: "ext-inside", Candidate: "ext-inside", Type: "deb", Description: "d", Owner: "o", BaseURL: "base", URL: "http://internal.example.com/",
			TLSValidation: &yes, Options: map[string]any{}, Source: "remote/inside.json",
			Secrets: []fleet.SecretSource{{Property: "password", Ref: "env:OK_P"}, {Property: "username", Ref: "env:OK_U"}},
		},
		{
			Name: "ext-own", Candidate: "ext-own", Type: "deb", Description: "d", Owner: "o", BaseURL: "base", URL: "http://up.example.com/",
			TLSValidation: &yes, Options: map[string]any{}, Source: "remote/own.json",
		},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	if len(problems) > 0 {
		t.Error(problems)
	}
}

// The created name and the name that patterns are matched against have their own rules (D72, D76).
func TestNames(t *testing.T) {
	other := rules
	other.ExternalPrefix, other.InternalPrefix = "x-", "i-"
	url := `"url": "http://up.example.com/",`
	for path, c := range map[string]struct{ keys, name, candidate string }{
		"remote/a.json":            {url, "ext-repo", "x-repo"},
		"internal/a.json":          {url, "ext-repo", "i-repo"},
		"a.json":                   {url, "ext-repo", "repo"},
		"remote/b.json":            {"", "repo", "x-repo"},
		"internal/b.json":          {"", "repo", "i-repo"},
		"internal/remote/b.json":   {"", "repo", "x-repo"},
		"team/internal/x/b.json":   {"", "repo", "i-repo"},
		"remote-config/b.json":     {"", "repo", "repo"},
		"my-internal-app/rem.json": {"", "repo", "repo"},
	} {
		found, problems := read(t, other, map[string]string{path: define("repo", c.keys)})
		if len(found) != 1 || found[0].Name != c.name || found[0].Candidate != c.candidate {
			t.Errorf("%s: %+v %v", path, found, problems)
		}
	}
	// The folder's own path says nothing.
	dir := folder(t, t.TempDir(), map[string]string{"remote/x/a.json": define("repo", "")})
	found, _, err := Read(t.Context(), filepath.Join(dir, "remote"), other)
	if err != nil || len(found) != 1 || found[0].Candidate != "repo" {
		t.Errorf("%+v %v", found, err)
	}
}

func TestProblems(t *testing.T) { // D74
	url := `"url": "http://up.example.com/",`
	for text, want := range map[string]string{
		"":                                   "it is empty",
		" \n":                                "it is empty",
		"{":                                  "it is not JSON in line 1: unexpected end of JSON input",
		"{\n\"a\" 1":                         "it is not JSON in line 2: invalid character '1' after object key",
		"[1]":                                "it is not a JSON object",
		"null":                               "it is not a JSON object",
		"{} {}":                              "it is not JSON in line 1: invalid character '{' after top-level value",
		"{\"\xff\"}":                         "it is not UTF-8 text",
		"{}":                                 `key "content_repo_type" is missing`,
		define("", ""):                       `key "name" is empty`,
		define(" a", ""):                     `name " a" begins or ends with a blank, or has a character that cannot be printed`,
		define("a\nb", ""):                   `name "a\nb" begins or ends with a blank, or has a character that cannot be printed`,
		define(strings.Repeat("n", 300), ""): "name of 300 characters is too long (255 at most)",
		define("a//b", ""):                   `repository a//b: base path "base/a//b" is not a relative path`,
		strings.Replace(define("a", ""), `"deb"`, `"snap"`, 1):        `content_repo_type "snap" is not known`,
		strings.Replace(define("a", ""), `"o"`, `7`, 1):               `key "owner" must be text, not a number`,
		strings.Replace(define("a", ""), `"d"`, `"base_url:x"`, 1):    `description, owner and base_url must not hold "base_url:"`,
		define("a", `"componets": "main",`):                           `key "componets" does not exist for deb repositories`,
		define("a", `"releases": ["a"],`):                             "releases: must be a text",
		define("a", `"url": "",`):                                     `key "url" is empty`,
		define("a", `"url": 5,`):                                      `key "url" must be text, not a number`,
		define("a", `"url": "up.example.com",`):                       "url is not a URL that begins with http:// or https:// or file:// or ftp://",
		define("a", `"url": "http:///x",`):                            "url has no host",
		define("a", `"url": "http://u:hunter2@h/",`):                  "url holds a user or password, which Pulp refuses",
		define("a", url+`"proxy": "proxy:80",`):                       "proxy is not a URL that begins with http:// or https://",
		define("a", url+`"proxy": "http://u:hunter2@p:80",`):          "proxy holds a user or password, which Pulp refuses",
		define("a", url+`"proxy": false,`):                            `key "proxy" must be text, not true or false`,
		define("a", url+`"tls_validation": "no",`):                    `key "tls_validation" must be true or false, not text`,
		define("a", url+`"secrets": "env:OK_A",`):                     `key "secrets" must be an object, not text`,
		define("a", url+`"secrets": {"password": 5},`):                `key "secrets.password" must be a reference to a secret, not a number`,
		define("a", url+`"secrets": {"url": "env:OK_A"},`):            `secrets: "url" is not a secret of a remote`,
		define("a", url+`"secrets": {"password": "env:JWT_SECRET"},`): `secrets.password is not for definitions`,
		define("a", url+`"secrets": {"password": "env:OK_A"}, "vault_load_secrets": [{"secret_name": "s", "kv": "k", "path": "p", "remote_property": "password"}],`): `password is both in vault_load_secrets and in secrets`,
		define("a", url+`"vault_load_secrets": "hunter2",`):                                                                     `key "vault_load_secrets" must be a list, not text`,
		define("a", url+`"vault_load_secrets": ["hunter2"],`):                                                                   `key "vault_load_secrets[0]" must be an object, not text`,
		define("a", url+`"vault_load_secrets": [{"kv": "k"}],`):                                                                 `vault_load_secrets[0]: key "remote_property" is missing`,
		define("a", url+`"vault_load_secrets": [{"secret_name": "s", "kv": "/", "path": "p", "remote_property": "password"}],`): "vault_load_secrets[0]: kv and path must not be empty",
		define("a", url+`"vault_load_secrets": [{"secret_name": "s", "kv": "k", "path": "p", "remote_property": "url"}],`):      `vault_load_secrets[0]: remote_property "url" is not known`,
		define("a", url+`"vault_load_secrets": [{"secret_name": "s", "kv": "k", "path": "p", "field": "password"}],`):           `vault_load_secrets[0]: key "field" is not known`,
		define("a", url+`"vault_load_secrets": [{"secret_name": "s", "kv": "k", "path": "p", "remote_property": "password"},
			{"secret_name": "s", "kv": "k", "path": "p", "remote_property": "password"}],`): `vault_load_secrets[1]: remote_property "password" is there twice`,
		strings.Repeat(" ", maxFile+1): "it is larger than 1 MiB",
	} {
		found, problems := read(t, rules, map[string]string{"bad.json": text, "good.json": define("good", "")})
		if diff := cmp.Diff([]string{"bad.json: " + want}, problems); diff != "" {
			t.Errorf("%.80q: %s", text, diff)
		}
		if len(found) != 1 || found[0].Name != "good" {
			t.Errorf("%.80q: the good one is not there", text)
		}
	}
}

func TestRenameRuleThatDoesNotWork(t *testing.T) { // D71
	other := rules
	pattern, err := fleet.CompilePattern("(?P<a>bad)")
	if err != nil {
		t.Fatal(err)
	}
	other.Rename = fleet.Rename{Pattern: pattern, Rule: "{b}"}
	found, problems := read(t, other, map[string]string{"a.json": define("bad", ""), "b.json": define("fine", "")})
	if len(found) != 1 || len(problems) != 1 || !strings.Contains(problems[0], "package_name_replacement_rule") {
		t.Errorf("%+v %v", found, problems)
	}
}

func TestGlobals(t *testing.T) {
	url := `"url": "http://up.example.com/",`
	iso := `{"name": "f", "content_repo_type": "file", "description": "d", "owner": "o", "base_url": "b"}`
	found, problems := read(t, rules, map[string]string{
		// Values for a type count for that type only; nested trees have their own file.
		"remote/global.json":         `{"releases": "global"}`,
		"remote/a.json":              define("a", url),
		"remote/b.json":              define("b", url+`"releases": "own",`),
		"remote/f.json":              iso,
		"team/remote/x/c.json":       define("c", url),
		"team/remote/global.json":    `{"releases": "team", "owner": null}`,
		"broken/remote/global.json":  "{",
		"broken/remote/d.json":       define("d", url),
		"named/internal/global.json": `{"name": "x"}`,
		"typo/internal/global.json":  `{"prxy": null}`,
		"typo2/internal/global.json": `{"prxy": "hunter"}`,
		"kind/internal/global.json":  `{"pulp": []}`,
		"kind2/internal/global.json": `{"pulp": {"package_prefix": 1}}`,
		"named/internal/e.json":      define("e", ""),
		"typo2/internal/e.json":      define("e", ""),
		"kind/internal/e.json":       define("e", ""),
		"kind2/internal/e.json":      define("e", ""),
	})
	releases := map[string]any{}
	for _, d := range found {
		releases[d.Name] = d.Options["releases"]
	}
	if diff := cmp.Diff(map[string]any{"ext-a": "global", "ext-b": "own", "f": nil, "ext-c": "team"}, releases); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"broken/remote/d.json: broken/remote/global.json, which gives values for it, cannot be used",
		"broken/remote/global.json: it is not JSON in line 1: unexpected end of JSON input",
		"kind/internal/e.json: kind/internal/global.json, which gives values for it, cannot be used",
		`kind/internal/global.json: key "pulp" must be an object, not a list`,
		"kind2/internal/e.json: kind2/internal/global.json, which gives values for it, cannot be used",
		`kind2/internal/global.json: key "pulp.package_prefix" must be text, not a number`,
		"named/internal/e.json: named/internal/global.json, which gives values for it, cannot be used",
		`named/internal/global.json: key "name" cannot be the same for all repositories`,
		"typo2/internal/e.json: typo2/internal/global.json, which gives values for it, cannot be used",
		`typo2/internal/global.json: key "prxy" is not known, or no repository type takes hunter`,
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsByReferenceMustBeAllowed(t *testing.T) {
	own := rules
	own.SecretRef = nil
	_, problems := read(t, own, map[string]string{"a.json": define("a", `"url": "http://up.example.com/", "secrets": {"password": "env:A"},`)})
	if len(problems) != 1 || !strings.Contains(problems[0], "may not name secrets by reference") {
		t.Error(problems)
	}
}
