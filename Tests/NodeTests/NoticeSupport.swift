import Foundation
import HoldfastModel
import HoldfastNode

extension Notice {
  /// One that tells something, with the serial as its number.
  static func made(
    _ serial: Int64 = 1, _ kind: Note.Kind = .nodeLost, _ severity: Note.Severity = .error, text: String = "h3 is gone",
    workload: WorkloadName? = nil, subject: NodeName? = "h3"
  ) -> Notice {
    Notice(
      HistoryRecord(
        time: 1_772_331_247_250, node: "h1", serial: serial,
        note: Note(kind, text, severity: severity, workload: workload, subject: subject)),
      cluster: "lab", series: "s")
  }
}

extension ScratchDirectory {
  /// An executable shell script.
  func script(_ name: String, _ body: String) throws -> String {
    try write(name, "#!/bin/sh\ncd \(path)\n\(body)\n", mode: 0o755)
  }

  /// The lines of a file; none: it is not there.
  func lines(_ name: String) -> [String] {
    let text = (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }
}

/// Waits until something is so, for at most so long; false: it was not.
func comes(within limit: Duration = .seconds(60), _ isSo: () async throws -> Bool) async rethrows -> Bool {
  let end = ContinuousClock.now + limit
  while try await !isSo() {
    guard ContinuousClock.now < end else { return false }
    try? await Task.sleep(for: .milliseconds(5))
  }
  return true
}
