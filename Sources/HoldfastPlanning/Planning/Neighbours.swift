import HoldfastModel

/// The tallies of who counts whom: the rules that keep workloads apart and together, as tallies.
///
/// A tally counts the workloads of one group in each place of one topology (on each node, in each rack). Workloads that are kept
/// apart look at a tally before they go somewhere.
struct Neighbours {
  struct Check {
    enum Kind: UInt8 {
      /// At most `limit` of them may be where it goes, itself included.
      case apart
      /// The same, if possible.
      case ratherApart
      /// None of them may be where it goes.
      case clearOf
      /// The same, if possible: each one there counts.
      case ratherClearOf
      /// Each one elsewhere counts, if possible.
      case ratherTogether
    }
    var tally: Int32
    var limit: Int32
    var kind: Kind
    var rule: Int32
  }

  /// Workload by workload: the tallies that count it.
  private(set) var counted: [Int32] = []
  private(set) var countedStart: [Int32] = [0]
  /// Workload by workload: the tallies that it looks at.
  private(set) var checks: [Check] = []
  private(set) var checkStart: [Int32] = [0]
  /// Of each tally its topology.
  private(set) var tallyTopology: [Int32] = []

  /// Workloads that must be in one place: of each topology for which there are such, of each workload the tally of its cohort, or -1.
  private(set) var cohorts: [(topology: Int32, tallies: [Int32])] = []
  /// Of each tally of a cohort the rule that made it; by tally.
  private(set) var cohortRule: [Int32: Int32] = [:]
  /// Of each workload those that it is tied to, directly or through others: a number of `affinityGroups`, or -1.
  private(set) var affinityGroup: [Int32] = []
  private(set) var affinityGroups: [[Int32]] = []

  var isEmpty: Bool { checks.isEmpty && affinityGroups.isEmpty }

  func counted(_ workload: Int) -> Range<Int> {
    Int(countedStart[workload])..<Int(countedStart[workload + 1])
  }
  func checks(_ workload: Int) -> Range<Int> {
    Int(checkStart[workload])..<Int(checkStart[workload + 1])
  }

  // MARK: making

  /// One `keep-apart` or `keep-together` of one rule.
  private struct Spec {
    enum Kind {
      case apart(KeepApart)
      case together(KeepTogether)
    }
    var kind: Kind
    var topology: Int32
    var same: String?
    var rule: Int32
  }
  private struct GroupKey: Hashable {
    var spec: Int32
    /// 0: the rule's own workloads; 1: the others that it names.
    var side: Int32
    var value: String
  }
  private var specs: [Spec] = []
  private var specsOfRule: [[Int32]] = []
  private var others = SelectionIndex([])
  private var tallies: [GroupKey: Int32] = [:]
  private var firsts: [GroupKey: Int32] = [:]
  private var waiting: [GroupKey: [Int32]] = [:]
  private var ties: [Tie] = []

  private struct Tie {
    var topology: Int32
    var a: Int32
    var b: Int32
    var rule: Int32
  }

  init(_ policies: PolicySet, nodes: inout NodeTable) {
    for (number, rule) in policies.workloads.enumerated() {
      var own: [Int32] = []
      func add(_ kind: Spec.Kind, over: String, same: String?, others selection: Selection?) {
        let spec = Int32(specs.count)
        specs.append(Spec(kind: kind, topology: nodes.topology(over), same: same, rule: Int32(number)))
        own.append(spec)
        if let selection { others.insert(selection, as: spec) }
      }
      for keep in rule.keepApart { add(.apart(keep), over: keep.over, same: keep.same, others: keep.from) }
      for keep in rule.keepTogether { add(.together(keep), over: keep.over, same: keep.same, others: keep.with) }
      specsOfRule.append(own)
    }
  }

  /// Takes in the next workload.
  mutating func append(_ workload: PlanningSnapshot.Workload, rules: [Int32]) {
    if !specs.isEmpty {
      let row = Int32(countedStart.count - 1)
      for rule in rules {
        for spec in specsOfRule[Int(rule)] { join(spec, side: 0, row: row, labels: workload.labels) }
      }
      var named: [Int32] = []
      others.matches(name: workload.name.text, labels: workload.labels, into: &named)
      for spec in named { join(spec, side: 1, row: row, labels: workload.labels) }
    }
    countedStart.append(Int32(counted.count))
    checkStart.append(Int32(checks.count))
  }

  private mutating func join(_ number: Int32, side: Int32, row: Int32, labels: [String: String]) {
    let spec = specs[Int(number)]
    var key = GroupKey(spec: number, side: side, value: "")
    if let same = spec.same {
      guard let value = labels[same] else { return }
      key.value = value
    }
    switch spec.kind {
    case .apart(let keep) where keep.from == nil:
      let tally = tally(key, spec)
      counted.append(tally)
      checks.append(
        Check(
          tally: tally, limit: Int32(clamping: max(1, keep.atMost)), kind: keep.ifPossible ? .ratherApart : .apart,
          rule: spec.rule))
    case .apart(let keep):
      counted.append(tally(key, spec))
      key.side = 1 - side
      checks.append(
        Check(tally: tally(key, spec), limit: 1, kind: keep.ifPossible ? .ratherClearOf : .clearOf, rule: spec.rule))
    case .together(let keep) where keep.ifPossible:
      counted.append(tally(key, spec))
      let sides: [Int32] = keep.with == nil || side == 1 ? [0] : [0, 1]
      for other in sides {
        key.side = other
        checks.append(Check(tally: tally(key, spec), limit: 1, kind: .ratherTogether, rule: spec.rule))
      }
    case .together:
      tie(row, side: side, key: key, spec)
    }
  }

  /// The others that a rule names belong together only when there is one of its own to be with.
  private mutating func tie(_ row: Int32, side: Int32, key: GroupKey, _ spec: Spec) {
    var key = key
    key.side = 0
    if let first = firsts[key] {
      if first == row { return }
      ties.append(Tie(topology: spec.topology, a: first, b: row, rule: spec.rule))
    } else if side == 0 {
      firsts[key] = row
      for other in waiting.removeValue(forKey: key) ?? [] {
        ties.append(Tie(topology: spec.topology, a: row, b: other, rule: spec.rule))
      }
    } else {
      waiting[key, default: []].append(row)
    }
  }

  private mutating func tally(_ key: GroupKey, _ spec: Spec) -> Int32 {
    if let known = tallies[key] { return known }
    let tally = newTally(spec.topology)
    tallies[key] = tally
    return tally
  }

  private mutating func newTally(_ topology: Int32) -> Int32 {
    tallyTopology.append(topology)
    return Int32(tallyTopology.count - 1)
  }

  /// Resolves chains: whoever is kept together with one of a cohort belongs to it.
  mutating func finish() {
    let count = countedStart.count - 1
    (tallies, firsts, waiting) = ([:], [:], [:])
    affinityGroup = [Int32](repeating: -1, count: count)
    if ties.isEmpty { return }
    // What is on one node is in one rack as well: the node's ties go into every other topology.
    let onNode = ties.filter { $0.topology == 0 }
    var all = Forest(count)
    for tie in ties { all.join(tie.a, tie.b) }
    for topology in Set(ties.map(\.topology)).sorted() {
      var forest = Forest(count)
      for tie in onNode { forest.join(tie.a, tie.b) }
      for tie in ties where tie.topology == topology { forest.join(tie.a, tie.b) }
      var tallyOfRoot: [Int32: Int32] = [:]
      var tallies = [Int32](repeating: -1, count: count)
      for tie in ties where tie.topology == topology {
        let root = forest.root(tie.a)
        if tallyOfRoot[root] == nil {
          let tally = newTally(topology)
          tallyOfRoot[root] = tally
          cohortRule[tally] = tie.rule
        }
      }
      for row in 0..<count { tallies[row] = tallyOfRoot[forest.root(Int32(row))] ?? -1 }
      cohorts.append((topology, tallies))
    }
    var affinityGroupOfRoot: [Int32: Int32] = [:]
    for tie in ties where affinityGroupOfRoot[all.root(tie.a)] == nil {
      affinityGroupOfRoot[all.root(tie.a)] = Int32(affinityGroups.count)
      affinityGroups.append([])
    }
    for row in 0..<count {
      guard let number = affinityGroupOfRoot[all.root(Int32(row))] else { continue }
      affinityGroup[row] = number
      affinityGroups[Int(number)].append(Int32(row))
    }
    ties = []
  }
}

/// Disjoint sets that grow together.
private struct Forest {
  private var parent: [Int32]

  init(_ count: Int) { parent = (0..<Int32(count)).map { $0 } }

  mutating func root(_ item: Int32) -> Int32 {
    var root = item
    while parent[Int(root)] != root { root = parent[Int(root)] }
    var next = item
    while parent[Int(next)] != root { (next, parent[Int(next)]) = (parent[Int(next)], root) }
    return root
  }

  mutating func join(_ a: Int32, _ b: Int32) {
    let a = root(a), b = root(b)
    // The lower one wins: the same sets, in whatever order they were joined.
    if a < b { parent[Int(b)] = a } else { parent[Int(a)] = b }
  }
}
