/// A published defect of etcd that touches what Holdfast uses, or what people expect of a lease store.
package struct KnownIssue {
  /// Versions of one minor release below `fixedPatch` have it.
  struct Affected {
    var major: Int
    var minor: Int
    var fixedPatch: Int
  }

  /// The issue's number at etcd-io/etcd.
  var number: Int
  /// What goes wrong, as the end of "has issue N:".
  var defect: String
  /// What it means for Holdfast, a sentence.
  var meaning: String
  var affected: [Affected]

  static let all: [KnownIssue] = [
    KnownIssue(
      number: 13766, defect: "members can come to hold different data after a crash",
      meaning: "Holdfast cannot be safe on such a store: upgrade etcd before anything else.",
      affected: [Affected(major: 3, minor: 5, fixedPatch: 3)]),
    KnownIssue(
      number: 15247, defect: "a stuck old leader can revoke leases that are alive",
      meaning: "Holdfast uses no etcd leases and does not depend on it.",
      affected: [Affected(major: 3, minor: 4, fixedPatch: 31), Affected(major: 3, minor: 5, fixedPatch: 13)]),
    KnownIssue(
      number: 20547, defect: "a keepalive can succeed on a lease that was revoked",
      meaning: "Holdfast uses no etcd leases and does not depend on it.",
      affected: [Affected(major: 3, minor: 4, fixedPatch: 38), Affected(major: 3, minor: 5, fixedPatch: 23)]),
    KnownIssue(
      number: 20418, defect: "a linearizable read can be stale after a member's process was paused",
      meaning: "Holdfast decides by guarded transactions, never by a read alone, and does not depend on it.",
      affected: [
        Affected(major: 3, minor: 4, fixedPatch: 42), Affected(major: 3, minor: 5, fixedPatch: 28),
        Affected(major: 3, minor: 6, fixedPatch: 9)
      ]),
    KnownIssue(
      number: 15271, defect: "a watch can go back in time when a member that was cut off gets a snapshot",
      meaning: "Holdfast drops changes that it has seen already and does not depend on it.",
      affected: [Affected(major: 3, minor: 4, fixedPatch: 25), Affected(major: 3, minor: 5, fixedPatch: 8)]),
    KnownIssue(
      number: 17529, defect: "a watch that lags behind a compaction can lose changes",
      meaning: "Holdfast's claims are guarded by transactions, so that a lost change costs time but not safety; keep "
        + "etcd's auto-compaction retention at an hour or more.",
      affected: [Affected(major: 3, minor: 4, fixedPatch: 31), Affected(major: 3, minor: 5, fixedPatch: 13)]),
    KnownIssue(
      number: 14685, defect: "a member that dies while it is defragmented can come to hold different data",
      meaning: "Upgrade etcd before you defragment it; Holdfast never does so by itself.",
      affected: [Affected(major: 3, minor: 5, fixedPatch: 6)])
  ]

  /// What is known against this version, each a sentence or two that names version, member and issue.
  package static func warnings(version: String, member: String) -> [String] {
    let numbers = version.split(separator: "-").first?.split(separator: ".").map { Int($0) } ?? []
    guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else {
      return ["The etcd member \(member) says its version is \"\(version)\", which Holdfast does not understand."]
    }
    if (major, minor) < (3, 4) {
      return [
        "The etcd member \(member) runs \(version); Holdfast was written for 3.4 and later and tested with nothing older."
      ]
    }
    return all.compactMap { issue in
      let affected = issue.affected.contains { ($0.major, $0.minor) == (major, minor) && patch < $0.fixedPatch }
      guard affected else { return nil }
      return "etcd \(version) on \(member) has issue \(issue.number) (etcd-io/etcd): \(issue.defect). \(issue.meaning)"
    }
  }
}
