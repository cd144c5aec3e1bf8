import ArgumentParser
import Foundation
import HoldfastTime
import Lab

struct Probe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows live which containers answer, from which node, and how long ago they last did.",
    discussion: "On a terminal the table is drawn anew five times a second; otherwise one line is printed for each change.")

  @OptionGroup var options: LabOptions
  @Option(help: "Stop after so many seconds. (default: run until interrupted)")
  var seconds: Int?

  func run() async throws {
    let lab = try options.lab
    let addresses = try lab.addresses()
    guard !addresses.isEmpty else {
      throw ValidationError("the lab in \(lab.state) has no containers: lab workloads, or lab unmanaged")
    }
    let probe = try await HTTPProbe(targets: addresses, namespace: try lab.switchNamespace())
    let end = seconds.map { LabClock.now + .seconds($0) }
    let live = isatty(STDOUT_FILENO) == 1
    var shown: [String: String] = [:]
    while end.map({ LabClock.now < $0 }) ?? true {
      try await Task.sleep(for: .milliseconds(200))
      let histories = probe.histories
      if live { draw(histories) } else { printChanges(histories, since: &shown) }
    }
    await probe.stop()
  }

  private func draw(_ histories: [String: ProbeHistory]) {
    let now = LabClock.now
    var text = "\u{1B}[H\u{1B}[J" + row("CONTAINER", "NODE", "EPOCH", "STATE", "ANSWERED", "LAST GAP")
    for (name, history) in histories.sorted(by: { $0.key < $1.key }) {
      let last = history.answers.last
      text += row(
        name, last?.node ?? "", last?.epoch ?? "", state(history),
        last.map { String(format: "%6.0f ms ago", (now - $0.to).inSeconds * 1000) } ?? "never",
        history.gaps.last.map { String(format: "%.0f ms, ", $0.length.inSeconds * 1000) + describe($0.kind) } ?? "")
    }
    FileHandle.standardOutput.write(Data(text.utf8))
  }

  private func printChanges(_ histories: [String: ProbeHistory], since shown: inout [String: String]) {
    for (name, history) in histories.sorted(by: { $0.key < $1.key }) {
      let line = "\(state(history)) \(history.answers.last?.node ?? "-") \(history.answers.last?.epoch ?? "-")"
      if shown.updateValue(line, forKey: name) != line { print(name, line) }
    }
    fflush(nil)
  }

  private func state(_ history: ProbeHistory) -> String {
    if history.silentSince != nil { "silent" } else { history.answers.isEmpty ? "asked" : "answers" }
  }

  private func describe(_ kind: ProbeHistory.Gap.Kind) -> String {
    switch kind {
    case .pause: "paused"
    case .restart: "restarted"
    case .move(let from, let to): "\(from) to \(to)"
    }
  }

  private func row(_ cells: String...) -> String {
    let widths = [16, 6, 7, 9, 15, 0]
    return zip(cells, widths).map { $0.padding(toLength: max($0.count, $1), withPad: " ", startingAt: 0) }.joined(
      separator: " ")
      + "\n"
  }
}
