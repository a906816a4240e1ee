// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/listen"
)

// walked asks a route with whatever ids and body fit, and gives the answer's status and headers.
func walked(t *testing.T, h http.Handler, rt route, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(rt.path, "1")
	r := httptest.NewRequestWithContext(ctx, rt.method, path, strings.NewReader("{}"))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every route says who may use it, and nobody else can (D38: 401 for who is not known, 403 for who is; D39: nothing was
// forgotten).
func TestEveryRouteIsLocked(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	h := New(o)
	routes := (&api{Options: o, document: newDocument("")}).routes()
	if len(routes) < 20 {
		t.Fatalf("there are only %d routes", len(routes))
	}
	keys := []struct {
		name, header string
		role         fleet.Role
		known        bool
	}{
		{"no token", "", fleet.RoleNobody, false},
		{"another scheme", "Basic YWxpY2U6c2VjcmV0", fleet.RoleNobody, false}, // D37
		{"garbage", "garbage", fleet.RoleNobody, false},                       // D37
		{"no token after the scheme", "Bearer ", fleet.RoleNobody, false},
		{"two tokens", "Bearer " + adminToken + " " + adminToken, fleet.RoleNobody, false},
		{"wrong token", "Bearer wrong", fleet.RoleNobody, false},             // D37
		{"expired token", "Bearer " + expiredToken, fleet.RoleNobody, false}, // D37
		{"reader", "Bearer " + readerToken, fleet.RoleReader, true},
		{"reader, scheme in small letters", "bearer " + readerToken, fleet.RoleReader, true},
		{"admin", "Bearer " + adminToken, fleet.RoleAdmin, true},
	}
	for _, rt := range routes {
		if rt.access == unsaid {
			t.Errorf("%s %s does not say who may use it", rt.method, rt.path)
		}
		for _, key := range keys {
			t.Run(rt.id+" with "+key.name, func(t *testing.T) {
				var headers []string
				if key.header != "" {
					headers = []string{"Authorization", key.header}
				}
				got := walked(t, h, rt, headers...)
				problem := answer{status: got.Code, body: got.Body.String()}
				switch {
				case key.role.May(rt.access.role()):
					if own := rt.id == loginAction || rt.id == "token-lookup"; !own && (got.Code == http.StatusUnauthorized || got.Code == http.StatusForbidden) || got.Code >= 500 {
						t.Errorf("answered %d: %s", got.Code, got.Body)
					}
				case key.known:
					if p := problem.problem(t); got.Code != http.StatusForbidden || !strings.Contains(p.Detail, "needs the role "+string(rt.access.role())) {
						t.Errorf("answered %d, want 403 naming the role: %s", got.Code, got.Body)
					}
				default:
					if p := problem.problem(t); got.Code != http.StatusUnauthorized || got.Header().Get("WWW-Authenticate") != "Bearer" || p.Detail == "" {
						t.Errorf("answered %d %v, want 401 with WWW-Authenticate: %s", got.Code, got.Header(), got.Body)
					}
				}
			})
		}
	}
}

// What changes something is for admins; what only shows is for readers; only what tells nothing is for everyone.
func TestRoutesAskForTheRightRole(t *testing.T) {
	everyones := map[string]bool{"login": true, "token-lookup": true, "healthz": true, "readyz": true}
	readersToo := map[string]bool{"find-package-content": true, "logout": true} // no GET, and change nothing of the fleet
	for _, rt := range (&api{Options: newMemory().options(), document: newDocument("")}).routes() {
		want := admins
		switch {
		case everyones[rt.id]:
			want = everyone
		case rt.id == "list-audit", rt.id == "get-database", rt.id == "list-processes", rt.id == "list-profiles", rt.id == "get-profile":
		case rt.method == http.MethodGet, readersToo[rt.id]:
			want = readers
		}
		if rt.access != want {
			t.Errorf("%s %s is for %v, want %v", rt.method, rt.path, rt.access, want)
		}
	}
}

// Nothing is read of a request that may not be made, so nothing is told about it.
func TestTheDoorComesFirst(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	h := New(o)
	for _, target := range []string{"/v1/pulp_servers/1/sync_repos?nonsense=1", "/v1/pulp_servers/999/sync_repos"} {
		if got := ask(t, h, http.MethodPost, target, "{"); got.status != http.StatusUnauthorized {
			t.Errorf("%s: answered %d %s", target, got.status, got.body)
		}
	}
}

func TestDocumentationIsOpen(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	h := New(o)
	targets := []string{"/docs", "/redoc", "/openapi.json", "/openapi-3.0.json"}
	for _, name := range assetFiles {
		targets = append(targets, "/static/"+name)
	}
	for _, target := range targets {
		if got := ask(t, h, http.MethodGet, target, "", "Authorization", "Bearer wrong"); got.status != http.StatusOK { // D37: an open route does not look
			t.Errorf("%s: answered %d", target, got.status)
		}
	}
}

func TestWithoutAccessNobodyMayAnything(t *testing.T) {
	o := newMemory().options()
	o.Access = nil
	h := New(o)
	for _, rt := range (&api{Options: o, document: newDocument("")}).routes() {
		if got := walked(t, h, rt, "Authorization", "Bearer "+adminToken); rt.access != everyone && got.Code != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", rt.id, got.Code)
		}
	}
	if got := ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"x"}`); got.status != http.StatusServiceUnavailable {
		t.Errorf("login: answered %d", got.status)
	}
}

// D40: what is open is open for everything, what is for reading only does not change anything.
func TestPolicies(t *testing.T) {
	const list, change = "/v1/tasks/", "/v1/pulp_servers/1/register_repos"
	for _, test := range []struct {
		name         string
		policy       auth.Policy
		headers      []string
		list, change int
	}{
		{"closed", auth.Policy{}, nil, 401, 401},
		{"open", auth.Policy{Open: true}, nil, 200, 201},
		{"open, with an old token", auth.Policy{Open: true}, []string{"Authorization", "Bearer " + expiredToken}, 200, 201},
		{"reads are public", auth.Policy{PublicReads: true}, nil, 200, 401},
		{"reads are public, a wrong token", auth.Policy{PublicReads: true}, []string{"Authorization", "Bearer wrong"}, 401, 401},
		{"reads are public, an old cookie", auth.Policy{PublicReads: true}, []string{"Cookie", "pulp_manager_session=" + expiredToken}, 200, 401},
		{"reads are public, an admin", auth.Policy{PublicReads: true}, []string{"Authorization", "Bearer " + adminToken}, 200, 201},
		{"cookie", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + adminToken}, 200, 201},
		{"cookie of a reader", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + readerToken}, 200, 403},
		{"old cookie", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + expiredToken}, 401, 401},
		{"the header goes before the cookie", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + adminToken, "Authorization", "Bearer wrong"}, 401, 401},
		{"cookie of a plain connection over TLS", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + adminToken, "TLS", "yes"}, 401, 401},
		{"cookie over TLS", auth.Policy{}, []string{"Cookie", "__Host-pulp_manager_session=" + adminToken, "TLS", "yes"}, 200, 201},
		{"cookie from another site", auth.Policy{}, []string{"Cookie", "pulp_manager_session=" + adminToken, "Sec-Fetch-Site", "cross-site"}, 200, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newMemory().options()
			o.Access = &door{policy: test.policy}
			h := New(o)
			if strings.Contains(strings.Join(test.headers, " "), "TLS yes") {
				plain := h
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					plain.ServeHTTP(w, listen.OverHTTPS(r))
				})
			}
			if got := ask(t, h, http.MethodGet, list, "", test.headers...); got.status != test.list {
				t.Errorf("reading: answered %d, want %d: %s", got.status, test.list, got.body)
			}
			if got := ask(t, h, http.MethodPost, change, "{}", test.headers...); got.status != test.change {
				t.Errorf("changing: answered %d, want %d: %s", got.status, test.change, got.body)
			}
		})
	}
}

func TestAccessThatCannotBeAsked(t *testing.T) {
	o := newMemory().options()
	o.Access = &door{err: fault.New(fault.Unavailable, "the database cannot be reached")}
	got := ask(t, New(o), http.MethodGet, "/v1/tasks/", "", "Authorization", "Bearer "+adminToken)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

// With logins a foreign name is nobody's way in: a page of it has no token.
func TestForeignHostsAreRefusedWhereNobodyLogsIn(t *testing.T) {
	for _, test := range []struct {
		policy auth.Policy
		status int
	}{{auth.Policy{Open: true}, http.StatusMisdirectedRequest}, {auth.Policy{PublicReads: true}, http.StatusMisdirectedRequest}, {auth.Policy{}, http.StatusOK}} {
		o := newMemory().options()
		o.Loopback, o.Access = true, &door{policy: test.policy}
		got := ask(t, New(o), http.MethodGet, "/v1/tasks/", "", "Host", "pulp-manager.example.com", "Authorization", "Bearer "+adminToken)
		if got.status != test.status {
			t.Errorf("%+v: answered %d, want %d", test.policy, got.status, test.status)
		}
	}
}

func TestAccessLogNamesTheUser(t *testing.T) {
	o := newMemory().options()
	o.Access = newDoor()
	logger, log := logged()
	o.Logger = logger
	h := New(o)
	ask(t, h, http.MethodGet, "/v1/auth/token_lookup?token="+adminToken, "")
	ask(t, h, http.MethodGet, "/v1/tasks/", "", "Authorization", "Bearer "+readerToken)
	ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"`+rightPassword+`"}`)
	if text := log.String(); !strings.Contains(text, "user=bob") || !strings.Contains(text, "client=192.0.2.1 user=alice") || strings.Contains(text, "token-of") || strings.Contains(text, "horse") {
		t.Errorf("log: %s", text)
	}
}

func TestDocumentSaysWhatIsLocked(t *testing.T) {
	for _, target := range []string{"/openapi.json", "/openapi-3.0.json"} {
		document, ok := plain(t, ask(t, New(newMemory().options()), http.MethodGet, target, "").body).(map[string]any)
		if !ok {
			t.Fatal("no document")
		}
		schemes, _ := document["components"].(map[string]any)["securitySchemes"].(map[string]any)
		if scheme, _ := schemes["bearer"].(map[string]any); scheme["type"] != "http" || scheme["scheme"] != "bearer" {
			t.Errorf("%s: schemes %v", target, schemes)
		}
		paths, _ := document["paths"].(map[string]any)
		for _, rt := range (&api{Options: newMemory().options(), document: newDocument("")}).routes() {
			op, _ := paths[rt.path].(map[string]any)[strings.ToLower(rt.method)].(map[string]any)
			responses, _ := op["responses"].(map[string]any)
			_, secured := op["security"]
			_, unknown := responses["401"]
			_, refused := responses["403"]
			if locked := rt.access != everyone; secured != locked || locked && !(unknown && refused) {
				t.Errorf("%s %s: security %v, 401 %v, 403 %v", target, rt.id, secured, unknown, refused)
			}
		}
	}
}
