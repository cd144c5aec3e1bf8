import Foundation
import HoldfastTime
import Lab
import Synchronization

/// A table of containers and where they answer from, redrawn in place on a terminal; plain lines of changes elsewhere.
final class LiveTable: Sendable {
  private struct State {
    var drawn = 0
    var before: [String: String] = [:]
    var message = ""
  }
  private let stage: Stage
  private let began = LabClock.now
  private let state = Mutex(State())
  private let isTerminal = isatty(STDOUT_FILENO) == 1

  init(stage: Stage) { self.stage = stage }

  /// Shows what happens for `limit`, or until `done`.
  func run(for limit: Duration, until done: (([String: ProbeHistory]) -> Bool)? = nil) async {
    let end = LabClock.now + limit
    while LabClock.now < end {
      let histories = stage.probe.histories
      if let done, done(histories) { break }
      isTerminal ? draw(histories) : tellChanges(histories)
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  func say(_ text: String) {
    if isTerminal { state.withLock { $0.message = text } } else { print("\(stamp())  \(text)") }
  }

  func end() {
    if isTerminal { draw(stage.probe.histories) }
  }

  private func stamp() -> String { String(format: "%7.2f s", (LabClock.now - began).inSeconds) }

  private func draw(_ histories: [String: ProbeHistory]) {
    let lines = ["\(stamp())  \(state.withLock { $0.message })", ""] + grid(histories)
    state.withLock { state in
      let up = state.drawn > 0 ? "\u{1B}[\(state.drawn)A" : ""
      print(up + lines.map { "\u{1B}[2K\($0)" }.joined(separator: "\n"))
      state.drawn = lines.count
    }
    fflush(nil)
  }

  /// One column a host, one container a line within it; silent ones apart.
  private func grid(_ histories: [String: ProbeHistory]) -> [String] {
    var columns: [String: [String]] = [:]
    for name in stage.containers {
      guard let history = histories[name] else { continue }
      columns[history.isAnswering ? history.answers.last?.node ?? "?" : "silent", default: []].append(name)
    }
    let heads = stage.lab.hosts + ["silent"]
    let height = max(stage.containers.count, 1)
    let rows = (0..<min(height, columns.values.map(\.count).max() ?? 0)).map { row in
      heads.map { head in padded(columns[head].flatMap { row < $0.count ? $0[row] : nil } ?? "") }.joined()
    }
    let blank = Array(repeating: "", count: max(0, height - rows.count))
    return [heads.map(padded).joined(), heads.map { _ in padded("────────") }.joined()] + rows + blank
  }

  private func padded(_ text: String) -> String { text.padding(toLength: 14, withPad: " ", startingAt: 0) }

  private func tellChanges(_ histories: [String: ProbeHistory]) {
    for name in stage.containers {
      guard let history = histories[name] else { continue }
      let now = history.isAnswering ? "answers from \(history.answers.last?.node ?? "?")" : "is silent"
      let changed = state.withLock { state in
        defer { state.before[name] = now }
        return state.before[name] != now
      }
      if changed { print("\(stamp())  \(name) \(now)") }
    }
  }
}

extension ProbeHistory {
  /// The first answer after `instant` from another node than `node`.
  func answered(after instant: BootInstant, elsewhereThan node: String) -> BootInstant? {
    answers.first { $0.from > instant && $0.node != node }?.from
  }
}
