// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
)

// How mail is encrypted on its way to the mail server.
const (
	StartTLS = "starttls" // begins in clear; what does not offer it gets nothing
	TLS      = "tls"      // from the first byte
	Plain    = "plain"    // not at all
)

// Mail sends messages to one person by SMTP.
type Mail struct {
	Server   string // host:port
	Security string // StartTLS, TLS, Plain
	Username string // empty: no login
	Password secretOf
	From, To string         // addresses alone
	Roots    *x509.CertPool // nil: the system's
}

// Name implements Receiver.
func (m Mail) Name() string { return "email " + m.To }

// Send implements Receiver.
func (m Mail) Send(ctx context.Context, message Message) error {
	err := m.send(ctx, message)
	if e := (*fault.Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	if e := (*textproto.Error)(nil); errors.As(err, &e) {
		return fault.Wrap(fault.Unavailable, err, "mail server %s refuses mail to %s: %d %s", m.Server, m.To, e.Code, e.Msg)
	}
	return fault.Wrap(fault.Unavailable, err, "mail to %s by %s: %v", m.To, m.Server, err)
}

func (m Mail) send(ctx context.Context, message Message) error {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "mail server %q is not host:port", m.Server)
	}
	c, err := m.dial(ctx, host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := m.login(ctx, c, host); err != nil {
		return err
	}
	if err := c.Mail(m.From); err != nil {
		return err
	}
	if err := c.Rcpt(m.To); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.write(message)); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server has it only now
		return err
	}
	_ = c.Quit()
	return nil
}

// dial connects, encrypted unless asked not to, and ends with the context.
func (m Mail) dial(ctx context.Context, host string) (*smtp.Client, error) {
	config := &tls.Config{ServerName: host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}
	var conn net.Conn
	var err error
	if m.Security == TLS {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", m.Server)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", m.Server)
	}
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if m.Security != StartTLS {
		return c, nil
	}
	if ok, _ := c.Extension("STARTTLS"); !ok {
		_ = c.Close()
		return nil, fault.New(fault.Unavailable, "mail server %s does not offer STARTTLS", m.Server).
			WithHint("set [notices] smtp_security to tls for a port that is encrypted from the start (465), or to plain to send in clear")
	}
	if err := c.StartTLS(config); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (m Mail) login(ctx context.Context, c *smtp.Client, host string) error {
	if m.Username == "" {
		return nil
	}
	if m.Security == Plain {
		return fault.New(fault.Invalid, "no login to mail server %s: the password would be readable on the way", m.Server).
			WithHint("set [notices] smtp_security to starttls or tls")
	}
	password, err := m.Password(ctx)
	if err != nil {
		return err
	}
	ok, methods := c.Extension("AUTH")
	var auth smtp.Auth
	switch offered := " " + methods + " "; {
	case ok && strings.Contains(offered, " PLAIN "):
		auth = smtp.PlainAuth("", m.Username, password.Reveal(), host)
	case ok && strings.Contains(offered, " LOGIN "):
		auth = &loginAuth{m.Username, password.Reveal()}
	default:
		return fault.New(fault.Unavailable, "mail server %s offers no login that is known here (PLAIN, LOGIN)", m.Server)
	}
	if err := c.Auth(auth); err != nil {
		return fault.Wrap(fault.Unavailable, err, "mail server %s refuses the login of %s", m.Server, m.Username).
			WithHint("look at [notices] smtp_username and smtp_password")
	}
	return nil
}

// loginAuth is what some servers offer instead of PLAIN.
type loginAuth struct{ username, password string }

// Start implements smtp.Auth.
func (a *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

// Next implements smtp.Auth.
func (a *loginAuth) Next(asked []byte, more bool) ([]byte, error) {
	switch question := strings.ToLower(string(asked)); {
	case !more:
		return nil, nil
	case strings.HasPrefix(question, "user"):
		return []byte(a.username), nil
	case strings.HasPrefix(question, "pass"):
		return []byte(a.password), nil
	}
	return nil, errors.New("the mail server asks for something else than user name and password")
}

// write gives the mail.
func (m Mail) write(message Message) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.From, "@")
	for _, h := range [][2]string{
		{"From", "Pulp Manager <" + m.From + ">"},
		{"To", "<" + m.To + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", message.subject())},
		{"Date", message.SentAt.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + message.ID + "." + fmt.Sprintf("%x", m.To) + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	_, _ = body.Write([]byte(strings.ReplaceAll(message.text(plainText), "\n", "\r\n")))
	_ = body.Close()
	return b.Bytes()
}

// subject says the most in one line.
func (m Message) subject() string {
	text := "[pulp-manager] " + m.Summary
	if len(m.Groups) == 1 && m.Groups[0].Title != "" {
		text = "[pulp-manager] " + m.Groups[0].Title
	}
	return strings.ReplaceAll(clean(text), "\n", " ")
}
