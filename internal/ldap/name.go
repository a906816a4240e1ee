// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	maxName     = 256  // bytes
	maxPassword = 4096 // bytes
)

const defaultFilter = "(sAMAccountName={user})"

// names makes what is sent to the directory from the name that somebody types.
type names struct {
	base   string
	domain string // of names without one; may be empty
	bind   string // template; empty: none
	isDN   bool   // bind is one of a DN
	filter string // template
}

// name is a name that somebody typed.
type name struct {
	typed  string
	user   string // without a domain
	domain string // typed with it, else the default one; may be empty
	form   form
	bind   string // what is bound with
	bound  *ldap.DN
	filter string // finds the entry
}

// form is how a name was typed, as far as that matters.
type form int

const (
	bare      form = iota // user
	backslash             // DOMAIN\user
	principal             // user@domain
)

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// newNames checks the templates with a user for whom nothing needs to be escaped.
func newNames(cfg Config) (names, error) {
	ns := names{base: cfg.BaseDN, domain: cfg.DefaultDomain, bind: cfg.BindName, filter: cfg.UserFilter}
	if ns.filter == "" {
		ns.filter = defaultFilter
	}
	if dn, err := ldap.ParseDN(ns.base); err != nil || len(dn.RDNs) == 0 {
		return names{}, fault.New(fault.Invalid, "[auth] base_dn is not a DN").WithHint("set it to one such as DC=example,DC=com")
	}
	if err := placeholders("ldap_user_filter", ns.filter, "{user}"); err != nil {
		return names{}, err
	}
	if _, err := ldap.CompileFilter(ns.filterFor("x")); err != nil {
		return names{}, fault.Wrap(fault.Invalid, err, "[auth] ldap_user_filter is not a filter").
			WithHint("set it to one in brackets, such as (uid={user})")
	}
	if ns.bind == "" {
		return ns, nil
	}
	if err := placeholders("ldap_bind_name", ns.bind, "{user}", "{domain}", "{base_dn}"); err != nil {
		return names{}, err
	}
	// Only a DN has an equals sign outside {base_dn}, which is one itself.
	ns.isDN = strings.ContainsRune(ns.bind, '=') || strings.Contains(ns.bind, "{base_dn}")
	if _, err := ldap.ParseDN(ns.bindFor("x", "y")); ns.isDN && err != nil {
		return names{}, fault.Wrap(fault.Invalid, err, "[auth] ldap_bind_name is not a DN").
			WithHint("set it to one such as uid={user},ou=people,{base_dn}")
	}
	return ns, nil
}

// placeholders checks that a template has {user} and nothing in braces that is not known.
func placeholders(key, template string, known ...string) error {
	hint := "it may have " + strings.Join(known, ", ") + ", and must have {user}"
	if !strings.Contains(template, "{user}") {
		return fault.New(fault.Invalid, "[auth] %s has no {user}", key).WithHint("%s", hint)
	}
	for _, found := range placeholder.FindAllString(template, -1) {
		if !slices.Contains(known, found) {
			return fault.New(fault.Invalid, "[auth] %s has %s, which is not known", key, found).WithHint("%s", hint)
		}
	}
	return nil
}

func (ns names) warnings() []string {
	if ns.bind == "" && ns.domain == "" {
		return []string{`[auth] default_domain and ldap_bind_name are empty: people must log in as user@domain or DOMAIN\user`}
	}
	return nil
}

// parse reads a typed name. The error is Unauthenticated; why it is none is for the log.
func (ns names) parse(typed string) (name, error) {
	n := name{typed: typed, user: typed, domain: ns.domain}
	if why := unusable(typed); why != "" {
		return name{}, refused(why)
	}
	// A template without {domain} has no use for one: an @ or a backslash is part of the name then.
	if ns.bind == "" || strings.Contains(ns.bind, "{domain}") {
		if domain, user, found := strings.Cut(typed, `\`); found {
			n.domain, n.user, n.form = domain, user, backslash
		} else if at := strings.LastIndexByte(typed, '@'); at >= 0 {
			n.user, n.domain, n.form = typed[:at], typed[at+1:], principal
		}
		if n.form != bare && (n.user == "" || n.domain == "") || strings.ContainsRune(n.user, '\\') {
			return name{}, refused("the name has an odd form")
		}
	}
	n.filter = ns.filterFor(n.user)
	switch {
	case ns.bind != "":
		n.bind = ns.bindFor(n.user, n.domain)
	case n.form == bare && n.domain != "":
		n.bind = n.domain + `\` + n.user
	default: // D50: what has a domain gets no second one
		n.bind = typed
	}
	if ns.isDN {
		dn, err := ldap.ParseDN(n.bind)
		if err != nil {
			return name{}, refused("the name does not fit into a DN")
		}
		n.bound = dn
	}
	return n, nil
}

// bindFor fills the template of the bind name, in one pass: what is filled in is not looked at again.
func (ns names) bindFor(user, domain string) string {
	escape := func(text string) string { return text }
	if ns.isDN {
		escape = ldap.EscapeDN
	}
	return strings.NewReplacer("{user}", escape(user), "{domain}", escape(domain), "{base_dn}", ns.base).Replace(ns.bind)
}

// filterFor fills the template of the filter (D49).
func (ns names) filterFor(user string) string {
	return strings.NewReplacer("{user}", ldap.EscapeFilter(user)).Replace(ns.filter)
}

// unusable says why a name cannot be one; empty: it can. Directories do not see some characters, or fold several into one;
// so only such are taken as can be seen, and spaces inside.
func unusable(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxName:
		return "the name is too long"
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	case strings.TrimSpace(name) != name:
		return "the name begins or ends with a space"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "the name has a character that cannot be seen"
	}
	return ""
}

// usable refuses passwords that a server might take for none, which makes a bind anonymous and so succeed (D49).
func usable(password fleet.Secret) error {
	text := password.Reveal()
	switch {
	case text == "":
		return refused("the password is empty")
	case len(text) > maxPassword:
		return refused("the password is too long")
	case strings.ContainsRune(text, 0):
		return refused("the password has a NUL")
	}
	return nil
}
