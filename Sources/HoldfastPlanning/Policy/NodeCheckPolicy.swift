import HoldfastModel

/// A node check, and the nodes on which it is made.
public struct NodeCheckPolicy: Hashable, Sendable, Codable {
  public var check: NodeCheck
  public var selection: Selection

  public init(_ check: NodeCheck, on selection: Selection = .all) {
    self.check = check
    self.selection = selection
  }
}

extension PolicySet {
  /// The checks that are made on a node, in the order of the files.
  public func nodeChecks(of node: NodeName, labels: [String: String]) -> [NodeCheck] {
    nodeChecks.filter { $0.selection.matches(name: node.text, labels: labels) }.map(\.check)
  }
}
