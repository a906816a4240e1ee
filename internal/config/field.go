// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// field is one key of config.ini.
type field struct {
	section, key string
	value        value
	fallback     string // text that is read where the key is not given
	meaning      string
	added        bool   // the original does not know it
	dead         string // not empty: the key has no effect, and why
}

// value says how a key's text becomes a setting and back.
type value struct {
	kind string // for the documentation
	set  func(s *Settings, text string) error
	show func(s *Settings) string // without secrets
}

func text(at func(*Settings) *string) value {
	return value{
		kind: "text",
		set:  func(s *Settings, text string) error { *at(s) = text; return nil },
		show: func(s *Settings) string { return *at(s) },
	}
}

// oneOf is a text that must be one of a few; the others are names that mean "".
func oneOf(at func(*Settings) *string, allowed []string) value {
	v := text(at)
	v.kind = "one of " + strings.Join(allowed, ", ")
	v.set = func(s *Settings, text string) error {
		if text != "" && !slices.Contains(allowed, text) {
			return fmt.Errorf("is %q, not %s", text, v.kind)
		}
		*at(s) = text
		return nil
	}
	return v
}

// list is texts between commas; blanks around them do not count.
func list(at func(*Settings) *[]string) value {
	return value{
		kind: "list with commas",
		set: func(s *Settings, text string) error {
			*at(s) = nil
			for part := range strings.SplitSeq(text, ",") {
				if part = strings.TrimSpace(part); part != "" {
					*at(s) = append(*at(s), part)
				}
			}
			return nil
		},
		show: func(s *Settings) string { return strings.Join(*at(s), ",") },
	}
}

// strictBool is true or false and nothing else, because the original took everything else for
// one of them, and not always the same one.
func strictBool(at func(*Settings) *bool) value {
	return value{
		kind: "true or false",
		set: func(s *Settings, text string) error {
			b, err := strconv.ParseBool(strings.ToLower(text))
			if err != nil || len(text) < 4 {
				return fmt.Errorf("is %q, not true or false", text)
			}
			*at(s) = b
			return nil
		},
		show: func(s *Settings) string { return strconv.FormatBool(*at(s)) },
	}
}

// looseBool is true or false in any of the usual words; an empty text is false.
func looseBool(at func(*Settings) *bool) value {
	v := strictBool(at)
	v.set = func(s *Settings, text string) error {
		b, ok := parseBool(text)
		if !ok && text != "" {
			return fmt.Errorf("is %q, not true or false", text)
		}
		*at(s) = b
		return nil
	}
	return v
}

// optionalBool is true, false, or not said.
func optionalBool(at func(*Settings) **bool) value {
	return value{
		kind: "true, false or empty",
		set: func(s *Settings, text string) error {
			*at(s) = nil
			b, ok := parseBool(text)
			if ok {
				*at(s) = &b
			} else if text != "" {
				return fmt.Errorf("is %q, not true or false", text)
			}
			return nil
		},
		show: func(s *Settings) string {
			if b := *at(s); b != nil {
				return strconv.FormatBool(*b)
			}
			return ""
		},
	}
}

func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1", "t", "y":
		return true, true
	case "false", "no", "off", "0", "f", "n":
		return false, true
	}
	return false, false
}

func whole(at func(*Settings) *int, least, most int) value {
	return value{
		kind: fmt.Sprintf("whole number from %d to %d", least, most),
		set: func(s *Settings, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < least || n > most {
				return fmt.Errorf("is %q, not a whole number from %d to %d", text, least, most)
			}
			*at(s) = n
			return nil
		},
		show: func(s *Settings) string { return strconv.Itoa(*at(s)) },
	}
}

// number is a number of some unit of time, more than zero and at most a hundred years.
func number(at func(*Settings) *time.Duration, unit time.Duration, name string) value {
	return value{
		kind: name,
		set: func(s *Settings, text string) error {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil || !(n > 0) || n*float64(unit) > 100*365*24*float64(time.Hour) {
				return fmt.Errorf("is %q, not a number of %s more than 0", text, name)
			}
			*at(s) = time.Duration(math.Round(n * float64(unit)))
			return nil
		},
		show: func(s *Settings) string {
			return strconv.FormatFloat(float64(*at(s))/float64(unit), 'f', -1, 64)
		},
	}
}

// duration is a run time as in legacy section 1.8, but never unlimited.
func duration(at func(*Settings) *time.Duration) value {
	return value{
		kind: "seconds, or a number with d, h, m, s",
		set: func(s *Settings, text string) error {
			d, err := fleet.ParseRuntime(text)
			if err != nil || d == fleet.Unlimited {
				return fmt.Errorf(`is %q, not seconds ("300") or a number with d, h, m or s ("20m")`, text)
			}
			*at(s) = d
			return nil
		},
		show: func(s *Settings) string { return strconv.Itoa(int(at(s).Seconds())) },
	}
}

// interval is a duration of which 0 means something.
func interval(at func(*Settings) *time.Duration) value {
	v := duration(at)
	set := v.set
	v.kind = "0, seconds, or a number with d, h, m, s"
	v.set = func(s *Settings, text string) error {
		if strings.TrimSpace(text) == "0" {
			*at(s) = 0
			return nil
		}
		return set(s, text)
	}
	return v
}

func pattern(at func(*Settings) **fleet.Pattern) value {
	return value{
		kind: "regular expression",
		set: func(s *Settings, text string) (err error) {
			*at(s), err = fleet.CompilePattern(text)
			return err
		},
		show: func(s *Settings) string { return (*at(s)).String() },
	}
}

// reference names where a secret is kept.
func reference(at func(*Settings) *fleet.SecretRef) value {
	return value{
		kind: "reference to a secret",
		set: func(s *Settings, text string) error {
			if text == "" {
				*at(s) = ""
				return nil
			}
			ref, err := ParseRef(text)
			*at(s) = ref
			return err
		},
		show: func(s *Settings) string { return string(*at(s)) },
	}
}

// pulpPassword is a secret itself, as the original has it, or a reference to one.
func pulpPassword() value {
	return value{
		kind: "text, or reference to a secret",
		set: func(s *Settings, text string) error {
			s.Pulp.Password, s.Pulp.PasswordRef = fleet.Secret{}, ""
			kind, _, _ := strings.Cut(text, ":")
			if kind == "env" || kind == "file" || kind == "vault" {
				ref, err := ParseRef(text)
				s.Pulp.PasswordRef = ref
				return err
			}
			s.Pulp.Password = fleet.NewSecret(text)
			return nil
		},
		show: func(s *Settings) string {
			if !s.Pulp.Password.Empty() {
				return s.Pulp.Password.String()
			}
			return string(s.Pulp.PasswordRef)
		},
	}
}

// nothing is the value of a key without effect.
func nothing() value {
	return value{kind: "–", set: func(*Settings, string) error { return nil }, show: func(*Settings) string { return "" }}
}
