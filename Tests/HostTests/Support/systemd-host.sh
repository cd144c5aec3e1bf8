#!/usr/bin/env bash
# systemd-host.sh FOLDER v1|v2: a systemd of its own as PID 1 of new namespaces, over a copy-on-write view of this machine's root. It goes with this
# process. FOLDER is seen in it in the same place; when its file `ready` is there, systemd answers at the socket `bus`.
set -euo pipefail
folder=$1 version=$2 name=$(basename "$1")

if [ "${3:-}" != inside ]; then
  # A cgroup of its own in every hierarchy: systemd mounts them all.
  while read -r top type; do
    [ "$version" = v1 ] || [ "$type" = cgroup2 ] || continue
    mkdir -p "$top/$name"
    for file in cpuset.cpus cpuset.mems; do
      if [ "$type" = cgroup ] && [ -e "$top/$name/$file" ]; then cat "$top/$file" >"$top/$name/$file"; fi
    done
    if [ -e "$top/$name/cgroup.clone_children" ]; then echo 1 >"$top/$name/cgroup.clone_children"; fi
    echo $$ >"$top/$name/cgroup.procs"
  done < <(findmnt -n -l -t cgroup,cgroup2 -o TARGET,FSTYPE)
  exec unshare --mount --net --pid --uts --ipc --cgroup --propagation private --fork --kill-child --mount-proc \
    "$0" "$folder" "$version" inside
fi

root=/run/root
umount -R /sys
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p $root /run/over
mount -t tmpfs tmpfs /run/over
mkdir /run/over/upper /run/over/work
mount -t overlay overlay -o lowerdir=/,upperdir=/run/over/upper,workdir=/run/over/work $root
mount --rbind /dev $root/dev
mount --move /sys $root/sys
mount -t proc proc $root/proc
if [ "$version" = v2 ]; then
  mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
  options="systemd.unified_cgroup_hierarchy=1"
else
  mount -t tmpfs -o mode=755 tmpfs $root/sys/fs/cgroup
  mkdir $root/sys/fs/cgroup/freezer $root/sys/fs/cgroup/systemd
  mount -t cgroup -o freezer freezer $root/sys/fs/cgroup/freezer
  mount -t cgroup -o none,name=systemd,xattr systemd $root/sys/fs/cgroup/systemd
  options="systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
fi
mount -t tmpfs -o mode=755 tmpfs $root/run
mkdir $root/run/lock
mount -t tmpfs tmpfs $root/tmp
mount -t tmpfs tmpfs $root/var/log
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"

# Nothing of the machine's own runs in it.
units=$root/etc/systemd/system
rm -rf $units
mkdir -p $units
cat >$units/test.target <<UNIT
[Unit]
DefaultDependencies=no
Wants=bus.socket ready.service
UNIT
# systemd answers only who is in its PID namespace.
cat >$units/bus.socket <<UNIT
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=$folder/bus
SocketMode=0600
UNIT
cat >$units/bus.service <<UNIT
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd /run/systemd/private
UNIT
cat >$units/ready.service <<UNIT
[Unit]
DefaultDependencies=no
After=bus.socket
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/touch $folder/ready
UNIT
if [ -d "$folder/units" ]; then cp "$folder"/units/* $units/; fi
cd $root
mkdir -p old-root
pivot_root . old-root
umount -l /old-root
exec env -i container=test SYSTEMD_PROC_CMDLINE="$options" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=test.target --log-target=console --log-level=notice --show-status=false
