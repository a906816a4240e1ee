// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"
	"strings"
)

const documentHead = `# Configuration

<!-- Made from internal/config by ` + "`go generate ./internal/config`" + `. Do not edit. -->

` + "`pulp-manager config check`" + ` looks at everything below and names all problems at once, with file and line;
it exits 2 where there are any. ` + "`pulp-manager config show`" + ` shows what is in force, without secrets.

Flags win over the environment, which wins over the default paths. A path that a flag or the environment
names must exist. The files at the default paths may be missing: without config.ini the defaults below count, without
pulp_config.yml the servers in the store stay as they are.

The files are read at start, on SIGHUP, and within seconds after they change. A new file with errors is reported and
the configuration in force stays.

Keys marked + are new; all others are the Python version's.

`

const documentSecrets = `## References to secrets

| reference | means |
|---|---|
| ` + "`env:NAME`" + ` | environment variable of the daemon |
| ` + "`file:/path`" + ` | first line of a file |
| ` + "`vault:MOUNT/PATH#FIELD`" + ` | field of a secret in Vault or OpenBao at ` + "`vault_addr`" + `; KV version 1 or 2, or what another engine answers to a read |

References are read when they are needed, so a rotated secret needs no reload.

`

// environment is what the environment says, for the documentation.
var environment = [][3]string{
	{EnvConfigPath, DefaultConfigPath, "Path of `config.ini`; flag `--config`."},
	{EnvSyncPath, DefaultSyncPath, "Path of `pulp_config.yml`; flag `--sync-config`."},
	{EnvSkipSync, "", "Its presence, whatever it says, leaves `pulp_config.yml` alone."},
	{EnvCAFile, "", "PEM file of root certificates; wins over `[ca] root_ca_file_path`."},
	{EnvLocal, "", "`true`: Pulp servers are reached by http with `[pulp] password`, without Vault, where `pulp_config.yml` says nothing else."},
	{EnvDatabaseURL, "", "+ PostgreSQL: `postgres://USER:PASSWORD@HOST:5432/NAME`; flag `--database-url`. Without it there is the embedded database in `--data-dir`, default `$XDG_STATE_HOME/pulp-manager`."},
	{EnvJWTSecret, "", "Signs login tokens. Needed with PostgreSQL; with the embedded database made by the first start."},
	{EnvSecretKey, "", "+ Fingerprints and seals secrets, 16 characters or more. Needed with PostgreSQL; with the embedded database made by the first start."},
	{"DB_HOSTNAME, DB_NAME, DB_USER, DB_PASSWORD", "", "Name the Python version's MariaDB. Refused, unless `DATABASE_URL`, `--database-url` or `--data-dir` names another database."},
}

// Document writes docs/configuration.md.
func Document(w io.Writer) error {
	var b strings.Builder
	b.WriteString(documentHead)
	b.WriteString("## Environment\n\n| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range environment {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v[0], code(v[1]), v[2])
	}
	b.WriteString("\n## config.ini\n\n" +
		"An INI file as Python's `configparser` reads it: keys in any case, sections in exact case, `=` or `:`, comments on lines of their own only, " +
		"values over several indented lines, `%%` for `%`, `%(key)s` for another key's value. Unknown keys are warned of.\n")
	section := ""
	for _, f := range fields() {
		if f.section != section {
			section = f.section
			fmt.Fprintf(&b, "\n### [%s]\n\n| key | type | default | meaning |\n|---|---|---|---|\n", section)
		}
		if f.dead != "" {
			fmt.Fprintf(&b, "| `%s` | | | No effect: %s. |\n", f.key, f.dead)
			continue
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", f.key, plus(f.added), f.value.kind, code(f.fallback), f.meaning)
	}
	fmt.Fprintf(&b, "\n### [database]\n\nNo effect: %s.\n\n## pulp_config.yml\n\nUnknown keys are errors. What is not in the file is taken out of the store; history stays.\n", noDatabase)
	for _, level := range []string{levelTop, levelServer, levelServerGroup, levelRegistration, levelSnapshot, levelCredential, levelGroup} {
		fmt.Fprintf(&b, "\n### %s\n\n| key | type | needed | meaning |\n|---|---|---|---|\n", heading(level))
		for _, k := range keysOf(level) {
			fmt.Fprintf(&b, "| %s%s | %s | %s | %s |\n", names(k), plus(k.added), k.kind, yes(k.required), k.meaning)
		}
	}
	b.WriteString("\n")
	b.WriteString(documentSecrets)
	b.WriteString(documentCron)
	_, err := io.WriteString(w, b.String())
	return err
}

const documentCron = `## Schedules

Five fields: minute, hour, day of month, month, day of week (0 or 7 is Sunday), with ` + "`*`, `*/n`, lists and ranges, `L`" + ` for the last day of a
month; or ` + "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, `@every 90m`" + `. They count in the host's time zone, or in the one that
` + "`TZ=Europe/Berlin `" + ` in front or the key ` + "`timezone`" + ` names. Where both day fields are given, both must match. A run that daylight saving skips happens right after the gap; of
fixed hours, the one that it repeats counts once.

` + "`schedule_blackouts`" + ` are windows: ` + "`[DAYS] [HH:MM-HH:MM] [ZONE]`" + `, of which days or hours must be there, or ` + "`DATE[..DATE] [ZONE]`" + `, both days included. Hours that
end before they begin end on the next day. Without a zone they are in the schedule's.

` + "```yaml" + `
schedule_blackouts:                       # the whole file
  - 2026-12-20..2027-01-03
pulp_servers:
  pulp1.example.com:
    schedule_blackouts: ["Mon-Fri 08:00-18:00 Europe/Berlin", "Sun"]
    repo_groups:
      external: {schedule: "0 */4 * * *", timezone: Europe/Berlin, schedule_jitter: 20m, schedule_overlap: queue, max_concurrent_syncs: 4, max_runtime: 6h}
` + "```" + `

Runs that fall into a window are held until it ends and then happen once, however many they were; with ` + "`schedule_missed: none`" + ` each is left out, and a task in
state skipped says why. A run is missed when it is found more than ten minutes late, or more than half the time to the next run. What a schedule did
last, and what it will do next, is in ` + "`pulp-manager schedules show ID`" + ` and ` + "`GET /v1/schedules/{id}`" + `: [operations.md](operations.md#schedules).
`

func heading(level string) string {
	if level == levelTop {
		return "Top level"
	}
	return level
}

func names(k yamlKey) string {
	text := "`" + k.key + "`"
	for _, other := range []string{k.alias, k.misspelt} {
		if other != "" {
			text += ", `" + other + "`"
		}
	}
	return text
}

func plus(added bool) string {
	if added {
		return " +"
	}
	return ""
}

func yes(required bool) string {
	if required {
		return "yes"
	}
	return ""
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
