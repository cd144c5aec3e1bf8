import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Synchronization
import Testing

/// Bounds on times that a trial is to keep.
///
/// Whatever else the machine does at the moment only adds to a time. So a trial that missed a bound is run again, and has missed it when
/// it did so each time. What must never happen is no matter of chance: that is expected outright.
final class Bounds: Sendable {
  private let missed = Mutex<[String]>([])

  func hold(_ isHeld: Bool, _ text: @autoclosure () -> String) {
    if !isHeld { missed.withLock { [text = text()] in $0.append(text) } }
  }

  /// Those that were missed since the last time.
  fileprivate func take() -> [String] {
    missed.withLock { missed in
      defer { missed = [] }
      return missed
    }
  }
}

/// A stage for one test, and what holds for every test on it.
struct TestStage {
  let stage: Stage
  let bounds: Bounds
  var lab: LabCluster { stage.lab }
  var probe: HTTPProbe { stage.probe }

  private static let tries = 3

  /// Sets the stage, runs the test, checks that no container ever executed twice at once and that no container outside of
  /// Holdfast's care was touched, and clears up whatever happened. All that again when a bound was missed, twice at most.
  ///
  /// - Parameters:
  ///   - onStop: `on-stop` of every host's daemon.
  ///   - environment: more of the lab's settings.
  static func run(
    hosts: Int = 3, count: Int = 6, isolation: String = "freeze", machines: Int = 0, overlapAllowed: Duration = .zero,
    lostHosts: Set<LabHost> = [], onStop: String = "handover", environment: [String: String] = [:],
    _ body: (TestStage) async throws -> Void
  ) async throws {
    let bounds = Bounds()
    for attempt in 1...tries {
      try await once(
        hosts, count, isolation, machines, overlapAllowed, lostHosts,
        environment.merging(["LAB_ON_STOP": onStop]) { $1 }, bounds, body)
      let missed = bounds.take()
      if missed.isEmpty { return }
      print("try \(attempt) of \(tries) missed: \(missed.joined(separator: "; "))")
      if attempt == tries { Issue.record("missed in \(tries) tries: \(missed.joined(separator: "; "))") }
    }
  }

  private static func once(
    _ hosts: Int, _ count: Int, _ isolation: String, _ machines: Int, _ overlapAllowed: Duration, _ lostHosts: Set<LabHost>,
    _ environment: [String: String], _ bounds: Bounds, _ body: (TestStage) async throws -> Void
  ) async throws {
    let lab = try await testLab(environment: environment)
    try await lab.down()
    do {
      let stage = try await Stage.make(
        lab: lab, hosts: hosts, count: count, isolation: isolation, machines: machines, unmanaged: true)
      print("lab up in \(seconds(stage.up)) s, \(count) containers answering \(seconds(stage.settled)) s after apply")
      let test = TestStage(stage: stage, bounds: bounds)
      try await body(test)
      try test.neverTwo(overlapAllowed: overlapAllowed)
      test.unmanagedUntouched(except: lostHosts)
      try await stage.end()
    } catch {
      await Self.tell(lab)
      try? await lab.down(keepLogs: true)
      throw error
    }
  }

  /// What a reader of a failed run needs first.
  private static func tell(_ lab: LabCluster) async {
    for host in [LabHost(1), LabHost(2), LabHost(3)] {
      guard let status = try? await lab.run(host, ["holdfast", "status"]), status.succeeded else { continue }
      print(status.output)
      print((try? await lab.run(host, ["holdfast", "events", "--limit", "60"]))?.output ?? "")
      break
    }
    let state = """
      virsh -q -c lxc:///system list --all; virsh -q -c qemu:///system list --all; ip -br link
      find /sys/fs/cgroup/freezer/holdfast.partition -name freezer.state -exec grep -H . {} +
      grep -v 'level=debug' /var/log/holdfast-guard.log | tail -n 20
      """
    for host in lab.allHosts {
      print("\(host): \((try? await lab.run(host, ["sh", "-c", state]))?.output ?? "is off")")
    }
  }

  // MARK: what holds for every test

  func neverTwo(overlapAllowed: Duration = .zero) throws {
    let check = try BeatCheck.folder(lab.beatsFolder)
    #expect(check.logs.count >= stage.containers.count)
    for violation in check.violations {
      if case .overlap(_, _, _, let from, let to) = violation, to - from <= overlapAllowed { continue }
      Issue.record("\(violation)")
    }
  }

  private func unmanagedUntouched(except lost: Set<LabHost>) {
    for host in lab.allHosts where !lost.contains(host) {
      let history = probe.history("unmanaged-\(host)")
      let restarts = history.gaps.filter { $0.kind != .pause }
      #expect(!history.answers.isEmpty && restarts.isEmpty, "unmanaged-\(host) was restarted: \(restarts)")
    }
  }

  // MARK: what tests ask

  /// Every container answers, wherever.
  func allAnswer(within limit: Duration = .seconds(20)) async -> Bool {
    await probe.wait(limit) { histories in stage.containers.allSatisfy { histories[$0]?.isAnswering ?? false } }
  }

  /// Every one of these answers from another host than `host` since `instant`.
  func moved(_ names: [String], from host: LabHost, since instant: BootInstant, within limit: Duration = .seconds(20)) async
    -> Bool
  {
    await probe.wait(limit) { histories in
      names.allSatisfy { name in
        histories[name]?.answers.contains { $0.from > instant && $0.node != "\(host)" } ?? false
      }
    }
  }

  /// Waits until some of these containers has not answered for a while.
  func fallSilent(_ names: [String], within limit: Duration = .seconds(10)) async -> Bool {
    await probe.wait(limit) { histories in names.allSatisfy { histories[$0]?.silentSince != nil } }
  }

  /// Gaps that ended after `instant`, of all containers under protection.
  func gaps(since instant: BootInstant) -> [ProbeHistory.Gap] {
    stage.containers.flatMap { probe.history($0).gaps }.filter { $0.to > instant }
  }

  /// How long each of these was silent since `instant`, all its gaps together.
  func silences(of names: [String], since instant: BootInstant) -> [Duration] {
    names.map { name in probe.history(name).gaps.filter { $0.to > instant }.reduce(.zero) { $0 + $1.length } }
  }

  /// When each container's processes began, by their traces.
  func starts() throws -> [String: [BootInstant]] {
    let logs = try BeatCheck.folder(lab.beatsFolder).logs
    return Dictionary(uniqueKeysWithValues: logs.map { ($0.container, $0.lives.map(\.start)) })
  }

  /// Lines of history of these kinds since `instant`.
  func lines(of kinds: Set<String>, since instant: BootInstant) async throws -> [HistoryLine] {
    try await lab.history(limit: 500).filter {
      kinds.contains($0.kind) && LabClock.instant(milliseconds: $0.milliseconds) > instant
    }
  }

  /// A host that runs containers and does not answer our questions (h1 does).
  func victim() -> LabHost { lab.allHosts.last { !stage.containers(on: $0).isEmpty } ?? LabHost(3) }

  /// Puts a policy file in force.
  func enforce(_ rules: String) async throws {
    let folder = lab.workloadsFolder + "/policies"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(rules.utf8).write(to: URL(fileURLWithPath: folder + "/lab.yaml"))
    try await lab.holdfast(["policy", "apply", folder, "--yes"])
  }

  /// Each container's process in its host (libvirt's controller of it), by name.
  func processes() async throws -> [String: String] {
    var found: [String: String] = [:]
    for host in lab.allHosts {
      let list = try await lab.run(host, ["virsh", "-q", "-c", "lxc:///system", "list"])
      for line in list.output.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count >= 2, words[1].hasPrefix("web") else { continue }
        found[String(words[1])] = "\(host)/\(words[0])"
      }
    }
    return found
  }

  /// Time passes with everything as it is.
  func wait(_ duration: Duration) async throws { try await Task.sleep(for: duration) }
}
