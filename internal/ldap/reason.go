// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/pulp/pulp-manager/internal/fault"
)

// outage is a server that cannot be asked: the next one is.
type outage struct {
	server *server
	reason string // may be shown
	dead   bool   // it would be the same for everybody else now: others are asked first for a while
	err    error
}

func (o outage) Error() string { return o.server.name + ": " + o.reason }

func (o outage) Unwrap() error { return o.err }

func outageOf(err error) (outage, bool) {
	o, ok := errors.AsType[outage](err)
	return o, ok
}

// refused is the one answer to a wrong name and a wrong password. Why is for the log.
func refused(why string) error {
	return fault.Wrap(fault.Unauthenticated, errors.New(why), "wrong user name or password")
}

// unavailable tells why each server could not be asked.
func unavailable(outages []outage) error {
	var reasons []string
	var causes []error
	hint := "check that the servers of [auth] ldap_servers run and can be reached from here, by the port and encryption configured"
	for _, o := range outages {
		reasons = append(reasons, o.Error())
		causes = append(causes, fmt.Errorf("%s: %w", o.server.name, o.err))
		if _, untrusted := errors.AsType[x509.UnknownAuthorityError](o.err); untrusted {
			hint = "name the CA that signed the directory's certificate in [auth] ldap_ca_file"
		}
	}
	return fault.Wrap(fault.Unavailable, errors.Join(causes...), "no LDAP server can be asked: %s", strings.Join(reasons, "; ")).
		WithHint("%s", hint)
}

// resultOf gives what a server answered, and its text for the log; answered is false where it did not.
func resultOf(err error) (code uint16, text string, answered bool) {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok || e.ResultCode >= ldap.ErrorNetwork {
		return 0, "", false
	}
	if e.Err != nil {
		text = e.Err.Error()
	}
	return e.ResultCode, text, true
}

// subCode is how Active Directory says in a text why it refuses a bind.
var subCode = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)\b`)

// adReasons are the sub-codes: in words for the log, and whether the user may know. Active Directory gives those that are
// shown only where the password is right; 775 also where it is wrong, but of use to who owns the account.
var adReasons = map[string]struct {
	words string
	hint  string // what to do; empty: not shown
}{
	"525": {"there is no such user", ""},
	"52e": {"the password is wrong", ""},
	"530": {"logins are not permitted at this time", "try again within the hours that your account is for"},
	"531": {"logins from this computer are not permitted", "ask whoever runs the directory to let your account log in on its servers"},
	"532": {"the password has expired", "change it, then log in again"},
	"533": {"the account is disabled", "ask whoever runs the directory"},
	"701": {"the account has expired", "ask whoever runs the directory"},
	"773": {"the password must be changed first", "change it, then log in again"},
	"775": {"the account is locked", "wait until the directory unlocks it, or ask whoever runs it"},
}

// bindResult classifies the answer to a bind: a verdict on this login is final, all else is asked of the next server.
func (c *conn) bindResult(code uint16, text string) error {
	switch code {
	case ldap.LDAPResultInvalidCredentials:
		sub := subCode.FindStringSubmatch(text)
		if sub == nil {
			return refused("the directory says: invalid credentials")
		}
		ad, known := adReasons[strings.ToLower(sub[1])]
		switch {
		case !known:
			return refused("the directory says: invalid credentials, data " + sub[1])
		case ad.hint == "":
			return refused("the directory says: " + ad.words)
		}
		return fault.Wrap(fault.Unauthenticated, errors.New("data "+sub[1]), "%s", ad.words).WithHint("%s", ad.hint)
	case ldap.LDAPResultInvalidDNSyntax:
		return refused("the directory takes no such name to bind with: set [auth] ldap_bind_name")
	case ldap.LDAPResultConstraintViolation: // so 389 Directory Server says it
		return fault.Wrap(fault.Unauthenticated, errors.New(words(code)), "the account is locked").WithHint("%s", adReasons["775"].hint)
	case ldap.LDAPResultNoSuchObject, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInsufficientAccessRights,
		ldap.LDAPResultUnwillingToPerform:
		return refused("the directory says: " + words(code))
	}
	return c.result(code)
}

// result is the outage of a server that answers that it cannot answer. One that does so whoever asks is dead.
func (c *conn) result(code uint16) error {
	o := outage{server: c.server, reason: "it answered: " + words(code), err: fmt.Errorf("result code %d", code)}
	switch code {
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		o.dead = true
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		o.reason = "it wants an encrypted connection"
	case ldap.LDAPResultReferral:
		o.reason = "it refers to another server, which is not followed"
	}
	return o
}

// words gives a result code's name.
func words(code uint16) string {
	if text, known := ldap.LDAPResultCodeMap[code]; known {
		return text
	}
	return fmt.Sprintf("result code %d", code)
}

// reason gives an error on the way to a server in words that may be shown.
func reason(err error, limit time.Duration) string {
	untrusted, isUntrusted := errors.AsType[x509.UnknownAuthorityError](err)
	host, isHost := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	code, _, answered := resultOf(err)
	switch {
	case answered:
		return "it answered to StartTLS: " + words(code)
	case isUntrusted:
		return "its certificate is signed by " + issuer(untrusted.Cert) + ", which is not trusted here"
	case isHost:
		return "its certificate is for " + hosts(host.Certificate) + ", not for " + host.Host
	case isInvalid:
		return "its certificate cannot be used: " + invalid.Error()
	case isRecord:
		return "it does not speak TLS on this port"
	case isAlert:
		return "it and we agree on no TLS: " + err.Error()
	case isDNS && dns.IsNotFound:
		return "its name is not known"
	case errors.Is(err, errNotLDAP), errors.Is(err, errTooLarge):
		return err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses the connection"
	case isTimeout(err):
		return fmt.Sprintf("no answer within %s", limit)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return "it closed the connection"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "it cannot be reached: " + op.Err.Error()
	}
	return "the connection ended"
}

func issuer(c *x509.Certificate) string {
	if c == nil || c.Issuer.String() == "" {
		return "a CA"
	}
	return fmt.Sprintf("%q", c.Issuer.String())
}

// hosts gives whom a certificate is for. Its common name does not count any more.
func hosts(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host at all (it has no subject alternative name)"
	}
	return strings.Join(names, ", ")
}

// isTimeout tells whether time was the reason. The library has no type for it.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		strings.Contains(err.Error(), "timed out")
}
