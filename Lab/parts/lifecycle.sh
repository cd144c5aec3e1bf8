# shellcheck shell=bash
# up and down.

need_installed() {
  local wanted missing=()
  for wanted in virsh:libvirt-clients libvirtd:libvirt-daemon etcd:etcd-server etcdctl:etcd-client ip:iproute2 nft:nftables \
    openssl:openssl busybox:busybox-static cc:gcc unshare:util-linux nsenter:util-linux; do
    command -v "${wanted%%:*}" >/dev/null || missing+=("${wanted#*:}")
  done
  [ -e /usr/lib/libvirt/libvirt_lxc ] || missing+=(libvirt-daemon-driver-lxc)
  [ ${#missing[@]} = 0 ] || die "not installed: ${missing[*]}. Remedy: apt-get install --no-install-recommends ${missing[*]}"
  getent passwd libvirt-qemu >/dev/null || die "no user libvirt-qemu, without which libvirtd ends." \
    "Remedy: groupadd -r kvm; useradd -r -g kvm -d /var/lib/libvirt -s /usr/sbin/nologin libvirt-qemu"
  local folder
  for folder in /var/lib/libvirt /var/cache/libvirt /etc/libvirt; do
    [ -d "$folder" ] || die "no folder $folder for a host to mount its own over. Remedy: mkdir -p $folder"
  done
  [ "$WITH_HOLDFAST" = no ] || for wanted in holdfastd holdfast-guard; do
    [ -x "$HOLDFAST_BIN/$wanted" ] || die "no $wanted in $HOLDFAST_BIN." \
      "Remedy: swift build -c release, or HOLDFAST_BIN=, or lab up --without holdfast"
  done
}

up_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --hosts)
        HOSTS=${2:-}
        [[ $HOSTS =~ ^[1-9][0-9]?$ ]] || die "--hosts takes 1 to 99, not '$HOSTS'"
        shift ;;
      --without)
        [ "${2:-}" = holdfast ] || die "--without takes 'holdfast', not '${2:-}'"
        WITH_HOLDFAST=no
        shift ;;
      *) die "up: what is '$1'?" ;;
    esac
    shift
  done
}

# Every host carries a member of one etcd cluster from its first start: there are as many as 'up' was told.
die_claimed() { # HOSTS BEFORE
  if [ "$HOSTS" != "$1" ] && [ -r "$STATE/lab.conf" ]; then
    die "$LAB_NAME is up with $1 host(s), or what is left of it, and cannot have $HOSTS: 'lab down', then 'lab up --hosts $HOSTS'"
  fi
  die "a lab named $LAB_NAME is up, or what is left of one: 'lab status', 'lab down', or another LAB_NAME="
}

lab_up() {
  local started=$EPOCHREALTIME host before=$HOSTS
  up_arguments "$@"
  need_root
  need_installed
  cgroup_need
  cgroup_claim || die_claimed "$before"
  cgroup_work
  state_make
  printf '%s=%q\n' LAB_NAME "$LAB_NAME" LAB_NET "$LAB_NET" LAB_ON_STOP "$LAB_ON_STOP" LAB_TTL "$LAB_TTL" HOLDFAST_BIN "$HOLDFAST_BIN" \
    LAB_STORE_QUOTA "$LAB_STORE_QUOTA" LAB_STORE_HISTORY "$LAB_STORE_HISTORY" LAB_PARTS "$LAB_PARTS" HOSTS "$HOSTS" WITH_HOLDFAST "$WITH_HOLDFAST" >"$STATE/lab.conf"
  cp "$SOURCE"/host/* "$STATE/scripts/"
  agents_make
  rootfs_make >"$STATE/rootfs.log" 2>&1 &
  local rootfs=$!
  certificates_make
  switch_start
  for host in $(host_names); do host_start "$host"; done
  for host in $(host_names); do host_wait "$host"; done
  for host in $(host_names); do etcd_wait "$host"; done
  wait "$rootfs" || die "cannot make the containers' root: $(tail -n 5 "$STATE/rootfs.log")"
  say "$LAB_NAME is up: $(host_names | paste -sd' '), $(seconds_since "$started") s; state in $STATE"
}

seconds_since() { # EPOCHREALTIME
  local us=$((${EPOCHREALTIME/./} - ${1/./}))
  printf '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

# Finds the lab by its cgroup, not by what the state folder says: that may be half written.
lab_down() {
  local keep=no
  case ${1:-} in
    "") ;;
    --keep-logs) keep=yes ;;
    *) die "down: what is '$1'?" ;;
  esac
  need_root
  cgroup_kill
  cgroup_remove
  [ -d "$STATE" ] || return 0
  [ -e "$STATE/.holdfast-lab" ] || [ -z "$(ls -A "$STATE")" ] || die "'$STATE' is not a lab's: left as it is"
  if [ $keep = yes ]; then
    local part
    for part in "$STATE"/hosts/*/* "$STATE"/*; do
      case ${part#"$STATE"/} in hosts | hosts/*/log | switch.log | rootfs.log) ;; *) rm -rf --one-file-system "$part" ;; esac
    done
    say "logs are in $STATE/hosts/*/log"
  else
    rm -rf --one-file-system "$STATE"
  fi
}

lab_kill() {
  need_root
  need_host "${1:-}"
  cgroup_work
  host_is_up "$1" || die "$1 is off already"
  local since=$EPOCHREALTIME
  host_power_off "$1"
  say "$1 off since $since"
}

# As an init does it that knows Holdfast's units: the controller first, while everything it needs still runs.
lab_shutdown() {
  need_root
  need_host "${1:-}"
  cgroup_work
  host_is_up "$1" || die "$1 is off already"
  local since=$EPOCHREALTIME name
  for name in holdfastd holdfast-guard libvirtd etcd; do in_host "$1" "$STATE/scripts/service" "$name" stop; done
  host_power_off "$1"
  say "$1 shut down since $since"
}

lab_boot() {
  need_root
  need_host "${1:-}"
  switch_process >/dev/null
  if host_is_up "$1"; then die "$1 is on already"; fi
  cgroup_work
  # What a host leaves that died by itself: its cable, its cgroup.
  host_power_off "$1"
  local since=$EPOCHREALTIME
  host_start "$1"
  host_wait "$1"
  say "$1 on since $since"
}
