// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// Status is what a server says about itself.
type Status struct {
	Versions map[string]string // by component: core, deb, rpm, file, …

	// A worker that was killed counts as online for up to 30 s.
	OnlineWorkers     int
	OnlineContentApps int

	DatabaseConnected bool
	RedisConnected    bool // false also where Pulp uses no Redis
	TellsRedis        bool // it says anything about Redis

	ContentOrigin     string // "" where Pulp has none
	ContentPathPrefix string
	DomainEnabled     bool

	StorageTotal *int64 // bytes; nil on object storage
	StorageUsed  *int64
	StorageFree  *int64
}

// Status asks how the server is. It needs no login.
func (c *Client) Status(ctx context.Context) (Status, error) {
	r := request{what: "read status", method: http.MethodGet, path: c.api + "status/", anonymous: true}
	got, err := c.do(ctx, r)
	if err != nil {
		return Status{}, err
	}
	f, err := c.object(r, got)
	if err != nil {
		return Status{}, err
	}
	if _, ok := f["versions"].([]any); !ok {
		return Status{}, c.unreadable(r, got)
	}
	_, redis := f["redis_connection"].(map[string]any)
	out := Status{
		Versions:          map[string]string{},
		OnlineWorkers:     len(f.objects("online_workers")),
		OnlineContentApps: len(f.objects("online_content_apps")),
		DatabaseConnected: f.object("database_connection").flag("connected"),
		RedisConnected:    f.object("redis_connection").flag("connected"),
		TellsRedis:        redis,
		ContentOrigin:     f.object("content_settings").text("content_origin"),
		ContentPathPrefix: f.object("content_settings").text("content_path_prefix"),
		DomainEnabled:     f.flag("domain_enabled"),
		StorageTotal:      f.object("storage").int64("total"),
		StorageUsed:       f.object("storage").int64("used"),
		StorageFree:       f.object("storage").int64("free"),
	}
	for _, v := range f.objects("versions") {
		out.Versions[v.text("component")] = v.text("version")
	}
	return out, nil
}

// Has tells whether a component, such as "deb", is installed.
func (s Status) Has(component string) bool {
	_, ok := s.Versions[component]
	return ok
}

// AtLeast tells whether a component has that version or a later one. Only numbers
// count: "3.117.0.dev" is 3.117.0. A component that is missing has no version.
func (s Status) AtLeast(component, version string) bool {
	have, ok := s.Versions[component]
	if !ok {
		return false
	}
	a, b := versionNumbers(have), versionNumbers(version)
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		if x != y {
			return x > y
		}
	}
	return true
}

// versionNumbers gives the leading numbers of a version.
func versionNumbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		out = append(out, n)
		if digits != part {
			break
		}
	}
	return out
}

func at(numbers []int, i int) int {
	if i < len(numbers) {
		return numbers[i]
	}
	return 0
}
