import CgroupIsolation
import Foundation
import Glibc
import LinuxBasics

/// A systemd of its own in namespaces of its own, with cgroups below one of its own in every hierarchy.
final class PrivateSystemd: Sendable {
  /// Seen in it in the same place; its socket is there.
  let folder: String
  /// systemd's, as this process sees it.
  let process: pid_t
  /// Whose end is its end.
  private let keeper: Process
  private let version: CgroupHierarchy.Version

  var socket: String { folder + "/bus" }
  private var name: String { folder.split(separator: "/").last.map(String.init) ?? "" }

  /// Why there can be none here; nil: there can.
  static let hindrance: String? = {
    guard isRoot else { return "needs root" }
    for path in ["/lib/systemd/systemd", "/lib/systemd/systemd-socket-proxyd"] where access(path, X_OK) != 0 {
      return "needs \(path)"
    }
    return hierarchies.isEmpty ? "needs a mounted hierarchy that can freeze" : nil
  }()

  /// Those in which it can be tried: on v1 systemd's own must be seen from here.
  static let hierarchies: [CgroupHierarchy] = HostTests.hierarchies.filter { hierarchy in
    hierarchy.version == .v2 || (try? PartsCgroup.systemdDirectory(of: "self")) ?? nil != nil
  }

  private init(_ folder: String, _ keeper: Process, _ process: pid_t, _ version: CgroupHierarchy.Version) {
    self.folder = folder
    self.keeper = keeper
    self.process = process
    self.version = version
  }

  /// - Parameter units: texts of its units by their names.
  static func started(
    in folder: String, _ version: CgroupHierarchy.Version, _ units: [String: String]
  ) async throws -> PrivateSystemd {
    for path in [folder, folder + "/units"] { try KernelFile.makeDirectory(path) }
    for (name, text) in units { try Data(text.utf8).write(to: URL(filePath: "\(folder)/units/\(name)")) }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "systemd-host.sh").path
    _ = FileManager.default.createFile(atPath: folder + "/systemd.log", contents: nil)
    let log = FileHandle(forWritingAtPath: folder + "/systemd.log")
    let keeper = Process()
    keeper.executableURL = URL(filePath: "/bin/bash")
    keeper.arguments = [script, folder, version.rawValue]
    keeper.standardInput = FileHandle.nullDevice
    keeper.standardOutput = log
    keeper.standardError = log
    try keeper.run()
    let number = keeper.processIdentifier
    let isReady = await eventually(.seconds(30)) { access(folder + "/ready", F_OK) == 0 }
    let child = (try? KernelFile.read("/proc/\(number)/task/\(number)/children"))?.split(separator: " ").first.flatMap {
      pid_t($0)
    }
    guard isReady, let child else {
      kill(number, SIGKILL)
      throw Trouble(description: (try? KernelFile.read(folder + "/systemd.log")) ?? "no systemd")
    }
    return PrivateSystemd(folder, keeper, child, version)
  }

  func end() async {
    kill(keeper.processIdentifier, SIGKILL)
    // With its first process go all others.
    _ = await eventually(.seconds(5)) { [process] in kill(process, 0) != 0 }
    for top in (try? KernelFile.directories(in: "/sys/fs/cgroup")) ?? [] { Self.remove("/sys/fs/cgroup/\(top)/\(name)") }
    Self.remove("/sys/fs/cgroup/\(name)")
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static func remove(_ directory: String) {
    for name in (try? KernelFile.directories(in: directory)) ?? [] { remove("\(directory)/\(name)") }
    rmdir(directory)
  }

  /// The hierarchy as the guard of that host would see it: on v2 systemd's slices are below a cgroup of this machine.
  func hierarchy(_ machine: CgroupHierarchy) -> CgroupHierarchy {
    machine.version == .v1
      ? machine : CgroupHierarchy(version: .v2, root: "\(machine.root)/\(name)", shown: "/\(name)")
  }

  /// What `systemctl` says to that.
  @discardableResult
  func control(_ words: String...) async throws -> String {
    let command = Process(), pipe = Pipe()
    command.executableURL = URL(filePath: "/usr/bin/env")
    command.arguments = ["nsenter", "-t", "\(process)", "-m", "-u", "-i", "-n", "-p", "-C", "--", "systemctl"] + words
    command.standardOutput = pipe
    command.standardError = pipe
    return try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async {
        do {
          try command.run()
          let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
          command.waitUntilExit()
          continuation.resume(returning: String(decoding: data, as: UTF8.self))
        } catch { continuation.resume(throwing: error) }
      }
    }
  }
}
