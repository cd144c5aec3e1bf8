import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML
import Testing

/// Changes texts as tired people, broken editors and attackers do. The same seed makes the same texts.
private struct Mutator {
  var random: SeededGenerator
  let texts: [[UInt8]]
  /// Words of the language, to be put where they do not belong.
  let words: [[UInt8]]

  init(seed: UInt64, texts: [String]) {
    random = SeededGenerator(seed: seed)
    self.texts = texts.map { Array($0.utf8) }
    let keys = PolicyFile.keys.rows.map { $0.path.split(separator: ".").last.map(String.init) ?? "" }
    let tokens = [
      ":", ": ", "- ", "\n", "\n\n", "\t", " ", "  ", "#", "\"", "'", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a", "? ",
      "|\n",
      "!x ", "---\n", "~", "null", "0", "-1", "1e999", "99999999999999999999", "\u{0}", "\u{FEFF}", "é", "\u{2028}", "all",
      " and ",
      " or ", "not ", "rack=a", "tier=\"x y\"", "=", "==", "%", "GiB", "ms", "Sat 02:00-06:00", "yes", "no", "node", "n*", "(",
      "\\"
    ]
    words = (keys + tokens).map { Array($0.utf8) }
  }

  mutating func text() -> [UInt8] {
    var text = texts.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&text) }
    return text
  }

  private mutating func mutate(_ text: inout [UInt8]) {
    let place = Int.random(in: 0...text.count, using: &random)
    let end = min(text.count, place + Int.random(in: 1...12, using: &random))
    switch Int.random(in: 0..<8, using: &random) {
    case 0 where place < text.count: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < text.count: text[place] = UInt8.random(in: 0...255, using: &random)
    case 2: text.removeSubrange(place..<end)
    case 3: text.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
    case 4: text.replaceSubrange(place..<end, with: words.randomElement(using: &random) ?? [])
    case 5: text.removeSubrange(place...)
    case 6:
      // A line again, elsewhere.
      var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
      lines.insert(lines.randomElement(using: &random) ?? [], at: Int.random(in: 0...lines.count, using: &random))
      text = Array(lines.joined(separator: [0x0A]))
    default:
      // A piece of another text: keys in places where they do not belong.
      let other = texts.randomElement(using: &random) ?? []
      let start = Int.random(in: 0...other.count, using: &random)
      text.insert(contentsOf: other[start..<min(other.count, start + 60)], at: place)
    }
  }
}

@Suite struct `Policy files that nobody meant to write` {
  /// `HOLDFAST_FUZZ_SECONDS` asks for as many as can be done in that time, with a seed of their own.
  private static let seconds = ProcessInfo.processInfo.environment["HOLDFAST_FUZZ_SECONDS"].flatMap { Double($0) }
  private static let rounds = 20_000

  private static let allKeys = """
    cluster: {spread: balanced, load: [memory, cpus], count-unprotected: no, survive: {rack: 1, rack=a: 1, tolerate: 5%, otherwise: refuse},
      pool: {seats: 3}, moves-to-make-room: 1}
    nodes:
      - {name: n, for: [n1, rack=a and not role=x], spare: yes, only-for: app=x or w2, capacity: {gpus: 2, memory: 1GiB}, overcommit: {cpus: 1.5},
        reserve: {memory: 10%, cpus: 0.5}}
    workloads:
      - {name: w, for: "*", only-on: [n1, n2], never-on: n3, prefer: {rack=a: 5, n2: -3}, avoid: role=x, demand: {gpus: 1, seats: 1},
        priority: -5, displace: lower-priority, make-room: yes, spread: packed, stickiness: 3, exclusive: no, isolation: stop}
      - {name: v, for: app="a b", only-in-order: [n1, rack=b], keep-apart: [{over: rack, same: app, at-most: 2}, {from: w9, if-possible: yes}],
        keep-together: {over: node, with: w8, same: app}, failover: {wait: 5s, restarts: 1, nodes: 2, then: give-up},
        failback: {when: automatic, after: 1m, window: [Sat 01:00-02:00, daily 03:00-04:00]}, evacuation: {how: restart, at-once: 2}}

    """

  @Test(.timeLimit(.minutes(60))) func `are refused with a place, or planned`() throws {
    let names = try repositoryFiles(in: "Policies").filter { $0.hasSuffix(".yaml") }
    let texts = try names.map { try repositoryFile("Policies/\($0)") } + Array(repeating: Self.allKeys, count: 8)
    let seed = Self.seconds.map { _ in UInt64.random(in: 0 ... .max) } ?? 7
    var mutator = Mutator(seed: seed, texts: texts), good = 0, round = 0
    let cluster = MadeUpCluster(seed: 3).snapshot
    let end = ContinuousClock.now + .seconds(Self.seconds ?? 0)
    while Self.seconds == nil ? round < Self.rounds : ContinuousClock.now < end {
      round += 1
      let text = mutator.text()
      do throws(FileErrors) {
        let source = try SourceText(file: "p.yaml", bytes: text)
        let policies = try PolicyFile.parse(text: source.text, file: "p.yaml").policies
        good += 1
        // What can be read can be planned with, looked at, and kept.
        let planner = PolicyPlanner(policies)
        #expect(planner.plan(cluster).count == cluster.workloads.count)
        _ = policies.findings(in: cluster)
        if let bytes = try? JSONEncoder().encode(policies) {
          #expect((try? JSONDecoder().decode(PolicySet.self, from: bytes)) == policies, "seed \(seed), round \(round)")
        }
      } catch {
        let isSound = error.mistakes.contains { $0.severity == .error } && error.mistakes.allSatisfy { $0.position != nil }
        #expect(isSound, "seed \(seed), round \(round): \(error)")
        #expect(!error.description.isEmpty)
      }
    }
    // Both happen: the mutations neither spare everything nor destroy everything.
    #expect((round / 20...round * 19 / 20).contains(good), "\(good) of \(round) could be used")
    if Self.seconds != nil { print("\(round) policy files from seed \(seed), \(good) of them could be used") }
  }

  @Test func `are refused with a place, also as what might be added`() throws {
    let texts = [
      "nodes:\n  - {name: n9, memory: 64GiB, cpus: 16, labels: {rack: b}, connections: [lxc:///system]}\n  - name: n10\n    memory: 512\n    cpus: 0.5\n",
      "workloads:\n  - {name: w, memory: 1GiB, cpus: 2, labels: {app: x}, priority: 3, isolation: stop}\n  - name: v\n    memory: 64\n---\nnodes: [{name: n, memory: 1TiB, cpus: 1}]\n"
    ]
    var mutator = Mutator(seed: 9, texts: texts), good = 0
    for round in 0..<Self.rounds {
      let text = mutator.text()
      do throws(FileErrors) {
        let added = try AdditionFile.parse(text: try SourceText(file: "a.yaml", bytes: text).text, file: "a.yaml")
        #expect(added.nodes.allSatisfy { $0.capacity.memory > 0 } && added.workloads.allSatisfy { $0.demand.memory > 0 })
        good += 1
      } catch {
        let isSound = error.mistakes.contains { $0.severity == .error } && error.mistakes.allSatisfy { $0.position != nil }
        #expect(isSound, "round \(round): \(error)")
      }
    }
    #expect((Self.rounds / 100...Self.rounds * 99 / 100).contains(good), "\(good) of \(Self.rounds) could be used")
  }
}
