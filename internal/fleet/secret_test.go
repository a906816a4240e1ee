// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const password = "hunter2-do-not-show"

// wrapped are the ways in which a secret gets into something that is printed.
func wrapped() map[string]any {
	s := NewSecret(password)
	type exported struct{ Password Secret }
	type unexported struct{ password Secret } // package fmt cannot call methods here
	return map[string]any{
		"itself":                 s,
		"pointer":                &s,
		"exported field":         exported{s},
		"unexported field":       unexported{s},
		"pointer to a struct":    &unexported{s},
		"field of a field":       struct{ Inner unexported }{unexported{s}},
		"slice":                  []Secret{s},
		"array":                  [1]Secret{s},
		"map":                    map[string]Secret{"k": s},
		"map key":                map[Secret]string{s: "v"},
		"unexported in a map":    map[string]unexported{"k": {s}},
		"interface":              []any{s, &s},
		"pointer in a struct":    struct{ p *Secret }{&s},
		"wanted by a definition": map[string]any{"remote": map[string]Secret{"password": s}},
	}
}

// shows fails the test where text has the password, also as hexadecimal digits or as a list of numbers.
func shows(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprintf("% x", password), fmt.Sprintf("%d", []byte(password))} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
}

func TestSecretIsNotFormatted(t *testing.T) {
	for what, v := range wrapped() {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "20", ".3", "#+ "} {
				format := "%" + flags + string(verb)
				shows(t, what+" by "+format, fmt.Sprintf(format, v))
			}
		}
		shows(t, what+" by Print", fmt.Sprint(v))
		shows(t, what+" by Println", fmt.Sprintln(v))
		shows(t, what+" in an error", fmt.Errorf("cannot log in: %v", v).Error())
		shows(t, what+" in a joined error", errors.Join(fmt.Errorf("%+v", v), errors.New("x")).Error())
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(format, NewSecret(password)); got != "[secret]" {
			t.Errorf("%s gives %q", format, got)
		}
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	for what, v := range wrapped() {
		if raw, err := json.Marshal(v); err == nil {
			shows(t, what+" as JSON", string(raw))
		}
		if raw, err := xml.Marshal(v); err == nil {
			shows(t, what+" as XML", string(raw))
		}
	}
	raw, err := json.Marshal(struct{ Password Secret }{NewSecret(password)})
	if want := `{"Password":"[secret]"}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v; want %s", raw, err, want)
	}
	text, err := NewSecret(password).MarshalText()
	if err != nil || string(text) != "[secret]" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSecretIsNotLogged(t *testing.T) {
	var out bytes.Buffer
	for name, handler := range map[string]slog.Handler{"text": slog.NewTextHandler(&out, nil), "json": slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler)
		for what, v := range wrapped() {
			out.Reset()
			log.With("with", v).WithGroup("group").With("value", v).Info("login", slog.Any("any", v), slog.Group("inner", slog.Any("value", v)))
			shows(t, what+" logged as "+name, out.String())
			if !strings.Contains(out.String(), "login") {
				t.Errorf("%s logged as %s: nothing is logged", what, name)
			}
		}
		out.Reset()
		log.Info("login", "password", NewSecret(password))
		if !strings.Contains(out.String(), "[secret]") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

func TestSecretReveals(t *testing.T) {
	s := NewSecret(password)
	if s.Reveal() != password || s.Empty() {
		t.Errorf("reveals %q", s.Reveal())
	}
	if none := (Secret{}); none.Reveal() != "" || !none.Empty() || !NewSecret("").Empty() || NewSecret("") != none {
		t.Error("an empty secret is none")
	}
	// Settings with secrets are compared to see whether anything changed.
	if !reflect.DeepEqual(NewSecret("a"), NewSecret("a")) || reflect.DeepEqual(NewSecret("a"), NewSecret("b")) {
		t.Error("secrets are not compared by their texts")
	}
	if !cmp.Equal(NewSecret("a"), NewSecret("a"), cmp.AllowUnexported(Secret{})) {
		t.Error("secrets are not compared by their texts")
	}
}
