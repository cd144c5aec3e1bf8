import HoldfastModel

/// Sets of nodes, as bits: what selections select. Every selection is looked up once in a plan.
struct NodeSets {
  /// A set's number.
  typealias ID = Int32

  private let stride: Int
  private let nodeCount: Int
  private var words: [UInt64] = []
  private var known: [Selection: ID] = [:]
  private let names: [String: Int]
  private let labels: [[String: String]]
  private var byLabel: [String: [String: [Int]]] = [:]

  init(_ nodes: [PlanningSnapshot.Node]) {
    nodeCount = nodes.count
    stride = (nodes.count + 63) / 64
    names = Dictionary(nodes.enumerated().map { ($1.name.text, $0) }, uniquingKeysWith: { first, _ in first })
    labels = nodes.map(\.labels)
    for (node, labels) in labels.enumerated() {
      for (name, value) in labels { byLabel[name, default: [:]][value, default: []].append(node) }
    }
  }

  func contains(_ set: ID, _ node: Int) -> Bool {
    words[Int(set) * stride + node >> 6] >> UInt64(node & 63) & 1 == 1
  }

  /// A set's bits, the first node's first.
  func words(of set: ID) -> ArraySlice<UInt64> { words[Int(set) * stride..<(Int(set) + 1) * stride] }

  mutating func everything() -> ID { id(of: .all) }

  /// The nodes for which `includes` holds.
  mutating func insert(_ includes: (Int) -> Bool) -> ID {
    var bits = [UInt64](repeating: 0, count: stride)
    for node in 0..<nodeCount where includes(node) { bits[node >> 6] |= 1 << UInt64(node & 63) }
    return append(bits)
  }

  /// The nodes that are in both.
  mutating func intersection(_ a: ID, _ b: ID) -> ID {
    append((0..<stride).map { words[Int(a) * stride + $0] & words[Int(b) * stride + $0] })
  }

  /// The nodes of `a` that are not in `b`.
  mutating func subtraction(_ a: ID, _ b: ID) -> ID {
    append((0..<stride).map { words[Int(a) * stride + $0] & ~words[Int(b) * stride + $0] })
  }

  mutating func id(of selection: Selection) -> ID {
    if let id = known[selection] { return id }
    var union = [UInt64](repeating: 0, count: stride)
    for conditions in selection.alternatives {
      var bits = full()
      for condition in conditions {
        let part = nodes(of: condition.subject)
        for word in 0..<stride { bits[word] &= condition.isNegated ? ~part[word] : part[word] }
      }
      for word in 0..<stride { union[word] |= bits[word] }
    }
    let id = append(union)
    known[selection] = id
    return id
  }

  private mutating func append(_ bits: [UInt64]) -> ID {
    let id = ID(stride == 0 ? 0 : words.count / stride)
    words += bits
    return id
  }

  private func full() -> [UInt64] {
    var bits = [UInt64](repeating: .max, count: stride)
    if nodeCount % 64 != 0 { bits[stride - 1] = (1 << UInt64(nodeCount % 64)) - 1 }
    return bits
  }

  private func nodes(of subject: Selection.Subject) -> [UInt64] {
    var bits = [UInt64](repeating: 0, count: stride)
    func add(_ node: Int) { bits[node >> 6] |= 1 << UInt64(node & 63) }
    switch subject {
    case .name(.exactly(let name)):
      if let node = names[name] { add(node) }
    case .name(let pattern):
      for (name, node) in names where pattern.matches(name) { add(node) }
    case .label(let name, let pattern):
      for (value, nodes) in byLabel[name] ?? [:] where pattern.matches(value) { nodes.forEach(add) }
    }
    return bits
  }
}
