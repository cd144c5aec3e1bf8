import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import Housekeeping
import Subprocess
import Testing

/// `holdfast` as a process, against a server.
@Suite(.serialized) struct `API: the command line` {
  private static let commands = [
    "status", "nodes", "workloads", "workload", "events", "adopt", "apply", "accept", "export", "release", "start", "stop",
    "restart", "reset", "pause", "resume", "move", "console", "leftovers", "maintenance", "evacuate", "node", "disarm", "arm",
    "moves", "store"
  ]

  @Test func `the status fits 100 by 30 and tells what matters`() async throws {
    try await APIHarness.serving { api in
      let run = try await api.holdfast(["status"])
      #expect(run.status == 0)
      let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(lines.count <= 29)
      #expect(lines.allSatisfy { $0.count <= 100 }, "\(lines.filter { $0.count > 100 })")
      for words in [
        "prod  CRITICAL  5 of 8 workloads running", "db2 does not run", "DOWN", "no node can take it",
        "If n1 fails now, there is no room for db1", "holdfast workload db2"
      ] {
        #expect(run.output.contains(words), "\(words) is missing in\n\(run.output)")
      }
      #expect(!run.output.contains("\u{1B}"))
    }
  }

  @Test func `the status tells of a store that is full, and what to type, within 100 by 30`() async throws {
    try await APIHarness.serving { api in
      let seen = APIHarness.now()
      api.access.change { state in
        let members = ["n1", "n2", "n3"].map { name in
          StoreMember(
            name: name, endpoint: "https://\(name):2379",
            standing: name == "n3" ? .silent(reason: "no route to host") : .answers, isLeader: name == "n2", size: 2 << 30,
            sizeInUse: 1 << 30)
        }
        state.picture = StorePicture(
          StoreHealth(
            members: members, revision: Revision(7_654_321), quota: 2 << 30, alarms: [StoreAlarm(.noSpace, member: "n1")]),
          at: seen)
      }
      let run = try await api.holdfast(["status"])
      let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(lines.count <= 29 && lines.allSatisfy { $0.count <= 100 }, "\(run.output)")
      for words in [
        "The store is full (alarm NOSPACE on n1)", "Store: 2 of 3 members up, n2 leads, 2.0 GiB of 2.0 GiB, alarm NOSPACE",
        "eval \"$(holdfastd --etcdctl)\"", "etcdctl compaction 7654321", "etcdctl --command-timeout=5m defrag",
        "etcdctl alarm disarm"
      ] {
        #expect(run.output.contains(words), "\(words) is missing in\n\(run.output)")
      }
    }
  }

  @Test func `a large cluster in trouble fits too, and a quiet one says so`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        for number in 4...40 { state.cluster.join(NodeName("node-with-a-long-name-\(number)")) }
        for number in 1...60 {
          let name = WorkloadName("a-workload-with-quite-a-long-name-\(number)")
          state.cluster.run(name, 512, on: "n1")
          state.cluster.put(.claim(name), .claim(ClaimRecord(epoch: Epoch(1), holder: nil)))
          state.cluster.put(
            .placement(name),
            .placement(PlacementRecord(node: nil, reason: PlacementReason(text: String(repeating: "long ", count: 60)))))
        }
      }
      let large = try await api.holdfast(["status"]).output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(large.count <= 29 && large.allSatisfy { $0.count <= 100 }, "\(large.joined(separator: "\n"))")
      for words in ["more nodes: holdfast nodes", "more: holdfast workloads --problems", "n3", "Next"] {
        #expect(large.contains { $0.contains(words) }, "\(words) is missing in\n\(large.joined(separator: "\n"))")
      }

      api.access.change {
        $0.cluster = MadeUpCluster.empty
        $0.cluster.join("n1")
        $0.cluster.put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7")))
      }
      let quiet = try await api.holdfast(["status", "--check"])
      #expect(quiet.status == 0 && quiet.output.hasPrefix("prod  OK  no workloads yet, 1 of 1 node up"), "\(quiet)")
      #expect(quiet.output.contains("nothing happened in the last 10 minutes"))
    }
  }

  @Test func `status --check tells the cluster's health by its exit status`() async throws {
    try await APIHarness.serving { api in
      let checked = try await api.holdfast(["status", "--check"])
      #expect(checked.status == 4 && checked.output.contains("CRITICAL"))
    }
  }

  @Test func `equal events that follow one another are one line, in json they are not`() async throws {
    try await APIHarness.serving { api in
      let now = APIHarness.now()
      for number in 1...20 {
        let name = WorkloadName("web\(number)")
        api.access.tell(
          Note(.pending, "\(name) cannot run anywhere: no node can take it", severity: .error, workload: name), at: now)
      }
      for _ in 1...5 { api.access.tell(Note(.vanished, "web1 ended on n1 without being told to", workload: "web1"), at: now) }
      let run = try await api.holdfast(["events"])
      #expect(run.output.contains("web20 (and 19 more) cannot run anywhere: no node can take it"), "\(run)")
      #expect(run.output.contains("web1 (5 times) ended on n1 without being told to"), "\(run)")
      let page: HistoryPage = try await api.holdfast(["events", "-o", "json"]).decoded()
      #expect(page.lines.count == 35)
    }
  }

  @Test func `json is what the API says`() async throws {
    try await APIHarness.serving { api in
      let status: ClusterStatus = try await api.holdfast(["status", "-o", "json"]).decoded()
      #expect(status.misplaced.map(\.name) == ["db2", "legacy", "shop1"])
      let nodes: NodeList = try await api.holdfast(["nodes", "-o", "json"]).decoded()
      #expect(nodes.nodes.count == 3)
      let workloads: WorkloadList = try await api.holdfast(["workloads", "--problems", "-o", "json"]).decoded()
      #expect(workloads.workloads.map(\.name) == ["db2", "legacy", "shop1"])
      let detail: WorkloadDetail = try await api.holdfast(["workload", "db2", "-o", "json"]).decoded()
      #expect(detail.workload.others["n1"]?.contains("needs 12.0 GiB") == true)
      let events: HistoryPage = try await api.holdfast(["events", "--workload", "shop1", "-o", "json"]).decoded()
      #expect(events.lines.count == 3)
      let results: CommandResults = try await api.holdfast(["stop", "web1", "--yes", "-o", "json"]).decoded()
      #expect(results.results.map(\.effect) == [.requested])
    }
  }

  @Test func `stop at once says so, does nothing in a dry run, and cuts one short that is under way`() async throws {
    try await APIHarness.serving { api in
      func intent() -> IntentRecord? { api.access.truth.intents["web1"]?.value }
      let dry = try await api.holdfast(["stop", "web1", "--now", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("is destroyed on n1 without a shutdown and stays down"), "\(dry)")
      #expect(intent()?.desired == .running)
      #expect(try await api.holdfast(["stop", "web1", "--yes"]).status == 0)
      #expect(intent()?.desired == .stopped && intent()?.errand == nil)
      let reset = try await api.holdfast(["reset", "web1", "--yes"])
      #expect(reset.status == 1 && reset.output.contains("it is being stopped on n1"), "\(reset)")
      #expect(try await api.holdfast(["stop", "web1", "--now", "--yes"]).status == 0)
      #expect(intent()?.desired == .stopped && intent()?.errand == .reset)
    }
  }

  @Test func `apply reads a file, shows, asks before it changes, and tells mistakes with their place`() async throws {
    try await APIHarness.serving { api in
      let file = api.socket + ".yaml"
      func write(_ memory: String) throws {
        let text = """
          workloads:
            - name: new1
              memory: \(memory)
              xml: "<domain type='lxc'><name>new1</name><memory unit='MiB'>64</memory></domain>"

          """
        try text.write(toFile: file, atomically: false, encoding: .utf8)
      }
      try write("100")
      let dry = try await api.holdfast(["apply", "-f", file, "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("new1  is created"), "\(dry)")
      #expect(api.access.truth.specs["new1"] == nil)
      // What is new harms nobody: not asked.
      #expect(try await api.holdfast(["apply", "-f", file]).status == 0)
      #expect(api.access.truth.specs["new1"]?.value.demand.memory == 100)

      try write("200")
      let asked = try await api.holdfast(["apply", "-f", file])
      #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
      let agreed = try await api.holdfast(["apply", "-f", file, "--yes"])
      #expect(agreed.status == 0 && agreed.output.contains("new1  changes demand.memory"), "\(agreed)")
      #expect(api.access.truth.specs["new1"]?.value.demand.memory == 200)

      try write("plenty")
      let mistaken = try await api.holdfast(["apply", "-f", file, "--yes"])
      #expect(mistaken.status == 1 && mistaken.errors.contains("\(file):3:"), "\(mistaken)")
      #expect(mistaken.errors.hasPrefix("holdfast: nothing was applied"))
    }
  }

  @Test func `apply warns of a network that answers too long, or too late`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.networkWarnings = ["br0": "its bridge br0 uses STP"] }
      let file = api.socket + ".yaml"
      try """
      workloads:
        - name: new1
          memory: 100
          xml: "<domain type='lxc'><devices><interface type='direct'/></devices></domain>"
        - name: new2
          memory: 100
          xml: "<domain type='lxc'><devices><interface type='bridge'><source bridge='br0'/></interface></devices></domain>"
        - name: new3
          memory: 100
          xml: "<domain type='lxc'><devices><interface type='bridge'><source bridge='br1'/></interface></devices></domain>"

      """.write(toFile: file, atomically: false, encoding: .utf8)
      let dry = try await api.holdfast(["apply", "-f", file, "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("warning: it is on the network by macvlan"), "\(dry)")
      #expect(dry.output.contains("      warning: its bridge br0 uses STP"), "\(dry)")
      let answer: CommandResults = try await api.holdfast(["apply", "-f", file, "-o", "json"]).decoded()
      #expect(answer.results.map { $0.warnings?.count } == [1, 1, nil], "\(answer)")
      // Where nothing changes there is nothing to warn of again.
      let again = try await api.holdfast(["apply", "-f", file])
      #expect(again.status == 0 && !again.output.contains("warning"), "\(again)")
    }
  }

  @Test func `adopt takes what a pattern means, and no more`() async throws {
    try await APIHarness.serving { api in
      // It never asks, and takes the flag of those that do.
      let dry = try await api.holdfast(["adopt", "lxc:///system/w*", "--dry-run", "--yes"])
      #expect(dry.status == 0)
      #expect(dry.output.contains("Nothing was done") && dry.output.contains("wiki-test") && !dry.output.contains("web1"))
      #expect(api.access.truth.specs["wiki"] == nil)

      let run = try await api.holdfast([
        "adopt", "lxc:///system/w*", "--priority", "4", "--memory", "900", "--label", "tier=gold"
      ])
      #expect(run.status == 0, "\(run)")
      let spec = try #require(api.access.truth.specs["wiki"]?.value)
      #expect(spec.priority == 4 && spec.demand == Resources(memory: 900, cpus: 2) && spec.labels == ["tier": "gold"])

      let again = try await api.holdfast(["adopt", "w*"])
      #expect(again.status == 1 && again.errors.contains("all 3 of them are protected already"), "\(again)")
      let one = try await api.holdfast(["adopt", "wiki"])
      #expect(one.status == 1 && one.output.contains("it is protected already"), "\(one)")
      let typo = try await api.holdfast(["adopt", "odl"])
      #expect(typo.status == 1 && typo.errors.contains("Did you mean old?"), "\(typo)")
      #expect(try await api.holdfast(["adopt", "old", "--label", "gold"]).status == 2)
    }
  }

  @Test func `many at once are told one by one, and a failure hides no other`() async throws {
    try await APIHarness.serving { api in
      let run = try await api.holdfast(["stop", "web*", "nobody", "cache", "--yes"])
      #expect(run.status == 1)
      #expect(run.output.contains("nobody  REFUSED: there is no workload of this name"), "\(run.output)")
      #expect(run.output.contains("cache   is stopped already"), "\(run.output)")
      for name: WorkloadName in ["web1", "web2", "web3"] {
        #expect(api.access.truth.intents[name]?.value.desired == .stopped)
      }
      let none = try await api.holdfast(["stop", "nope*", "--yes"])
      #expect(none.status == 1 && none.errors.contains("no workload's name matches it"))
    }
  }

  @Test func `what is destructive needs a yes where nobody can be asked`() async throws {
    try await APIHarness.serving { api in
      for arguments in [["stop", "web1"], ["release", "web1"], ["move", "web1", "--to", "n2"]] {
        let run = try await api.holdfast(arguments)
        #expect(run.status == 2 && run.errors.contains("--yes"), "\(run)")
        let dry = try await api.holdfast(arguments + ["--dry-run"])
        #expect(dry.status == 0 && dry.output.hasPrefix("Nothing was done."), "\(dry)")
      }
      #expect(api.access.truth.intents["web1"]?.value == IntentRecord(desired: .running))
    }
  }

  @Test func `move waits until the planner has decided and the workload runs there`() async throws {
    try await APIHarness.serving { api in
      let cluster = Task { try await Self.playPlanner(api.access, refusing: nil) }
      let run = try await api.holdfast(["move", "web1", "--to", "n2", "--yes", "--wait"])
      try await cluster.value
      #expect(run.status == 0, "\(run)")

      let refusal = Task { try await Self.playPlanner(api.access, refusing: "asked to move to n1, which cannot take it: full") }
      let refused = try await api.holdfast(["move", "web2", "--to", "n1", "--yes", "--wait"])
      try await refusal.value
      #expect(refused.status == 1 && refused.errors.contains("cannot take it: full"), "\(refused)")

      let late = try await api.holdfast(["stop", "web3", "--yes", "--wait", "--timeout", "0.3"])
      #expect(late.status == 1 && late.errors.contains("n2 has been asked to stop it"), "\(late)")
    }
  }

  /// Serves the next move request as planner and node would.
  private static func playPlanner(_ access: TestAccess, refusing reason: String?) async throws {
    while true {
      let view = access.truth
      let request = view.intents.first { name, intent in
        (intent.value.move?.serial ?? 0) > view.placements[name]?.value.servedMove ?? 0
      }
      if let (name, intent) = request, let move = intent.value.move, let holder = view.holder(of: name) {
        let node = reason == nil ? move.to : holder
        access.change {
          $0.cluster.put(
            .placement(name),
            .placement(PlacementRecord(node: node, reason: PlacementReason(text: reason ?? "asked"), servedMove: move.serial)))
        }
        try await Task.sleep(for: .milliseconds(400))
        access.change {
          $0.cluster.put(
            .claim(name),
            .claim(
              ClaimRecord(
                epoch: Epoch(13), holder: .init(node: node, incarnation: Incarnation("\(node)-7")), activity: .running)))
        }
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test func `a daemon that is not there`() async throws {
    let run = try await APIHarness.run(["\(APIHarness.programs)/holdfast", "status", "--socket", "/nonexistent/api.sock"])
    #expect(run.status == 3)
    #expect(
      run.errors.hasPrefix(
        "holdfast: the daemon at /nonexistent/api.sock: the socket does not exist. Is holdfastd running here?"), "\(run)")
    #expect(run.output.isEmpty)
  }

  @Test func `wrong usage, help and version`() async throws {
    let program = "\(APIHarness.programs)/holdfast"
    for arguments in [
      ["frobnicate"], ["move", "web1"], ["status", "-o", "xml"], ["stop"], ["adopt"],
      ["evacuate"], ["evacuate", "n1", "--run", "true"], ["evacuate", "--rolling", "--node", "n1"], ["maintenance", "enter"],
      ["maintenance", "enter", "n1", "--until", "soon"], ["maintenance", "enter", "n1", "--until", "2026-02-31 06:00"],
      ["maintenance", "exit", "n1", "--leave", "--bring-back"], ["disarm", "--for", "soon"]
    ] {
      #expect(try await APIHarness.run([program] + arguments).status == 2, "\(arguments)")
    }
    #expect(try await APIHarness.run([program, "--version"]).output == "\(buildVersion)\n")
    for command in Self.commands {
      let help = try await APIHarness.run([program, command, "--help"])
      let hasExample = ["Example: ", "Examples:\n  "].contains { help.output.contains("\($0)holdfast \(command)") }
      #expect(help.status == 0 && hasExample, "\(command)")
    }
  }

  /// What the parser says, and what it says of a word that is no command.
  @Test(arguments: [
    (["restrat", "web1"], "holdfast: restrat: there is no such command."),
    (["strat", "web1"], "Did you mean 'holdfast start'?"), (["evnts"], "Did you mean 'holdfast events'?"),
    (["maintenance", "entr"], "Did you mean 'holdfast maintenance enter'? There are enter, status, cancel and exit."),
    (["node", "forgive"], "holdfast: node forgive: there is no such command. There are clear-failures, rename and remove."),
    (["policy", "chek", "x"], "holdfast policy check"),
    (["events", "-n", "-5"], "Error: --limit takes 0 to 10000, not -5\n  See 'holdfast events --help'"),
    (["status", "--bogus"], "Unknown option '--bogus'"), (["evacuate", "--bogus"], "Unknown option '--bogus'"),
    (["evacuate"], "Error: Name the node to drain; or use --rolling with --node or --label.\n  See 'holdfast evacuate --help'"),
    (["maintenance", "exit", "n1", "--leave", "--bogus"], "Unknown option '--bogus'"),
    (["maintenance", "cancel", "n1", "--by-policy", "--bring-back"], "exclude each other")
  ]) func `a mistyped command or option is told with what was meant`(_ arguments: [String], _ words: String) async throws {
    let run = try await APIHarness.run(["\(APIHarness.programs)/holdfast"] + arguments)
    #expect(run.status == 2 && run.output.isEmpty && run.errors.contains(words), "\(run)")
  }

  @Test(arguments: ["holdfast", "holdfastd", "holdfast-guard"]) func `wrong usage is one status of all programs`(
    _ program: String
  ) async throws {
    #expect(try await APIHarness.run(["\(APIHarness.programs)/\(program)", "--bogus"]).status == 2)
  }

  @Test func `a name that there is none of is no empty answer`() async throws {
    try await APIHarness.serving { api in
      for (arguments, words) in [
        (["workloads", "wbe1"], "workload wbe1: there is no workload of this name. Did you mean web1?"),
        (["workloads", "web1", "nope*"], "the pattern nope*: no workload's name matches it"),
        (["workloads", "nope", "-o", "json"], "there is no workload of this name"),
        (["events", "--workload", "wbe1"], "workload wbe1: there is no workload of this name. Did you mean web1?"),
        (["events", "--workload", "wbe1", "--follow"], "Did you mean web1?")
      ] {
        let run = try await api.holdfast(arguments)
        #expect(run.status == 1 && run.output.isEmpty && run.errors.contains(words), "\(run)")
      }
      // What has left protection has a history all the same.
      api.access.tell(Note(.released, "gone left protection", workload: "gone"), at: APIHarness.now())
      let gone = try await api.holdfast(["events", "--workload", "gone"])
      #expect(gone.status == 0 && gone.output.contains("gone left protection"), "\(gone)")
      let node = try await api.holdfast(["move", "web1", "--to", "n9", "--yes"])
      #expect(node.output.contains("web1  REFUSED: node n9: there is no node of this name"), "\(node)")
    }
  }

  @Test func `nobody knows is neither refused nor done`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.storeError = .unknownOutcome(reason: "timed out") }
      let stop = try await api.holdfast(["stop", "web1", "--yes"])
      #expect(stop.status == 1, "\(stop)")
      #expect(
        stop.output.hasPrefix(
          "web1  OUTCOME UNKNOWN: the store did not answer (timed out), so the request may or may not have been applied"),
        "\(stop)")
      #expect(stop.output.contains("`holdfast workload web1` shows what is so") && !stop.output.contains("REFUSED"))
      api.access.change { $0.storeError = .notApplied(reason: "no leader") }
      let clear = try await api.holdfast(["stop", "web1", "--yes"])
      #expect(clear.status == 1 && clear.output.contains("web1  NOT DONE: ") && !clear.output.contains("REFUSED"), "\(clear)")
      api.access.change { $0.storeError = .rejected(reason: "etcd: permission denied", remedy: "Grant it.") }
      let denied = try await api.holdfast(["stop", "web1", "--yes"])
      #expect(denied.output.contains("etcd: permission denied") && denied.output.contains("Grant it."), "\(denied)")
    }
  }

  @Test func `what others wrote steers no terminal`() async throws {
    try await APIHarness.serving { api in
      let evil = "clear\u{1B}[2J \u{1B}]0;title\u{07} \u{9B}31m"
      api.access.change {
        $0.cluster.put(.placement("db2"), .placement(PlacementRecord(node: nil, reason: PlacementReason(text: evil))))
      }
      api.access.tell(Note(.placed, evil, workload: "db2"), at: APIHarness.now())
      for arguments in [["status"], ["workloads"], ["workload", "db2"], ["events"], ["workload", "db2", "-o", "json"]] {
        let run = try await api.holdfast(arguments)
        #expect(
          run.output.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control }, "\(arguments)")
        #expect(run.output.contains("clear"), "\(run)")
      }
      let detail: WorkloadDetail = try await api.holdfast(["workload", "db2", "-o", "json"]).decoded()
      #expect(detail.workload.reason?.contains("\u{1B}") == false, "nor does a script that prints it")
      let typed = try await api.holdfast(["stop", "\u{1B}[31mred"])
      #expect(!typed.errors.contains("\u{1B}") && !typed.output.contains("\u{1B}"), "\(typed)")
      #expect(typed.output.contains("\\u001B[31mred"), "\(typed)")
    }
  }

  @Test func `a shell is offered the names that there are`() async throws {
    try await APIHarness.serving { api in
      func offered(_ words: String...) async throws -> Set<Substring> {
        Set(try await api.holdfast(["---completion"] + words).output.split(separator: "\n"))
      }
      let workloads = try await offered("stop", "--", "positional@0", "1", "0", "stop", "")
      #expect(workloads.isSuperset(of: ["web1", "db2", "legacy"]), "\(workloads)")
      let targets = try await offered("move", "--", "--to", "3", "0", "move", "web1", "--to", "")
      #expect(targets == ["n1", "n2", "n3"])
      let nodes = try await offered("maintenance", "enter", "--", "positional@0", "2", "0", "maintenance", "enter", "")
      #expect(nodes == ["n1", "n2", "n3"])
    }
    // Nobody there: nothing is offered, and nothing is said.
    let run = try await APIHarness.run(
      ["\(APIHarness.programs)/holdfast", "---completion", "stop", "--", "positional@0", "1", "0", "stop", ""],
      environment: ["HOLDFAST_SOCKET": "/nonexistent/api.sock"])
    #expect(run.status == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run)")
    for shell in ["bash", "zsh", "fish"] {
      let script = try await APIHarness.run(["\(APIHarness.programs)/holdfast", "--generate-completion-script", shell])
      #expect(script.status == 0 && script.output.contains("---completion"), "\(shell)")
    }
  }

  @Test func `a screen in ASCII where the locale is not UTF-8`() async throws {
    try await APIHarness.serving { api in
      let run = try await api.holdfast(["status"], environment: ["LC_ALL": "C"])
      #expect(run.status == 0 && run.output.contains("####"))
      #expect(run.output.utf8.allSatisfy { $0 < 0x80 }, "\(run.output)")
    }
  }
}
