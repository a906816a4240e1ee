// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Env is what the tests run against.
type Env struct {
	Target             string // "fake" or "real", for the printed count
	Primary, Secondary string // base URLs
	Username, Password string
	SigningService     string // name of the deb signing service on the primary
	Prefix             string // of every name, so that tests can share servers with others
}

// FakeEnv starts two fakes for the length of a test.
func FakeEnv(t *testing.T) Env {
	t.Helper()
	_, primary := pulpfake.Start(t, pulpfake.Options{Name: "primary", Workers: 1})
	_, secondary := pulpfake.Start(t, pulpfake.Options{Name: "secondary", Seed: 1, Workers: 1})
	return Env{Target: "fake", Primary: primary, Secondary: secondary, Username: "admin", Password: "password", SigningService: "deb-release"}
}

// RealVariable names the environment variable that gives a real pair.
const RealVariable = "PULPMAN_TEST_PULP"

// RealEnv is the pair that PULPMAN_TEST_PULP names; given is false when it names none. PULPMAN_TEST_PULP_USER and
// PULPMAN_TEST_PULP_PASSWORD default to admin and password.
func RealEnv() (env Env, given bool) {
	pair := os.Getenv(RealVariable)
	primary, secondary, two := strings.Cut(pair, ",")
	if !two {
		return Env{}, false
	}
	or := func(name, standard string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return standard
	}
	return Env{
		Target: "real", Primary: strings.TrimSuffix(primary, "/"), Secondary: strings.TrimSuffix(secondary, "/"),
		Username: or(RealVariable+"_USER", "admin"), Password: or(RealVariable+"_PASSWORD", "password"), SigningService: "deb-release",
		Prefix: fmt.Sprintf("contract-%d-", time.Now().UnixNano()%1e9),
	}, true
}

// contract is one test: a sentence about Pulp, and its proof.
type contract struct {
	name string
	test func(c *check)
}

// check is what one contract works with.
type check struct {
	*testing.T
	env                Env
	primary, secondary *server
	up                 *pulpfake.Upstream
	upURL              string
	prefix             string // unique for this contract
}

// all is every contract, in the order of the files.
func all() []contract {
	var res []contract
	for _, part := range [][]contract{
		protocol, sessions, fields, lists, patches, tasks, locks, syncs, failures, debContracts, distributions, ownerships, deletes, contents, snapshots, cleanings, signings, clients, pythonContracts, containerContracts,
	} {
		res = append(res, part...)
	}
	return res
}

// Run runs every contract on env and prints how many ran to their end, for CI to compare the fake with a real pair.
func Run(t *testing.T, env Env) {
	t.Helper()
	up := pulpfake.NewUpstream()
	upURL := up.Start(t)
	primary, secondary := newServer(t, env, env.Primary), newServer(t, env, env.Secondary)
	ran := 0
	for i, x := range all() {
		t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
			c := &check{
				T: t, env: env, up: up, upURL: upURL, prefix: fmt.Sprintf("%sc%d-", env.Prefix, i),
				primary: primary.forTest(t), secondary: secondary.forTest(t),
			}
			x.test(c)
			ran++
		})
	}
	primary.settle()
	secondary.settle()
	fmt.Fprintf(os.Stdout, "contract: %d of %d tests ran on %s\n", ran, len(all()), env.Target)
}
