// SPDX-License-Identifier: Apache-2.0

// Package vaultfake is a Vault in memory, over HTTP: KV of both versions, namespaces, and logins by
// AppRole and Kubernetes with tokens that end. Answers are as the API documentation of Vault and OpenBao has them.
package vaultfake

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is the fake. Fields are set before it is asked.
type Server struct {
	Agent bool // requests need no token, and must have none
	// Secrets by path below /v1/, with its namespace and a colon before it if it has one: "ns:kv/data/a".
	Secrets   map[string]map[string]any
	Forbidden map[string]bool // paths that no policy allows

	RoleID, SecretID string        // of auth/approle
	JWT, Role        string        // of auth/kubernetes
	Wrapped          string        // token that wraps SecretID; works once
	TTL              time.Duration // of tokens that logins give; 0: they do not end
	Renewable        bool
	Namespace        string // of the logins

	mu       sync.Mutex
	tokens   map[string]time.Time // → when it ends; zero: never
	requests []Request
	answer   func(w http.ResponseWriter, r *http.Request) bool
	changed  chan struct{}
}

// Request is one that came in.
type Request struct {
	Method, Path, Namespace, Token string
	Body                           map[string]any
}

// Start serves the fake until the test ends, and gives its address.
func (s *Server) Start(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// Answer makes fn answer requests in its place; it tells whether it did. Nil: no longer.
func (s *Server) Answer(fn func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = fn
}

// Put changes a secret.
func (s *Server) Put(path string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Secrets[path] = fields
}

// Issue makes a token, as an administrator does.
func (s *Server) Issue(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issue(token)
}

// Revoke ends all tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = nil
}

// Tokens gives how many tokens have not ended.
func (s *Server) Tokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for token := range s.tokens {
		if s.known(token) {
			n++
		}
	}
	return n
}

// AwaitEnd waits until all tokens have ended.
func (s *Server) AwaitEnd(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	var last time.Time
	for _, end := range s.tokens {
		if end.IsZero() || time.Until(end) > time.Minute {
			t.Error("there is a token that does not end")
		} else if end.After(last) {
			last = end
		}
	}
	s.mu.Unlock()
	<-time.After(time.Until(last))
}

// Asked gives the requests so far whose path begins with path.
func (s *Server) Asked(path string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Request
	for _, r := range s.requests {
		if strings.HasPrefix(r.Path, path) {
			found = append(found, r)
		}
	}
	return found
}

// Await waits until there were n requests whose path begins with path.
func (s *Server) Await(t testing.TB, path string, n int) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if len(s.Asked(path)) >= n {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d requests to %s, want %d", len(s.Asked(path)), path, n)
		}
	}
}

// ServeHTTP answers as Vault does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := Request{
		Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, "/v1/"),
		Namespace: r.Header.Get("X-Vault-Namespace"), Token: r.Header.Get("X-Vault-Token"),
	}
	if r.Method != http.MethodGet {
		_ = json.NewDecoder(r.Body).Decode(&asked.Body)
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
	answer := s.answer
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, body := s.respond(asked, r.Header.Get("X-Vault-Request"))
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func refuse(status int, words ...string) (int, any) {
	return status, map[string]any{"errors": append([]string{}, words...)}
}

func (s *Server) respond(r Request, guard string) (int, any) {
	switch {
	case guard != "true":
		return refuse(http.StatusPreconditionFailed, "missing required header")
	case strings.HasPrefix(r.Path, "auth/") && strings.HasSuffix(r.Path, "/login"):
		return s.login(r)
	case r.Path == "sys/wrapping/unwrap":
		if r.Token != s.Wrapped || s.Wrapped == "" {
			return refuse(http.StatusBadRequest, "wrapping token is not valid or does not exist")
		}
		s.Wrapped = ""
		return http.StatusOK, map[string]any{"data": map[string]any{"secret_id": s.SecretID, "secret_id_accessor": "accessor"}}
	case s.Agent && r.Token != "":
		return refuse(http.StatusBadRequest, "not as an agent is asked")
	case !s.Agent && !s.known(r.Token):
		return refuse(http.StatusForbidden, "permission denied", "invalid token")
	case r.Path == "auth/token/lookup-self":
		left := 0.0
		if end := s.tokens[r.Token]; !end.IsZero() {
			left = time.Until(end).Seconds()
		}
		return http.StatusOK, map[string]any{"data": map[string]any{"ttl": int(left + 0.5), "renewable": s.Renewable, "id": r.Token}}
	case r.Path == "auth/token/renew-self":
		if !s.Renewable {
			return refuse(http.StatusBadRequest, "lease is not renewable")
		}
		return http.StatusOK, s.issue(r.Token)
	case r.Path == "auth/token/revoke-self":
		delete(s.tokens, r.Token)
		return http.StatusNoContent, nil
	}
	path := r.Path
	if r.Namespace != "" {
		path = r.Namespace + ":" + path
	}
	if s.Forbidden[path] {
		return refuse(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	}
	if data, ok := s.Secrets[path]; ok && r.Method == http.MethodGet {
		if strings.Contains(path, "/data/") {
			data = map[string]any{"data": data, "metadata": map[string]any{"version": 3}}
		}
		return http.StatusOK, map[string]any{"data": data, "lease_id": "", "lease_duration": 2764800, "renewable": false}
	}
	return refuse(http.StatusNotFound)
}

// login answers a login. Unlike a real one, it says no with what it was sent.
func (s *Server) login(r Request) (int, any) {
	text := func(key string) string { v, _ := r.Body[key].(string); return v }
	switch {
	case r.Namespace != s.Namespace:
		return refuse(http.StatusNotFound, "no handler for route")
	case r.Path == "auth/approle/login" && s.RoleID != "":
		if text("role_id") != s.RoleID || text("secret_id") != s.SecretID || s.SecretID == "" {
			return refuse(http.StatusBadRequest, "invalid role or secret ID: "+text("secret_id"))
		}
	case r.Path == "auth/kubernetes/login" && s.JWT != "":
		if text("jwt") != s.JWT || text("role") != s.Role {
			return refuse(http.StatusForbidden, "permission denied: "+text("jwt"))
		}
	default:
		return refuse(http.StatusNotFound, "no handler for route \""+r.Path+"\". route entry not found.")
	}
	return http.StatusOK, s.issue("hvs." + rand.Text())
}

func (s *Server) issue(token string) any {
	if s.tokens == nil {
		s.tokens = map[string]time.Time{}
	}
	s.tokens[token] = time.Time{}
	if s.TTL > 0 {
		s.tokens[token] = time.Now().Add(s.TTL)
	}
	return map[string]any{"auth": map[string]any{
		"client_token": token, "lease_duration": int(s.TTL.Seconds()), "renewable": s.Renewable, "policies": []string{"default", "pulp"},
	}}
}

func (s *Server) known(token string) bool {
	end, ok := s.tokens[token]
	return ok && (end.IsZero() || time.Now().Before(end))
}
