// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNoticesSettings(t *testing.T) {
	const mail = "[notices]\nemail_to = a@example.com\n"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"[notices]\nwebhook_url = https://hooks.example.com/x?key=hunter2\nslack_url = env:SLACK\n", nil},
		{"[notices]\nwebhook_url = hooks.example.com\n", []string{"config.ini:2: [notices] webhook_url is not a URL such as https://host:port"}},
		{"[notices]\nslack_url = https://a:hunter2@hooks.example.com\n", []string{"config.ini:2: [notices] slack_url must not hold a user or password"}},
		{"[notices]\nwebhook_token = env:T\n", []string{"config.ini:2: warning: [notices] webhook_token has no effect: there is no webhook_url (add webhook_url)"}},
		{mail + "email_from = pm@example.com\nsmtp_server = mail.example.com\n", nil},
		{mail, []string{
			"config.ini:2: [notices] there is email_to, but no email_from (add it)", "config.ini:2: [notices] there is email_to, but no smtp_server (add it)",
		}},
		{mail + "email_from = A <a@example.com>\nsmtp_server = m:\n", []string{
			`config.ini:3: [notices] email_from: "A <a@example.com>" is not a mail address (write it as name@example.com)`, `config.ini:4: [notices] smtp_server is "m:", not host or host:port`,
		}},
		{mail + "email_from = pm@example.com\nsmtp_server = m\nsmtp_username = u\n", []string{"config.ini:5: [notices] there is smtp_username, but no smtp_password (add it)"}},
		{mail + "email_from = pm@example.com\nsmtp_server = m\nsmtp_username = u\nsmtp_password = hunter2\n", []string{
			"config.ini:6: [notices] smtp_password: is not a reference; a secret itself must not stand here (name where the secret is kept: env:NAME, file:/path or vault:MOUNT/PATH#FIELD)",
			"config.ini:5: [notices] there is smtp_username, but no smtp_password (add it)",
		}},
		{mail + "email_from = pm@example.com\nsmtp_server = m\nsmtp_security = plain\nsmtp_username = u\nsmtp_password = env:P\n", []string{
			"config.ini:5: [notices] the password of smtp_username would be readable on the way (set smtp_security to starttls or tls, or remove smtp_username)",
		}},
		{"[notices]\nsmtp_server = m\n", []string{"config.ini:2: warning: [notices] smtp_server has no effect: there is no email_to (add email_to)"}},
	} {
		r := &report{file: "config.ini"}
		s, _ := readSettings(parseINI(c.text, r), r)
		var got []string
		for _, p := range r.problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
		shown := strings.Join(got, "") + fmt.Sprint(s.Notices)
		for _, f := range noticesFields() {
			shown += f.value.show(&s)
		}
		if strings.Contains(shown, "hunter2") {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	if n := Defaults().Notices; !n.Webhook.Empty() || n.DownAfter != 5*time.Minute || n.Repeat != 24*time.Hour || n.SMTPSecurity != "starttls" {
		t.Errorf("defaults: %+v", n)
	}
	for server, want := range map[string]string{"m": "m:465", "m:25": "m:25", "[::1]": "[::1]:465", "::1": "[::1]:465"} {
		if got := (Notices{SMTPServer: server, SMTPSecurity: "tls"}).SMTPAddress(); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}
