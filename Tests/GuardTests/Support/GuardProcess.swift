import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics

let guardProgram = ".build/release/holdfast-guard"

/// The guard program as a process of its own.
final class GuardProcess {
  private(set) var child: Child
  let partition: TestPartition
  let directory: TemporaryDirectory
  private let options: [String]
  private let networkNamespace: String?
  private let logFile: String
  private let environment: [String: String]

  var socket: String { directory.path + "/guard.sock" }
  var state: String { directory.path + "/guard.state" }
  var log: String { (try? KernelFile.read(logFile)) ?? "" }

  /// - Parameter log: its file; in its directory unless told otherwise.
  init(
    in hierarchy: CgroupHierarchy, options: [String] = [], networkNamespace: String? = nil,
    directory: TemporaryDirectory? = nil, partition: TestPartition? = nil, log: String? = nil,
    environment: [String: String] = [:]
  ) async throws {
    let directory = try directory ?? TemporaryDirectory()
    let partition = try partition ?? TestPartition(in: hierarchy)
    self.directory = directory
    self.partition = partition
    self.networkNamespace = networkNamespace
    self.environment = environment
    logFile = log ?? directory.path + "/log"
    self.options =
      ["--run-dir", directory.path, "--partition", partition.partition.name, "--hierarchy", hierarchy.version.rawValue]
      + options
    child = try Self.launch(self.options, networkNamespace, logFile, environment)
    try await ready()
  }

  private static func launch(_ options: [String], _ namespace: String?, _ log: String, _ environment: [String: String]) throws
    -> Child
  {
    let prefix = namespace.map { ["nsenter", "--net=/run/netns/\($0)"] } ?? []
    let words = prefix + [guardProgram] + options
    return try Child(words[0], Array(words.dropFirst()), log: log, environment: environment)
  }

  private func ready() async throws {
    let socket = self.socket
    let up = await eventually(.seconds(10)) {
      let probe = holdfast_connect(socket)
      if probe >= 0 { close(probe) }
      return probe >= 0
    }
    guard up else { throw Failure("the guard did not come up: \(log)") }
  }

  /// SIGKILL, as if it had crashed.
  func crash() async {
    child.signal(SIGKILL)
    _ = await child.end(within: .seconds(5))
  }

  /// Another guard in the place of the one before.
  func restart() async throws {
    child = try Self.launch(options, networkNamespace, logFile, environment)
    try await ready()
  }
}

var bootNow: BootInstant { BootClock.now }

/// A controller's end of the guard's socket, bare.
final class Controller {
  let number: Int32
  private var buffer = [UInt8](repeating: 0, count: guardDatagramLimit)

  /// Says hello and takes the state, unless told otherwise.
  init(_ guardProcess: GuardProcess, greeting: Bool = true) async throws {
    number = holdfast_connect(guardProcess.socket)
    guard number >= 0 else { throw Failure("cannot connect: \(String(cString: strerror(errno)))") }
    if greeting { _ = try await ask(.hello(version: guardProtocolVersion)) }
  }

  deinit { Glibc.close(number) }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    _ = holdfast_send(number, bytes, bytes.count)
  }

  /// The next report; nil when none comes.
  func next(_ limit: Duration = .seconds(5)) async -> GuardReport? {
    var report: GuardReport?
    _ = await eventually(limit) {
      let count = holdfast_receive(number, &buffer, buffer.count)
      guard count > 0 else { return count == 0 }
      report = try? GuardReport(wireText: String(decoding: buffer[..<count], as: UTF8.self))
      return true
    }
    return report
  }

  func ask(_ command: GuardCommand) async throws -> GuardReport {
    try await ask(text: command.wireText)
  }

  func ask(text: String) async throws -> GuardReport {
    send(text)
    guard let report = await next() else { throw Failure("no answer to \(text.prefix(80))") }
    return report
  }

  /// The next report that is a state, other reports left out.
  func nextState() async throws -> GuardState.Phase {
    while let report = await next() {
      if case .state(let state) = report { return state.phase }
    }
    throw Failure("no state came")
  }

  /// Reads states until the isolation is confirmed; the time when that was read.
  func waitUntilIsolated() async throws -> BootInstant {
    while true {
      if case .isolated(_, confirmed: true) = try await nextState() { return bootNow }
    }
  }
}

extension GuardReport {
  var phase: GuardState.Phase? { if case .state(let state) = self { state.phase } else { nil } }
  var refusal: String? { if case .refused(let reason) = self { reason } else { nil } }
}
