// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const secretText = "0123456789abcdef0123456789abcdef"

func hsTokens(t testing.TB, algorithm string) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokenOptions{Algorithm: algorithm, Secret: fleet.NewSecret(secretText), Lifetime: func() time.Duration { return time.Hour }})
	must(t, err)
	return tokens
}

func pemKey(t testing.TB, kind string, der []byte, err error) fleet.Secret {
	t.Helper()
	must(t, err)
	return fleet.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// keysFor gives private keys by name.
func keysFor(t testing.TB) map[string]fleet.Secret {
	t.Helper()
	all := map[string]fleet.Secret{}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	all["rsa"] = pemKey(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil)
	for name, curve := range map[string]elliptic.Curve{"256": elliptic.P256(), "384": elliptic.P384(), "521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		must(t, err)
		der, err := x509.MarshalECPrivateKey(key)
		all[name] = fleet.NewSecret("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pemKey(t, "EC PRIVATE KEY", der, err).Reveal())
		if name == "256" {
			der, err := x509.MarshalPKCS8PrivateKey(key)
			all["pkcs8"] = pemKey(t, "PRIVATE KEY", der, err)
		}
	}
	return all
}

func TestTokensOfEachAlgorithm(t *testing.T) {
	pems := keysFor(t)
	made := map[string]*Tokens{}
	for algorithm, key := range map[string]string{
		"HS256": "", "HS384": "", "HS512": "", "RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "ES256": "256", "ES384": "384", "ES512": "521",
	} {
		tokens, err := NewTokens(TokenOptions{Algorithm: algorithm, Secret: fleet.NewSecret(secretText), PEM: pems[key], Lifetime: func() time.Duration { return time.Hour }})
		must(t, err)
		made[algorithm] = tokens
	}
	for by, tokens := range made {
		token, _, err := tokens.sign(fleet.Identity{User: "alice"}, Policy{})
		must(t, err)
		for algorithm, reads := range made {
			c, err := reads.parse(token)
			if (err == nil) != (by == algorithm) || err == nil && c.Subject != "alice" {
				t.Errorf("%s read as %s: %v", by, algorithm, err)
			}
		}
	}
	for _, bad := range []struct{ algorithm, key string }{
		{"none", ""}, {"", ""}, {"PS256", "rsa"}, {"RS256", "256"}, {"RS256", ""}, {"ES256", "384"}, {"ES384", "rsa"}, {"EdDSA", "rsa"},
	} {
		_, err := NewTokens(TokenOptions{Algorithm: bad.algorithm, PEM: pems[bad.key]})
		is(t, err, fault.Invalid)
	}
	_, err := NewTokens(TokenOptions{Algorithm: "ES256", PEM: pems["pkcs8"]})
	must(t, err)
	_, err = NewTokens(TokenOptions{Algorithm: "HS256"})
	is(t, err, fault.Invalid)
}

// Old clients read username, groups and expires (legacy section 4.2); everybody else the standard ones. // D53
func TestTokenClaims(t *testing.T) {
	tokens := hsTokens(t, "HS256")
	now := time.Date(2026, 11, 25, 2, 0, 0, 999, time.UTC)
	tokens.now = func() time.Time { return now }
	token, _, err := tokens.sign(fleet.Identity{User: "alice", Groups: []string{"Ops Team", "dev.x"}, Role: fleet.RoleAdmin, Stamp: "s"}, Policy{})
	must(t, err)
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var got map[string]any
	must(t, json.Unmarshal(text, &got))
	if id, _ := got["jti"].(string); len(id) != 36 {
		t.Errorf("jti %q", id)
	}
	delete(got, "jti")
	start := float64(now.Unix())
	want := map[string]any{
		"iss": "pulp-manager", "sub": "alice", "iat": start, "nbf": start, "exp": start + 3600, "groups": []any{"Ops Team", "dev.x"},
		"username": "alice", "expires": start + 3600, "role": "admin", "stamp": "s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTokensOfManyGroupsFitACookie(t *testing.T) {
	who := fleet.Identity{User: strings.Repeat("u", longestUser), Stamp: strings.Repeat("s", 24), Role: fleet.RoleReader}
	for i := range 900 {
		who.Groups = append(who.Groups, fmt.Sprintf("department %04d of the company", i))
	}
	policy := Policy{AdminGroups: []string{"DEPARTMENT 0899 of the company"}}
	tokens := hsTokens(t, "HS512")
	token, c, err := tokens.sign(who, policy)
	must(t, err)
	if len(token) > 3800 || len(c.Groups) < 20 || policy.Role(c.Groups) != fleet.RoleAdmin {
		t.Errorf("%d bytes, %d groups, role %q", len(token), len(c.Groups), policy.Role(c.Groups))
	}
}

// forged makes tokens that are signed right and wrong in another way.
func forged(t testing.TB, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	now := time.Now()
	c := jwt.MapClaims{
		"iss": issuer, "sub": "alice", "jti": "1", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "groups": []string{"ops"},
	}
	if change != nil {
		change(c)
	}
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	must(t, err)
	return token
}

func TestTokensThatAreNoGood(t *testing.T) {
	tokens := hsTokens(t, "HS256")
	key := []byte(secretText)
	set := func(name string, value any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = value } }
	without := func(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	good := forged(t, jwt.SigningMethodHS256, key, nil)
	if _, err := tokens.parse(good); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.parse(forged(t, jwt.SigningMethodHS256, key, set("exp", at(-leeway/2)))); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	pems := keysFor(t)
	rs, err := NewTokens(TokenOptions{Algorithm: "RS256", PEM: pems["rsa"], Lifetime: func() time.Duration { return time.Hour }})
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(rs.check)
	must(t, err)
	confused := forged(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), nil)
	if _, err := rs.parse(confused); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the public key as a secret: %v", err)
	}
	for name, token := range map[string]string{
		"nothing":        "",
		"no token":       "x.y.z",
		"none":           forged(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"another key":    forged(t, jwt.SigningMethodHS256, []byte("x"+secretText), nil),
		"another method": forged(t, jwt.SigningMethodHS512, key, nil),
		"no exp":         forged(t, jwt.SigningMethodHS256, key, without("exp")),
		"the original's": forged(t, jwt.SigningMethodHS256, key, func(c jwt.MapClaims) {
			clear(c)
			c["username"], c["groups"], c["expires"] = "alice", []string{"ops"}, 9e9
		}),
		"expired":          forged(t, jwt.SigningMethodHS256, key, set("exp", at(-2*leeway))),
		"not yet":          forged(t, jwt.SigningMethodHS256, key, set("nbf", at(2*leeway))),
		"from the future":  forged(t, jwt.SigningMethodHS256, key, set("iat", at(2*leeway))),
		"another issuer":   forged(t, jwt.SigningMethodHS256, key, set("iss", "elsewhere")),
		"no issuer":        forged(t, jwt.SigningMethodHS256, key, without("iss")),
		"no id":            forged(t, jwt.SigningMethodHS256, key, without("jti")),
		"nobody":           forged(t, jwt.SigningMethodHS256, key, set("sub", "")),
		"groups a text":    forged(t, jwt.SigningMethodHS256, key, set("groups", "ops")),
		"signature cut":    good[:len(good)-1],
		"signature gone":   good[:strings.LastIndexByte(good, '.')+1],
		"more behind":      good + ".x",
		"another letter":   good[:len(good)-1] + string(good[len(good)-1]^1),
		"far too long":     good + strings.Repeat("A", longestToken),
		"a line end":       good + "\n",
		"another's claims": strings.Join([]string{strings.Split(good, ".")[0], strings.Split(forged(t, jwt.SigningMethodHS256, key, set("sub", "root")), ".")[1], strings.Split(good, ".")[2]}, "."),
	} {
		c, err := tokens.parse(token)
		if c != nil || !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, c, err)
			continue
		}
		if expired := strings.Contains(fault.Message(err), "expired"); expired != (name == "expired") {
			t.Errorf("%s: %v", name, err)
		}
		if token != "" && len(token) > 10 && strings.Contains(err.Error(), token[len(token)-10:]) {
			t.Errorf("%s: the error holds the token: %v", name, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	tokens := hsTokens(f, "HS256")
	key := []byte(secretText)
	for _, seed := range []string{
		"", "..", "a.b.c", forged(f, jwt.SigningMethodHS256, key, nil), forged(f, jwt.SigningMethodHS512, key, nil),
		forged(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := tokens.parse(token)
		if err != nil {
			if c != nil || !fault.Is(err, fault.Unauthenticated) || fault.Hint(err) == "" {
				t.Fatalf("%+v, %v", c, err)
			}
			return
		}
		// What is taken must be signed with our key, whatever way it is written.
		at := strings.LastIndexByte(token, '.')
		sum, err := base64.RawURLEncoding.DecodeString(token[at+1:])
		if err != nil || jwt.SigningMethodHS256.Verify(token[:at], sum, key) != nil || c.Subject == "" || c.ID == "" {
			t.Fatalf("taken: %q", token)
		}
	})
}
