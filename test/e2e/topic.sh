# shellcheck shell=bash
# What the scripts of one topic share: a configuration of their own, with repositories that begin with ext-TOPIC-, on the lab's two
# servers, which need not be empty. Sourced, never run. They are called by test/e2e/run, and alone.
"$(dirname "${BASH_SOURCE[0]}")/../../lab/pulp" up primary secondary
"$(dirname "${BASH_SOURCE[0]}")/../../lab/upstream" up
# shellcheck disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC1091
. "$E2E/read.sh"
TOPIC=$(basename "$0")
HOME_OF_LAB=${LAB_HOME:-/var/tmp/pulp-manager-lab}
# shellcheck disable=SC2034  # used by the scripts
KEY=$HOME_OF_LAB/signing.asc
if [ -z "${E2E_DIR:-}" ]; then
  make -s -C "$ROOT" build
  E2E_DIR=$(mktemp -d); temporary=$E2E_DIR
fi
dir=$E2E_DIR/$TOPIC
primary=${PRIMARY#http://} secondary=${SECONDARY#http://}
trap 'code=$?; end_daemon TERM; at_end; [ -z "${temporary:-}" ] || rm -rf "$temporary"; exit $code' EXIT
trap 'exit 143' TERM INT
at_end() { :; } # a script may say what else is to be put right

configure() { # further lines for the primary; and for its repo_config_registration
  rm -rf "$dir"; mkdir -p "$dir"
  "$LAB/demo-config" "$dir" "$primary" "$secondary" "$UPSTREAM" 0
  mkdir -p "$dir"/definitions/remote/{python,container}
  setting banned_package_regex ''
  setting internal_domains internal.example.test # upstreams here have the servers' address, and are outside all the same
  cat >"$dir/pulp_config.yml" <<YML
pulp_servers:
  "$primary":
    credentials: local
$1
    repo_config_registration:
      schedule: "0 3 * * *"
      max_runtime: 1h
${2:-}
    repo_groups:
      $TOPIC: {max_concurrent_syncs: 2, max_runtime: 1h}
  "$secondary":
    credentials: local
    repo_groups:
      $TOPIC: {max_concurrent_syncs: 2, max_runtime: 1h, pulp_primary: "$primary"}
credentials:
  local: {username: admin, vault_service_account_mount: service-accounts}
repo_groups:
  $TOPIC: {regex_include: "^ext-$TOPIC-"}
YML
}
setting() { # key value: in [pulp] of config.ini
  sed -i -e "/^$1 *=/d" -e "/^\[pulp\]/a $1 = $2" "$dir/config.ini"
}
definition() { # kind url [further members as JSON]: the repository ext-TOPIC-KIND, served below e2e/
  cat >"$dir/definitions/remote/$1/$TOPIC-$1.json" <<JSON
{"name": "$TOPIC-$1", "content_repo_type": "$1", "description": "end to end: $TOPIC", "base_url": "e2e", "url": "$2"${3:+, $3}}
JSON
}
DEB='"releases": "bookworm-test", "components": "main extra", "architectures": "amd64 arm64"'
standard() { # address: definitions of the three types whose upstream is lab/upstream
  definition deb "$1/deb/" "$DEB"
  definition rpm "$1/rpm/"
  definition file "$1/file/PULP_MANIFEST"
}

quietly() { "$@" >"$dir/out" 2>&1 || { cat "$dir/out" >&2; return 1; }; }
register() { quietly manager register "$primary" --wait; }
sync_primary() { quietly manager sync "$primary" --regex-include "^ext-$TOPIC-" --wait; }
sync_secondary() { quietly manager sync "$secondary" --source "$primary" --regex-include "^ext-$TOPIC-" --wait; }
everything() { register; sync_primary; sync_secondary; }
refused() { # command…: must fail; what it said is in $dir/out
  ! "$@" >"$dir/out" 2>&1 || { cat "$dir/out" >&2; fail "$* ended well"; }
}

api() { # METHOD server path [JSON]: Pulp's answer
  curl -fsS -m 30 -u admin:password -X "$1" -H 'Content-Type: application/json' ${4:+-d "$4"} "$2/pulp/api/v3/$3"
}
pick() { python3 -c 'import json, sys; a = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; } # expression of the answer, a
wait_for() { # server task-href: of Pulp
  local state=''
  for _ in $(seq 1 300); do
    state=$(curl -fsS -m 30 -u admin:password "$1$2" | member state)
    case $state in completed) return ;; failed | canceled) fail "Pulp task $2 is $state"; return ;; esac
    sleep 0.2
  done
  fail "Pulp task $2 is $state"
}
pulp_tasks() { # server: how many Pulp tasks there are
  api GET "$1" 'tasks/?limit=1&fields=name' | pick 'a["count"]'
}
state_of() { # server: versions and publications of this topic's repositories, as text to compare
  python3 "$E2E/state.py" "$1" | grep -E "^(repository|distribution) .* ext-$TOPIC-"
}
served() { # server type path: hash of what a client gets
  curl -fsS -m 20 "$1/pulp/content/e2e/ext-$TOPIC-$2/$3" | sha256sum | cut -d' ' -f1
}
finish() {
  printf '   %s: %s passed, %s failed\n' "$TOPIC" "$passed" "$failed"
  [ "$failed" = 0 ]
}
