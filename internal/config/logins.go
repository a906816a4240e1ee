// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// LoginMethod gives how people log in, where nothing is said too.
func (a Auth) LoginMethod() string {
	switch {
	case a.Method != "":
		return a.Method
	case len(a.LDAP.Servers) > 0:
		return MethodLDAP
	}
	return MethodStatic
}

// SharedKey tells whether tokens are signed with JWT_SECRET; else with a key of jwt_key_file.
func (a Auth) SharedKey() bool { return strings.HasPrefix(a.JWTAlgorithm, "HS") }

// UsersPath gives the file with the users of MethodStatic. Invalid with PostgreSQL where none is named.
func (a Auth) UsersPath(d Database) (string, error) {
	switch {
	case a.UsersFile != "":
		return absolute(a.UsersFile), nil
	case d.DataDir != "":
		return filepath.Join(d.DataDir, "users"), nil
	}
	return "", fault.New(fault.Invalid, "[auth] method is static, but with PostgreSQL there is no data directory with a users file").
		WithHint("name one that all processes read, in [auth] users_file, and fill it with `pulp-manager user add`; or set method = ldap")
}

// FindUsersFile gives the users file by config.ini and the choice of a database, whatever else may be wrong with the configuration.
func FindUsersFile(s Sources) (string, error) {
	path, named := s.configPath()
	r := &report{file: path}
	ini, _ := readFile(path, named, "", r)
	if err := r.problems.Err(); err != nil {
		return "", err
	}
	settings, _ := readSettings(parseINI(string(ini), &report{}), &report{})
	if settings.Auth.UsersFile != "" {
		return settings.Auth.UsersPath(Database{})
	}
	d, err := FindDatabase(s)
	if err != nil {
		return "", err
	}
	return settings.Auth.UsersPath(d)
}

// SigningKey reads the key of jwt_key_file; empty where JWT_SECRET signs. Invalid.
func (a Auth) SigningKey() (fleet.Secret, error) {
	if a.SharedKey() {
		return fleet.Secret{}, nil
	}
	info, err := os.Stat(a.JWTKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fleet.Secret{}, fault.New(fault.Invalid, "[auth] jwt_key_file %s is not there", a.JWTKeyFile).WithHint("correct the path, or make a key with openssl")
	case err == nil && info.Mode().Perm()&0o007 != 0:
		return fleet.Secret{}, fault.New(fault.Invalid, "[auth] jwt_key_file %s is open to every user of this machine (mode %04o)", a.JWTKeyFile, info.Mode().Perm()).
			WithHint("chmod 600 %s; if somebody may have read it, make another key", a.JWTKeyFile)
	}
	key, err := fromFile(a.JWTKeyFile)
	if err != nil {
		return fleet.Secret{}, fault.Wrap(fault.Invalid, err, "[auth] jwt_key_file %s cannot be read: %s", a.JWTKeyFile, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	return key, nil
}

// checkLogins looks at what of section [auth] must fit together.
func checkLogins(a Auth, from origin, r *report) {
	at := func(key string) int { return from[id("auth", key)] }
	given := func(key string) bool { return at(key) > 0 }
	if !a.RequireJWT {
		r.warnf(at("require_jwt_auth"), "", "[auth] require_jwt_auth = false lets everybody who reaches the API do everything")
	}
	if !a.SharedKey() && a.JWTKeyFile == "" {
		r.errorf(at("jwt_algorithm"), "add it, or choose HS256, which uses JWT_SECRET", "[auth] jwt_algorithm is %s, but there is no jwt_key_file", a.JWTAlgorithm)
	}
	if a.SharedKey() && a.JWTKeyFile != "" {
		r.warnf(at("jwt_key_file"), "set jwt_algorithm to an RS or ES one, or remove it", "[auth] jwt_key_file has no effect with jwt_algorithm %s", a.JWTAlgorithm)
	}
	if a.PublicReads && len(a.ReaderGroups) > 0 {
		r.warnf(at("reader_group"), "remove one of them", "[auth] reader_group has no effect: public_reads lets everybody read")
	}
	method := a.LoginMethod()
	for key, of := range map[string]string{
		"users_file": MethodStatic, "admin_group": MethodLDAP, "reader_group": MethodLDAP, "ldap_servers": MethodLDAP, "base_dn": MethodLDAP,
	} {
		if given(key) && method != of && a.Method != "" {
			r.warnf(at(key), "remove it, or set method = "+of, "[auth] %s has no effect with method %s", key, method)
		}
	}
	if method == MethodStatic && a.Method == "" && given("admin_group") {
		r.warnf(at("admin_group"), "add them; roles of users of a file are in the file", "[auth] admin_group has no effect: there are no ldap_servers")
	}
	if method == MethodNone {
		r.warnf(at("method"), "", "[auth] method = none lets everybody on this machine do everything; beyond loopback the daemon does not start with it")
	}
	checkDirectory(a, at, r)
}

// checkDirectory looks at what logins by LDAP need.
func checkDirectory(a Auth, at func(string) int, r *report) {
	if a.LoginMethod() != MethodLDAP {
		return
	}
	line := at("method")
	if line == 0 {
		line = at("ldap_servers")
	}
	for _, need := range []struct {
		key, without string
		missing      bool
	}{
		{"ldap_servers", "nobody can log in", len(a.LDAP.Servers) == 0},
		{"base_dn", "nobody can log in", a.LDAP.BaseDN == ""},
		{"admin_group", "nobody can change anything", len(a.AdminGroups) == 0},
	} {
		if need.missing {
			r.warnf(line, "add it", "[auth] method is ldap, but without %s %s", need.key, need.without)
		}
	}
}
