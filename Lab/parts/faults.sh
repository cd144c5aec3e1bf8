# shellcheck shell=bash
# Faults short of a power cut. Each says the instant from which it holds, as seconds of the wall clock.

lab_freeze() {
  need_root
  need_host "${1:-}"
  host_is_up "$1" || die "$1 is off"
  local since=$EPOCHREALTIME
  cgroup_freeze "$1" || die "not all processes of $1 froze; 'lab thaw $1' lets them go on"
  say "$1 frozen since $since"
}

lab_thaw() {
  need_root
  need_host "${1:-}"
  host_is_up "$1" || die "$1 is off"
  # Only what freeze did: a partition that the host's own guard froze stays frozen.
  echo THAWED >"$CGROUPS/freezer/$LAB_NAME/$1/freezer.state"
  say "$1 thawed since $EPOCHREALTIME"
}

# Frames are lost at the switch's port, before the bridge learns from them: the host itself sees its link up.
lab_cut() {
  need_root
  need_host "${1:-}"
  local port=p${1#h} elements since
  case ${2:-} in
    "") elements="add element bridge lab deaf { $port }; add element bridge lab mute { $port }" ;;
    --in) elements="add element bridge lab deaf { $port }" ;;
    --out) elements="add element bridge lab mute { $port }" ;;
    --etcd) elements="add element bridge lab no-etcd { $port }" ;;
    *) die "cut takes --in, --out, --etcd or nothing, not '$2'" ;;
  esac
  since=$EPOCHREALTIME
  in_switch nft "$elements"
  say "$1 cut since $since"
}

lab_heal() {
  need_root
  need_host "${1:-}"
  local port=p${1#h} set elements=
  # Added first, because to delete what is not there is an error.
  for set in deaf mute no-etcd; do
    elements+="add element bridge lab $set { $port }; delete element bridge lab $set { $port }; "
  done
  in_switch nft "$elements"
  say "$1 healed since $EPOCHREALTIME"
}

lab_service() {
  need_root
  need_host "${1:-}"
  local host=$1 name=${2:-} action=${3:-} known
  known=$(services)
  [[ " ${known//$'\n'/ } " = *" $name "* ]] || die "no service '$name' on $host: there are ${known//$'\n'/ }"
  in_host "$host" "$STATE/scripts/service" "$name" "$action"
}

lab_run() {
  need_root
  need_host "${1:-}"
  [ $# -gt 1 ] || die "run: which command?"
  in_host "$@"
}

lab_in_switch() {
  need_root
  [ $# -gt 0 ] || die "in-switch: which command?"
  switch_process >/dev/null
  (
    cgroup_enter switch
    in_switch "$@"
  )
}
