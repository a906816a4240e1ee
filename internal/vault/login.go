// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/openbao/openbao/api/v2"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Ways to log in.
const (
	MethodAgent      = "agent" // none: the agent at the address adds its own
	MethodToken      = "token"
	MethodAppRole    = "approle"
	MethodKubernetes = "kubernetes"
)

// Login says how to log in. What is secret is a reference env: or file:, read anew for each login.
type Login struct {
	Method  string          // one of the above; empty: MethodAgent
	Mount   string          // of the auth method; empty: its name
	Token   fleet.SecretRef // MethodToken
	RoleID  string          // MethodAppRole
	Secret  fleet.SecretRef // MethodAppRole: the secret id
	Wrapped bool            // MethodAppRole: Secret is a token that wraps the secret id
	Role    string          // MethodKubernetes
	JWT     fleet.SecretRef // MethodKubernetes: the service account's token
}

// method is a way to log in.
type method struct {
	who string // whose policy is in force, for hints
	// login gives a token. Nil: none is needed. The errors are faults.
	login func(ctx context.Context, c *api.Client) (*api.SecretAuth, error)
	// ours tells that the token came of our login, so that it is revoked at the end.
	ours bool
}

func (l Login) method(secrets fleet.Secrets) (method, error) {
	find := func(ctx context.Context, what string, ref fleet.SecretRef) (string, error) {
		secret, err := secrets.Secret(ctx, ref)
		if err != nil {
			return "", fault.Wrap(fault.KindOf(err), err, "Vault: no login: the %s cannot be read: %s", what, fault.Message(err))
		}
		return strings.TrimSpace(secret.Reveal()), nil
	}
	missing := ""
	switch l.Method {
	case "", MethodAgent:
		return method{who: "the agent's login"}, nil
	case MethodToken:
		if l.Token == "" {
			missing = "token"
		}
		return method{who: "the token", login: func(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
			token, err := find(ctx, "token", l.Token)
			if err != nil {
				return nil, err
			}
			return lookUp(ctx, c, token)
		}}, incomplete(l.Method, missing)
	case MethodAppRole:
		switch {
		case l.RoleID == "":
			missing = "role_id"
		case l.Secret == "":
			missing = "secret_id"
		}
		u := unwrapper{}
		return method{who: "the AppRole", ours: true, login: func(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
			id, err := find(ctx, "secret id", l.Secret)
			if err == nil && l.Wrapped {
				id, err = u.unwrap(ctx, c, id)
			}
			if err != nil {
				return nil, err
			}
			return l.in(ctx, c, map[string]any{"role_id": l.RoleID, "secret_id": id},
				"check role_id and secret_id in [vault]: a secret id may have run out of time or uses")
		}}, incomplete(l.Method, missing)
	case MethodKubernetes:
		switch {
		case l.Role == "":
			missing = "role"
		case l.JWT == "":
			missing = "service_account_token_file"
		}
		return method{who: "the Kubernetes role", ours: true, login: func(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
			jwt, err := find(ctx, "service account's token", l.JWT)
			if err != nil {
				return nil, err
			}
			return l.in(ctx, c, map[string]any{"role": l.Role, "jwt": jwt},
				"check that the role in Vault allows this service account and namespace")
		}}, incomplete(l.Method, missing)
	}
	return method{}, fault.New(fault.Invalid, "there is no login to Vault by %q", l.Method).
		WithHint("set [vault] auth_method to agent, token, approle or kubernetes")
}

func incomplete(method, missing string) error {
	if missing == "" {
		return nil
	}
	return fault.New(fault.Invalid, "the login to Vault by %s needs %s", method, missing).WithHint("add %s to [vault] in config.ini", missing)
}

// in logs in. What is sent never comes back in the error, although Vault's words do.
func (l Login) in(ctx context.Context, c *api.Client, body map[string]any, hint string) (*api.SecretAuth, error) {
	mount := strings.Trim(l.Mount, "/")
	if mount == "" {
		mount = l.Method
	}
	what := fmt.Sprintf("to the login by %s at auth/%s", l.Method, mount)
	answer, err := c.Logical().WriteWithContext(ctx, "auth/"+mount+"/login", body)
	if err != nil {
		var secrets []string
		for _, v := range body {
			secrets = append(secrets, fmt.Sprint(v))
		}
		return nil, loginRefused(c.Address(), what, err, hint, secrets...)
	}
	if answer == nil || answer.Auth == nil || answer.Auth.ClientToken == "" {
		return nil, fault.New(fault.Unavailable, "Vault at %s did not answer with a token %s", c.Address(), what).
			WithHint("check [vault] auth_mount, and that the login needs no second factor")
	}
	return answer.Auth, nil
}

// lookUp finds out how long a token lives. One whose policies do not let it look itself up is used
// as it is.
func lookUp(ctx context.Context, c *api.Client, token string) (*api.SecretAuth, error) {
	auth := &api.SecretAuth{ClientToken: token}
	with := c.WithNamespace(c.Namespace())
	with.SetToken(token)
	about, err := with.Auth().Token().LookupSelfWithContext(ctx)
	switch {
	case statusOf(err) == http.StatusForbidden:
		return auth, nil
	case err != nil:
		return nil, loginRefused(c.Address(), "to the token", err, "check [vault] token", token)
	case about == nil:
		return auth, nil
	}
	life, errLife := about.TokenTTL()
	renewable, errRenewable := about.TokenIsRenewable()
	if errLife == nil && errRenewable == nil {
		auth.LeaseDuration, auth.Renewable = int(life.Seconds()), renewable
	}
	return auth, nil
}

// unwrapper takes the secret id out of its wrapping once: that works a single time. It is kept for
// later logins with the same wrapping token.
type unwrapper struct{ token, secret string }

func (u *unwrapper) unwrap(ctx context.Context, c *api.Client, token string) (string, error) {
	if token == u.token {
		return u.secret, nil
	}
	answer, err := c.WithNamespace(c.Namespace()).Logical().UnwrapWithContext(ctx, token)
	if err != nil {
		return "", loginRefused(c.Address(), "to the unwrapping of the secret id", err,
			"make a new wrapped secret id. If nobody else of yours has unwrapped this one, somebody has stolen it: revoke it", token)
	}
	if answer != nil {
		if id, ok := answer.Data["secret_id"].(string); ok && id != "" {
			u.token, u.secret = token, id
			return id, nil
		}
	}
	return "", fault.New(fault.Invalid, "Vault: what [vault] secret_id wraps is no secret id").
		WithHint("wrap the answer of auth/approle/role/NAME/secret-id, or set secret_id_wrapped = false")
}

// loginRefused makes the error of a login that failed.
func loginRefused(addr, what string, err error, hint string, secrets ...string) error {
	status := statusOf(err)
	switch {
	case status == 0 && (isSyntax(err) || errors.Is(err, errNoSecret)):
		return noAnswer(addr, what, errNoSecret)
	case status == 0:
		return noAnswer(addr, what, err)
	case status == http.StatusNotFound:
		return fault.New(fault.Invalid, "Vault at %s has no answer %s: there is no such login", addr, what).
			WithHint("check [vault] auth_mount and namespace")
	case status == http.StatusTooManyRequests || status >= 500:
		return failing(addr, what, status)
	}
	return fault.New(fault.Unauthenticated, "Vault at %s said no %s: %s", addr, what, words(err, secrets)).WithHint("%s", hint)
}

// isSyntax tells an answer that is no JSON.
func isSyntax(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || shape
}

// words gives what Vault says in a refusal, without what it repeats of secrets.
func words(err error, secrets []string) string {
	e, ok := errors.AsType[*api.ResponseError](err)
	if !ok || e.RawError || len(e.Errors) == 0 {
		return http.StatusText(statusOf(err))
	}
	text := strings.Join(strings.Fields(strings.Join(e.Errors, "; ")), " ")
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}
