import Foundation
import HoldfastTime
import Lab

/// One killed host.
struct FailoverRun: Codable {
  enum Victim: String, Codable { case other, planner, leader }

  var number: Int
  var victim: Victim
  var host: String
  var containers: Int
  /// Seconds from the kill to the first and the last container's answer.
  var first: Double
  var last: Double
  /// Seconds that a bare `virsh create` of such a container took in the same run.
  var bareStart: Double
  var floor: Double { FailoverReport.ttl + FailoverReport.margin + bareStart }
  var overFloor: Double { last - floor }

  init(number: Int, victim: Victim, host: String, containers: Int, first: Duration, last: Duration, bareStart: Duration) {
    self.number = number
    self.victim = victim
    self.host = host
    self.containers = containers
    self.first = first.inSeconds
    self.last = last.inSeconds
    self.bareStart = bareStart.inSeconds
  }

  static let heading = "run  victim            containers  first    all  bare start  over floor   (seconds)"
  var row: String {
    let kind =
      switch victim {
      case .other: ""
      case .planner: ", planner"
      case .leader: ", etcd leader"
      }
    return String(format: "%3d  ", number) + "\(host)\(kind)".padding(toLength: 18, withPad: " ", startingAt: 0)
      + String(format: "%10d  %5.2f  %5.2f  %10.2f  %+10.2f", containers, first, last, bareStart, overFloor)
  }
}

/// All runs, and what was asked of them.
struct FailoverReport {
  /// The lab's configuration (holdfastd.yaml.in), seconds.
  static let ttl = 1.0
  static let margin = 0.1
  /// What is asked of the median: seconds in all, and over the floor.
  private static let mostInAll = 1.6
  private static let mostOverFloor = 0.3

  let runs: [FailoverRun]

  private func median(_ kinds: Set<FailoverRun.Victim>, _ figure: (FailoverRun) -> Double) -> Double? {
    let figures = runs.filter { kinds.contains($0.victim) }.map(figure).sorted()
    return figures.isEmpty ? nil : figures[figures.count / 2]
  }

  var isWithinBounds: Bool {
    guard let all = median([.other, .planner], \.last), let over = median([.other, .planner], \.overFloor) else { return true }
    return all <= Self.mostInAll && over <= Self.mostOverFloor
  }

  var text: String {
    var lines = [
      "median seconds from the kill to the last container's answer (and over the floor TTL + margin + bare virsh create):"
    ]
    let groups: [(String, Set<FailoverRun.Victim>)] = [
      ("all but etcd's leader", [.other, .planner]), ("  an ordinary host", [.other]), ("  the planner's host", [.planner]),
      ("etcd's leader's host", [.leader])
    ]
    for (name, kinds) in groups {
      guard let all = median(kinds, \.last), let over = median(kinds, \.overFloor) else { continue }
      let worst = runs.filter { kinds.contains($0.victim) }.map(\.last).max() ?? all
      lines.append(
        name.padding(toLength: 24, withPad: " ", startingAt: 0)
          + String(format: "%6.2f  (%+.2f)   worst %.2f", all, over, worst))
    }
    lines.append(
      String(format: "asked: at most %.1f s, at most %.1f s over the floor: ", Self.mostInAll, Self.mostOverFloor)
        + (isWithinBounds ? "met" : "NOT met"))
    return lines.joined(separator: "\n")
  }

  private struct File: Codable {
    var ttl: Double
    var margin: Double
    var medianAll: Double?
    var medianOverFloor: Double?
    var medianPlanner: Double?
    var medianOther: Double?
    var medianLeader: Double?
    var isWithinBounds: Bool
    var runs: [FailoverRun]
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(
      File(
        ttl: Self.ttl, margin: Self.margin, medianAll: median([.other, .planner], \.last),
        medianOverFloor: median([.other, .planner], \.overFloor), medianPlanner: median([.planner], \.last),
        medianOther: median([.other], \.last), medianLeader: median([.leader], \.last), isWithinBounds: isWithinBounds,
        runs: runs))
  }
}
