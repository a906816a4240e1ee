# shellcheck shell=bash
# What the lab's scripts share: where things are, how a process is started and stopped, Debian packages, PostgreSQL.
# Sourced, never run. Everything listens on 127.0.0.1 and lives in LAB_HOME.

# shellcheck disable=SC2034  # used by the scripts
LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_HOME=${LAB_HOME:-/var/tmp/pulp-manager-lab}
LAB_PORT=${LAB_PORT:-25817}         # API port of the first server; see lab/README.md for the ports derived from it
LAB_PGPORT=${LAB_PGPORT:-5459}
LAB_UPSTREAM_PORT=${LAB_UPSTREAM_PORT:-25850}
LAB_SERVICES_PORT=${LAB_SERVICES_PORT:-25860}
LAB_LDAP_PORT=${LAB_LDAP_PORT:-25870}
LAB_VENV=${LAB_VENV:-$LAB_HOME/venv}
PGDATA=$LAB_HOME/pg
SERVERS=$LAB_HOME/servers
ME=lab/${0##*/}

say() { printf '%s: %s\n' "$ME" "$*" >&2; }
die() { say "$*"; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit "${1:-2}"; }

# locked keeps two calls that change the lab from running at once. File descriptor 8 must not reach a daemon.
locked() {
  mkdir -p "$LAB_HOME" "$SERVERS" && chmod 755 "$LAB_HOME"
  exec 8>"$LAB_HOME/lock"
  flock -w 900 8 || die "another call holds $LAB_HOME/lock"
}

# --- processes: a pid file holds the pid and the start time, so that a reused pid is never mistaken for ours

start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

alive() { # pid-file
  local pid since
  [ -f "$1" ] && read -r pid since <"$1" && [ -n "$since" ] && [ "$(start_time "$pid")" = "$since" ]
}

free() { # port …: none of them is taken by somebody else
  local port
  for port in "$@"; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || die "port $port is taken by another program (lab/README.md tells how to choose others)"
  done
}

spawn() { # pid-file log command…: in its own session, detached
  local file=$1 log=$2; shift 2
  # shellcheck disable=SC2016  # expanded by the inner shell
  setsid --fork /bin/sh -c 'echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d" " -f20)" > "$1"; shift; exec "$@"' \
    sh "$file" "$@" >>"$log" 2>&1 </dev/null 8>&-
  for _ in $(seq 1 50); do [ -s "$file" ] && return; sleep 0.1; done
  die "did not start: $*"
}

stop() { # pid-file [signal]: the whole process group, by force after 10 s
  local pid
  if ! alive "$1"; then rm -f "$1"; return 0; fi
  read -r pid _ <"$1"
  kill "-${2:-TERM}" -- "-$pid" 2>/dev/null || true
  for _ in $(seq 1 100); do alive "$1" || break; sleep 0.1; done
  kill -KILL -- "-$pid" 2>/dev/null || true
  rm -f "$1"
}

# --- Debian packages

packages() { # command:package …: installs the packages whose command is missing; starts none of their services
  local pair missing=() policy=
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  is_root || die "missing: ${missing[*]}. Install them (apt-get install ${missing[*]}) or run this once as root"
  command -v apt-get >/dev/null || die "missing: ${missing[*]}, and there is no apt-get here: install them by hand"
  say "installing ${missing[*]}"
  mkdir -p "$LAB_HOME"
  if [ -z "$(find "$LAB_HOME/apt-updated" -mtime -1 2>/dev/null)" ]; then
    timeout 300 apt-get update -qq || die "apt-get update failed: are Debian's packages reachable from here?"
    touch "$LAB_HOME/apt-updated"
  fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then # Debian's way to say: install, but start nothing
    policy=/usr/sbin/policy-rc.d; printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$LAB_HOME/apt.log" 2>&1 8>&- ||
    { tail -20 "$LAB_HOME/apt.log" >&2; [ -z "$policy" ] || rm -f "$policy"; die "apt-get install ${missing[*]} failed"; }
  [ -z "$policy" ] || rm -f "$policy"
}

# --- PostgreSQL: one throw-away cluster without durability, trusted on loopback

pgbin() { find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1; }
as_pg() { if is_root; then runuser -u postgres -- "$@" 8>&-; else "$@" 8>&-; fi; }
sql() { PGOPTIONS='-c client_min_messages=warning' "$(pgbin)/psql" -h 127.0.0.1 -p "$LAB_PGPORT" -U postgres -qAtX -v ON_ERROR_STOP=1 -d "${2:-postgres}" -c "$1"; }
pg_running() { [ -f "$PGDATA/PG_VERSION" ] && (cd / && as_pg "$(pgbin)/pg_ctl" -D "$PGDATA" status >/dev/null 2>&1); }

pg_install() { [ -n "$(pgbin)" ] || packages no-such-command:postgresql; }

pg_up() {
  local bin; bin=$(pgbin); [ -n "$bin" ] || die "PostgreSQL is not installed: run 'lab/pulp install'"
  if pg_running; then return; fi
  free "$LAB_PGPORT"
  if [ ! -f "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"; if is_root; then chown postgres "$PGDATA"; fi
    (cd / && as_pg "$bin/initdb" -D "$PGDATA" -U postgres -E UTF8 --locale=C.UTF-8 -A trust >/dev/null)
  fi
  (cd / && as_pg "$bin/pg_ctl" -D "$PGDATA" -w -t 60 -l "$PGDATA/log" -o "-p $LAB_PGPORT -k $PGDATA -c listen_addresses=127.0.0.1 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" start >/dev/null) ||
    { tail -5 "$PGDATA/log" >&2; die "PostgreSQL did not start on port $LAB_PGPORT"; }
}

pg_down() { if pg_running; then (cd / && as_pg "$(pgbin)/pg_ctl" -D "$PGDATA" -m immediate -w stop >/dev/null); fi; }

role() { [ -n "$(sql "select 1 from pg_roles where rolname='$1'")" ] || sql "create role $1 login createdb"; }

# --- TLS

certificate() { # folder name-of-the-CA: ca.pem, and server.pem and server.key for 127.0.0.1 and localhost, signed by it
  local h=$1
  [ -f "$h/server.pem" ] && return
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$2" -keyout "$h/ca.key" -out "$h/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout "$h/server.key" -out "$h/server.csr" 2>/dev/null
  openssl x509 -req -in "$h/server.csr" -CA "$h/ca.pem" -CAkey "$h/ca.key" -CAcreateserial -days 3650 \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$h/server.pem" 2>/dev/null
}

# --- signing keys: one for Pulp (deb-release), another for the upstream, so that a re-signed Release can be told from a copied one

signing_key() { # name user-id: the secret key in $LAB_HOME/gnupg-NAME, the public one in $LAB_HOME/NAME.asc
  export GNUPGHOME=$LAB_HOME/gnupg-$1
  [ -f "$LAB_HOME/$1.asc" ] && return
  mkdir -p "$GNUPGHOME" && chmod 700 "$GNUPGHOME"
  gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key "$2" rsa3072 sign never 2>/dev/null 8>&-
  gpg --batch --armor --export >"$LAB_HOME/$1.asc" 8>&-
}
fingerprint() { GNUPGHOME=$LAB_HOME/gnupg-$1 gpg --batch --quiet --list-keys --with-colons 8>&- | awk -F: '/^fpr/{print $10; exit}'; }
end_agents() { for d in "$LAB_HOME"/gnupg-*; do [ ! -d "$d" ] || gpgconf --homedir "$d" --kill gpg-agent 2>/dev/null || true; done; }
