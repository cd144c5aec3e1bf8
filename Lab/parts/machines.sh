# shellcheck shell=bash
# The virtual machines: Debian's kernel, a root in memory with busybox and what the containers run. QEMU emulates them (TCG).
#
# Over HTTP one answers as a container does; its trace goes to its serial port, into a file of its own in the shared folder, on
# whichever host it runs: a shared file system in the guest would keep it from being migrated.

readonly MACHINES=$SHARED/machines

need_machine_tools() {
  command -v qemu-system-x86_64 >/dev/null ||
    die "not installed: qemu-system-x86. Remedy: apt-get install --no-install-recommends qemu-system-x86 seabios ipxe-qemu"
}

# Debian's newest cloud kernel, without installing it; kept for the labs after this one.
kernel_fetch() {
  local cache=$LAB_CACHE/kernel package
  [ ! -e "$cache/vmlinuz" ] || return 0
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
  [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64, whose kernel the machines boot. Remedy: apt-get update"
  rm -rf "$cache.new"
  mkdir -p "$cache.new"
  (cd "$cache.new" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x "$package"_*.deb .) ||
    die "cannot fetch $package, whose kernel the machines boot. Remedy: see what 'apt-get download $package' says"
  cp "$cache.new"/boot/vmlinuz-* "$cache.new/vmlinuz"
  rm -rf "$cache"
  mv "$cache.new" "$cache"
}

machine_image() {
  local root=$MACHINES/root.new version module
  [ ! -e "$MACHINES/initrd" ] || return 0
  kernel_fetch
  mkdir -p "$root"/{bin,dev,proc,sys,beats}
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  cp "$SHARED/rootfs/sbin/init" "$root/bin/beat"
  cp "$SOURCE/machine/init" "$root/init"
  version=$(ls "$LAB_CACHE/kernel/lib/modules")
  for module in virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev virtio_net net_failover failover; do
    (cd "$LAB_CACHE/kernel" && find "lib/modules/$version" -name "$module.ko" -exec cp --parents {} "$root/" \;)
  done
  busybox depmod -b "$root" "$version"
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$MACHINES/initrd.new"
  cp "$LAB_CACHE/kernel/vmlinuz" "$MACHINES/vmlinuz"
  mv "$MACHINES/initrd.new" "$MACHINES/initrd"
  rm -rf "$root"
}

# The memory is 8 KiB more than libvirt can say. Before 9.0 QEMU loses writes of an emulated machine that is migrated (about one in a
# hundred hangs or panics then: no KVM, no such loss), but only where the memory is a multiple of 256 KiB; fixed there by commit 03bfc2188f.
machine_xml() { # NAME ADDRESS MEMORY
  local name=$1 address=$2 memory=$3 c d
  IFS=. read -r _ _ c d <<<"$address"
  cat <<END
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$name</name>
  <uuid>$(fixed_uuid "$name")</uuid>
  <memory unit='MiB'>$memory</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$MACHINES/vmlinuz</kernel>
    <initrd>$MACHINES/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=1 LAB_NAME=$name LAB_ADDRESS=$address/16</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <serial type='file'><source path='$MACHINES/$name.console' append='on'/><target port='0'/></serial>
    <interface type='bridge'>
      <source bridge='br0'/>
      <mac address='$(printf '52:54:00:01:%02x:%02x' "$c" "$d")'/>
      <model type='virtio'/>
    </interface>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-object'/>
    <qemu:arg value='memory-backend-ram,id=odd.ram,size=$(((memory * 1024 + 8) * 1024))'/>
    <qemu:arg value='-machine'/>
    <qemu:arg value='memory-backend=odd.ram'/>
    <qemu:arg value='-m'/>
    <qemu:arg value='$((memory * 1024 + 8))k'/>
  </qemu:commandline>
</domain>
END
}

# Writes COUNT machines' XML to FOLDER, and Holdfast's specs for them behind those that are there.
machine_workloads() { # COUNT FOLDER
  local count=$1 folder=$2 number name address memory=112
  [ "$count" -gt 0 ] || return 0
  need_machine_tools
  mkdir -p "$MACHINES"
  machine_image
  for ((number = 1; number <= count; number++)); do
    name=vm$number address=$PREFIX.3.$number
    machine_xml "$name" "$address" "$memory" >"$folder/$name.xml"
    echo "$name $address" >>"$folder/addresses"
    workload_entry "$name" qemu:///system "$memory" 0.2 freeze 1s >>"$folder/workloads.yaml"
  done
}
