import CLinux
import Glibc
import HoldfastModel
import HoldfastPorts
import LinuxBasics
import Subprocess
import SystemPackage

/// How a command ended.
package enum CommandEnd: Equatable, Sendable {
  case exited(Int32, output: String)
  case signalled(Int32)
  case notStarted(reason: String)
  case timedOut
}

/// Runs the commands of probes, so many at once on a node: each in a session of its own, of which nothing is left when its time is up. The executables
/// of hooks, and those that notices are given to, are run by others like it.
package final class CommandProber: Sendable {
  /// Commands at once; what hangs in the kernel after it was killed keeps its place.
  package static let mostAtOnce = 16
  /// Bytes of what it prints that are kept; the rest is read and dropped.
  private static let mostOutput = 1024
  /// What the daemon is, its commands are not to be: first in turn, and the last that is killed for memory.
  private static let modest = [
    "/bin/sh", "-c", "echo 0 >/proc/self/oom_score_adj; exec nice -n $((0 - $(nice))) \"$@\"", shell
  ]
  /// By what name the shell before the command complains, as when this node has no process to give.
  private static let shell = "holdfast-check"
  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// What a command is given, and how it is ended.
  package struct Terms: Sendable {
    /// All that it can read; nil: nothing.
    package var input: [UInt8]?
    /// When its time is up it is told to end, and killed so much later; zero: it is killed at once.
    package var grace: Duration
    /// What it leaves behind in its group when it ends by itself is killed.
    package var endsRest: Bool

    package init(input: [UInt8]? = nil, grace: Duration = .zero, endsRest: Bool = true) {
      self.input = input
      self.grace = grace
      self.endsRest = endsRest
    }
  }

  private let gate: Gate
  /// Whose commands they are, for people: `checks`.
  private let owners: String

  /// The command was not come to: the shell before it failed.
  static func hasFailed(saying output: String) -> Bool { output.hasPrefix("\(shell): ") }

  package init(atOnce: Int = CommandProber.mostAtOnce, of owners: String = "checks") {
    gate = Gate(atOnce)
    self.owners = owners
  }

  /// - Parameters:
  ///   - variables: all that it has in its environment beside PATH.
  ///   - end: it is ended then, with what it has started.
  package func run(
    _ command: [String], variables: [String: String], _ terms: Terms = Terms(), until end: ContinuousClock.Instant
  ) async -> CommandEnd {
    let asked = ContinuousClock.now
    guard await gate.enter(until: end) else {
      return .notStarted(reason: "\(gate.places) commands of \(owners) run on this node already")
    }
    let waited = ContinuousClock.now - asked
    var options = PlatformOptions()
    options.createSession = true
    // No order to end: who heeds it would leave those behind that do not. Whoever is to have one has had it then.
    options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
    var environment: [Environment.Key: String] = ["PATH": Self.path, "LANG": "C"]
    for (name, value) in variables { environment[.init(stringLiteral: name)] = value }
    let prepared = Configuration(
      executable: .path(FilePath(Self.modest[0])), arguments: Arguments(Array(Self.modest.dropFirst()) + command),
      environment: .custom(environment), workingDirectory: "/", platformOptions: options)
    let ended = await race(until: end + terms.grace) { [gate] in
      // What hangs, frozen or in the kernel, is waited for here, after the probe was answered.
      defer { gate.leave() }
      return try await Self.run(prepared, terms, until: end)
    }
    switch ended {
    // Whoever waited for its turn had less time than its check gives it.
    case nil where waited > (end - asked) / 10:
      return .notStarted(
        reason: "it waited \(Words.time(waited)) for its turn: \(gate.places) commands of \(owners) run at once")
    case nil: return .timedOut
    case .success where terms.grace > .zero && ContinuousClock.now >= end: return .timedOut
    case .success(let end): return end
    case .failure(let error): return .notStarted(reason: InWords.oneLine("\(error)"))
    }
  }

  private static func run(_ prepared: Configuration, _ terms: Terms, until end: ContinuousClock.Instant) async throws
    -> CommandEnd
  {
    guard let bytes = terms.input else { return try await run(prepared, reading: .none, terms, until: end) }
    // No pipe: whoever ends without having read would break it.
    let file = try Descriptor.owned(
      bytes.withUnsafeBytes { holdfast_memory_file($0.baseAddress, $0.count) }, "make", "a file in memory")
    defer { withExtendedLifetime(file) {} }
    return try await run(prepared, reading: .fileDescriptor(file.file, closeAfterSpawningProcess: false), terms, until: end)
  }

  private static func run(
    _ prepared: Configuration, reading input: some InputProtocol, _ terms: Terms, until end: ContinuousClock.Instant
  ) async throws -> CommandEnd {
    var leader: pid_t?
    // What it left behind in its group. As long as any of that is there, the number is given to nobody else; and where nothing is, the kernel
    // would have to have given out all others in between.
    func endRest() { if let leader { kill(-leader, SIGKILL) } }
    do {
      let ended = try await Subprocess.run(prepared, input: input, output: .sequence, error: .combinedWithOutput) { execution in
        let group = execution.processIdentifier.value
        leader = group
        let order = terms.grace > .zero ? order(toEnd: group, at: end) : nil
        defer { order?.cancel() }
        var kept: [UInt8] = []
        for try await part in execution.standardOutput where kept.count < mostOutput {
          part.withUnsafeBytes { kept += $0.prefix(mostOutput - kept.count) }
        }
        return kept
      }
      if terms.endsRest { endRest() }
      let output = InWords.oneLine(String(decoding: ended.closureResult, as: UTF8.self))
      return switch ended.terminationStatus {
      case .exited(let code): .exited(code, output: output)
      case .signaled(let signal): .signalled(signal)
      }
    } catch {
      endRest()
      throw error
    }
  }

  /// Its output is read on meanwhile: who writes to nobody is killed by that.
  private static func order(toEnd group: pid_t, at end: ContinuousClock.Instant) -> Task<Void, Never> {
    Task {
      guard (try? await Task.sleep(until: end, clock: .continuous)) != nil else { return }
      kill(-group, SIGTERM)
    }
  }
}
