# shellcheck shell=bash
# Everything the lab starts is in a cgroup under its name, in every hierarchy: that is how `down` finds it, whatever crashed.

readonly CONTROLLERS=(cpu cpuacct cpuset memory devices freezer blkio pids)
readonly CGROUPS=/sys/fs/cgroup

cgroup_need() {
  local controller
  for controller in "${CONTROLLERS[@]}"; do
    [ -e "$CGROUPS/$controller/cgroup.procs" ] || die "no cgroup v1 hierarchy at $CGROUPS/$controller: libvirt's LXC driver" \
      "needs v1 inside a lab host, and the kernel binds a controller to one version. Boot with" \
      "systemd.unified_cgroup_hierarchy=0, or mount -t cgroup -o $controller $controller $CGROUPS/$controller"
  done
}

# The lab's own cgroup; false when it exists: one lab of a name at a time, decided by one mkdir.
cgroup_claim() {
  mkdir "$CGROUPS/pids/$LAB_NAME" 2>/dev/null || return 1
  local controller file
  for controller in "${CONTROLLERS[@]}"; do mkdir -p "$CGROUPS/$controller/$LAB_NAME"; done
  for file in cpuset.cpus cpuset.mems; do cat "$CGROUPS/cpuset/$file" >"$CGROUPS/cpuset/$LAB_NAME/$file"; done
  echo 1 >"$CGROUPS/cpuset/$LAB_NAME/cgroup.clone_children"
}

cgroup_make() { # NAME
  local controller
  for controller in "${CONTROLLERS[@]}"; do mkdir -p "$CGROUPS/$controller/$LAB_NAME/$1"; done
  echo 1 >"$CGROUPS/cpuset/$LAB_NAME/$1/cgroup.clone_children"
}

# Moves the calling (sub)shell, so that all it starts is in the cgroup from its first instruction.
cgroup_enter() { # NAME
  local controller
  for controller in "${CONTROLLERS[@]}"; do echo "$BASHPID" >"$CGROUPS/$controller/$LAB_NAME/$1/cgroup.procs"; done
}

cgroup_processes() { # NAME, or nothing for the whole lab
  { find "$CGROUPS/pids/$LAB_NAME${1:+/$1}" -name cgroup.procs -exec cat {} + || true; } 2>/dev/null
}

cgroup_empty() { [ -z "$(cgroup_processes "${1:-}")" ]; }

cgroup_freeze() { # NAME; false when something did not freeze in time
  local state=$CGROUPS/freezer/$LAB_NAME/$1/freezer.state tries
  [ -e "$state" ] || return 1
  echo FROZEN >"$state"
  for ((tries = 0; tries < 200; tries++)); do
    [ "$(<"$state")" = FROZEN ] && return 0
    sleep 0.005
  done
  return 1
}

cgroup_frozen() { [ "$(cat "$CGROUPS/freezer/$LAB_NAME/$1/freezer.state" 2>/dev/null)" != THAWED ]; }

# Thaws NAME and all below it: what somebody froze below would keep its processes from dying.
cgroup_thaw_all() {
  local state
  { find "$CGROUPS/freezer/$LAB_NAME${1:+/$1}" -name freezer.state || true; } 2>/dev/null | while read -r state; do
    echo THAWED 2>/dev/null >"$state" || true
  done
}

# Ends libvirt's file systems in user space that the processes have: one that waits for an answer of one takes its SIGKILL only then.
cgroup_abort_fuse() {
  local control pid minor
  control=$(mktemp -d)
  mount -t fusectl none "$control"
  for pid in $1; do
    awk '/ - fuse libvirt / { split($3, device, ":"); print device[2] }' "/proc/$pid/mountinfo" 2>/dev/null || true
  done | sort -u | while read -r minor; do
    echo 1 2>/dev/null >"$control/$minor/abort" || true
  done
  umount "$control"
  rmdir "$control"
}

# Kills every process of NAME (or of the lab) and waits until they are gone; names those that do not go.
cgroup_kill() {
  local name=${1:-} pids end=$((SECONDS + 10)) patience=$((SECONDS + 2))
  until pids=$(cgroup_processes "$name") && [ -z "$pids" ]; do
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    cgroup_thaw_all "$name"
    if [ "$SECONDS" -ge "$patience" ]; then
      cgroup_abort_fuse "$pids"
      patience=$((SECONDS + 2))
    fi
    [ "$SECONDS" -lt "$end" ] || die "processes of $LAB_NAME${name:+/$name} survive SIGKILL: ${pids//$'\n'/ }"
    sleep 0.005
  done
}

cgroup_remove() { # NAME, or nothing for the lab's own
  local controller top tries
  for controller in "${CONTROLLERS[@]}"; do
    top=$CGROUPS/$controller/$LAB_NAME${1:+/$1}
    for ((tries = 0; tries < 100; tries++)); do
      [ -d "$top" ] || break
      find "$top" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.02
    done
    [ ! -d "$top" ] || die "cannot remove the cgroup $top: $(find "$top" -depth -type d -exec rmdir {} + 2>&1 | tail -n 1)"
  done
}

# Puts the script itself under the lab's cgroup: a `down` beside it ends it too, and nothing is started behind down's back.
cgroup_work() {
  mkdir -p "$CGROUPS/pids/$LAB_NAME/work"
  echo $$ >"$CGROUPS/pids/$LAB_NAME/work/cgroup.procs"
}
