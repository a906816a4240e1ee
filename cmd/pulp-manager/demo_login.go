// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// demoUser is who the demo logs in as where its users file was there before: the passwords in it are not known.
const demoUser = "demo"

// demoLogin is how the demo, and who looks at it, logs in.
type demoLogin struct {
	user     string // empty: nobody needs a login, or there is a token
	password fleet.Secret
	token    string
}

// prepareLogin makes a user for the demo: the first one of a new users file, else one of its own with a new password.
func (o demoOptions) prepareLogin() (demoLogin, error) {
	loaded, err := config.Load(o.sources)
	if err != nil {
		return demoLogin{}, err
	}
	settings := loaded.Settings.Auth
	switch {
	case !settings.RequireJWT || settings.Method == config.MethodNone:
		return demoLogin{}, nil
	case os.Getenv(envToken) != "" && !o.simulated:
		return demoLogin{token: os.Getenv(envToken)}, nil
	case settings.Method == config.MethodLDAP || settings.Method == "" && len(settings.LDAP.Servers) > 0:
		return demoLogin{}, fault.New(fault.Invalid, "the demo cannot log in: people log in with LDAP here").
			WithHint("set [auth] method = static in %s, or give a token in %s", o.sources.ConfigPath, envToken)
	}
	path := settings.UsersFile
	if path == "" {
		path = filepath.Join(o.sources.DataDir, "users")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return demoLogin{}, fault.Wrap(fault.Invalid, err, "the demo's users cannot be stored: %v", err)
	}
	password, err := auth.FirstUsers(path)
	if err != nil {
		return demoLogin{}, err
	}
	if !password.Empty() {
		return demoLogin{user: auth.FirstUser, password: password}, nil
	}
	password = fleet.NewSecret(strings.ToLower(rand.Text()))
	if err = auth.SetPassword(path, demoUser, password); fault.Is(err, fault.NotFound) {
		err = auth.AddUser(path, demoUser, fleet.RoleAdmin, password)
	}
	return demoLogin{user: demoUser, password: password}, err
}

// client makes a client that is logged in. Close it after use.
func (l demoLogin) client(ctx context.Context, url string, options ...client.Option) (*client.Client, error) {
	c, err := client.New(url, append(options, client.WithToken(l.token))...)
	if err != nil || l.user == "" {
		return c, err
	}
	defer c.Close()
	login, err := c.Login(ctx, l.user, l.password.Reveal())
	if err != nil {
		return nil, err
	}
	return client.New(url, append(options, client.WithToken(login.Token))...)
}
