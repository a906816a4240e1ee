// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	apiPrefix     = "/pulp/api/v3/"
	contentPrefix = "/pulp/content/"
)

// Options shape a fake. The zero value is a server named "pulp" with the user admin/password, two workers, a signing
// service `deb-release`, and no artificial delays.
type Options struct {
	Name     string // in worker names and html pages; default "pulp"
	Username string // default "admin"
	Password string // default "password"
	Seed     uint64 // of object ids, so that a failing run can be repeated

	// Workers is how many Pulp tasks run at the same time; default 2.
	Workers int
	// Delay is waited before a request is handled; op is "METHOD path" below api/v3/ with ids written {}.
	Delay func(op string) time.Duration
	// TaskDuration is how long a Pulp task runs before it does its work. repository is the name of the repository
	// (or of whatever object) the task is about.
	TaskDuration func(taskName, repository string) time.Duration
	// NoSigning leaves the signing services out.
	NoSigning bool
	// SigningService is the name of the deb signing service; default "deb-release".
	SigningService string
	// RPMSigningService is the name of the service that signs the metadata of rpm repositories; default "rpm-metadata".
	RPMSigningService string
	// ContentOrigin is what base_url and status name; default: the address the server listens on.
	ContentOrigin string
	// Lacks are the plugins that are not installed, by component: "rpm".
	Lacks []string
	// WithoutProxy answers like Pulp's own gunicorn: every connection is closed after one answer.
	WithoutProxy bool
	// Grace is how long superseded files stay served; default 72h, as Pulp's DISTRIBUTED_PUBLICATION_RETENTION_PERIOD.
	Grace time.Duration
	// Hook is called at three moments of every API request; see [Moment].
	Hook func(n int, at Moment, r *http.Request)
}

// Server is one fake Pulp. It is an http.Handler; [Server.Listen] or [Start] give it an address.
type Server struct {
	opt  Options
	sign *signer

	debSigning, rpmSigning *object // nil: there are none

	mu       sync.Mutex // guards everything below; never held while fetching or answering
	rng      *rand.Rand
	lastTime time.Time
	origin   string

	objects   map[string]*object // by id
	byKind    map[*kind][]*object
	names     map[string]map[string]*object // class → name → object
	basePaths map[string]*object            // base_path → distribution
	baseAbove map[string]int                // path → number of distributions strictly below it
	pointers  map[string]map[*object]bool   // href of a repository or publication → distributions

	artifacts   map[string]*artifact // by sha256
	artifactIDs map[string]*artifact
	units       map[string]*unit // by type and natural key
	unitIDs     map[string]*unit
	unitsByKind map[*contentKind][]*unit
	versionIDs  map[string]*version

	pool     pool
	sessions map[string]string // session id → csrf token

	faults   faults
	log      []Request
	requests int
	writes   int

	life     sync.Mutex // guards listening
	listener net.Listener
	http     *http.Server
	addr     string
	running  sync.WaitGroup
	baseCtx  context.Context
	stopAll  context.CancelFunc
}

// New makes a server that holds nothing yet. It does not listen; see [Server.Listen] and [Start].
func New(opt Options) *Server {
	if opt.Name == "" {
		opt.Name = "pulp"
	}
	if opt.Username == "" {
		opt.Username, opt.Password = "admin", "password"
	}
	if opt.Workers == 0 {
		opt.Workers = 2
	}
	if opt.SigningService == "" {
		opt.SigningService = "deb-release"
	}
	if opt.RPMSigningService == "" {
		opt.RPMSigningService = "rpm-metadata"
	}
	if opt.Grace == 0 {
		opt.Grace = 72 * time.Hour
	}
	s := &Server{
		opt: opt, sign: newSigner(opt.Name), origin: opt.ContentOrigin,
		rng:     rand.New(rand.NewPCG(opt.Seed, 0x70756c70)),
		objects: map[string]*object{}, byKind: map[*kind][]*object{}, names: map[string]map[string]*object{},
		basePaths: map[string]*object{}, baseAbove: map[string]int{}, pointers: map[string]map[*object]bool{},
		artifacts: map[string]*artifact{}, artifactIDs: map[string]*artifact{},
		units: map[string]*unit{}, unitIDs: map[string]*unit{}, unitsByKind: map[*contentKind][]*unit{},
		versionIDs: map[string]*version{}, sessions: map[string]string{},
	}
	s.baseCtx, s.stopAll = context.WithCancel(context.Background())
	s.pool.init(s, opt.Workers)
	if !opt.NoSigning {
		s.debSigning = s.signingService(opt.SigningService, "/usr/bin/sign-deb.sh")
		s.rpmSigning = s.signingService(opt.RPMSigningService, "/usr/bin/sign-rpm.sh")
	}
	return s
}

// Name is the server's name from its options.
func (s *Server) Name() string { return s.opt.Name }

// PublicKey is the armored key that the server's deb signing service signs with.
func (s *Server) PublicKey() string { return s.sign.public }

// now is the current time in microseconds, never the same twice, so that order of creation is order of time.
// The caller holds mu.
func (s *Server) now() time.Time {
	t := time.Now().UTC().Truncate(time.Microsecond)
	if !t.After(s.lastTime) {
		t = s.lastTime.Add(time.Microsecond)
	}
	s.lastTime = t
	return t
}

const hexDigits = "0123456789abcdef"

// newID makes an id of the form of a version 7 uuid: the time, then seeded random bits. The caller holds mu.
func (s *Server) newID() string {
	var b [16]byte
	ms := uint64(s.lastTime.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	hi, lo := s.rng.Uint64(), s.rng.Uint64()
	for i := range 2 {
		b[6+i] = byte(hi >> (8 * i))
	}
	for i := range 8 {
		b[8+i] = byte(lo >> (8 * i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	out := make([]byte, 0, 36)
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(out)
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}
