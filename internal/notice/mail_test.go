// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// example is a message about a task with odd letters in it.
func example() Message {
	n := fleet.Notice{
		ID: 1, Source: fleet.NoticeTask, Server: 1, Kind: fleet.KindRepoGroupSync, Name: "group <äußeres>\r\nBcc: x", Task: 12, Schedule: 5,
		Reason: "2 of 10 failed\n.\n- a: 404 & more", Hint: "look", Since: noon, Last: noon.Add(time.Hour),
	}
	server := fleet.Notice{ID: 2, Source: fleet.NoticeServer, Server: 2, Name: "b.test", Reason: "refused", Since: noon, Last: noon, Closed: noon.Add(time.Hour), Recovered: true}
	return newMessage(fleet.NoticeBoard{Now: noon, Servers: servers}, []entry{{n, fleet.NoticeFailed}, {server, fleet.NoticeRecovered}}, "https://pm.example.com")
}

func TestMailArrives(t *testing.T) {
	for name, c := range map[string]struct {
		sink     *sink
		security string
		login    bool
		problem  string
	}{
		"starttls":              {&sink{starttls: true}, StartTLS, false, ""},
		"starttls, login":       {&sink{starttls: true, offer: "AUTH LOGIN PLAIN"}, StartTLS, true, ""},
		"tls, old login":        {&sink{tls: true, offer: "AUTH LOGIN"}, TLS, true, ""},
		"in clear, as asked":    {&sink{starttls: true}, Plain, false, ""},
		"no starttls":           {&sink{}, StartTLS, false, "does not offer STARTTLS"},
		"login in clear":        {&sink{offer: "AUTH PLAIN"}, Plain, true, "readable on the way"},
		"no login known":        {&sink{tls: true, offer: "AUTH GSSAPI"}, TLS, true, "offers no login"},
		"unknown recipient":     {&sink{tls: true, reject: "ops@example.com"}, TLS, false, "550"},
		"tls where none spoken": {&sink{}, TLS, false, "mail to ops@example.com by"},
	} {
		s := c.sink.listen(t)
		m := Mail{Server: s.address, Security: c.security, From: "pm@example.com", To: "ops@example.com", Roots: s.roots}
		if c.login {
			m.Username, m.Password = "pm", constant("hunter2")
		}
		err := SendOne(t.Context(), m, example())
		mails := s.got()
		if c.problem != "" {
			if err == nil || !strings.Contains(fault.Message(err), c.problem) || len(mails) != 0 || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, %d mails", name, err, len(mails))
			}
			continue
		}
		if err != nil || len(mails) != 1 {
			t.Errorf("%s: %v, %d mails", name, err, len(mails))
			continue
		}
		got := mails[0]
		if got.from != "pm@example.com" || got.to != "ops@example.com" || got.encrypted != (c.security != Plain) || (got.login == "pm hunter2") != c.login {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestMailIsOneThatReadersUnderstand(t *testing.T) {
	s := (&sink{tls: true}).listen(t)
	if err := SendOne(t.Context(), Mail{Server: s.address, Security: TLS, From: "pm@example.com", To: "ops@example.com", Roots: s.roots}, example()); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(s.got()[0].text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != "[pulp-manager] 1 failed, 1 recovered" || got.Header.Get("Bcc") != "" || got.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("subject %q, %v: %v", subject, err, got.Header)
	}
	if at, err := got.Header.Date(); err != nil || !at.Equal(noon) {
		t.Errorf("date %s, %v", at, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	want := `Repo_group_sync failed on a.test
  group <äußeres> Bcc: x
    2 of 10 failed
    .
    - a: 404 & more
    what to do: look
    since 2026-03-01 12:00 UTC, last at 2026-03-01 13:00 UTC
    https://pm.example.com/v1/tasks/12

Server b.test answers again
  b.test
    it was wrong since 2026-03-01 12:00 UTC, because: refused
    https://pm.example.com/v1/pulp_servers/2/state
`
	if text := strings.ReplaceAll(string(body), "\r\n", "\n"); text != want {
		t.Errorf("body:\n%s\nwant:\n%s", text, want)
	}
}

func TestMailServerThatIsNotToBeTrusted(t *testing.T) {
	s := (&sink{starttls: true, offer: "AUTH PLAIN"}).listen(t)
	m := Mail{Server: s.address, Security: StartTLS, Username: "pm", Password: constant("hunter2"), From: "pm@example.com", To: "ops@example.com"}
	if err := SendOne(t.Context(), m, example()); err == nil || len(s.got()) != 0 {
		t.Errorf("its certificate is nobody's: %v, %+v", err, s.got())
	}
	m.Roots, m.Password = s.roots, constant("wrong")
	if err := SendOne(t.Context(), m, example()); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "refuses the login of pm") || len(s.got()) != 0 {
		t.Errorf("a wrong password: %v, %+v", err, s.got())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	m.Server = l.Addr().String()
	if err := SendOne(t.Context(), m, example()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}
