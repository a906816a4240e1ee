# shellcheck shell=bash
# What the end-to-end scripts share. Sourced, never run. E2E_DIR is a folder for everything they write.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # used by the scripts
E2E=$ROOT/test/e2e
LAB=$ROOT/lab
BIN=${E2E_BIN:-$ROOT/bin/pulp-manager}
LISTEN=${E2E_LISTEN:-127.0.0.1:18080}
METRICS=${E2E_METRICS:-127.0.0.1:19300}
# shellcheck disable=SC2034
PRIMARY=$("$LAB/pulp" url primary) SECONDARY=$("$LAB/pulp" url secondary) UPSTREAM=$("$LAB/upstream" url)
unset DB_HOSTNAME DB_NAME DB_USER DB_PASSWORD DATABASE_URL PULP_MANAGER_CONFIG_PATH PULP_SYNC_CONFIG_PATH PULP_MANAGER_TOKEN
export Is_local=true

say() { printf '   %s\n' "$*"; }
fail() { printf '   FAILED: %s\n' "$*" >&2; return 1; }
now() { date +%s%N; }

passed=0 failed=0
check() { # what command…: goes on after a failure, so that one run tells everything
  local what=$1 start code=0; start=$(now); shift
  printf '%s\n' "-- $what"
  set +e; (set -e; "$@") </dev/null; code=$?; set -e # not '|| code=$?': that would switch set -e off inside
  local took=$((($(now) - start) / 1000000))
  if [ "$code" = 0 ]; then passed=$((passed + 1)); printf '   ok (%d ms)\n' $took
  else failed=$((failed + 1)); printf '   FAILED (%d ms, exit %d)\n' $took "$code"; fi
}

add_user() { # users-file: one who may do everything, with a new password each time
  E2E_PASSWORD=$(openssl rand -hex 16)
  printf '%s\n' "$E2E_PASSWORD" | "$BIN" user add e2e --role admin --password-stdin --users-file "$1" >/dev/null 2>&1 ||
    printf '%s\n' "$E2E_PASSWORD" | "$BIN" user passwd e2e --password-stdin --users-file "$1"
}
log_in() { # folder for the login: a real one, by the verb; what follows sends its token
  unset PULP_MANAGER_TOKEN
  printf '%s\n' "$E2E_PASSWORD" | XDG_CONFIG_HOME=$1 "$BIN" login --url "http://$LISTEN" --username e2e --password-stdin >/dev/null
  PULP_MANAGER_TOKEN=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]]["token"])' \
    "$1/pulp-manager/credentials.json" "http://$LISTEN")
  export PULP_MANAGER_TOKEN
}
ask() { curl -fsS -m 10 -H "Authorization: Bearer $PULP_MANAGER_TOKEN" "http://$LISTEN$1"; } # path: the API's answer

daemon=''
serve() { # config-dir: starts the daemon on it, waits until it is ready, and logs in
  mkdir -p "$1/data"
  add_user "$1/data/users"
  "$BIN" serve --config "$1/config.ini" --sync-config "$1/pulp_config.yml" --data-dir "$1/data" \
    --listen "$LISTEN" --metrics-listen "$METRICS" >>"$1/daemon.log" 2>&1 </dev/null &
  daemon=$!
  disown # or bash reports each one that is killed
  for _ in $(seq 1 100); do
    if curl -fsS -m 2 -o /dev/null "http://$LISTEN/readyz" 2>/dev/null; then log_in "$1"; return; fi
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$1/daemon.log" >&2
  fail "the daemon did not become ready in 10 s"
}
end_daemon() { # signal
  [ -n "$daemon" ] || return 0
  kill "-$1" "$daemon" 2>/dev/null || true
  for _ in $(seq 1 250); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$daemon" 2>/dev/null || true
  daemon=''
}
manager() { timeout 600 "$BIN" "$@" --url "http://$LISTEN"; }
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
