// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// address is a base URL with http or https; empty: none.
func address(at func(*Settings) *string) value {
	v := text(at)
	v.kind = "URL"
	v.set = func(s *Settings, text string) error {
		if text != "" {
			if err := checkURL(text); err != nil {
				return err
			}
		}
		*at(s) = strings.TrimRight(text, "/")
		return nil
	}
	return v
}

// checkURL tells what is wrong with the address of a server. It never repeats a login.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("is not a URL such as https://host:port")
	case u.User != nil:
		return errors.New("must not hold a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must not hold ? or #")
	}
	return nil
}

// gitURL is anything git can clone from; a login in it is not shown.
func gitURL(at func(*Settings) *string) value {
	v := text(at)
	v.kind = "Git URL"
	v.show = func(s *Settings) string { return RedactURL(*at(s)) }
	return v
}

// RedactURL gives a URL without the password it may hold.
func RedactURL(text string) string {
	if !strings.Contains(text, "://") { // git@host:path, or a folder
		return text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "[not a URL]"
	case u.User == nil:
		return text
	case u.Scheme == "ssh":
		u.User = url.User(u.User.Username())
	default: // a token may stand where the user name does
		u.User = url.User("secret")
	}
	return u.String()
}

// apiRoot is a path; slashes are put at both ends.
func apiRoot(at func(*Settings) *string) value {
	v := text(at)
	v.kind = "path"
	v.set = func(s *Settings, text string) error {
		if strings.ContainsAny(text, " ?#:") {
			return fmt.Errorf("is %q, not a path such as /pulp/", text)
		}
		*at(s) = "/" + strings.Trim(text, "/") + "/"
		if *at(s) == "//" {
			*at(s) = "/"
		}
		return nil
	}
	return v
}

// folder is a path inside something else: relative, without "..".
func folder(at func(*Settings) *string) value {
	v := text(at)
	v.kind = "relative path"
	v.set = func(s *Settings, text string) error {
		rel := strings.Trim(text, "/")
		if rel != "" && !filepath.IsLocal(rel) {
			return fmt.Errorf("is %q, which leads out of the clone", text)
		}
		*at(s) = rel
		return nil
	}
	return v
}
