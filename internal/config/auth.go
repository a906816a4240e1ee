// SPDX-License-Identifier: Apache-2.0

package config

import "time"

var algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// authFields are the keys of section [auth] (legacy section 1.4).
func authFields() []field {
	at := func(f func(*Auth) *string) func(*Settings) *string {
		return func(s *Settings) *string { return f(&s.Auth) }
	}
	ldap := func(f func(*LDAP) *string) func(*Settings) *string {
		return func(s *Settings) *string { return f(&s.Auth.LDAP) }
	}
	fields := []field{
		{
			key: "method", value: oneOf(at(func(a *Auth) *string { return &a.Method }), []string{MethodLDAP, MethodStatic, MethodNone}),
			meaning: "How people log in: `ldap`; `static`: with the users of `users_file`; `none`: not at all, which is allowed on loopback only. " +
				"Empty: `ldap` where `ldap_servers` names some, else `static`. The Python version knew only `ldap`.",
		},
		{
			key: "users_file", value: text(at(func(a *Auth) *string { return &a.UsersFile })), added: true,
			meaning: "File with the users of `static`, a line each: `name:hash:role`, with an argon2id or bcrypt hash and the role `admin` or `reader` (none: `reader`); `pulp-manager user` writes it. " +
				"Empty: `users` in the data directory, which the first start makes with one admin whose password it prints.",
		},
		{
			key: "admin_group", value: list(func(s *Settings) *[]string { return &s.Auth.AdminGroups }),
			meaning: "Groups whose members may change things; being in one is enough.",
		},
		{
			key: "reader_group", value: list(func(s *Settings) *[]string { return &s.Auth.ReaderGroups }), added: true,
			meaning: "Groups whose members may read. Empty: everybody whom the directory lets in.",
		},
		{
			key: "require_jwt_auth", value: strictBool(func(s *Settings) *bool { return &s.Auth.RequireJWT }), fallback: "true",
			meaning: "`false`: nobody needs a login, for anything. Only `true` and `false` are understood; the Python version took a typing mistake for `false`.",
		},
		{
			key: "public_reads", value: strictBool(func(s *Settings) *bool { return &s.Auth.PublicReads }), fallback: "false", added: true,
			meaning: "`true` lets everybody read without a login, as the Python version did.",
		},
		{
			key: "jwt_algorithm", value: oneOf(at(func(a *Auth) *string { return &a.JWTAlgorithm }), algorithms), fallback: "HS256",
			meaning: "How tokens are signed; no other is accepted. The HS ones use `JWT_SECRET`, the others `jwt_key_file`. A change counts from the next start.",
		},
		{
			key: "jwt_key_file", value: text(at(func(a *Auth) *string { return &a.JWTKeyFile })), added: true,
			meaning: "PEM file with the private key that tokens are signed with, RSA or EC as `jwt_algorithm` needs.",
		},
		{
			key: "jwt_token_lifetime_mins", value: number(func(s *Settings) *time.Duration { return &s.Auth.TokenLifetime }, time.Minute, "minutes"), fallback: "480",
			meaning: "How long a login is good for, in minutes.",
		},
		{
			key: "ldap_servers", value: list(func(s *Settings) *[]string { return &s.Auth.LDAP.Servers }),
			meaning: "LDAP servers, `host` or `host:port`; the next is tried where one does not answer.",
		},
		{
			key: "use_ssl", value: looseBool(func(s *Settings) *bool { return &s.Auth.LDAP.UseSSL }), fallback: "true",
			meaning: "Whether the directory is spoken to by TLS. The Python version did so whatever the text, and so `false` still does, with a warning; only `ldap_plaintext` changes that.",
		},
		{
			key: "ldap_start_tls", value: strictBool(func(s *Settings) *bool { return &s.Auth.LDAP.StartTLS }), fallback: "false", added: true,
			meaning: "`true`: connect to the plain port (389 unless given) and start TLS there, instead of LDAPS (636).",
		},
		{
			key: "ldap_plaintext", value: strictBool(func(s *Settings) *bool { return &s.Auth.LDAP.Plaintext }), fallback: "false", added: true,
			meaning: "`true`, with `use_ssl = false`: passwords cross the network in clear.",
		},
		{
			key: "ldap_ca_file", value: text(ldap(func(l *LDAP) *string { return &l.CAFile })), added: true,
			meaning: "PEM file with the certificates that the directory's is checked by. Empty: the file that `REQUESTS_CA_BUNDLE` names, `[ca] root_ca_file_path`, and the system's.",
		},
		{
			key: "ldap_timeout", value: number(func(s *Settings) *time.Duration { return &s.Auth.LDAP.Timeout }, time.Second, "seconds"), fallback: "5", added: true,
			meaning: "How long one LDAP server may take to connect and for each answer, in seconds, before the next is tried.",
		},
		{
			key: "base_dn", value: text(ldap(func(l *LDAP) *string { return &l.BaseDN })),
			meaning: "Where in the directory people and groups are looked for.",
		},
		{
			key: "default_domain", value: text(ldap(func(l *LDAP) *string { return &l.DefaultDomain })),
			meaning: "Domain put before a user name that has none: `DOMAIN\\user`.",
		},
		{
			key: "ldap_bind_name", value: text(ldap(func(l *LDAP) *string { return &l.BindName })), added: true,
			meaning: "Name that a user binds with, where it is not `DOMAIN\\user`: a template such as `uid={user},ou=people,{base_dn}`.",
		},
		{
			key: "ldap_user_filter", value: text(ldap(func(l *LDAP) *string { return &l.UserFilter })), fallback: "(sAMAccountName={user})", added: true,
			meaning: "Filter that finds a user's entry; for OpenLDAP `(uid={user})`.",
		},
		{
			key: "ldap_nested_groups", value: oneOf(ldap(func(l *LDAP) *string { return &l.NestedGroups }), []string{"auto", "ad", "recursive", "off"}), fallback: "auto", added: true,
			meaning: "Whether groups of groups count: `ad` asks Active Directory's own rule, `recursive` follows them group by group, `auto` finds out which, `off` counts direct ones only.",
		},
	}
	for i := range fields {
		fields[i].section = "auth"
	}
	return fields
}
