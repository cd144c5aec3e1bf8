# shellcheck shell=bash
# The switch and the hosts: how they start, how they are entered, how they are powered off.
#
# Their namespaces have no names and no mounts of ours outside: they live as long as their processes, and go with them.

state_make() {
  if [ -d "$STATE" ] && [ ! -e "$STATE/.holdfast-lab" ] && [ -n "$(ls -A "$STATE")" ]; then
    die "the state folder '$STATE' holds something else: choose another by LAB="
  fi
  # The mark comes first: whatever is killed from here on, what is left is known to be a lab's.
  mkdir -p "$STATE"
  : >>"$STATE/.holdfast-lab"
  mkdir -p "$STATE"/{scripts,hosts,memory,shared}
}

# The process whose PID is in FILE, if it still is one of the lab's NAME (PIDs repeat).
process_in() { # FILE NAME
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -qx "[0-9]*:pids:/$LAB_NAME/$2" "/proc/$pid/cgroup" 2>/dev/null &&
    echo "$pid"
}
switch_process() { process_in "$STATE/switch.pid" switch || die "the lab $LAB_NAME is not up: lab up"; }
host_process() { process_in "$STATE/hosts/$1/init.pid" "$1"; }
host_is_up() { host_process "$1" >/dev/null; }

only_child() { # PID
  local children
  children=$(cat "/proc/$1/task/$1/children")
  [ -n "$children" ] && echo "${children%% *}"
}

# The switch holds the lab's bridge and its memory-backed disks (etcd's data: an fsync there costs nothing).
switch_start() {
  local log=$STATE/switch.log
  cgroup_make switch
  (
    cgroup_enter switch
    exec setsid unshare --net --mount --propagation private -- "$STATE/scripts/switch"
  ) </dev/null >>"$log" 2>&1 &
  echo $! >"$STATE/switch.pid"
  wait_for "the switch" "$log" test -e "$STATE/switch-ready"
}

in_switch() { nsenter --target "$(switch_process)" --net -- "$@"; }

host_start() { # HOST; the processes only: host_wait waits for what they serve
  local host=$1 disk=$STATE/hosts/$1 switch outer init
  switch=$(switch_process)
  mkdir -p "$disk"/{libvirt,cache,etc-libvirt,etc-holdfast/tls,log/libvirt}
  cp "$STATE/tls/ca.pem" "$STATE/tls/client.pem" "$STATE/tls/client-key.pem" "$disk/etc-holdfast/tls/"
  cp "$STATE/tls/$host.pem" "$disk/etc-holdfast/tls/server.pem"
  cp "$STATE/tls/$host-key.pem" "$disk/etc-holdfast/tls/server-key.pem"
  daemon_configuration "$host" >"$disk/etc-holdfast/holdfastd.yaml"
  cgroup_make "$host"
  (
    cgroup_enter "$host"
    exec setsid nsenter --target "$switch" --mount -- unshare --net --mount --pid --uts --ipc --cgroup --propagation private \
      --fork --kill-child --mount-proc "$STATE/scripts/init" "$host"
  ) </dev/null >>"$disk/log/host.log" 2>&1 &
  outer=$!
  wait_for "$host's first process" "$disk/log/host.log" only_child "$outer"
  init=$(only_child "$outer")
  echo "$init" >"$disk/init.pid"
  nsenter --target "$switch" --net -- ip -batch - <<END || die "cannot lay $host's cable"
link add p${host#h} type veth peer name up0 netns $init
link set p${host#h} master br0 up
END
}

daemon_configuration() { # HOST
  local host=$1 text endpoints rack connections='"lxc:///system", "qemu:///system"'
  [ "$LAB_PARTS" = no ] || connections+=', "host:///system"'
  text=$(<"$SOURCE/holdfastd.yaml.in")
  endpoints=$(etcd_endpoints "$host")
  rack=$(printf "\\$(printf %o $((96 + (${host#h} - 1) % 26 + 1)))")
  text=${text//@NODE@/$host}
  text=${text//@RACK@/$rack}
  text=${text//@ON_STOP@/$LAB_ON_STOP}
  text=${text//@TTL@/$LAB_TTL}
  text=${text//@QUOTA@/$LAB_STORE_QUOTA}
  text=${text//@HISTORY@/$LAB_STORE_HISTORY}
  text=${text//@CONNECTIONS@/$connections}
  text=${text//@ADDRESS@/$(host_address "$host")}
  printf '%s\n' "${text//@ENDPOINTS@/\"${endpoints//,/\", \"}\"}"
}

services() {
  echo libvirtd etcd
  if [ "$WITH_HOLDFAST" = yes ]; then echo holdfast-guard holdfastd; fi
}

host_root() { echo "/proc/$(host_process "$1")/root"; }
inside_exists() { test -e "$(host_root "$1")$2"; }       # HOST PATH
inside_socket() { test -S "$(host_root "$1")$2"; }

host_wait() { # HOST: until everything on it but etcd answers
  local host=$1 log=$STATE/hosts/$1/log
  wait_for "$host" "$log/host.log" inside_exists "$host" /run/lab/ready
  wait_for "libvirtd's LXC driver on $host" "$log/libvirtd.log" in_host "$host" virsh -q -c lxc:///system list
  wait_for "libvirtd's QEMU driver on $host" "$log/libvirtd.log" in_host "$host" virsh -q -c qemu:///system list
  [ "$WITH_HOLDFAST" = yes ] || return 0
  wait_for "holdfast-guard on $host" "$log/holdfast-guard.log" inside_socket "$host" /run/holdfast/guard.sock
  wait_for "holdfastd on $host" "$log/holdfastd.log" inside_socket "$host" /run/holdfast/holdfastd.sock
}

etcdctl_at() { # HOST ARGUMENTS...: asks one member, from the switch
  local host=$1
  shift
  ETCDCTL_API=3 in_switch etcdctl --endpoints "https://$(host_address "$host"):2379" --cacert "$STATE/tls/ca.pem" \
    --cert "$STATE/tls/client.pem" --key "$STATE/tls/client-key.pem" --dial-timeout 1s --command-timeout 1s "$@"
}

etcd_wait() { # HOST
  wait_for "etcd on $1" "$STATE/hosts/$1/log/etcd.log" etcdctl_at "$1" endpoint health
}

in_host() { # HOST COMMAND...
  local host=$1 init
  shift
  init=$(host_process "$host") || die "$host is off: lab boot $host"
  (
    cgroup_enter "$host"
    exec nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup -- env "PATH=$HOLDFAST_BIN:$PATH" "$@"
  )
}

# The cable goes first, so that no dying process says goodbye to anybody; then all stop at one instant and are killed.
host_power_off() { # HOST
  local host=$1
  in_switch ip link set "p${host#h}" down 2>/dev/null || true
  cgroup_freeze "$host" || true
  cgroup_kill "$host"
  in_switch ip link delete "p${host#h}" 2>/dev/null || true
  rm -f "$STATE/hosts/$host/init.pid"
  cgroup_remove "$host"
}
