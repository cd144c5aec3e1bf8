import Foundation

/// A program that ran to its end, and what it used.
struct ChildRun {
  enum Failure: Error, CustomStringConvertible {
    case notFound(String)
    case notStarted(String, Int32)
    case ended(String, Int32)
    case overTime(String, Double)

    var description: String {
      switch self {
      case .notFound(let name): "\(name) is not installed"
      case .notStarted(let name, let code): "\(name) could not be started (error \(code))"
      case .ended(let name, let status): "\(name) ended with status \(status)"
      case .overTime(let name, let seconds): "\(name) took over \(Int(seconds)) s"
      }
    }
  }
  var output: String
  /// Wall clock and processor time, in seconds.
  var seconds: Double
  var cpuSeconds: Double
  /// The most memory that it had at once, in MiB.
  var peakMemory: Double

  /// The path of a program in `PATH`; nil: it is not installed.
  static func find(_ name: String) -> String? {
    if name.contains("/") { return name }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    // Ganeti keeps what only its daemons call in a folder of its own.
    let all = folders.map(String.init) + ["/usr/sbin", "/usr/lib/ganeti/iallocators"]
    return all.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// - Parameter limit: seconds after which it is killed.
  init(_ name: String, _ arguments: [String], limit: Double) throws {
    guard let path = Self.find(name) else { throw Failure.notFound(name) }
    let file = FileManager.default.temporaryDirectory.appending(path: "planner-bench-\(UUID().uuidString)").path()
    defer { unlink(file) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let began = ContinuousClock.now
    let code = posix_spawn(&child, path, &actions, nil, &words, environ)
    guard code == 0 else { throw Failure.notStarted(name, code) }
    var status: Int32 = 0, usage = rusage()
    peakMemory = 0
    while wait4(child, &status, WNOHANG, &usage) == 0 {
      // Not what `wait4` tells: that counts this program's memory too, which a child has until it is another program.
      if let memory = Self.peakMemory(of: "\(child)") { peakMemory = memory }
      if (ContinuousClock.now - began) / .seconds(1) > limit {
        kill(child, SIGKILL)
        wait4(child, &status, 0, &usage)
        throw Failure.overTime(name, limit)
      }
      usleep(1000)
    }
    seconds = (ContinuousClock.now - began) / .seconds(1)
    cpuSeconds = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
    output = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    guard status == 0 else { throw Failure.ended(name, (status >> 8) & 0xFF) }
  }

  /// The most memory that a process had so far, in MiB.
  static func peakMemory(of process: String) -> Double? {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
