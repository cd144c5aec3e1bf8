import Glibc
import LinuxBasics
import SystemPackage

/// A child process of the tests, by its own program name and arguments, killed and reaped when it goes.
final class Child {
  let pid: pid_t
  private var reaped = false

  /// - Parameters:
  ///   - log: a file for its output.
  ///   - inheriting: descriptors it keeps, under the same numbers.
  init(
    _ program: String, _ arguments: [String], log: String? = nil, environment: [String: String] = [:], inheriting: [Int32] = []
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for output in [Int32(1), 2] {
      posix_spawn_file_actions_addopen(&actions, output, log ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    for descriptor in inheriting { posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor) }
    var arguments = ([program] + arguments).map { strdup($0) } + [nil]
    var variables =
      (["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { $1 }).map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var pid = pid_t()
    let code = posix_spawnp(&pid, program, &actions, nil, &arguments, &variables)
    guard code == 0 else { throw Failure("cannot start \(program): \(String(cString: strerror(code)))") }
    self.pid = pid
  }

  deinit {
    if !reaped {
      Glibc.kill(pid, SIGKILL)
      // One that cannot die must not hold the tests up.
      for _ in 0..<2000 where waitpid(pid, nil, WNOHANG) == 0 { usleep(1000) }
    }
  }

  func signal(_ number: Int32) { Glibc.kill(pid, number) }

  /// Reaps it if it has ended.
  var hasEnded: Bool {
    if !reaped, waitpid(pid, &status, WNOHANG) == pid { reaped = true }
    return reaped
  }
  /// As waitpid gives it, once it has ended.
  private(set) var status: Int32 = 0

  /// The exit code, negative for the signal that ended it; nil when it goes on for longer than `limit`.
  func end(within limit: Duration) async -> Int32? {
    guard await eventually(limit, { self.hasEnded }) else { return nil }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }

  @discardableResult
  static func run(_ program: String, _ arguments: String...) async throws -> Int32 {
    guard let code = await (try Child(program, arguments)).end(within: .seconds(20)) else { throw Failure("\(program) hangs") }
    return code
  }

  static func mustRun(_ program: String, _ arguments: [String]) async throws {
    let code = await (try Child(program, arguments)).end(within: .seconds(20))
    guard code == 0 else {
      throw Failure("\(program) \(arguments.joined(separator: " ")): \(code.map(String.init) ?? "hangs")")
    }
  }
}

struct Failure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Looks every half millisecond whether something has come true.
func eventually(_ limit: Duration, _ condition: () throws -> Bool) async rethrows -> Bool {
  let start = ContinuousClock.now
  while true {
    if try condition() { return true }
    if ContinuousClock.now - start > limit { return false }
    try? await Task.sleep(for: .microseconds(500))
  }
}

func milliseconds(_ duration: Duration) -> String {
  let hundredths = duration.components.seconds * 100_000 + duration.components.attoseconds / 10_000_000_000_000
  return "\(Double(hundredths) / 100) ms"
}

/// A directory that goes with its owner.
final class TemporaryDirectory {
  let path: String

  init() throws {
    // Like /run it has no disk under it: the guard writes its state there, and must not wait for what else the machine writes.
    let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(place)/holdfast-guard-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure("mkdtemp") }
    path = String(cString: made)
  }

  deinit {
    if let child = try? Child("rm", ["-rf", "--one-file-system", path]) { waitpid(child.pid, nil, 0) }
  }
}

/// A process that writes a byte to its file again and again: the file's size says how far it came.
final class Busy {
  let child: Child
  private let file: String

  /// Joins `cgroup` before it begins.
  init(in cgroup: String, _ directory: TemporaryDirectory, _ name: String, forking: Bool = false) throws {
    file = directory.path + "/" + name
    let work = forking ? "while :; do ( echo >>\(file) ); done" : "exec >>\(file); while :; do echo; done"
    child = try Child("sh", ["-c", "echo $$ >\(cgroup)/cgroup.procs || exit 1; \(work)"])
  }

  var count: Int {
    var status = stat()
    return stat(file, &status) == 0 ? Int(status.st_size) : 0
  }

  func isMoving() async -> Bool {
    let before = count
    return await eventually(.seconds(3)) { count > before }
  }

  /// Whether nothing is written for a while.
  func isFrozen(for time: Duration = .milliseconds(150)) async throws -> Bool {
    let before = count
    try await Task.sleep(for: time)
    return count == before
  }
}

/// Makes the file anew with this text.
func overwrite(_ path: String, with text: String) throws {
  let descriptor = try Descriptor.open(path, .writeOnly, [.create, .truncate], permissions: .ownerReadWrite)
  try descriptor.file.writeAll(text.utf8)
}
