// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// secretOf finds a secret when it is needed, so that one that is changed is used without a restart; it may be empty.
type secretOf = func(ctx context.Context) (fleet.Secret, error)

// Webhook posts messages as JSON.
type Webhook struct {
	URL    secretOf
	Token  secretOf // sent as a bearer token; nil: none
	Slack  bool     // {"text": …} as Slack, Mattermost and Rocket.Chat take it
	Client *http.Client
}

// Name implements Receiver.
func (w Webhook) Name() string {
	if w.Slack {
		return "slack"
	}
	return "webhook"
}

// Send implements Receiver. Addresses of webhooks are secrets: errors name the host at most.
func (w Webhook) Send(ctx context.Context, m Message) error {
	r, err := w.request(ctx, m)
	if err != nil {
		return err
	}
	host := r.URL.Host
	answer, err := w.Client.Do(r)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // without the address
		}
		return fault.Wrap(fault.Unavailable, err, "%s at %s cannot be reached: %v", w.Name(), host, err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		said := ""
		if text := strings.Join(strings.Fields(clean(strings.ToValidUTF8(string(text), "\uFFFD"))), " "); text != "" {
			said = ": " + text
		}
		return fault.New(fault.Unavailable, "%s at %s answered %d%s", w.Name(), host, answer.StatusCode, said)
	}
	return nil
}

func (w Webhook) request(ctx context.Context, m Message) (*http.Request, error) {
	address, err := w.URL(ctx)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fault.New(fault.Invalid, "the address of %s is not a URL such as https://host/path", w.Name())
	}
	var body any = m
	if w.Slack {
		body = map[string]string{"text": "*Pulp Manager: " + slackText.plain(m.Summary) + "*\n" + m.text(slackText)}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(text))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the address of %s is not a URL such as https://host/path", w.Name())
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "pulp-manager")
	r.Header.Set("Idempotency-Key", m.ID)
	if w.Token == nil {
		return r, nil
	}
	token, err := w.Token(ctx)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	return r, nil
}

var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackText is what Slack calls mrkdwn.
var slackText = style{
	title: func(text string) string { return "*" + slackEscape.Replace(text) + "*" },
	plain: slackEscape.Replace,
	link: func(url, text string) string {
		return fmt.Sprintf("<%s|%s>", slackEscape.Replace(url), slackEscape.Replace(text))
	},
}
