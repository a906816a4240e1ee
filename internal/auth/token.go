// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	issuer = "pulp-manager"
	// leeway is how far the clocks of our processes may be apart.
	leeway = 150 * time.Second
	// longestToken that is looked at, bytes.
	longestToken = 16 << 10
	// groupBytes is how much of a token groups may take: with the rest it must fit a cookie (4,096 bytes).
	groupBytes = 1500
	// ShortestSecret is how long a secret of the HS algorithms should be, bytes (RFC 7518 section 3.2).
	ShortestSecret = 32
)

// TokenOptions say how tokens are signed.
type TokenOptions struct {
	Algorithm string               // HS256 … ES512
	Secret    fleet.Secret         // of the HS algorithms
	PEM       fleet.Secret         // private key of the others
	Lifetime  func() time.Duration // of new tokens
	Now       func() time.Time     // nil: time.Now
}

// Tokens makes and reads tokens.
type Tokens struct {
	method     jwt.SigningMethod
	key, check any // keys
	lifetime   func() time.Duration
	now        func() time.Time
	parser     *jwt.Parser
}

// claims are what a token says. Username and Expires are for clients of the original (legacy section 4.2); nothing of ours
// reads them (D53).
type claims struct {
	jwt.RegisteredClaims
	Groups   []string   `json:"groups"`
	Role     fleet.Role `json:"role,omitempty"`  // of a directory with roles of its own
	Stamp    string     `json:"stamp,omitempty"` // fleet.Identity.Stamp at the login
	Username string     `json:"username"`
	Expires  float64    `json:"expires"`
}

// NewTokens makes tokens by an algorithm and its key. Invalid where the key does not fit.
func NewTokens(o TokenOptions) (*Tokens, error) {
	t := &Tokens{method: jwt.GetSigningMethod(o.Algorithm), lifetime: o.Lifetime, now: o.Now}
	if t.now == nil {
		t.now = time.Now
	}
	var err error
	switch m := t.method.(type) {
	case *jwt.SigningMethodHMAC:
		if o.Secret.Empty() {
			return nil, fault.New(fault.Invalid, "%s needs a secret to sign logins with", o.Algorithm).WithHint("set JWT_SECRET")
		}
		t.key, t.check = []byte(o.Secret.Reveal()), []byte(o.Secret.Reveal())
	case *jwt.SigningMethodRSA:
		err = t.rsa(o)
	case *jwt.SigningMethodECDSA:
		err = t.ecdsa(o, m)
	default:
		return nil, fault.New(fault.Invalid, "logins cannot be signed with %q", o.Algorithm)
	}
	if err != nil {
		return nil, err
	}
	t.parser = jwt.NewParser(jwt.WithValidMethods([]string{o.Algorithm}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithIssuer(issuer), jwt.WithLeeway(leeway), jwt.WithTimeFunc(t.now), jwt.WithStrictDecoding())
	return t, nil
}

func (t *Tokens) rsa(o TokenOptions) error {
	key, err := privateKey(o.PEM)
	if err != nil {
		return err
	}
	private, ok := key.(*rsa.PrivateKey)
	switch {
	case !ok:
		return fault.New(fault.Invalid, "%s needs an RSA key", o.Algorithm).WithHint("make one with `openssl genrsa 3072`")
	case private.N.BitLen() < 2048:
		return fault.New(fault.Invalid, "the RSA key has %d bits, fewer than 2048", private.N.BitLen()).WithHint("make one with `openssl genrsa 3072`")
	}
	t.key, t.check = private, private.Public()
	return nil
}

func (t *Tokens) ecdsa(o TokenOptions, m *jwt.SigningMethodECDSA) error {
	key, err := privateKey(o.PEM)
	if err != nil {
		return err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Params().BitSize != m.CurveBits {
		return fault.New(fault.Invalid, "%s needs an EC key on the curve P-%d", o.Algorithm, m.CurveBits).
			WithHint("make one with `openssl ecparam -genkey -noout -name %s`", map[int]string{256: "prime256v1", 384: "secp384r1", 521: "secp521r1"}[m.CurveBits])
	}
	t.key, t.check = private, private.Public()
	return nil
}

// privateKey reads a PEM key in any of the usual forms; files of openssl may have the curve's parameters before it.
func privateKey(text fleet.Secret) (crypto.PrivateKey, error) {
	for rest := []byte(text.Reveal()); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fault.New(fault.Invalid, "the key that signs logins is not a private key in PEM form without a passphrase").
				WithHint("it must have a part that begins with -----BEGIN PRIVATE KEY-----")
		}
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	}
}

// sign makes a token for somebody.
func (t *Tokens) sign(who fleet.Identity, p Policy) (string, *claims, error) {
	now := t.now().UTC().Truncate(time.Second)
	ends := now.Add(t.lifetime())
	c := &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: who.User, ID: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(ends),
		},
		Groups: kept(who.Groups, p), Role: who.Role, Stamp: who.Stamp, Username: who.User, Expires: float64(ends.Unix()),
	}
	token, err := jwt.NewWithClaims(t.method, c).SignedString(t.key)
	return token, c, err
}

// kept gives the groups that a token names: all where they fit, else first those that have a role.
func kept(groups []string, p Policy) []string {
	var first, rest []string
	for _, g := range groups {
		named := func(name string) bool { return strings.EqualFold(name, g) }
		if slices.ContainsFunc(p.AdminGroups, named) || slices.ContainsFunc(p.ReaderGroups, named) {
			first = append(first, g)
		} else {
			rest = append(rest, g)
		}
	}
	out, size := []string{}, 0
	for i, g := range append(first, rest...) {
		if size += len(g) + len(`"",`); size > groupBytes && i >= len(first) {
			break
		}
		out = append(out, g)
	}
	slices.Sort(out)
	return out
}

// parse gives what a token says, if it is ours and its time has not passed. Unauthenticated; its cause never holds the token.
func (t *Tokens) parse(token string) (*claims, error) {
	if len(token) > longestToken || strings.ContainsAny(token, "\r\n") { // line ends are no part of base64, but decoders skip them
		return nil, notLoggedIn(nil, "the token is not one of ours")
	}
	c := &claims{}
	_, err := t.parser.ParseWithClaims(token, c, func(*jwt.Token) (any, error) { return t.check, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, notLoggedIn(nil, "the login has expired")
	case err != nil:
		return nil, notLoggedIn(err, "the token is not one of ours")
	case c.ID == "" || c.Subject == "":
		return nil, notLoggedIn(nil, "the token is not one of ours")
	}
	return c, nil
}
