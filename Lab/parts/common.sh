# shellcheck shell=bash
# The lab's names and folders, and how it speaks.

say() { printf '%s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }

readonly DEFAULT_STATE=/var/tmp/holdfast-lab
STATE=$(realpath -m "${LAB:-$DEFAULT_STATE}")
readonly STATE

# Another folder is another lab: two labs that share a name would end each other.
derived_name() {
  if [ "$STATE" = "$DEFAULT_STATE" ]; then echo hflab; else echo "hflab-$(printf %s "$STATE" | sha1sum | cut -c1-6)"; fi
}
LAB_NAME=${LAB_NAME:-$(derived_name)}
LAB_NET=${LAB_NET:-10.77.0.0/16}
LAB_ON_STOP=${LAB_ON_STOP:-handover}
LAB_TTL=${LAB_TTL:-1s}
LAB_STORE_QUOTA=${LAB_STORE_QUOTA:-2048}
LAB_STORE_HISTORY=${LAB_STORE_HISTORY:-1h}
LAB_PARTS=${LAB_PARTS:-no}
HOLDFAST_BIN=$(realpath -m "${HOLDFAST_BIN:-$SOURCE/../.build/release}")
LAB_CACHE=$(realpath -m "${LAB_CACHE:-/var/tmp/holdfast-lab-cache}")
readonly LAB_CACHE
HOSTS=3
WITH_HOLDFAST=yes
# What `up` decided holds until `down`, whatever the environment says meanwhile.
# shellcheck source=/dev/null
if [ -r "$STATE/lab.conf" ]; then . "$STATE/lab.conf"; fi

[[ $LAB_NAME =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "LAB_NAME '$LAB_NAME' is not 1-31 of a-z, 0-9 and -"
[[ $LAB_NET =~ ^[0-9]+\.[0-9]+\.0\.0/16$ ]] || die "LAB_NET '$LAB_NET' is not of the form A.B.0.0/16"
[[ $LAB_ON_STOP =~ ^(evacuate|handover|stay)$ ]] || die "LAB_ON_STOP '$LAB_ON_STOP' is not evacuate, handover or stay"
[[ $LAB_TTL =~ ^[1-9][0-9]*(ms|s)$ ]] || die "LAB_TTL '$LAB_TTL' is not a time such as 500ms or 3s"
[[ $LAB_STORE_QUOTA =~ ^[1-9][0-9]*$ ]] || die "LAB_STORE_QUOTA '$LAB_STORE_QUOTA' is not a number of MiB"
[[ $LAB_STORE_HISTORY =~ ^[1-9][0-9]*[smh]$ ]] || die "LAB_STORE_HISTORY '$LAB_STORE_HISTORY' is not a time such as 10s or 1h"
[[ $LAB_PARTS =~ ^(yes|no)$ ]] || die "LAB_PARTS '$LAB_PARTS' is not yes or no"
[[ $STATE =~ ^[A-Za-z0-9/._-]+$ ]] || die "the state folder '$STATE' has characters other than letters, digits, / . _ -"
case $STATE/ in
  / | /run/* | /etc/* | /proc/* | /sys/* | /var/log/* | /var/lib/libvirt/* | /var/cache/libvirt/*)
    die "the state folder '$STATE' is where a host has its own files: choose another by LAB=" ;;
esac
# A.B of the lab's network: hosts are A.B.0.N, the switch A.B.0.254, a client A.B.0.253, workloads A.B.1.K, unmanaged containers A.B.2.N,
# machines A.B.3.K; A.B.4.K is for addresses that follow workloads.
readonly PREFIX=${LAB_NET%.0.0/16}

host_address() { echo "$PREFIX.0.${1#h}"; }
host_names() { local i; for ((i = 1; i <= HOSTS; i++)); do echo "h$i"; done; }
switch_address() { echo "$PREFIX.0.254"; }
client_address() { echo "$PREFIX.0.253"; }
etcd_endpoints() { # all members, HOST's own first
  local own=${1:-} host list=()
  if [ -n "$own" ]; then list+=("https://$(host_address "$own"):2379"); fi
  for host in $(host_names); do [ "$host" = "$own" ] || list+=("https://$(host_address "$host"):2379"); done
  (IFS=,; echo "${list[*]}")
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root: namespaces, cgroups and mounts"; }

need_host() { # HOST
  [[ ${1:-} =~ ^h[1-9][0-9]*$ ]] && [ "${1#h}" -le "$HOSTS" ] ||
    die "no host '${1:-}': the lab has h1 to h$HOSTS (another number: 'lab down', then 'lab up --hosts N')"
}

# wait_for WHAT LOG COMMAND...: until COMMAND succeeds; else says what did not come up, with the end of LOG.
wait_for() {
  local what=$1 log=$2 patience=${LAB_PATIENCE:-20} end
  shift 2
  end=$((SECONDS + patience))
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      printf 'lab: %s: nothing after %s s. The end of %s:\n' "$what" "$patience" "$log" >&2
      tail -n 20 "$log" >&2 || true
      die "$what does not come up; 'lab status' shows the rest, 'lab down' ends it"
    fi
    sleep 0.03
  done
}
