# shellcheck shell=bash
# The containers: one read-only root for all, their XML, Holdfast's specs for them.

readonly SHARED=$STATE/shared

rootfs_make() {
  local root=$SHARED/rootfs
  mkdir -p "$root"/{bin,sbin,etc,proc,sys,dev,tmp,run,root,beats,.oldroot} "$SHARED/beats"
  cp "$(command -v busybox)" "$root/bin/busybox"
  "$root/bin/busybox" --install -s "$root/bin"
  cc -static -O2 -Wall -Wextra -Werror -o "$root/sbin/init" "$SOURCE/container/beat.c"
  # The same for workloads of the host itself (host/part), under a name that no container's process has.
  cp "$root/sbin/init" "$STATE/scripts/beat"
}

# What every host has in /usr/lib besides (host/init): the OCF agent ocf:lab:beat.
agents_make() {
  local agents=$SHARED/lib/ocf/resource.d/lab
  mkdir -p "$agents"
  cp "$SOURCE/host/part" "$agents/beat"
}

fixed_uuid() { # NAME: always the same for the same name
  printf 'holdfast-lab/%s' "$1" | sha1sum | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-5\3-8\4-\5/'
}

container_xml() { # NAME ADDRESS MEMORY [BEAT]
  local name=$1 address=$2 memory=$3 beat=${4:-} c d
  IFS=. read -r _ _ c d <<<"$address"
  cat <<END
<domain type='lxc'>
  <name>$name</name>
  <uuid>$(fixed_uuid "$name")</uuid>
  <memory unit='MiB'>$memory</memory>
  <vcpu>1</vcpu>
  <os><type>exe</type><init>/sbin/init</init>${beat:+<initenv name='BEAT_MS'>$beat</initenv>}</os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/lib/libvirt/libvirt_lxc</emulator>
    <filesystem type='mount'><source dir='$SHARED/rootfs'/><target dir='/'/><readonly/></filesystem>
    <filesystem type='mount'><source dir='$SHARED/beats'/><target dir='/beats'/></filesystem>
    <interface type='bridge'>
      <source bridge='br0'/>
      <mac address='$(printf '52:54:00:01:%02x:%02x' "$c" "$d")'/>
      <ip address='$address' family='ipv4' prefix='16'/>
      <guest dev='eth0'/>
    </interface>
    <console type='pty'/>
  </devices>
</domain>
END
}

workload_entry() { # NAME CONNECTION MEMORY CPUS ISOLATION STOP-TIMEOUT
  cat <<END
  - name: $1
    connection: $2
    memory: $3
    cpus: $4
    priority: 0
    isolation: $5
    stop-timeout: $6
    xml-file: $1.xml
END
}

workload_arguments() {
  while [ $# -gt 0 ]; do
    [[ $1 =~ ^--(count|memory|isolation|machines|beat)$ ]] && [ -n "${2:-}" ] || die "workloads: what is '$*'?"
    case $1=$2 in
      --isolation=freeze | --isolation=stop) isolation=$2 ;;
      --isolation=*) die "--isolation takes freeze or stop, not '$2'" ;;
      --count=[1-9] | --count=[1-9][0-9] | --count=1[0-9][0-9] | --count=2[0-4][0-9]) count=$2 ;;
      --count=*) die "--count takes 1 to 249, not '$2'" ;;
      --machines=[0-9] | --machines=[1-9][0-9]) machines=$2 ;;
      --machines=*) die "--machines takes 0 to 99, not '$2'" ;;
      --beat=[1-9] | --beat=[1-9][0-9] | --beat=[1-9][0-9][0-9]) beat=$2 ;;
      --beat=*) die "--beat takes 1 to 999 ms, not '$2'" ;;
      --memory=*) [[ $2 =~ ^[1-9][0-9]*$ ]] || die "--memory takes MiB, not '$2'"; memory=$2 ;;
    esac
    shift 2
  done
}

lab_workloads() {
  local count=9 memory=32 machines=0 isolation=freeze beat= folder=$SHARED/workloads number name address
  workload_arguments "$@"
  [ -e "$STATE/lab.conf" ] || die "no lab in $STATE: lab up"
  rm -rf "$folder"
  mkdir -p "$folder"
  echo "workloads:" >"$folder/workloads.yaml"
  for ((number = 1; number <= count; number++)); do
    name=web$number address=$PREFIX.1.$number
    container_xml "$name" "$address" "$memory" "$beat" >"$folder/$name.xml"
    echo "$name $address" >>"$folder/addresses"
    workload_entry "$name" lxc:///system "$memory" 0.1 "$isolation" 2s >>"$folder/workloads.yaml"
    echo "    shared: ['$SHARED/beats']" >>"$folder/workloads.yaml"
  done
  machine_workloads "$machines" "$folder"
  say "$((count + machines)) workloads in $folder/workloads.yaml"
}

lab_unmanaged() {
  need_root
  local folder=$SHARED/unmanaged host name address
  mkdir -p "$folder"
  : >"$folder/addresses.new"
  for host in $(host_names); do
    name=unmanaged-$host address=$PREFIX.2.${host#h}
    echo "$name $address" >>"$folder/addresses.new"
    container_xml "$name" "$address" 32 >"$folder/$name.xml"
    host_is_up "$host" || continue
    in_host "$host" virsh -q -c lxc:///system domstate "$name" >/dev/null 2>&1 ||
      in_host "$host" virsh -q -c lxc:///system create "$folder/$name.xml"
  done
  mv "$folder/addresses.new" "$folder/addresses"
}
