#!/usr/bin/env bash
# A private host for the tests of the libvirt adapter: its own mount, network and cgroup namespaces with its own libvirtd.
#
#   libvirt-host.sh DIRECTORY [ADDRESS]     (an absolute path that does not exist yet; its last component names the host's cgroups)
#
# With an ADDRESS (IPv4) its libvirtd listens on TCP, without authentication: on a network that only hosts of this kind are on.
#
# PIDs are the machine's own, so that the tests, which run outside, see the PIDs and cgroups that libvirtd sees; libvirtd's
# sockets are under DIRECTORY/run/libvirt. Prints "ready" when the host is up, then carries out one command per line of
# its standard input and answers each with "ok" or "failed". At the end of the input, which the end of the test process
# brings about however it ends, it kills every process of the host by its cgroup and removes all that it made.
#
#   libvirtd           start libvirtd
#   partition NAME     make the cgroup partition /NAME, as libvirt spells it
#   bridge NAME        make a network bridge
#   cable PID ADDRESS  join the network of another such host, that of process PID, which has the ADDRESS
#   cut                pull that cable: frames are lost, and nobody is told
#   mend               put it in again
set -u

controllers="cpu cpuacct cpuset memory devices freezer blkio pids"

die() {
  echo "libvirt-host: $*" >&2
  exit 1
}

# ---- outside: cgroups, namespaces, and the cleaning up ----

outer() {
  local dir=$1 address=$2 name
  name=$(basename "$dir")
  [ "$(id -u)" = 0 ] || die "needs root, for namespaces and cgroups"
  for tool in libvirtd virsh unshare ip busybox; do
    command -v "$tool" >/dev/null || die "$tool is missing: install libvirt-daemon, its lxc and qemu drivers, libvirt-clients, iproute2, busybox-static"
  done
  getent passwd libvirt-qemu >/dev/null || die "user libvirt-qemu is missing, and libvirtd does not start without it: install libvirt-daemon-system"
  # A directory of our own for the v1 hierarchies: the machine's may be mounted elsewhere, in part, or not at all.
  mkdir "$dir" || die "$dir exists"
  mkdir "$dir/cgroup"
  # However this ends.
  # shellcheck disable=SC2064 # the values of now
  trap "clean_up '$dir' '$name'" EXIT
  trap : INT TERM HUP
  # A mount of our own for each v1 hierarchy: the machine's may be elsewhere, or not be there.
  for c in $controllers; do
    mkdir "$dir/cgroup/$c"
    mount -t cgroup -o "$c" "hf-$c" "$dir/cgroup/$c" || die "the cgroup v1 controller $c cannot be mounted: the tests' libvirt host needs v1"
    mkdir "$dir/cgroup/$c/$name"
    [ "$c" != cpuset ] || inherit_cpuset "$dir/cgroup/$c/$name"
  done
  (
    trap - EXIT
    for c in $controllers; do echo "$BASHPID" >"$dir/cgroup/$c/$name/cgroup.procs" || exit 1; done
    exec unshare --mount --net --cgroup --propagation private "$BASH" "$0" --inside "$dir" "$address"
  )
}

inherit_cpuset() {
  cat "$(dirname "$1")/cpuset.cpus" >"$1/cpuset.cpus"
  cat "$(dirname "$1")/cpuset.mems" >"$1/cpuset.mems"
  echo 1 >"$1/cgroup.clone_children"
}

# Kill while frozen: nothing can fork away. SIGKILL is acted upon at the thaw.
clean_up() {
  local dir=$1 name=$2 freezer=$1/cgroup/freezer/$2 pids
  for _ in $(seq 50); do
    [ -d "$freezer" ] || break
    echo FROZEN >"$freezer/freezer.state"
    pids=$(find "$freezer" -name cgroup.procs -exec cat {} +)
    # shellcheck disable=SC2086 # one argument per PID
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
    find "$freezer" -name freezer.state -exec sh -c 'echo THAWED >"$1"' _ {} \;
    [ -n "$pids" ] || break
    sleep 0.1
  done
  for c in $controllers; do
    for _ in $(seq 20); do
      [ -d "$dir/cgroup/$c/$name" ] || break
      find "$dir/cgroup/$c/$name" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    # The last process that held it may be going just now, and the mount with it.
    ! mountpoint -q "$dir/cgroup/$c" || umount "$dir/cgroup/$c" 2>/dev/null || ! mountpoint -q "$dir/cgroup/$c" || umount "$dir/cgroup/$c"
  done
  rm -rf --one-file-system "$dir"
}

# ---- inside ----

inner() {
  local dir=$1 address=$2
  # libvirt reads /proc/mounts and must see nothing but the pure v1 mounts; other hosts' may be there as well, and go meanwhile.
  umount -R /sys || die "umount /sys"
  awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | while read -r place; do umount "$place" 2>/dev/null || ! mountpoint -q "$place" || die "umount $place"; done
  mount -t sysfs sysfs /sys || die "mount /sys"
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for c in $controllers; do
    mkdir "/sys/fs/cgroup/$c"
    mount -t cgroup -o "$c" "$c" "/sys/fs/cgroup/$c" || die "mount the cgroup controller $c"
  done
  mkdir -p "$dir"/{run/lock,var/lib,var/cache,var/log,etc} /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt
  mount --bind "$dir/run" /run
  mount --bind "$dir/var/lib" /var/lib/libvirt
  mount --bind "$dir/var/cache" /var/cache/libvirt
  mount --bind "$dir/var/log" /var/log/libvirt
  mount --bind "$dir/etc" /etc/libvirt
  mkdir -p /var/log/libvirt/{lxc,qemu} /var/lib/libvirt/{images,lxc,qemu,boot}
  configuration "$address"
  rootfs "$dir/rootfs"
  ip link set lo up
  partition machine
  start_libvirtd || die "libvirtd did not start: $(tail -n 5 /var/log/libvirt/libvirtd.log 2>/dev/null)"
  echo ready
  while read -r command argument; do
    case $command in
      libvirtd) start_libvirtd ;;
      partition) partition "$argument" ;;
      cable) cable "$address" "${argument% *}" "${argument#* }" ;;
      cut) ip link set up0 down ;;
      mend) ip link set up0 up ;;
      bridge) ip link add "$argument" type bridge && ip link set "$argument" up ;;
      *) false ;;
    esac && echo ok || echo failed
  done
}

configuration() {
  cat >/etc/libvirt/libvirtd.conf <<X
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
X
  cat >/etc/libvirt/qemu.conf <<X
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
stdio_handler = "file"
X
  [ -n "$1" ] || return 0
  cat >>/etc/libvirt/libvirtd.conf <<X
listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
X
  # A target that vanishes is given up after interval x (count + 1) seconds.
  cat >>/etc/libvirt/qemu.conf <<X
migration_address = "0.0.0.0"
migration_host = "$1"
keepalive_interval = 1
keepalive_count = 2
X
}

cable() { # ADDRESS PID ADDRESS-THERE
  ip link add up0 type veth peer name up0 netns "$2" && ip addr add "$1/24" dev up0 && ip link set up0 up &&
    nsenter --target "$2" --net ip addr add "$3/24" dev up0 && nsenter --target "$2" --net ip link set up0 up
}

start_libvirtd() {
  rm -f /run/libvirtd.pid
  local listen=()
  ! grep -q listen_tcp /etc/libvirt/libvirtd.conf || listen=(--listen)
  libvirtd --daemon "${listen[@]}" </dev/null >/dev/null 2>&1 || return 1
  for _ in $(seq 100); do
    virsh -q -c lxc:///system list >/dev/null 2>&1 && virsh -q -c qemu:///system list >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  return 1
}

# libvirt adds ".partition" to a component that has no suffix, except to its own "/machine".
partition() {
  local path="" part c
  for part in ${1//\// }; do
    [ "$part" = machine ] && path=$path/$part || path=$path/$part.partition
    for c in $controllers; do
      [ -d "/sys/fs/cgroup/$c$path" ] && continue
      mkdir "/sys/fs/cgroup/$c$path" || return 1
      [ "$c" != cpuset ] || inherit_cpuset "/sys/fs/cgroup/$c$path"
    done
  done
}

# A container's root: busybox, an init that obeys SIGTERM (and reboots at SIGUSR1), and others that do not.
rootfs() {
  mkdir -p "$1"/{bin,sbin,etc,proc,sys,dev,tmp,run,root}
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in sh sleep reboot; do ln -sf busybox "$1/bin/$applet"; done
  cat >"$1/sbin/init" <<'X'
#!/bin/sh
trap 'exit 0' TERM
trap 'reboot -f' USR1
while :; do sleep 3600 & wait $!; done
X
  cat >"$1/sbin/stubborn" <<'X'
#!/bin/sh
trap '' TERM INT PWR
while :; do sleep 3600; done
X
  # Called systemd, and like systemd it goes down at SIGRTMIN+3 (37) and only re-executes at SIGTERM.
  cat >"$1/sbin/systemd" <<'X'
#!/bin/sh
trap 'exit 0' 37
trap : TERM
while :; do sleep 3600 & wait $!; done
X
  chmod +x "$1"/sbin/*
}

case ${1-} in
  --inside) inner "$2" "$3" ;;
  /*) outer "$1" "${2-}" ;;
  *) die "usage: libvirt-host.sh DIRECTORY [ADDRESS]" ;;
esac
