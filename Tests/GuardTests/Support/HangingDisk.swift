import CgroupIsolation
import Glibc
import LinuxBasics

let canHang = isRoot && access("/dev/loop-control", R_OK) == 0

/// A small filesystem that can be suspended: whoever writes to it then sleeps uninterruptibly until it goes on, as on a disk that hangs.
final class HangingDisk {
  let path: String
  private let directory: TemporaryDirectory

  init() async throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/mount"
    try await Child.mustRun("truncate", ["-s", "16M", directory.path + "/image"])
    try await Child.mustRun("mkfs.ext4", ["-q", "-F", directory.path + "/image"])
    try KernelFile.makeDirectory(path)
    try await Child.mustRun("mount", ["-o", "loop", directory.path + "/image", path])
  }

  func hang() async throws { try await Child.mustRun("fsfreeze", ["-f", path]) }

  func goOn() async throws { try await Child.mustRun("fsfreeze", ["-u", path]) }

  deinit {
    if let thawing = try? Child("fsfreeze", ["-u", path]) { waitpid(thawing.pid, nil, 0) }
    umount2(path, Int32(MNT_DETACH))
  }
}
