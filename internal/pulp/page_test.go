// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulp/pulp-manager/internal/fault"
	"pgregory.net/rapid"
)

func numbered(n int) []Fields {
	out := make([]Fields, n)
	for i := range out {
		out[i] = Fields{"pulp_href": fmt.Sprintf("/r/%d/", i), "name": fmt.Sprintf("n%d", i)}
	}
	return out
}

// The servers' "next" leads to a host that does not exist.
func TestListReadsAllPagesFromTheConfiguredAddress(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		objects := numbered(n)
		c, w := newWire(t, listOf(objects))
		got, err := c.List(t.Context(), "repositories/deb/apt/", url.Values{"name__contains": {"a"}})
		if err != nil || len(got) != n {
			t.Fatalf("%d of %d: %v", len(got), n, err)
		}
		if n > 0 && cmp.Diff(objects, got) != "" {
			t.Errorf("%d objects came back changed", n)
		}
		for _, r := range w.seen("", "") {
			if r.Path != apiRoot+"repositories/deb/apt/" || r.Query.Get("name__contains") != "a" || r.Query.Get("limit") != "1000" {
				t.Errorf("asked %s?%v", r.Path, r.Query)
			}
		}
		if want := max(1, (n+999)/1000); len(w.seen("", "")) != want {
			t.Errorf("%d requests for %d objects, want %d", len(w.seen("", "")), n, want)
		}
	}
}

func TestListLeavesTheCallersQueryAlone(t *testing.T) {
	c, _ := newWire(t, listOf(numbered(5)))
	q := url.Values{"limit": {"2"}, "name": {"x"}}
	got, err := c.List(t.Context(), "remotes/", q)
	if err != nil || len(got) != 5 {
		t.Fatalf("%d, %v", len(got), err)
	}
	if diff := cmp.Diff(url.Values{"limit": {"2"}, "name": {"x"}}, q); diff != "" {
		t.Error(diff)
	}
}

// D58
func TestQueryValuesAreEscaped(t *testing.T) {
	const value = `1.2+deb12u1&x=y#z % "ü"/\,;`
	var got string
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query().Get("version")
		listOf(nil)(w, r)
	})
	if _, err := c.Content(t.Context(), "deb/packages", url.Values{"version": {value}}); err != nil {
		t.Fatal(err)
	}
	if got != value {
		t.Errorf("Pulp read %q", got)
	}
}

func TestListThatShrinksIsReadAgain(t *testing.T) {
	objects := numbered(5)
	reads := 0
	c, _ := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if reads++; reads == 2 {
			objects = objects[1:] // the first object goes: the third moves to the page already read
		}
		listOf(objects)(w, r)
	})
	got, err := c.List(t.Context(), "tasks/", url.Values{"limit": {"2"}})
	if err != nil || len(got) != 4 {
		t.Fatalf("%d objects, want 4: %v", len(got), err)
	}
	for i, f := range got {
		if want := Href(fmt.Sprintf("/r/%d/", i+1)); f.Href() != want {
			t.Errorf("object %d is %s, want %s", i, f.Href(), want)
		}
	}
}

func TestListThatGrowsHasNothingTwice(t *testing.T) {
	for _, withHref := range []bool{true, false} {
		objects := numbered(5)
		reads := 0
		c, _ := newWire(t, func(w http.ResponseWriter, r *http.Request) {
			if reads++; reads == 2 {
				objects = slices.Insert(slices.Clone(objects), 0, Fields{"pulp_href": "/r/new/", "name": "new"})
			}
			page := objects
			if !withHref {
				page = nil
				for _, o := range objects {
					page = append(page, Fields{"name": o["name"]})
				}
			}
			listOf(page)(w, r)
		})
		got, err := c.List(t.Context(), "tasks/", url.Values{"limit": {"2"}})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]int{}
		for _, f := range got {
			names[f.text("name")]++
		}
		for _, o := range numbered(5) {
			if names[o.text("name")] != 1 {
				t.Errorf("withHref=%v: %s is there %d times", withHref, o.text("name"), names[o.text("name")])
			}
		}
	}
}

func TestListThatNeverEndsIsAnError(t *testing.T) {
	tests := map[string]struct {
		answer func(read int) string
		kind   fault.Kind
	}{
		"the same page for ever":    {func(int) string { return `{"count":9,"results":[{"pulp_href":"/a/"}]}` }, fault.Internal},
		"an empty page too early":   {func(int) string { return `{"count":9,"results":[]}` }, fault.Internal},
		"shrinking again and again": {func(n int) string { return fmt.Sprintf(`{"count":%d,"results":[{"pulp_href":"/%d/"}]}`, 90-n, n) }, fault.Unavailable},
	}
	for name, tt := range tests {
		reads := 0
		c, _ := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
			reads++
			reply(w, 200, tt.answer(reads))
		})
		_, err := c.List(t.Context(), "tasks/", nil)
		if err == nil || fault.KindOf(err) != tt.kind || reads > 10 {
			t.Errorf("%s: %v after %d reads", name, err, reads)
		}
	}
}

func TestCount(t *testing.T) {
	c, w := newWire(t, listOf(numbered(7)))
	n, err := c.Count(t.Context(), "content/deb/packages", url.Values{"package": {"x"}})
	if err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	r := w.seen("", "")[0]
	if diff := cmp.Diff(url.Values{"package": {"x"}, "limit": {"1"}, "fields": {"pulp_href"}}, r.Query); diff != "" {
		t.Error(diff)
	}
	if r.Path != apiRoot+"content/deb/packages/" {
		t.Error(r.Path)
	}
}

func TestListInOfNothingAsksNothing(t *testing.T) {
	c, w := newWire(t, listOf(numbered(3)))
	for _, ids := range [][]string{nil, {}, {""}} {
		got, err := c.ListIn(t.Context(), "tasks/", "pulp_id__in", ids, nil)
		if err != nil || len(got) != 0 || len(w.seen("", "")) != 0 {
			t.Errorf("%q: %v, %v", ids, got, err)
		}
	}
}

// gunicorn takes request lines of 4094 bytes.
func TestListInFitsTheRequestLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SliceOfN(rapid.StringN(0, 60, 200), 0, 300).Draw(rt, "ids")
		q := url.Values{"fields": {rapid.StringN(0, 100, 300).Draw(rt, "fields")}}
		asked := map[string]int{}
		c, w := newWire(t, listOf(nil))
		if _, err := c.ListIn(t.Context(), "repositories/deb/apt/", "name__in", ids, q); err != nil {
			rt.Fatal(err)
		}
		for _, r := range w.seen("", "") {
			line := "GET " + r.Path + "?" + r.Query.Encode() + " HTTP/1.1\r\n"
			if len(line) > 4094 {
				rt.Errorf("a request line of %d bytes", len(line))
			}
			if r.Query.Get("fields") != q.Get("fields") {
				rt.Error("the other filters are lost")
			}
			if r.Query.Has("name") {
				asked[r.Query.Get("name")]++
				continue
			}
			for id := range strings.SplitSeq(r.Query.Get("name__in"), ",") {
				asked[id]++
			}
		}
		want := map[string]int{}
		for _, id := range ids {
			if id != "" {
				want[id] = 1
			}
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			rt.Errorf("asked for (-want +got):\n%s", diff)
		}
	})
}

func TestListInCountsEscapedBytes(t *testing.T) {
	ids := make([]string, 300)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s%d", strings.Repeat("/ü+&", 8), i)
	}
	c, w := newWire(t, listOf(nil))
	if _, err := c.ListIn(t.Context(), "repositories/", "name__in", ids, nil); err != nil {
		t.Fatal(err)
	}
	longest := 0
	for _, r := range w.seen("", "") {
		longest = max(longest, len("GET "+r.Path+"?"+r.Query.Encode()+" HTTP/1.1\r\n"))
	}
	if longest < 3000 || longest > 4094 {
		t.Errorf("the longest request line has %d bytes", longest)
	}
}

func TestListInUsesFewRequests(t *testing.T) {
	c, w := newWire(t, listOf(nil))
	ids := make([]string, 160)
	for i := range ids {
		ids[i] = fmt.Sprintf("01a20969-8349-79c6-9266-%012d", i)
	}
	if _, err := c.ListIn(t.Context(), "tasks/", "pulp_id__in", ids, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(w.seen("", "")); n != 2 {
		t.Errorf("%d requests for 160 ids, want 2", n)
	}
}
