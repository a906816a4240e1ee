// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Notices is section [notices]: who is told what is wrong. Without a receiver nobody is.
type Notices struct {
	Webhook      Password        // its address; empty: none
	WebhookToken fleet.SecretRef // empty: none
	Slack        Password        // address of an incoming webhook; empty: none

	MailTo       []string // empty: nobody
	MailFrom     string
	SMTPServer   string // host:port
	SMTPSecurity string // "starttls", "tls" or "plain"
	SMTPUsername string // empty: no login
	SMTPPassword fleet.SecretRef

	PublicURL string        // of the API as people reach it, for links; empty: none
	DownAfter time.Duration // of a server that does not answer
	Repeat    time.Duration // of what is still wrong; 0: never
}

// Empty tells whether there is neither a secret nor a reference to one.
func (p Password) Empty() bool { return p.Ref == "" && p.Value.Empty() }

// smtpPorts are the usual ports, by smtp_security.
var smtpPorts = map[string]string{"starttls": "587", "tls": "465", "plain": "25"}

// SMTPAddress gives host:port of the mail server, with the usual port where none is given.
func (n Notices) SMTPAddress() string {
	if _, _, err := net.SplitHostPort(n.SMTPServer); err != nil {
		return net.JoinHostPort(strings.Trim(n.SMTPServer, "[]"), smtpPorts[n.SMTPSecurity])
	}
	return n.SMTPServer
}

// noticesFields are the keys of section [notices], which the original has not.
func noticesFields() []field {
	fields := []field{
		{
			key: "webhook_url", value: secretURL(func(s *Settings) *Password { return &s.Notices.Webhook }),
			meaning: "Where notices are posted as JSON. Empty: nowhere.",
		},
		{
			key: "webhook_token", value: reference(func(s *Settings) *fleet.SecretRef { return &s.Notices.WebhookToken }),
			meaning: "Token that is sent there as `Authorization: Bearer`.",
		},
		{
			key: "slack_url", value: secretURL(func(s *Settings) *Password { return &s.Notices.Slack }),
			meaning: "Incoming webhook of Slack, Mattermost, Rocket.Chat or whatever takes `{\"text\": …}`. Empty: none.",
		},
		{
			key: "email_to", value: list(func(s *Settings) *[]string { return &s.Notices.MailTo }),
			meaning: "Mail addresses; each gets a mail of its own. Empty: none.",
		},
		{
			key: "email_from", value: text(func(s *Settings) *string { return &s.Notices.MailFrom }),
			meaning: "Mail address of the sender.",
		},
		{
			key: "smtp_server", value: text(func(s *Settings) *string { return &s.Notices.SMTPServer }),
			meaning: "Mail server, `host` or `host:port`. Without a port: 587, 465 or 25, by `smtp_security`.",
		},
		{
			key: "smtp_security", value: oneOf(func(s *Settings) *string { return &s.Notices.SMTPSecurity }, []string{"starttls", "tls", "plain"}), fallback: "starttls",
			meaning: "`starttls`: encrypted after the first words, and nothing is sent where the server does not offer that. `tls`: from the start. `plain`: in clear, without a login. Certificates are checked by the system's and `[ca] root_ca_file_path`.",
		},
		{
			key: "smtp_username", value: text(func(s *Settings) *string { return &s.Notices.SMTPUsername }),
			meaning: "User name for the mail server. Empty: no login.",
		},
		{
			key: "smtp_password", value: reference(func(s *Settings) *fleet.SecretRef { return &s.Notices.SMTPPassword }),
			meaning: "Password for the mail server.",
		},
		{
			key: "public_url", value: address(func(s *Settings) *string { return &s.Notices.PublicURL }),
			meaning: "Address at which people reach the API, for the links in notices: `https://pulp-manager.example.com`. Empty: notices have no links.",
		},
		{
			key: "server_down_after", value: interval(func(s *Settings) *time.Duration { return &s.Notices.DownAfter }), fallback: "5m",
			meaning: "For how long a server does not answer before that is told. It is known only with `[pulp] probe_interval`.",
		},
		{
			key: "repeat_after", value: interval(func(s *Settings) *time.Duration { return &s.Notices.Repeat }), fallback: "24h",
			meaning: "How often what is still wrong is told again. `0`: never.",
		},
	}
	for i := range fields {
		fields[i].section, fields[i].added = "notices", true
	}
	return fields
}

// secretURL is the address of a webhook, which is a secret itself, or a reference to it.
func secretURL(at func(*Settings) *Password) value {
	return value{
		kind: "URL, or reference to a secret",
		set: func(s *Settings, text string) error {
			*at(s) = Password{}
			kind, _, _ := strings.Cut(text, ":")
			if kind == "env" || kind == "file" || kind == "vault" {
				ref, err := ParseRef(text)
				at(s).Ref = ref
				return err
			}
			if text == "" {
				return nil
			}
			at(s).Value = fleet.NewSecret(text)
			return checkWebhook(text)
		},
		show: func(s *Settings) string {
			if !at(s).Value.Empty() {
				return at(s).Value.String()
			}
			return string(at(s).Ref)
		},
	}
}

// checkWebhook is checkURL, but for what stands behind ?, which some webhooks have.
func checkWebhook(text string) error {
	before, _, _ := strings.Cut(text, "?")
	return checkURL(before)
}

// checkNotices looks at what of section [notices] must fit together.
func checkNotices(n Notices, from origin, r *report) {
	at := func(key string) int { return from[id("notices", key)] }
	if n.WebhookToken != "" && n.Webhook.Empty() {
		r.warnf(at("webhook_token"), "add webhook_url", "[notices] webhook_token has no effect: there is no webhook_url")
	}
	if len(n.MailTo) == 0 {
		if n.SMTPServer != "" {
			r.warnf(at("smtp_server"), "add email_to", "[notices] smtp_server has no effect: there is no email_to")
		}
		return
	}
	for _, address := range n.MailTo {
		checkMail(address, "email_to", at, r)
	}
	switch {
	case n.MailFrom == "":
		r.errorf(at("email_to"), "add it", "[notices] there is email_to, but no email_from")
	default:
		checkMail(n.MailFrom, "email_from", at, r)
	}
	host, port, err := net.SplitHostPort(n.SMTPAddress())
	switch {
	case n.SMTPServer == "":
		r.errorf(at("email_to"), "add it", "[notices] there is email_to, but no smtp_server")
	case err != nil || host == "" || port == "":
		r.errorf(at("smtp_server"), "", "[notices] smtp_server is %q, not host or host:port", n.SMTPServer)
	}
	switch {
	case n.SMTPUsername != "" && n.SMTPPassword == "":
		r.errorf(at("smtp_username"), "add it", "[notices] there is smtp_username, but no smtp_password")
	case n.SMTPUsername != "" && n.SMTPSecurity == "plain":
		r.errorf(at("smtp_security"), "set smtp_security to starttls or tls, or remove smtp_username", "[notices] the password of smtp_username would be readable on the way")
	case n.SMTPUsername == "" && n.SMTPPassword != "":
		r.warnf(at("smtp_password"), "add smtp_username", "[notices] smtp_password has no effect: there is no smtp_username")
	}
}

func checkMail(address, key string, at func(string) int, r *report) {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		r.errorf(at(key), "write it as name@example.com", "[notices] %s: %q is not a mail address", key, address)
	}
}
