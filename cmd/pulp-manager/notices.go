// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/notice"
)

// noticesLate is for how long a receiver may fail before /readyz says so.
const noticesLate = time.Hour

// teller tells people what is wrong, by the settings in force.
func (d *daemon) teller() notice.Teller {
	explain := d.explainer()
	return notice.Teller{
		Notices: d.store, States: d.store, Attention: d.store, Log: d.log, Settings: d.noticeSettings,
		Explain: func(ctx context.Context, t fleet.Task) string {
			stages, err := d.store.Stages(ctx, t.ID)
			if err != nil {
				return ""
			}
			return explain.WaitingFor(ctx, t, stages)
		},
	}
}

// noticeSettings makes what package notice needs of the settings in force.
func (d *daemon) noticeSettings() notice.Settings {
	settings := d.settings()
	n := settings.Notices
	s := notice.Settings{
		DownAfter: n.DownAfter, ProbeEach: settings.Pulp.ProbeInterval, StuckAfter: settings.Pulp.StuckAfter, Repeat: n.Repeat, PublicURL: n.PublicURL,
	}
	if n.Webhook.Empty() && n.Slack.Empty() && len(n.MailTo) == 0 {
		return s
	}
	roots := d.noticeRoots(settings.CA)
	client := noticeClient(roots)
	if !n.Webhook.Empty() {
		w := notice.Webhook{URL: d.secretAt(n.Webhook), Client: client}
		if n.WebhookToken != "" {
			w.Token = d.secretAt(config.Password{Ref: n.WebhookToken})
		}
		s.Receivers = append(s.Receivers, w)
	}
	if !n.Slack.Empty() {
		s.Receivers = append(s.Receivers, notice.Webhook{URL: d.secretAt(n.Slack), Slack: true, Client: client})
	}
	for _, to := range n.MailTo {
		s.Receivers = append(s.Receivers, notice.Mail{
			Server: n.SMTPAddress(), Security: n.SMTPSecurity, Username: n.SMTPUsername, Password: d.secretAt(config.Password{Ref: n.SMTPPassword}),
			From: n.MailFrom, To: to, Roots: roots,
		})
	}
	return s
}

// noticeRoots are the system's certificates and the configuration's; nil where there are none of these.
func (d *daemon) noticeRoots(ca config.CA) *x509.CertPool {
	text, err := ca.PEM()
	if err != nil {
		d.log.Warn("notices go without the configured certificates", "err", err)
	}
	if len(text) == 0 {
		return nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(text)
	return roots
}

// noticeClient posts to webhooks. It follows no redirects: what it posts is for the one that was named. Nothing of it stays
// when a message is delivered.
func noticeClient(roots *x509.CertPool) *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// secretAt finds a secret when it is needed.
func (d *daemon) secretAt(p config.Password) func(context.Context) (fleet.Secret, error) {
	return func(ctx context.Context) (fleet.Secret, error) {
		if p.Ref == "" {
			return p.Value, nil
		}
		return d.Secret(ctx, p.Ref)
	}
}

// noticesCheck tells that notices have not reached a receiver for long; nothing while all is well.
func (d *daemon) noticesCheck(ctx context.Context) []api.Check {
	receivers := d.noticeSettings().Receivers
	if len(receivers) == 0 {
		return nil
	}
	board, err := d.store.NoticeBoard(ctx)
	if err != nil { // the check of the database says it
		return nil
	}
	return []api.Check{{Name: "notices", OK: true, Warning: receiversWarning(receivers, board)}}
}

func receiversWarning(receivers []notice.Receiver, board fleet.NoticeBoard) string {
	warning := ""
	for i, r := range receivers {
		for _, state := range board.Receivers {
			if state.Name == r.Name() && !state.Failing.IsZero() && board.Now.Sub(state.Failing) > noticesLate {
				warning = fmt.Sprintf("receiver %d of %d has got no notices since %s: the log says why; `pulp-manager notices test` tries it",
					i+1, len(receivers), state.Failing.Format("2006-01-02T15:04:05Z"))
			}
		}
	}
	return warning
}

// noticesCommand is about notices.
func noticesCommand() *cobra.Command {
	parent := &cobra.Command{Use: "notices", Short: "Try the receivers of notices"}
	o := &options{logFormat: "text", logLevel: "warn"}
	test := &cobra.Command{
		Use: "test", Short: "Send a test notice to each receiver of [notices], and say what happened", Args: cobra.NoArgs,
		Long: "Sends a test notice to each receiver that section [notices] of config.ini names, from this machine and with its environment, and says what happened.\n\n" +
			"Exit code 6 where one did not take it.",
		RunE: func(c *cobra.Command, _ []string) error { return testNotices(c, *o) },
	}
	o.configFlags(test)
	parent.AddCommand(test)
	return parent
}

func testNotices(c *cobra.Command, o options) (err error) {
	loaded, err := config.Load(o.sources)
	if err != nil {
		return err
	}
	log, err := o.logger()
	if err != nil {
		return err
	}
	d := &daemon{options: o, log: log}
	d.current.Store(loaded)
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), vaultLogout)
		defer cancel()
		err = errors.Join(err, d.vaults.close(limit))
	}()
	s := d.noticeSettings()
	if len(s.Receivers) == 0 {
		return fault.New(fault.Invalid, "%s names no receiver of notices", loaded.ConfigPath).
			WithHint("set webhook_url, slack_url or email_to in section [notices]; docs/configuration.md says how")
	}
	failed := 0
	for _, r := range s.Receivers {
		if err := notice.SendOne(c.Context(), r, notice.TestMessage(time.Now(), s.PublicURL)); err != nil {
			failed++
			fmt.Fprintf(c.OutOrStdout(), "%s: FAILED: %s\n", r.Name(), shown(err))
			if hint := fault.Hint(err); hint != "" {
				fmt.Fprintf(c.OutOrStdout(), "  what to do: %s\n", hint)
			}
			continue
		}
		fmt.Fprintf(c.OutOrStdout(), "%s: delivered\n", r.Name())
	}
	if failed > 0 {
		return fault.New(fault.Unavailable, "%d of %d receivers did not take the test notice", failed, len(s.Receivers))
	}
	return nil
}
