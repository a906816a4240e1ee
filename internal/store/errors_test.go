// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestDriverErrorsHaveAKind(t *testing.T) {
	pg := func(code string) error {
		return fmt.Errorf("query: %w", &pgconn.PgError{Code: code, Message: "SELECT secret FROM somewhere"})
	}
	c := classifier{database: "the database"}
	for _, e := range []struct {
		err  error
		kind fault.Kind
		want string
	}{
		{pg("23505"), fault.Conflict, "exists already"},
		{pg("23503"), fault.Invalid, "not there"},
		{pg("2201B"), fault.Invalid, "regular expression"},
		{pg("22025"), fault.Invalid, "backslash"},
		{pg("53100"), fault.Unavailable, "disk"},
		{pg("53300"), fault.Unavailable, "connection"},
		{pg("3D000"), fault.Unavailable, "does not exist"},
		{pg("28P01"), fault.Unavailable, "refused the login"},
		{pg("57P01"), fault.Unavailable, "right now"},
		{pg("25006"), fault.Unavailable, "takes no changes"},
		{pg("25P03"), fault.Unavailable, "too long"},
		{pg("40P01"), fault.Unavailable, "busy"},
		{pg("42601"), fault.Internal, "failed"},
		{sql.ErrNoRows, fault.NotFound, "there is none"},
		{io.ErrUnexpectedEOF, fault.Unavailable, "does not answer"},
		{errors.New("a driver's bug"), fault.Internal, "failed"},
		{fmt.Errorf("in a transaction: %w", fleet.ErrLeaseLost), fault.Conflict, "took over"},
	} {
		err := c.classify(t.Context(), e.err, "try")
		if !fault.Is(err, e.kind) || !strings.Contains(fault.Message(err), e.want) || !errors.Is(err, e.err) {
			t.Errorf("%v: %v (%s), want %s: %q", e.err, err, fault.KindOf(err), e.kind, e.want)
		}
		if gone := errors.Is(err, fleet.ErrStoreGone); gone != (e.kind == fault.Unavailable) {
			t.Errorf("%v: says that the store is gone: %t", e.err, gone)
		}
		if strings.Contains(fault.Message(err)+fault.Hint(err), "secret") {
			t.Errorf("%v: the message shows SQL: %q", e.err, fault.Message(err))
		}
	}
	if err := c.classify(t.Context(), nil, "try"); err != nil {
		t.Errorf("no error became %v", err)
	}
	if !retriable(pg("40001")) || retriable(pg("23505")) || retriable(context.Canceled) {
		t.Error("what is tried again")
	}
}
