import Foundation
import HoldfastModel
import Subprocess
import SystemPackage
import Testing

/// A private host with its own libvirtd (Support/libvirt-host.sh), for one suite or one test.
actor TestHost {
  @TaskLocal static var current: TestHost?

  /// LAB=off leaves out what needs a host.
  static let isOff = ProcessInfo.processInfo.environment["LAB"] == "off"

  let directory: String
  private let input: StandardInputWriter
  private var answers: AsyncThrowingStream<String, any Error>.Iterator
  /// One command at a time: each has one answer.
  private var last: Task<Void, any Error>?

  private init(directory: String, input: StandardInputWriter, answers: AsyncThrowingStream<String, any Error>) {
    self.directory = directory
    self.input = input
    self.answers = answers.makeAsyncIterator()
  }

  struct Trouble: Error, CustomStringConvertible {
    var description: String
  }

  /// The host of the running test.
  static func required() throws -> TestHost {
    guard let current else { throw Trouble(description: "this test needs the trait .libvirtHost") }
    return current
  }

  /// Brings a host up, and takes it down however `body` ends.
  ///
  /// - Parameter address: IPv4, for a host that others of its kind reach over a cable.
  static func with(address: String? = nil, _ body: @Sendable (TestHost) async throws -> Void) async throws {
    guard getuid() == 0 else {
      throw Trouble(description: "the tests with real containers and machines need root. LAB=off leaves them out")
    }
    let directory = "/tmp/hf-virt-\(UUID().uuidString.prefix(8).lowercased())"
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "libvirt-host.sh").path
    var options = PlatformOptions()
    options.createSession = true
    let result = try await run(
      .path("/bin/bash"), arguments: Arguments([script, directory] + (address.map { [$0] } ?? [])), platformOptions: options,
      input: .inputWriter, output: .sequence,
      error: .sequence
    ) { execution in
      let (answers, answer) = AsyncThrowingStream.makeStream(of: String.self)
      let reader = Task {
        do {
          for try await line in execution.standardOutput.strings() {
            answer.yield(line.trimmingCharacters(in: .whitespacesAndNewlines))
          }
          answer.finish()
        } catch {
          answer.finish(throwing: error)
        }
      }
      let errors = Task {
        var text = ""
        for try await line in execution.standardError.strings() { text += line + "\n" }
        return text
      }
      let host = TestHost(directory: directory, input: execution.standardInputWriter, answers: answers)
      let outcome: Result<Void, any Error>
      do {
        try await host.awaitReady()
        try await host.command("bridge br0")
        try await host.command("partition holdfast/freeze")
        outcome = .success(try await body(host))
      } catch {
        outcome = .failure(error)
      }
      // The end of its input is its order to clean up.
      try await execution.standardInputWriter.finish()
      await reader.value
      let complaints = try await errors.value
      if case .failure(let error) = outcome { throw Trouble(description: "\(error)\n\(complaints)") }
      #expect(complaints.isEmpty, "the host's script complained")
    }
    #expect(result.terminationStatus == .exited(0))
    #expect(!FileManager.default.fileExists(atPath: directory), "the host left something behind")
  }

  private func awaitReady() async throws {
    guard try await nextAnswer() == "ready" else { throw Trouble(description: "the test host did not come up") }
  }

  private func nextAnswer() async throws -> String? {
    var iterator = answers
    let answer = try await iterator.next(isolation: self)
    answers = iterator
    return answer
  }

  /// Gives the host's script a command and waits until it is done.
  func command(_ line: String) async throws {
    let previous = last
    let task = Task {
      _ = try? await previous?.value
      _ = try await input.write(line + "\n")
      let answer = try await nextAnswer()
      guard answer == "ok" else { throw Trouble(description: "'\(line)': \(answer ?? "the test host is gone")") }
    }
    last = task
    try await task.value
  }

  /// The host's libvirt, seen from outside.
  nonisolated func uri(_ scheme: String) -> String { "\(scheme)+unix:///system?socket=\(directory)/run/libvirt/libvirt-sock" }

  /// Freezes or thaws the partition, as the guard does.
  nonisolated func partition(frozen: Bool) throws {
    let name = (directory as NSString).lastPathComponent
    let file = "/sys/fs/cgroup/freezer/\(name)/holdfast.partition/freeze.partition/freezer.state"
    try (frozen ? "FROZEN" : "THAWED").write(toFile: file, atomically: false, encoding: .utf8)
  }

  /// Has a driver's libvirt run a shell script at what happens to its domains. libvirtd, which looks for hooks when it starts, is started again.
  func hook(_ driver: String, _ script: String) async throws {
    let place = "\(directory)/etc/hooks"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let isMade = FileManager.default.createFile(
      atPath: "\(place)/\(driver)", contents: Data("#!/bin/sh\n\(script)\n".utf8), attributes: [.posixPermissions: 0o755])
    guard isMade else { throw Trouble(description: "the hook \(place)/\(driver) cannot be written") }
    kill(try libvirtd, SIGKILL)
    try await command("libvirtd")
  }

  nonisolated var libvirtd: Int32 {
    get throws {
      let text = try String(contentsOfFile: "\(directory)/run/libvirtd.pid", encoding: .utf8)
      guard let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
        throw Trouble(description: "libvirtd.pid holds '\(text)'")
      }
      return pid
    }
  }
}

/// Runs a suite's tests, or one test, on a host of its own.
struct LibvirtHostTrait: SuiteTrait, TestTrait, TestScoping {
  func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void)
    async throws
  {
    if TestHost.isOff { return try await function() }
    try await TestHost.with { host in try await TestHost.$current.withValue(host) { try await function() } }
  }
}

extension Trait where Self == LibvirtHostTrait {
  static var libvirtHost: Self { Self() }
}

/// Runs a program to its end and gives what it printed.
func shell(_ program: String, _ arguments: String...) async throws -> String { try await shell(program, arguments: arguments) }

func shell(_ program: String, arguments: [String]) async throws -> String {
  let result = try await run(
    .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
  guard result.terminationStatus.isSuccess else {
    throw TestHost.Trouble(description: "\(program) \(arguments): \(result.standardError)")
  }
  return result.standardOutput
}

/// Whether a process is there and not a zombie that nobody has reaped yet.
func isExecuting(_ pid: Int32) -> Bool {
  guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
  return text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first != "Z"
}

/// The one child of a process: a container's init is its controller's.
func child(of pid: Int32) throws -> Int32 {
  let text = try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
  guard let child = text.split(separator: " ").first.flatMap({ Int32($0) }) else {
    throw TestHost.Trouble(description: "process \(pid) has no child")
  }
  return child
}

/// What virsh says on a domain's connection.
func virsh(_ domain: TestDomain, _ arguments: String...) async throws -> String {
  // A call that libvirtd has no thread for is answered by nobody: the test is to fail, not to wait for ever. In seconds.
  let result = try await shell("timeout", arguments: ["120", "virsh", "-q", "-c", domain.id.connection] + arguments)
  return result.trimmingCharacters(in: .whitespacesAndNewlines)
}
