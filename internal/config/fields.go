// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	noRedis    = "there is no Redis any more: jobs are in the database"
	noDatabase = "the Python version did not read it either: name PostgreSQL with DATABASE_URL"
	noVaultKey = "the Python version did not read it either"
)

// fields are all keys of config.ini, in the order of the documentation (legacy section 1.4).
func fields() []field {
	return slices.Concat([]field{
		{
			section: "ca", key: "root_ca_file_path", value: text(func(s *Settings) *string { return &s.CA.RootFile }),
			meaning: "PEM file with the root certificates of internal servers: used for connections to them, and put on remotes whose URL is internal. `PULP_MANAGER_CA_FILE` wins.",
		},
	}, authFields(), httpFields(), []field{
		{
			section: "pulp", key: "deb_signing_service", value: text(func(s *Settings) *string { return &s.Pulp.DebSigningService }),
			meaning: "Name of the Pulp signing service that signs the metadata of deb repositories on primaries. Empty: not signed.",
		},
		{
			section: "pulp", key: "rpm_signing_service", value: text(func(s *Settings) *string { return &s.Pulp.RPMSigningService }), added: true,
			meaning: "Name of the Pulp signing service that signs the metadata of rpm repositories on primaries. Empty: not signed.",
		},
		{
			section: "pulp", key: "banned_package_regex", value: pattern(func(s *Settings) **fleet.Pattern { return &s.Pulp.BannedPackages }),
			meaning: "Packages whose name it finds are taken out of repositories with an outside feed. Empty: none.",
		},
		{
			section: "pulp", key: "internal_domains", value: list(func(s *Settings) *[]string { return &s.Pulp.InternalDomains }),
			meaning: "A URL is internal where its host is one of these or ends with a dot and one of these. Empty: no URL is; the Python version then took every URL for internal, and looked for the texts anywhere in the URL.",
		},
		{
			section: "pulp", key: "definition_secrets", value: list(func(s *Settings) *[]string { return &s.Pulp.DefinitionSecrets }), added: true,
			meaning: "Beginnings of the references that definitions may use in `secrets`: `env:PULP_REMOTE_`, `file:/etc/pulp_manager/remotes/`. Whoever writes definitions can send what they name to any address, so allow no more than is meant for remotes. Empty: none.",
		},
		{
			section: "pulp", key: "git_repo_config", value: gitURL(func(s *Settings) *string { return &s.Pulp.Git.URL }),
			meaning: "Git repository with the definitions of repositories.",
		},
		{
			section: "pulp", key: "git_repo_config_dir", value: folder(func(s *Settings) *string { return &s.Pulp.Git.Dir }),
			meaning: "Folder of the definitions in that repository.",
		},
		{
			section: "pulp", key: "git_repo_config_branch", value: text(func(s *Settings) *string { return &s.Pulp.Git.Branch }), added: true,
			meaning: "Branch to read. Empty: the repository's default branch.",
		},
		{
			section: "pulp", key: "git_repo_config_username", value: text(func(s *Settings) *string { return &s.Pulp.Git.Username }), added: true,
			meaning: "User name for the Git server.",
		},
		{
			section: "pulp", key: "git_repo_config_password", value: reference(func(s *Settings) *fleet.SecretRef { return &s.Pulp.Git.Password }), added: true,
			meaning: "Password or token for the Git server.",
		},
		{
			section: "pulp", key: "git_repo_config_timeout", value: duration(func(s *Settings) *time.Duration { return &s.Pulp.Git.Timeout }), fallback: "2m", added: true,
			meaning: "How long a clone may take.",
		},
		{
			section: "pulp", key: "local_repo_config_dir", value: text(func(s *Settings) *string { return &s.Pulp.LocalDir }),
			meaning: "Folder of the definitions on this machine, instead of Git.",
		},
		{
			section: "pulp", key: "password", value: pulpPassword(),
			meaning: "Password of all Pulp servers where the environment says `Is_local=true`. A reference (`env:`, `file:`, `vault:`) is better than the password itself.",
		},
		{
			section: "pulp", key: "internal_repo_prefix", value: text(func(s *Settings) *string { return &s.Pulp.InternalPrefix }),
			meaning: "Put before the names of definitions below `internal/` when a registration's patterns are matched. It changes no repository's name.",
		},
		{
			section: "pulp", key: "external_repo_prefix", value: text(func(s *Settings) *string { return &s.Pulp.ExternalPrefix }),
			meaning: "The same below `remote/`.",
		},
		{
			section: "pulp", key: "package_name_replacement_pattern", value: pattern(func(s *Settings) **fleet.Pattern { return &s.Pulp.Rename.Pattern }),
			meaning: "Where it matches a repository's name from the start, the last part of its base path is made by the rule below. Names of repositories and packages stay.",
		},
		{
			section: "pulp", key: "package_name_replacement_rule", value: text(func(s *Settings) *string { return &s.Pulp.Rename.Rule }),
			meaning: "Template with the pattern's named groups: `{env}_{org}_{pkg}`.",
		},
		{
			section: "pulp", key: "remote_tls_validation", value: optionalBool(func(s *Settings) **bool { return &s.Pulp.RemoteTLSValidation }),
			meaning: "Whether Pulp checks certificates of upstreams whose definition does not say. Empty: it does.",
		},
		{
			section: "pulp", key: "use_https_for_sync", value: strictBool(func(s *Settings) *bool { return &s.Pulp.UseHTTPSForSync }), fallback: "true",
			meaning: "Whether secondaries read from their primary by `https`; for servers without `mirror_url`. Only `true` and `false` are understood; the Python version took every other text for `false`.",
		},
		{
			section: "pulp", key: "max_concurrent_syncs_per_server", value: whole(func(s *Settings) *int { return &s.Pulp.MaxSyncsPerServer }, 1, 1000), fallback: "8", added: true,
			meaning: "How many repositories of one server sync at a time, over all runs.",
		},
		{
			section: "pulp", key: "max_concurrent_syncs_per_upstream", value: whole(func(s *Settings) *int { return &s.Pulp.MaxSyncsPerUpstream }, 1, 1000), fallback: "4", added: true,
			meaning: "How many repositories sync from one upstream host at a time, over all servers and runs.",
		},
		{
			section: "pulp", key: "adaptive_concurrency", value: strictBool(func(s *Settings) *bool { return &s.Pulp.AdaptiveConcurrency }), fallback: "true", added: true,
			meaning: "Whether fewer repositories sync at a time than the limits allow, at a server whose workers do not keep up, which gets slow or fails requests. Counts from the next start.",
		},
		{
			section: "pulp", key: "probe_interval", value: interval(func(s *Settings) *time.Duration { return &s.Pulp.ProbeInterval }), fallback: "30s", added: true,
			meaning: "How often each Pulp server is looked at, also without work: whether it answers, its workers, how many Pulp tasks wait. Three small requests. `0`: never.",
		},
		{
			section: "pulp", key: "stuck_after", value: duration(func(s *Settings) *time.Duration { return &s.Pulp.StuckAfter }), fallback: "1h", added: true,
			meaning: "A running task of which nothing has changed for so long is reported as stuck, in the log and in `/readyz`. Nothing is done to it.",
		},
		{
			section: "pulp", key: "stage_retries", value: whole(func(s *Settings) *int { return &s.Pulp.StageRetries }, 0, 10), fallback: "2", added: true,
			meaning: "How often a step is tried again whose Pulp task failed for a reason that may pass: a worker that died, an upstream that does not answer. The first time after 10 seconds, then after one minute, then after five each. What will not change (404, a wrong login, checksums, signatures, certificates, a full disk) is not tried again.",
		},
		{
			section: "pulp", key: "silent_task_warning", value: interval(func(s *Settings) *time.Duration { return &s.Pulp.SilentWarning }), fallback: "30m", added: true,
			meaning: "After how long without any change of its state or progress a Pulp task is reported, in the stage and in the task. `0`: never.",
		},
		{
			section: "pulp", key: "silent_task_limit", value: interval(func(s *Settings) *time.Duration { return &s.Pulp.SilentLimit }), fallback: "0", added: true,
			meaning: "After how long without any change a running Pulp task is cancelled, and its stage fails. One that waits for another is not. `0`: never; `max_runtime` ends it then.",
		},
		{
			section: "pulp", key: "full_sync_interval", value: interval(func(s *Settings) *time.Duration { return &s.Pulp.FullSyncInterval }), fallback: "24h", added: true,
			meaning: "How long a repository whose source has not changed is left alone before it is really synced again. `0`: it is synced each time.",
		},
		{
			section: "pulp", key: "probe_upstream", value: strictBool(func(s *Settings) *bool { return &s.Pulp.ProbeUpstream }), fallback: "false", added: true,
			meaning: "Whether Pulp Manager asks outside upstreams itself whether their metadata has changed, and leaves repositories alone whose has not. It must be able to reach them; an upstream that needs a login, or answers anything odd, is always synced. A mirror that serves old metadata now and then is found out after `full_sync_interval` at the latest.",
		},
		{
			section: "pulp", key: "request_timeout", value: number(func(s *Settings) *time.Duration { return &s.Pulp.RequestTimeout }, time.Second, "seconds"), fallback: "60", added: true,
			meaning: "How long one request to a Pulp server may take, in seconds.",
		},
		{
			section: "pulp", key: "api_root", value: apiRoot(func(s *Settings) *string { return &s.Pulp.APIRoot }), fallback: "/pulp/", added: true,
			meaning: "Pulp's setting `API_ROOT`.",
		},
		{section: "pulp", key: "internal_package_prefix", value: nothing(), dead: "it was renamed: write internal_repo_prefix"},

		{section: "redis", key: "host", value: nothing(), dead: noRedis},
		{section: "redis", key: "port", value: nothing(), dead: noRedis},
		{section: "redis", key: "db", value: nothing(), dead: noRedis},
		{
			section: "redis", key: "max_page_size", value: whole(func(s *Settings) *int { return &s.Jobs.MaxPageSize }, 1, 100000), fallback: "200",
			meaning: "Largest `page_size` of the job inspection routes (`/v1/rq_jobs`).",
		},

		{
			section: "remotes", key: "sock_connect_timeout", value: number(func(s *Settings) *time.Duration { return &s.Remotes.ConnectTimeout }, time.Second, "seconds"), fallback: "120",
			meaning: "How long Pulp waits for a connection to an upstream, in seconds.",
		},
		{
			section: "remotes", key: "sock_read_timeout", value: number(func(s *Settings) *time.Duration { return &s.Remotes.ReadTimeout }, time.Second, "seconds"), fallback: "600",
			meaning: "How long Pulp waits for an upstream's data, in seconds.",
		},

		{
			section: "paging", key: "default_page_size", value: whole(func(s *Settings) *int { return &s.Paging.DefaultSize }, 1, 100000), fallback: "50",
			meaning: "`page_size` of lists where a request does not say.",
		},
		{
			section: "paging", key: "max_page_size", value: whole(func(s *Settings) *int { return &s.Paging.MaxSize }, 1, 100000), fallback: "20000",
			meaning: "Largest `page_size` of lists.",
		},

		{
			section: "vault", key: "vault_addr", value: address(func(s *Settings) *string { return &s.Vault.Addr }),
			meaning: "Address of Vault or OpenBao, or of an agent of theirs that adds the login to requests.",
		},
		{
			section: "vault", key: "repo_secret_namespace", value: text(func(s *Settings) *string { return &s.Vault.SecretNamespace }),
			meaning: "Vault namespace of the secrets that definitions name. Empty: as `namespace`.",
		},
		{section: "vault", key: "enabled", value: nothing(), dead: noVaultKey},
		{section: "vault", key: "url", value: nothing(), dead: "the Python version did not read it either: write vault_addr"},
		{section: "vault", key: "mount_point", value: nothing(), dead: noVaultKey},
	}, vaultFields(), retentionFields(), metricsFields(), noticesFields(), loggingFields())
}

// deadSections are sections whose keys all have no effect, whatever they are called.
var deadSections = map[string]string{"database": noDatabase}
