// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestParseRuntime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300":       300 * time.Second,
		"1":         time.Second,
		"20m":       20 * time.Minute,
		"6h":        6 * time.Hour,
		"1h":        time.Hour,
		"2d":        48 * time.Hour,
		"45s":       45 * time.Second,
		"6H":        6 * time.Hour,
		"2D":        48 * time.Hour,
		"20M":       20 * time.Minute,
		"45S":       45 * time.Second,
		"007m":      7 * time.Minute,
		" 20m ":     20 * time.Minute,
		"-1":        Unlimited,
		" -1\n":     Unlimited,
		"106751d":   106751 * 24 * time.Hour, // the longest there is
		"2562047h":  2562047 * time.Hour,
		"153722867": 153722867 * time.Second,
	} {
		if got, err := ParseRuntime(text); err != nil || got != want {
			t.Errorf("ParseRuntime(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseRuntimeRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "0", "0s", "00h", "-2", "-1h", "-1s", "+5", "+5m", "1h30m", "1.5h", "1e3", "0x10", "1_000", "soon", "m", "h",
		"5w", "5y", "5 m", "5mm", "5ms", "m5", "--1", "１２", "५m", "20m\x00", "1;2",
		"106752d", "2562048h", "153722868m", "9223372037", "9223372037s", "9223372036854775807s", "9223372036854775808", strings.Repeat("9", 400),
	} {
		got, err := ParseRuntime(text)
		if !fault.Is(err, fault.Invalid) || got != 0 {
			t.Errorf("ParseRuntime(%q) = %v, %v; want it to be refused", text, got, err)
		}
		if fault.Hint(err) == "" {
			t.Errorf("ParseRuntime(%q) does not say what to write", text)
		}
	}
}

func TestParseRuntimeNeverGivesNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+ 0-9]{0,21}[dhmsDHMS]{0,2}`).Draw(t, "text")
		got, err := ParseRuntime(text)
		if err == nil && got <= 0 && got != Unlimited {
			t.Fatalf("ParseRuntime(%q) = %v", text, got)
		}
		if err != nil && got != 0 {
			t.Fatalf("ParseRuntime(%q) = %v beside %v", text, got, err)
		}
	})
}
