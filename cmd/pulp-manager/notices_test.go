// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// tryNotices runs `notices test` with a section [notices].
func tryNotices(t *testing.T, section string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := os.WriteFile(path, []byte("[notices]\n"+section), 0o600); err != nil {
		t.Fatal(err)
	}
	root, out := rootCommand(), &strings.Builder{}
	root.SetArgs([]string{"notices", "test", "--config", path})
	root.SetOut(out)
	root.SetContext(t.Context())
	err := root.Execute()
	return out.String(), err
}

func TestNoticesAreTried(t *testing.T) {
	bodies := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body)
	}))
	defer hook.Close()
	t.Setenv("NOTICES_SLACK", hook.URL+"/slack")
	t.Setenv("NOTICES_TOKEN", "hunter2")
	t.Setenv("PULP_MANAGER_SKIP_PARSER_CONFIG", "1")
	section := "webhook_url = " + hook.URL + "/hook\nwebhook_token = env:NOTICES_TOKEN\nslack_url = env:NOTICES_SLACK\npublic_url = https://pm.example.com/\n"
	out, err := tryNotices(t, section)
	if err != nil || out != "webhook: delivered\nslack: delivered\n" {
		t.Errorf("%s%v", out, err)
	}
	generic, slack := <-bodies, <-bodies
	if !strings.HasPrefix(generic, "/hook Bearer hunter2 ") || !strings.Contains(generic, `"test":true`) || !strings.Contains(generic, "https://pm.example.com/readyz") {
		t.Error(generic)
	}
	if !strings.HasPrefix(slack, "/slack  {\"text\":") {
		t.Error(slack)
	}
	out, err = tryNotices(t, section+"email_to = ops@example.com\nemail_from = pm@example.com\nsmtp_server = 127.0.0.1:1\n")
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(out, "webhook: delivered") || !strings.Contains(out, "email ops@example.com: FAILED: mail to ops@example.com by 127.0.0.1:1") {
		t.Errorf("%s%v", out, err)
	}
	if out, err = tryNotices(t, "slack_url = env:NOTICES_NOTHING\n"); !fault.Is(err, fault.Unavailable) || !strings.Contains(out, "NOTICES_NOTHING") {
		t.Errorf("%s%v", out, err)
	}
	if out, err = tryNotices(t, ""); !fault.Is(err, fault.Invalid) || out != "" {
		t.Errorf("%s%v", out, err)
	}
}

// TestReadyTellsOfReceiversThatFail: while notices reach nobody, whoever looks at /readyz is told.
func TestReadyTellsOfReceiversThatFail(t *testing.T) {
	h, err := opened(t, t.TempDir(), local, "method = none\n[notices]\nwebhook_url = http://127.0.0.1:1/hunter2\n")
	if err != nil {
		t.Fatal(err)
	}
	if c := check(t, h.ready(t.Context()), "notices"); !c.OK || c.Warning != "" {
		t.Errorf("at first: %+v", c)
	}
	if err := h.store.NoteDelivery(t.Context(), "webhook", nil, "refused", 0); err != nil {
		t.Fatal(err)
	}
	board, err := h.store.NoticeBoard(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if warning := receiversWarning(h.noticeSettings().Receivers, board); warning != "" {
		t.Errorf("at once: %s", warning)
	}
	board.Now = board.Now.Add(2 * time.Hour)
	if warning := receiversWarning(h.noticeSettings().Receivers, board); !strings.Contains(warning, "receiver 1 of 1 has got no notices since") {
		t.Errorf("after two hours: %q", warning)
	}
	if warning := receiversWarning(nil, fleet.NoticeBoard{}); warning != "" {
		t.Errorf("of nobody: %q", warning)
	}
}
