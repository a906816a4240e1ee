// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Settings is what `config.ini` says. Which key fills which field, with its default
// and meaning, is in fields.go.
type Settings struct {
	// Local is the environment variable Is_local: Pulp servers are reached by http with one
	// password for all, without Vault (legacy section 1.7).
	Local bool

	CA      CA
	Auth    Auth
	HTTP    HTTP
	Pulp    Pulp
	Jobs    Jobs
	Remotes Remotes
	Paging  Paging
	Vault   Vault

	Retention Retention
	Metrics   Metrics
	Notices   Notices
	Logging   Logging
}

// How people log in.
const (
	MethodLDAP   = "ldap"
	MethodStatic = "static"
	MethodNone   = "none"
)

// CA is section [ca].
type CA struct {
	RootFile string // PEM file of the company's root certificates; empty: none
}

// Auth is section [auth].
type Auth struct {
	Method        string   // MethodLDAP, MethodStatic, MethodNone; empty: LDAP where servers are named, else MethodStatic
	UsersFile     string   // of MethodStatic; empty: `users` in the data directory
	AdminGroups   []string // being in one of them is enough
	ReaderGroups  []string // the same for reading; empty: everybody in the directory may
	RequireJWT    bool     // false: nobody needs a login
	PublicReads   bool     // reading needs no login
	JWTAlgorithm  string
	JWTKeyFile    string // PEM private key, of the RS and ES algorithms
	TokenLifetime time.Duration
	LDAP          LDAP
}

// LDAP is the part of section [auth] that is about the directory.
type LDAP struct {
	Servers       []string // host or host:port, in the order they are tried
	UseSSL        bool     // false still encrypts, with a warning, unless Plaintext (D47)
	StartTLS      bool     // on the plain port, instead of LDAPS
	Plaintext     bool     // no encryption at all
	CAFile        string   // PEM; empty: REQUESTS_CA_BUNDLE, [ca] root_ca_file_path, the system's
	BaseDN        string
	DefaultDomain string
	BindName      string        // template of the name that a user binds with: {user}, {domain}, {base_dn}
	UserFilter    string        // template of the filter that finds a user: {user}
	NestedGroups  string        // "auto", "ad", "recursive" or "off"
	Timeout       time.Duration // of each server: connection, and each answer
}

// HTTP is section [http]: how the API is served.
type HTTP struct {
	CertificateFile string   // PEM chain; empty: no TLS
	KeyFile         string   // PEM
	TrustedProxies  []string // addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed
	CORSOrigins     []string // pages that may use the API from a browser; empty: none
	MaxRequests     int      // at once; more are answered 503
	MaxStreams      int      // event streams at once, which do not count as requests
	RequestTimeout  time.Duration
}

// Pulp is section [pulp].
type Pulp struct {
	APIRoot        string // Pulp's setting API_ROOT, with slashes at both ends
	RequestTimeout time.Duration
	Password       fleet.Secret    // of all servers where Settings.Local, as text in the file
	PasswordRef    fleet.SecretRef // the same, by reference

	MaxSyncsPerServer   int // over all runs
	MaxSyncsPerUpstream int // over all runs, by host of the feed

	StageRetries  int           // of a request whose Pulp task failed for a reason that may pass
	SilentWarning time.Duration // how long a Pulp task may be without a change before that is told; 0: for ever
	SilentLimit   time.Duration // the same before it is cancelled

	FullSyncInterval time.Duration // how long what has not changed is not really synced; 0: it always is
	ProbeUpstream    bool          // ask outside upstreams whether they have changed

	AdaptiveConcurrency bool          // fewer syncs at a time at servers that are slow or have few workers
	ProbeInterval       time.Duration // how often each server is looked at; 0: never
	StuckAfter          time.Duration // for how long nothing of a running task changes until it counts as stuck

	DebSigningService   string         // empty: metadata is not signed
	RPMSigningService   string         // the same for rpm
	BannedPackages      *fleet.Pattern // nil: none
	InternalDomains     []string       // empty: no URL is internal (D66)
	UseHTTPSForSync     bool           // scheme of the feed from a primary where nothing else is said
	RemoteTLSValidation *bool          // of remotes whose definition does not say; nil: true

	DefinitionSecrets []string // beginnings of the references that definitions may use; empty: none

	Git            Git
	LocalDir       string // folder of definitions; empty: Git
	InternalPrefix string // of candidate names (legacy section 1.9.3)
	ExternalPrefix string
	Rename         fleet.Rename
}

// SigningServices gives the names of the services that sign metadata, by the setting that names them.
func (p Pulp) SigningServices() map[string]string {
	named := map[string]string{"deb_signing_service": p.DebSigningService, "rpm_signing_service": p.RPMSigningService}
	maps.DeleteFunc(named, func(_, name string) bool { return name == "" })
	return named
}

// Git is where definitions are cloned from.
type Git struct {
	URL      string // may hold a login; show it only through RedactURL
	Dir      string // folder in the clone
	Branch   string // empty: the repository's default
	Username string
	Password fleet.SecretRef
	Timeout  time.Duration // of the whole clone
}

// Jobs is what is left of section [redis].
type Jobs struct {
	MaxPageSize int // of the job inspection routes
}

// Remotes is section [remotes]: time limits that Pulp keeps towards upstreams.
type Remotes struct {
	ConnectTimeout time.Duration // sock_connect_timeout
	ReadTimeout    time.Duration // sock_read_timeout
}

// Paging is section [paging].
type Paging struct {
	DefaultSize int
	MaxSize     int
}

// Vault is section [vault].
type Vault struct {
	Addr            string // base URL of Vault, or of an agent that adds the login; empty: none
	Namespace       string // of the login and of references; empty: none
	SecretNamespace string // for the secrets of definitions, not for servers' passwords; empty: Namespace
	CAFile          string // PEM; empty: CA.RootFile

	AuthMethod  string // "agent", "token", "approle" or "kubernetes"
	AuthMount   string // empty: the method's name
	Token       fleet.SecretRef
	RoleID      string
	SecretID    fleet.SecretRef
	Wrapped     bool // SecretID is a token that wraps it
	Role        string
	AccountFile string // with the token of a Kubernetes service account
}
