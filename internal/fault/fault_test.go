// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestKindOfOutermost(t *testing.T) {
	inner := New(NotFound, "no such thing")
	outer := Wrap(Conflict, inner, "cannot do it")
	tests := []struct {
		err  error
		want Kind
	}{
		{errors.New("plain"), Internal},
		{inner, NotFound},
		{fmt.Errorf("doing: %w", inner), NotFound},
		{outer, Conflict},
		{context.DeadlineExceeded, Unavailable},
	}
	for _, tt := range tests {
		if got := KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
	if Is(nil, Internal) {
		t.Error("nil has no kind")
	}
}

func TestMessageHidesCauses(t *testing.T) {
	secret := errors.New("password=hunter2")
	err := fmt.Errorf("sync: %w", Wrap(Unavailable, secret, "Pulp server a did not answer").WithHint("start it"))
	if got := Message(err); got != "Pulp server a did not answer" {
		t.Errorf("Message = %q", got)
	}
	if got := Hint(err); got != "start it" {
		t.Errorf("Hint = %q", got)
	}
	if got := Message(secret); got != "internal error" {
		t.Errorf("Message of a plain error = %q", got)
	}
	if got := Hint(Wrap(Internal, err, "outer")); got != "start it" {
		t.Errorf("Hint of an inner error = %q", got)
	}
}

func TestProtectTurnsAPanicIntoAnError(t *testing.T) {
	err := Protect(func() error { panic("hunter2") })
	if KindOf(err) != Internal || Message(err) != "internal error" || !strings.Contains(err.Error(), "fault_test.go") {
		t.Errorf("a panic gives %v", err)
	}
	want := New(NotFound, "no such thing")
	if err := Protect(func() error { return want }); !errors.Is(err, want) {
		t.Errorf("an error gives %v", err)
	}
}
