import Foundation

/// A process that dies with this one: a shell holds it, and kills it when the pipe from here closes, however this ends.
final class Supervised: Sendable {
  /// The process itself, not its shell.
  let pid: pid_t
  private let lifeline: FileHandle
  private let shell: Process

  /// - Parameters:
  ///   - log: where its output goes.
  ///   - removing: a directory to remove when it is gone.
  init(_ arguments: [String], log: String, removing directory: String = "") throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/bash")
    shell.arguments = [
      "-c",
      #"""
      log=$1; directory=$2; shift 2
      "$@" >>"$log" 2>&1 </dev/null & echo $!
      cat >/dev/null; kill -9 $!; wait
      if [ -n "$directory" ]; then sleep 0.2; rm -rf "$directory"; fi
      """#, "supervised", log, directory
    ]
    shell.arguments? += arguments
    let input = Pipe()
    let output = Pipe()
    shell.standardInput = input
    shell.standardOutput = output
    shell.standardError = FileHandle.nullDevice
    try shell.run()
    guard let line = String(data: output.fileHandleForReading.availableData, encoding: .utf8),
      let pid = pid_t(line.trimmingCharacters(in: .whitespacesAndNewlines))
    else { throw Trouble("\(arguments.first ?? "nothing") was not started") }
    self.pid = pid
    self.shell = shell
    lifeline = input.fileHandleForWriting
  }

  func signal(_ number: Int32) {
    _ = kill(pid, number)
  }

  /// SIGSTOP, and every thread of it has stopped when this returns: until the kernel has reached the last, the others still answer.
  func stop() async throws {
    signal(SIGSTOP)
    for _ in 0..<1000 {
      if try areThreadsStopped() { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Trouble("process \(pid) does not stop")
  }

  private func areThreadsStopped() throws -> Bool {
    let tasks = "/proc/\(pid)/task"
    return try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy { task in
      // The state follows the name, which ends with the last parenthesis.
      guard let status = try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8) else { return true }
      return status[(status.lastIndex(of: ")") ?? status.startIndex)...].hasPrefix(") T")
    }
  }

  /// Kills it and waits until it is gone.
  func end() {
    try? lifeline.close()
    shell.waitUntilExit()
  }
}

/// Something that a test needs did not work.
struct Trouble: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Runs a command to its end.
///
/// - Returns: its output.
@discardableResult
func command(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = environment.map { "\($0.key)=\($0.value)" } + arguments
  let output = Pipe()
  let errors = Pipe()
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = errors
  let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
    process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
    do { try process.run() } catch { done.resume(throwing: error) }
  }
  let text = String(data: output.fileHandleForReading.readDataToEndOfFile(), encoding: .utf8) ?? ""
  if status != 0 {
    let complaint = String(data: errors.fileHandleForReading.readDataToEndOfFile(), encoding: .utf8) ?? ""
    throw Trouble("\(arguments.joined(separator: " ")): status \(status): \(complaint)\(text)")
  }
  return text
}
