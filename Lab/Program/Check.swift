import ArgumentParser
import Foundation
import HoldfastTime
import Lab

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Proves from the containers' traces that none ever executed on two nodes at once.",
    discussion: "Exits with 1 when one did, or when a trace has lines that cannot be; with 2 when the traces cannot be read.")

  @OptionGroup var options: LabOptions
  @Flag(name: .shortAndLong, help: "Show every life of every container.")
  var verbose = false

  func run() throws {
    let check: BeatCheck
    do {
      check = try BeatCheck.folder(try options.lab.beatsFolder)
    } catch {
      FileHandle.standardError.write(Data("holdfast-lab: \(error)\n".utf8))
      throw ExitCode(2)
    }
    for log in check.logs {
      print("\(log.container): lives \(log.lives.count), beats \(log.lives.reduce(0) { $0 + $1.beats })")
      if verbose { for life in log.lives { print("  " + describe(life)) } }
    }
    if let closest = check.handovers.filter({ $0.gap >= .zero }).min(by: { $0.gap < $1.gap }) {
      print(
        "closest handover: \(closest.container) from \(closest.from.node) to \(closest.to.node), "
          + String(format: "%.1f ms apart", closest.gap.inSeconds * 1000))
    }
    for violation in check.violations { print("VIOLATION: \(violation)") }
    print(check.violations.isEmpty ? "no container executed twice at once" : "\(check.violations.count) violations")
    if !check.violations.isEmpty { throw ExitCode(1) }
  }

  private func describe(_ life: BeatLog.Life) -> String {
    String(
      format: "%.3f to %.3f s, %d beats, longest pause %.0f ms, node ", Double(life.first.nanoseconds) / 1e9,
      Double(life.last.nanoseconds) / 1e9, life.beats, life.longestPause.inSeconds * 1000) + "\(life.node), epoch \(life.epoch)"
  }
}
