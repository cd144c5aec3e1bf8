import CgroupIsolation
import Glibc
import HoldfastModel
import LinuxBasics

/// The processes that keep a file system from being unmounted, as far as /proc shows them: their working directory, root, program or an open file is in
/// it. Links of /proc are read and not followed: one that leads to a server that does not answer keeps nobody waiting.
struct MountHolders {
  let all: Set<pid_t>
  /// Those of the workload itself.
  let own: Set<pid_t>

  private static let mostNamed = 5

  init(_ place: String, _ cgroup: PartsCgroup) {
    let processes = ((try? KernelFile.directories(in: "/proc")) ?? []).compactMap { pid_t($0) }
    all = Set(processes.filter { Self.holds($0, place) })
    own = all.intersection((try? cgroup.processes()) ?? [])
  }

  private static func holds(_ process: pid_t, _ place: String) -> Bool {
    let home = "/proc/\(process)"
    return ["cwd", "root", "exe"].contains { isIn(place, link: "\(home)/\($0)") }
      || files("\(home)/fd").contains { isIn(place, link: "\(home)/fd/\($0)") }
  }

  private static func files(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  private static func isIn(_ place: String, link: String) -> Bool {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(link, &buffer, buffer.count)
    guard count > 0 else { return false }
    let target = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return target == place || target.hasPrefix(place + "/")
  }

  /// Such as `nginx (4711) and sh (4712)`; nil: nobody that /proc shows.
  var words: String? { all.isEmpty ? nil : ProcessNames.words(all) }
}

/// Processes for people.
enum ProcessNames {
  static func words(_ processes: Set<pid_t>) -> String {
    InWords.list(
      processes.sorted().map { pid in
        let name = (try? KernelFile.read("/proc/\(pid)/comm")).map(InWords.oneLine) ?? ""
        return name.isEmpty ? "process \(pid)" : "\(name) (\(pid))"
      }, most: 5)
  }
}
