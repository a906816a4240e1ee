# shellcheck shell=bash
# What clients read from a server: apt-get, dnf, pip and skopeo, each below a folder of its own, so that nothing of the machine's
# own package management is touched. Sourced, never run.

apt_view() { # folder url key [suite components…]: prints NAME VERSION ARCHITECTURE of every package; the signature must be by key
  local dir=$1/apt url=$2 key=$3; shift 3
  [ $# -gt 0 ] || set -- bookworm-test main extra
  rm -rf "$dir"; mkdir -p "$dir"/{lists/partial,cache/archives/partial,etc/apt.conf.d,etc/preferences.d,state}
  : >"$dir/status"
  echo "deb [signed-by=$key] $url $*" >"$dir/sources.list"
  apt_in "$dir" apt-get update -qq 2>"$dir/err" || { cat "$dir/err" >&2; return 1; }
  [ ! -s "$dir/err" ] || { cat "$dir/err" >&2; return 1; }
  apt_in "$dir" apt-cache dumpavail |
    awk 'BEGIN { RS = ""; FS = "\n" } { for (i = 1; i <= NF; i++) { split($i, f, ": "); v[f[1]] = f[2] }; print v["Package"], v["Version"], v["Architecture"] }' | sort -u
}
apt_in() { # folder tool…: after apt_view, on what it made
  local dir=$1 tool=$2; shift 2
  "$tool" -o Dir="$dir" -o Dir::Etc="$dir/etc" -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$dir/state" -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status" \
    -o Dir::Cache="$dir/cache" -o APT::Architecture=amd64 -o APT::Architectures="amd64,arm64" -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Acquire::http::Proxy=false -o Acquire::Retries=0 "$@"
}

dnf_view() { # folder url: prints NAME VERSION of the newest of every package
  local dir=$1/dnf; rm -rf "$dir"; mkdir -p "$dir"
  dnf --quiet --assumeyes --repofrompath="e2e,$2" --repo=e2e --releasever=1 --setopt=e2e.gpgcheck=0 \
    --setopt=reposdir=/dev/null --setopt=cachedir="$dir/cache" --setopt=persistdir="$dir/state" --setopt=logdir="$dir" \
    --setopt=proxy= --installroot="$dir/root" repoquery --available --latest-limit=1 --qf '%{name} %{version}' 2>"$dir/err" | sort ||
    { cat "$dir/err" >&2; return 1; }
}

pip_download() { # folder index requirement…: the wheels land in the folder
  local dir=$1 index=$2; shift 2
  mkdir -p "$dir"
  env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null no_proxy='*' "${LAB_VENV:-${LAB_HOME:-/var/tmp/pulp-manager-lab}/venv}/bin/python" -m pip download \
    --quiet --disable-pip-version-check --no-cache-dir --no-deps --index-url "$index" --dest "$dir" "$@"
}

image() { # inspect|copy …: skopeo without a login, over plain http
  local verb=$1; shift
  case $verb in
    inspect) no_proxy='*' skopeo inspect --tls-verify=false --no-creds "$@" ;;
    copy) no_proxy='*' skopeo copy --quiet --insecure-policy --src-tls-verify=false --src-no-creds "$@" ;;
  esac
}

same() { # what wanted got
  [ "$2" = "$3" ] || { diff <(echo "$2") <(echo "$3") >&2 || true; fail "$1"; }
}
has() { # text beginning: a line of the text begins so
  [[ $'\n'$1 == *$'\n'"$2"* ]]
}
