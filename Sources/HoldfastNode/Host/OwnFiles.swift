import CgroupIsolation

/// Which paths are on file systems that this host has to itself. Of what may be elsewhere too (NFS, Ceph, a cluster's file system, what runs in user
/// space) nothing is said.
package struct OwnFiles: Sendable {
  private let mounts: MountTable?

  package init() { mounts = try? MountTable.own() }

  /// - Parameter mountinfo: the kernel's table of mounts.
  package init(mountinfo: String) { mounts = MountTable(mountinfo: mountinfo) }

  private static let own: Set<String> = [
    "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs", "overlay", "ramfs", "reiserfs", "rootfs",
    "squashfs", "tmpfs", "udf", "vfat", "xfs", "zfs"
  ]

  package func among(_ paths: [String]) -> Set<String> {
    guard let mounts else { return [] }
    return Set(paths.filter { mounts.type(of: $0).map(Self.own.contains) ?? false })
  }
}
