import CLinux
import Glibc
import LinuxBasics

let hasIP = access("/usr/sbin/ip", X_OK) == 0 || access("/sbin/ip", X_OK) == 0

/// Runs `body` on a thread with a network namespace of its own, which goes with the thread. Programs that it starts are in it, too.
func inNetworkOfItsOwn(_ body: @escaping @Sendable () throws -> Void) async throws {
  final class Work: Sendable {
    let body: @Sendable () throws -> Void
    let waiting: CheckedContinuation<Void, any Error>
    init(_ body: @escaping @Sendable () throws -> Void, _ waiting: CheckedContinuation<Void, any Error>) {
      self.body = body
      self.waiting = waiting
    }
    func run() {
      guard holdfast_own_network() == 0 else {
        return waiting.resume(throwing: Failure("unshare: \(String(cString: strerror(errno)))"))
      }
      waiting.resume(with: Result { try body() })
    }
  }
  try await withCheckedThrowingContinuation { continuation in
    let work = Unmanaged.passRetained(Work(body, continuation))
    let begun = holdfast_thread(
      1 << 20,
      { raw in
        if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    if begun != 0 { work.takeRetainedValue().waiting.resume(throwing: Failure("no thread")) }
  }
}

/// In the thread's own namespace.
func mustRun(_ words: String...) throws {
  let child = try Child(words[0], Array(words.dropFirst()))
  while !child.hasEnded { usleep(500) }
  guard child.status == 0 else { throw Failure(words.joined(separator: " ")) }
}

/// What a program of the thread's own namespace says.
func output(_ words: String...) throws -> String {
  let directory = try TemporaryDirectory()
  let child = try Child(words[0], Array(words.dropFirst()), log: directory.path + "/out")
  while !child.hasEnded { usleep(500) }
  return try KernelFile.read(directory.path + "/out")
}

/// A namespace with a name, for other programs to enter; removed when it goes.
final class NamedNetwork {
  let name = uniqueName("hfg")

  init() async throws { try await Child.mustRun("ip", ["netns", "add", name]) }

  func ip(_ words: String) async throws {
    try await Child.mustRun("ip", ["-n", name] + words.split(separator: " ").map(String.init))
  }

  func isUp(_ link: String) async throws -> Bool {
    let directory = try TemporaryDirectory()
    let child = try Child("ip", ["-n", name, "-o", "link", "show", "up", "dev", link], log: directory.path + "/out")
    _ = await child.end(within: .seconds(10))
    return try KernelFile.read(directory.path + "/out").contains(": \(link)")
  }

  func addresses(_ link: String) async throws -> String {
    let directory = try TemporaryDirectory()
    let child = try Child("ip", ["-n", name, "-o", "addr", "show", "dev", link], log: directory.path + "/out")
    _ = await child.end(within: .seconds(10))
    return try KernelFile.read(directory.path + "/out")
  }

  /// The guard answers first and leaves links to a thread of their own.
  func sees(_ link: String, up: Bool) async throws -> Bool {
    let limit = ContinuousClock.now + .seconds(5)
    while try await isUp(link) != up {
      if ContinuousClock.now > limit { return false }
      try await Task.sleep(for: .milliseconds(5))
    }
    return true
  }

  deinit { if let child = try? Child("ip", ["netns", "del", name]) { waitpid(child.pid, nil, 0) } }
}
