import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import Testing

/// The commands that ask the planner, about a cluster in a file.
@Suite struct `Asked about a snapshot, holdfast` {
  private static let shop = "Tests/Snapshots/shop.json"

  private func ask(_ arguments: String..., columns: UInt16? = nil) throws -> CommandLine {
    try CommandLine.holdfast(arguments + ["--snapshot", Self.shop], columns: columns)
  }

  private func decoded<Value: Decodable>(_ run: CommandLine, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(run.output.utf8))
  }

  @Test func `explains a workload`() throws {
    let run = try ask("explain", "db1")
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(run.output.hasPrefix("db1  on n1\n  why      least loaded: 44 % with it\n"), "\(run)")
    #expect(run.lines.contains("n2         'databases' allows other nodes only"), "\(run)")
    #expect(run.lines.contains("'databases': for: tier=db; only-on: disk=ssd; keep-apart: rack; priority: 100"), "\(run)")
    // With other rules.
    let scratch = try Scratch()
    let rules = try scratch.write("p.yaml", "workloads: [{name: elsewhere, for: db1, only-on: n9}]")
    let other = try ask("explain", "db1", "--policies", rules)
    #expect(other.output.contains("n2, n3 and n4  'elsewhere' allows other nodes only"), "\(other)")
  }

  @Test(arguments: [true, nil]) func `explains what stays against a rule until it may move`(areMovesOff: Bool?) throws {
    struct Answer: Decodable {
      struct Waiting: Decodable { var to: String, why: String }
      var node: String?, isInPlace: Bool, brokenRule: String?, waiting: Waiting?
    }
    let rules = """
      cluster: {moves: {per-node: 1}}
      workloads: [{name: not on two, for: all, never-on: n2}]
      """
    let nodes = ["n1", "n2"].map { name in
      PlanningSnapshot.Node(name: NodeName(name), capacity: .init(memory: 8192, cpus: 8), connections: ["lxc"])
    }
    // The less important goes first.
    let workloads = [("web1", 1), ("web2", 0)].map { name, priority in
      PlanningSnapshot.Workload(
        name: WorkloadName(name), connection: "lxc", demand: .init(memory: 256, cpus: 1), priority: priority,
        placed: PlacementRecord(node: "n2", reason: "before"), running: "n2", isOnItsWay: false)
    }
    let cluster = ClusterSnapshot(
      cluster: "small", time: 0, planning: PlanningSnapshot(nodes: nodes, workloads: workloads),
      policies: [PolicyText(file: "p.yaml", text: rules)], areMovesOff: areMovesOff)
    let scratch = try Scratch()
    let file = try scratch.write("small.json", String(decoding: try JSONEncoder().encode(cluster), as: UTF8.self))
    let run = try CommandLine.holdfast(["explain", "web1", "--snapshot", file])
    let why = areMovesOff == true ? "waits: moves are off" : "waits: 1 move at a time from or to n"
    #expect(run.output.hasPrefix("web1  on n2\n"), "\(run)")
    #expect(run.lines.contains("  breaks   'not on two'") && run.output.contains("  goes to  n1; it \(why)"), "\(run)")
    let answer: Answer = try decoded(CommandLine.holdfast(["explain", "web1", "--snapshot", file, "-o", "json"]))
    #expect(answer.node == "n2" && !answer.isInPlace && answer.brokenRule == "not on two")
    #expect(answer.waiting?.to == "n1" && answer.waiting?.why.hasPrefix(why) == true, "\(answer)")
    // Asked for other rules, it tells where everything would be in the end.
    let other = try scratch.write("p.yaml", rules)
    let last = try CommandLine.holdfast(["explain", "web1", "--snapshot", file, "--policies", other])
    #expect(last.output.hasPrefix("web1  on n1\n") && !last.output.contains("goes to"), "\(last)")
  }

  @Test func `tells what the loss of a node does, by its exit status too`() throws {
    let bad = try ask("whatif", "--lose", "n1")
    #expect(bad.status == 5 && bad.errors.isEmpty)
    #expect(
      bad.output.hasPrefix("If n1 is lost: 8 of 9 workloads run.\n\nWOULD NOT RUN\ndb1  now on n1; needs 6.0 GiB, 2 cpus\n"),
      "\(bad)"
    )
    let good = try ask("whatif", "--lose", "n2")
    #expect(good.status == 0 && good.output.hasPrefix("If n2 is lost: 9 of 9 workloads run.\n\nMOVES\n"), "\(good)")
    let answer: WhatIf = try decoded(try ask("whatif", "--lose", "rack=b", "-o", "json"))
    #expect(answer.victims.map(\.workload) == ["archive", "db2"] && answer.wanted == 9 && answer.running == 7)
    #expect(try ask("whatif", "--lose", "n2,n4").output == ask("whatif", "--lose", "n2", "--lose", "n4").output)
    #expect(try ask("whatif", "--drain", "n2").output.hasPrefix("If n2 is drained: 9 of 9 workloads run."))
  }

  @Test func `loses every node alone`() throws {
    let run = try ask("whatif", "--lose", "each")
    #expect(run.status == 5)
    #expect(run.output.hasPrefix("The loss of 2 of 4 nodes leaves workloads without a node.\n"), "\(run)")
    let trials: LossTrials = try decoded(try ask("whatif", "--lose", "each", "-o", "json"))
    #expect(
      trials.trials.map(\.node) == ["n1", "n2", "n3", "n4"] && trials.trials.map(\.survives) == [false, true, false, true])
    let scratch = try Scratch()
    let node = try scratch.write("n5.yaml", "nodes: [{name: n5, memory: 16GiB, cpus: 8, labels: {rack: c, disk: ssd}}]")
    let rules = try scratch.write("none.yaml", "cluster: {spread: balanced}")
    let better = try ask("whatif", "--lose", "each", "--add", node, "--policies", rules)
    #expect(better.status == 0, "\(better)")
    // Of nodes that are away nothing is lost: the verdict is about the others, and says so.
    let drained = try ask("whatif", "--lose", "each", "--drain", "n1")
    #expect(drained.output.replacing("\n", with: " ").contains("of the 3 nodes in use leaves"), "\(drained)")
    let head = "If n5 joins, and \(rules) is in force: the loss of any one of 5 nodes leaves everything running."
    #expect(better.lines.prefix(2).joined(separator: " ") == head, "\(better)")
  }

  @Test func `takes workloads without XML, and says which would not fit`() throws {
    let scratch = try Scratch()
    let file = try scratch.write(
      "new.yaml", "workloads: [{name: db3, memory: 1GiB, labels: {tier: db}}, {name: small, memory: 512, cpus: 0.5}]")
    let answer: WhatIf = try decoded(try ask("whatif", "--add", file, "-o", "json"))
    #expect(answer.victims.map(\.workload) == ["db3"] && answer.moves.map(\.workload) == ["small"])
    #expect(answer.victims.first?.demand == Resources(memory: 1024, cpus: 1))
  }

  @Test func `proposes moves with their gain`() throws {
    let run = try ask("rebalance", "--dry-run", "--moves", "1")
    #expect(run.status == 0 && run.output.contains("batch-2   n3    88 % > 69 %  n2  19 % > 44 %  15.5 points"), "\(run)")
    #expect(run.output.hasSuffix("More moves would help further: --moves allows them.\n"))
    let all: Rebalance = try decoded(try ask("rebalance", "--dry-run", "-o", "json"))
    #expect(all.moves.map(\.workload) == ["batch-2", "batch-1"] && !all.isCut)
  }

  @Test func `compares policies rule by rule`() throws {
    let scratch = try Scratch()
    let text = try #require(
      JSONDecoder().decode(ClusterSnapshot.self, from: Data(repositoryFile(Self.shop).utf8)).policies.first?.text)
    let same = try scratch.write("same/shop.yaml", text), other = try scratch.write("other/shop.yaml", "# kept\n" + text)
    #expect(try ask("policy", "diff", "--check", same).output == "No difference.\n")
    let remark = try ask("policy", "diff", "--check", other)
    #expect(remark.status == 0 && remark.output.contains("The rules are the same"), "\(remark)")
    try scratch.write("other/shop.yaml", text.replacing("priority: 100", with: "priority: 50"))
    let changed = try ask("policy", "diff", "--check", "\(scratch.path)/other")
    #expect(changed.status == 6)
    #expect(
      changed.output == """
        Files: shop.yaml (changed)

        workloads
          ~ databases
              - priority: 100
              + priority: 50

        """)
    #expect(try ask("policy", "diff", other).status == 0)
  }

  @Test func `checks files with their places, and against a cluster`() throws {
    let scratch = try Scratch()
    try scratch.write("b.yaml", "workloads: [{name: b, for: app=y, priority: high}]")
    try scratch.write("a.yaml", "workloads: [{name: a, for: app=x, priority: 1}]")
    try scratch.write("c.yml", "not read")
    let wrong = try CommandLine.holdfast(["policy", "check", scratch.path])
    #expect(
      wrong.status == 1 && wrong.output.hasPrefix("\(scratch.path)/b.yaml:1:45: error: workloads[b].priority:"), "\(wrong)")
    #expect(wrong.output.hasSuffix("1 error\n"))
    try scratch.write("b.yaml", "workloads: [{name: b, for: app=y, priority: 7}]")
    let sound = try CommandLine.holdfast(["policy", "check", scratch.path])
    #expect(sound.status == 0 && sound.output == "2 rules in 2 files, no errors and no warnings\n", "\(sound)")
    let misfit = try ask("policy", "check", scratch.path)
    #expect(misfit.status == 0 && misfit.output.contains("found the label 'app', which none has"), "\(misfit)")
    #expect(try ask("policy", "check", "--strict", scratch.path).status == 1)
    let json = try ask("policy", "check", "-o", "json", scratch.path)
    #expect(json.output.contains("\"severity\" : \"warning\"") && json.output.contains("\"isUsable\" : true"))
  }

  // MARK: mistakes at the door

  struct Mistake: Sendable, CustomTestStringConvertible {
    /// `@` stands for the directory with the files.
    var command: String
    var status: Int32 = 1
    /// The whole of it, or its beginning where the rest is told by other tests.
    var said: String
    var testDescription: String { command }
  }

  static let mistakes: [Mistake] = [
    Mistake(
      command: "whatif --lose n9 --snapshot \(shop)",
      said: "holdfast: --lose 'n9': no node of this cluster is selected by it. Did you mean n1?\n"),
    Mistake(
      command: "whatif --drain nowhere --snapshot \(shop)",
      said:
        "holdfast: --drain 'nowhere': no node of this cluster is selected by it. The nodes are n1, n2, n3 and n4; labels are disk=ssd, rack=a, rack=b and role=spare.\n"
    ),
    Mistake(
      command: "whatif --lose rack=c --snapshot \(shop)",
      said: "holdfast: --lose 'rack=c': no node of this cluster is selected by it. Did you mean rack=a?\n"),
    Mistake(
      command: "whatif --lose rack= --snapshot \(shop)", status: 2,
      said:
        "holdfast: --lose 'rack=': expected a value after 'rack=', found nothing. Write a node's name, or a label and its value: n3, rack=b.\n"
    ),
    Mistake(
      command: "whatif --snapshot \(shop)", status: 2,
      said: "Error: Nothing is supposed: add --lose, --drain, --add or --policies."),
    Mistake(
      command: "whatif --bogus --snapshot \(shop)", status: 2,
      said:
        "Error: Unknown option '--bogus'\nUsage: holdfast whatif [options]\n  See 'holdfast whatif --help' for more information.\n"
    ),
    Mistake(
      command: "whatif --lose each --lose n1 --snapshot \(shop)", status: 2,
      said: "Error: --lose each cannot be combined with other nodes: it tries each node separately."),
    Mistake(
      command: "whatif --add @/taken.yaml --snapshot \(shop)",
      said: "holdfast: workload db1: it exists already, and @/taken.yaml adds it. Rename it in the file.\n"),
    Mistake(
      command: "whatif --add @/node.yaml --snapshot \(shop)",
      said: "holdfast: node n1: it exists already, and @/node.yaml adds it. Rename it in the file.\n"),
    Mistake(
      command: "whatif --add @/bare.yaml --snapshot \(shop)",
      said: """
        holdfast: these files cannot be used
        @/bare.yaml:1:13: error: workloads[w].memory: expected its memory, or its XML, found nothing
          1 | workloads: [{name: w}]
            |             ^
          remedy: Add 'memory: 4GiB', or 'xml-file: PATH'.
        1 error

        """),
    Mistake(
      command: "whatif --add @/empty.yaml --snapshot \(shop)",
      said: """
        holdfast: these files cannot be used
        @/empty.yaml:1:1: error: expected nodes or workloads, found nothing
          remedy: Start with 'nodes:' or 'workloads:' and a list.
        1 error

        """),
    Mistake(
      command: "whatif --policies @/rules.yaml --snapshot \(shop)",
      said: "holdfast: these policies cannot be used\n@/rules.yaml:1:33: error: workloads[a].for:"),
    Mistake(
      command: "explain dp1 --snapshot \(shop)",
      said: "holdfast: workload dp1: there is no workload of this name. Did you mean db1?\n"
    ),
    Mistake(
      command: "explain nothing-like-it --snapshot \(shop)",
      said: "holdfast: workload nothing-like-it: there is no workload of this name. `holdfast workloads` lists them all.\n"),
    Mistake(
      command: "explain db1 --snapshot @/newer.json",
      said:
        "holdfast: the snapshot @/newer.json: it has format 2, and this build reads 1. Use the holdfast that wrote it, or a newer one.\n"
    ),
    Mistake(
      command: "explain db1 --snapshot @/other.json",
      said:
        "holdfast: the snapshot @/other.json: it is JSON, but no snapshot: it has no 'format'. `holdfast snapshot > FILE` writes one.\n"
    ),
    Mistake(
      command: "whatif --lose n1 --snapshot @/empty.yaml",
      said: "holdfast: the snapshot @/empty.yaml: it is empty. `holdfast snapshot > FILE` writes one.\n"),
    Mistake(
      command: "whatif --lose n1 --snapshot @/rules.yaml",
      said: "holdfast: the snapshot @/rules.yaml: it is no JSON. `holdfast snapshot > FILE` writes one.\n"),
    Mistake(
      command: "whatif --lose n1 --snapshot @/damaged.json",
      said:
        "holdfast: the snapshot @/damaged.json: it is damaged: at the top 'cluster' is missing. Take a new one: `holdfast snapshot > FILE`.\n"
    ),
    Mistake(
      command: "rebalance --dry-run --snapshot @/nothing",
      said: "holdfast: the snapshot @/nothing: it cannot be read: no such file. `holdfast snapshot > FILE` writes one.\n"),
    Mistake(
      command: "explain db1 --snapshot @/unknown-rule.json",
      said:
        "holdfast: the policies of cluster c: this build cannot read them: p.yaml:1:1: error: tomorrow: expected one of cluster, nodes, workloads, node-checks, found the unknown key 'tomorrow'. Use the holdfast of the cluster's version, or name policies with --policies.\n"
    ),
    Mistake(
      command: "rebalance --snapshot \(shop)", status: 2,
      said: "Error: --snapshot requires --dry-run: a snapshot can be queried, not changed."),
    Mistake(
      command: "rebalance --dry-run --moves 0 --snapshot \(shop)", status: 2, said: "Error: --moves takes 1 to 1000, not 0"),
    Mistake(
      command: "policy check @/without",
      said: "holdfast: @/without: no file in this directory ends in .yaml. Rename a.yml, or name it on the command line.\n"),
    Mistake(
      command: "policy diff @/1/p.yaml @/2/p.yaml",
      said:
        "holdfast: @/2/p.yaml: another file has the same name: @/1/p.yaml. Rename one of the two: a cluster knows its policy files by their names without directories.\n"
    ),
    Mistake(command: "policy check", status: 2, said: "Error: Missing expected argument '<path> ...'"),
    Mistake(
      command: "snapshot", status: 3,
      said: "holdfast: the daemon at /nonexistent/api.sock: the socket does not exist. Is holdfastd running here?"),
    Mistake(
      command: "policy apply Policies/spread.yaml --dry-run", status: 3, said: "holdfast: the daemon at /nonexistent/api.sock:")
  ]

  private static func files() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.write("taken.yaml", "workloads: [{name: db1, memory: 1GiB}]")
    try scratch.write("node.yaml", "nodes: [{name: n1, memory: 1GiB, cpus: 1}]")
    try scratch.write("bare.yaml", "workloads: [{name: w}]")
    try scratch.write("empty.yaml", "")
    try scratch.write("rules.yaml", "workloads: [{name: a, for: x and, priority: 1}]")
    try scratch.write("newer.json", #"{"format": 2, "what": "ever"}"#)
    try scratch.write("other.json", #"{"nodes": []}"#)
    try scratch.write("damaged.json", #"{"format": 1}"#)
    try scratch.write(
      "unknown-rule.json",
      #"{"format":1,"cluster":"c","time":0,"planning":{"nodes":[],"workloads":[]},"policies":[{"file":"p.yaml","text":"tomorrow: 1"}]}"#
    )
    try scratch.write("without/a.yml", "")
    for folder in ["1", "2"] { try scratch.write("\(folder)/p.yaml", "workloads: [{name: a, for: all, priority: 1}]") }
    return scratch
  }

  @Test(arguments: mistakes) func `tells a mistake with its reason and what to do`(row: Mistake) throws {
    let scratch = try Self.files()
    let run = try CommandLine.holdfast(row.command.replacing("@", with: scratch.path).split(separator: " ").map(String.init))
    let said = run.errors.replacing(scratch.path, with: "@")
    #expect(run.status == row.status && run.output.isEmpty, "\(run)")
    #expect(row.said.hasSuffix("\n") ? said == row.said : said.hasPrefix(row.said), "\(said)")
  }

  // MARK: screens

  @Test(arguments: [UInt16(80), 100])
  func `stays within the terminal`(columns: UInt16) throws {
    let scratch = try Self.files()
    let huge = try scratch.write("huge.yaml", "workloads: [{name: a-workload-with-a-long-name, memory: 90GiB}]")
    let commands: [[String]] = [
      ["explain", "db1"], ["whatif", "--lose", "n1,n2", "--add", huge], ["whatif", "--lose", "each"],
      ["whatif", "--lose", "each", "--add", huge],
      ["rebalance", "--dry-run"], ["policy", "diff", "Policies/hosting-provider.yaml"]
    ]
    for command in commands {
      let run = try CommandLine.holdfast(command + ["--snapshot", Self.shop], columns: columns)
      let long = run.lines.filter { $0.count > columns }
      #expect(long.isEmpty && run.lines.count > 3, "\(command): \(long)\n\(run.output)")
    }
  }

  @Test func `helps with an example`() throws {
    for command in [
      "explain", "whatif", "rebalance", "snapshot", "policy", "policy check", "policy show", "policy diff", "policy apply"
    ] {
      let help = try CommandLine.holdfast(command.split(separator: " ").map(String.init) + ["--help"])
      #expect(help.status == 0 && help.output.contains("holdfast \(command)"), "\(command)")
      #expect(help.output.contains("Example"), "\(command)")
    }
  }

  @Test func `a cluster of a thousand nodes stays a screen`() throws {
    var random = SeededGenerator(seed: 5)
    let nodes = (1...1000).map { number in
      PlanningSnapshot.Node(
        name: NodeName("node-\(number)"), capacity: .init(memory: 65_536, cpus: 32), labels: ["rack": "r\(number % 40)"],
        connections: ["lxc"])
    }
    let workloads = (1...3000).map { number in
      PlanningSnapshot.Workload(
        name: WorkloadName("workload-\(number)"), connection: "lxc",
        demand: .init(memory: Int.random(in: 1...24, using: &random) * 1024, cpus: 1))
    }
    let cluster = ClusterSnapshot(
      cluster: "large", time: 0, planning: PlanningSnapshot(nodes: nodes, workloads: workloads), policies: [])
    let scratch = try Scratch()
    let file = try scratch.write("large.json", String(decoding: try JSONEncoder().encode(cluster), as: UTF8.self))
    for arguments in [["whatif", "--lose", "rack=r1"], ["explain", "workload-7"], ["rebalance", "--dry-run"]] {
      let run = try CommandLine.holdfast(arguments + ["--snapshot", file])
      #expect(run.status == 0 && run.lines.count < 60 && run.lines.allSatisfy { $0.count <= 100 }, "\(arguments) \(run)")
    }
  }
}
