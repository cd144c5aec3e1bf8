import Foundation
import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import Housekeeping
import Subprocess
import Testing

/// What a person sees of a cluster, on the screen that the person has.
@Suite(.serialized) struct `API: screens` {
  /// On a terminal of so many columns and 40 lines, without colours.
  private func screen(_ api: APIHarness, _ command: String, columns: Int) async throws -> [String] {
    let line = "stty cols \(columns) rows 40; exec \(APIHarness.programs)/holdfast \(command)"
    let run = try await APIHarness.run(
      ["script", "-qec", line, "/dev/null"],
      environment: ["HOLDFAST_SOCKET": api.socket, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"])
    // A terminal ends lines with both, which are one character.
    return run.output.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropLast().map(String.init)
  }

  @Test(
    arguments: [60, 72, 80, 100, 200],
    ["status", "nodes", "workloads", "workloads --problems", "workload shop1", "workload db2"])
  func `fit the terminal`(columns: Int, command: String) async throws {
    try await APIHarness.serving { api in
      let lines = try await screen(api, command, columns: columns)
      #expect(lines.count > 3)
      let long = lines.filter { $0.count > columns }
      #expect(long.isEmpty, "\(long.joined(separator: "\n"))")
      if command == "status" { #expect(lines.count <= 39, "\(lines.joined(separator: "\n"))") }
    }
  }

  @Test func `say on a narrow terminal what is free, without bars, and what to type next, to the end`() async throws {
    try await APIHarness.serving { api in
      let lines = try await screen(api, "status", columns: 60)
      let text = lines.joined(separator: "\n")
      #expect(lines.contains { $0.contains("MEM FREE") && $0.contains("CPU FREE") }, "\(text)")
      #expect(!text.contains("░"), "\(text)")
      let next = try #require(lines.lastIndex { $0.hasPrefix("Next") }), cut = lines[next...].filter { $0.contains("…") }
      #expect(cut.isEmpty, "\(next): \(cut): \(text)")
      let wide = try await screen(api, "status", columns: 100).joined(separator: "\n")
      #expect(
        wide.contains("░") && wide.contains("5 of 8 workloads running, 1 pending, 1 unclear, 1 starting, 1 stopped"), "\(wide)")
    }
  }

  @Test func `tell reasons whole where somebody asks for what is wrong`() async throws {
    try await APIHarness.serving { api in
      let lines = try await screen(api, "workloads --problems", columns: 60)
      let text = lines.joined(separator: "\n")
      #expect(!text.contains("…") && !text.contains("ISOLATION") && lines.first?.hasPrefix("WORKLOAD") == true, "\(text)")
    }
  }

  @Test func `tell once what many say at the same time, and apart what was said before`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.cluster.history = [] }
      let now = APIHarness.now()
      for (name, percent) in [("web1", 5), ("web2", 6), ("web3", 7)] {
        let workload = WorkloadName(name)
        api.access.tell(Note(.started, "\(name) runs on n1", workload: workload), at: now - 60_000)
        api.access.tell(
          Note(.placed, "\(name) goes to n2: least loaded: \(percent) % with it", workload: workload, subject: "n2"),
          at: now - 1000)
        api.access.tell(Note(.killed, "\(name): every process is gone", severity: .warning, workload: workload), at: now - 900)
      }
      api.access.tell(Note(.started, "web1 runs on n1", workload: "web1"), at: now)
      for _ in 1...3 { api.access.tell(Note(.disarmed, "the cluster is disarmed", severity: .warning), at: now) }
      let lines = try await screen(api, "status", columns: 140), text = lines.joined(separator: "\n")
      let told = ["goes to", "runs on n1", "every process", "disarmed"]
      let recent = lines.drop { !$0.hasPrefix("Recently") }
        .filter { line in told.contains { line.contains($0) } }
      for words in [
        "web3 (and 2 more) goes to n2", "web3 (and 2 more): every process is gone", "web3 (and 2 more) runs on n1",
        "  web1 runs on n1",
        "the cluster is disarmed"
      ] {
        #expect(recent.count { $0.contains(words) } == 1, "\(words) in\n\(text)")
      }
      #expect(recent.count == 5, "\(text)")
    }
  }

  @Test func `tell in the store's order what clocks tell apart`() async throws {
    try await APIHarness.serving { api in
      let now = APIHarness.now()
      let notes: [(NodeName, Int64, Note)] = [
        ("n3", 7_200_000, Note(.sessionEnded, "n3 has left")), ("n3", -50_000, Note(.sessionOpened, "n3 is here")),
        ("n1", -40_000, Note(.nodeLost, "n3 is lost", severity: .error, subject: "n3"))
      ]
      api.access.change { state in
        state.cluster.history = notes.enumerated().map { index, note in
          HistoryRecord(time: now + note.1, node: note.0, serial: Int64(index), note: note.2)
        }
      }
      let lines = try await screen(api, "status", columns: 100)
      let recent = lines.drop { !$0.hasPrefix("Recently") }.prefix(3)
      #expect(
        zip(recent, ["n3 is lost", "n3 is here", "n3 has left"]).allSatisfy { $0.contains($1) },
        "\(lines.joined(separator: "\n"))")
    }
  }

  @Test func `name a bridge with STP, and how to find it`() async throws {
    try await APIHarness.serving { api in
      let words = "uses STP on its bridge br0: after a start, or a thaw, workloads there answer nobody for 30 s"
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.flaws = [NodeFlaw(NodeFlaw.slowBridge, words)]
        state.cluster.put(.report("n2"), .report(report))
      }
      let lines = try await screen(api, "status", columns: 100), text = lines.joined(separator: "\n")
      let flat = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(lines.contains { $0.hasPrefix("Warnings ") } && flat.contains("Node n2 \(words)"), "\(text)")
      #expect(lines.count <= 39 && lines.allSatisfy { $0.count <= 100 }, "\(text)")
      let nodes = try await api.holdfast(["nodes"]).output
      #expect(nodes.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(words), "\(nodes)")
    }
  }

  @Test func `say in one line which node is ailing, since when, and why`() async throws {
    try await APIHarness.serving { api in
      let since = APIHarness.now() - 60_000
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.nodeChecks = [NodeFinding("srv", "/srv is read-only", isUnknown: false, since: since)]
        state.cluster.put(.report("n2"), .report(report))
        let ailment = NodeAilment("srv", "/srv is read-only", since: since + 10_000)
        state.cluster.put(.losses("n2"), .losses(LossesRecord(count: 1, last: since, ailment: ailment)))
      }
      let lines = try await screen(api, "status", columns: 100), text = lines.joined(separator: "\n")
      let flat = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(flat.contains(#/n2: ailing since [^\/]+: \/srv is read-only \(check 'srv'\): what runs there/#), "\(text)")
      #expect(flat.ranges(of: "/srv is read-only").count == 1, "\(text)")
      #expect(lines.count <= 39 && lines.allSatisfy { $0.count <= 100 }, "\(text)")
    }
  }

  @Test func `name a receiver that takes no notices, and how to find out why`() async throws {
    try await APIHarness.serving { api in
      let words = "cannot deliver 2 notices to 'webhook https://h/…', since 2026-03-01 02:14 UTC: it answers with status 503"
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.flaws = [NodeFlaw(NodeFlaw.notices, words)]
        state.cluster.put(.report("n2"), .report(report))
      }
      let text = try await screen(api, "status", columns: 100).joined(separator: "\n")
      #expect(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains("Node n2 \(words)"), "\(text)")
    }
  }

  @Test func `tell a placement before what came of it`() async throws {
    try await APIHarness.serving { api in
      let now = APIHarness.now()
      let notes: [(NodeName, Int64, Note)] = [
        ("n2", 0, Note(.stopped, "web1 has stopped on n2", workload: "web1")),
        ("n3", 4, Note(.claimed, "n3 holds web1 at epoch 2", workload: "web1")),
        ("n3", 5, Note(.claimed, "n3 holds web2 at epoch 2", workload: "web2")),
        ("n3", 6, Note(.started, "web1 runs on n3", workload: "web1")),
        ("n1", 9, Note(.placed, "web1 goes to n3: least loaded", workload: "web1", subject: "n3"))
      ]
      api.access.change { state in
        state.cluster.history = notes.enumerated().map { index, note in
          HistoryRecord(time: now + note.1, node: note.0, serial: Int64(index), note: note.2)
        }
      }
      let lines = try await api.holdfast(["events"]).output.split(separator: "\n")
      let words = ["web1 has stopped", "web1 goes to n3", "n3 holds web1", "n3 holds web2", "web1 runs on n3"]
      #expect(lines.count == 5 && zip(lines, words).allSatisfy { $0.contains($1) }, "\(lines)")
    }
  }

  @Test func `tell how often a workload ended, and when last`() async throws {
    try await APIHarness.serving { api in
      let now = APIHarness.now(),
        ended = Note(.vanished, "web1 ended on n1 without being told to", severity: .warning, workload: "web1")
      api.access.tell(ended, at: now - 40_000)
      func lines(_ command: String) async throws -> String {
        try await screen(api, command, columns: 200).joined(separator: "\n")
      }
      let once = try await lines("workloads web1")
      #expect(once.contains("ended once in the last 10 minutes without being told to, last at "), "\(once)")
      for ago in [30_000, 20_000] as [Int64] { api.access.tell(ended, at: now - ago) }
      let words = "it ended 3 times in the last 10 minutes without being told to (last at "
      for command in ["status", "workloads web1"] {
        let shown = try await lines(command)
        #expect(shown.contains(words), "\(command): \(shown)")
      }
      let detail = try await lines("workload web1")
      #expect(detail.contains("ended       3 times in the last 10 minutes"), "\(detail)")
      let info: WorkloadDetail = try await api.holdfast(["workload", "web1", "-o", "json"]).decoded()
      #expect(info.workload.recentEnds == 3 && info.workload.lastEnd?.milliseconds == now - 20_000)
    }
  }

  @Test func `find each workload in a line that stands for several`() async throws {
    try await APIHarness.serving { api in
      let now = APIHarness.now()
      var folded = FoldedLines("web1", since: now - 60_000)
      for _ in 1...3 { folded.take("web2") }
      api.access.change { [folded] state in
        state.cluster.history = [
          HistoryRecord(
            time: now - 20_000, node: "n1", serial: 1,
            note: Note(.vanished, "web1 (and 1 more, 4 times) ended on n1", severity: .warning, workload: "web1"),
            folded: folded)
        ]
      }
      let all = try await api.holdfast(["events"]).output
      #expect(all.contains("* web1 (and 1 more, 4 times) ended on n1"), "\(all)")
      let page: HistoryPage = try await api.holdfast(["events", "-o", "json"]).decoded()
      #expect(page.lines.first?.workloads == ["web1", "web2"] && page.lines.first?.times == 4)
      for (name, words) in [("web1", "* web1 ended on n1"), ("web2", "* web2 (3 times) ended on n1")] {
        let shown = try await api.holdfast(["events", "--workload", name]).output
        #expect(shown.contains(words), "\(shown)")
      }
      let info: WorkloadDetail = try await api.holdfast(["workload", "web2", "-o", "json"]).decoded()
      #expect(info.workload.recentEnds == 3 && info.history.map(\.workload) == ["web2"])
    }
  }

  @Test func `say of what is stopped that it is, and no more`() async throws {
    try await APIHarness.serving { api in
      let first = try await api.holdfast(["workload", "cache"]).output.split(separator: "\n").first
      #expect(first == "cache  stopped")
    }
  }

  @Test func `tell once what every node tells of the cluster`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.cluster.history = [] }
      for _ in 1...3 { api.access.tell(Note(.armed, "the cluster is armed again"), at: APIHarness.now()) }
      let events = try await api.holdfast(["events"]).output.split(separator: "\n")
      #expect(events.count == 1 && events[0].hasSuffix("the cluster is armed again"), "\(events)")
    }
  }

  @Test func `do not tell what the store was as what it is`() async throws {
    try await APIHarness.serving { api in
      let members = ["n1", "n2", "n3"].map { name in
        StoreMember(
          name: name, endpoint: "https://\(name):2379", standing: .answers, isLeader: name == "n1", size: 1 << 20,
          sizeInUse: 1 << 19)
      }
      func look(secondsAgo: Int64, silence: Double) {
        api.access.change { state in
          state.silence = silence
          state.picture = StorePicture(
            StoreHealth(members: members, revision: Revision(7), quota: 2 << 30, alarms: []),
            at: APIHarness.now() - secondsAgo * 1000)
        }
      }
      look(secondsAgo: 12, silence: 6.4)
      let before = try await api.holdfast(["status"]).output
      #expect(before.contains("Store: silent for 6.4 s; before that 3 of 3 members up, n1 leads"), "\(before)")
      look(secondsAgo: 2, silence: 6.4)
      let now = try await api.holdfast(["status"]).output
      #expect(now.contains("Store: 3 of 3 members up, n1 leads"), "\(now)")
    }
  }

  @Test func `say once that the cluster is disarmed, and that nothing is frozen for it`() async throws {
    try await APIHarness.serving { api in
      _ = try await api.holdfast(["disarm", "--for", "30m", "--reason", "new switch", "--yes", "--now"])
      let output = try await api.holdfast(["status"]).output
      #expect(output.contains("  DISARMED since ") && output.contains("nothing is failed over, frozen or moved"), "\(output)")
      #expect(!output.contains("The cluster is disarmed"), "\(output)")
    }
  }
}
