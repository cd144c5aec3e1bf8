/// Which node a workload should be on, and why. The planner decides and writes it; a node that is renamed has its new name written in it.
public struct PlacementRecord: Hashable, Sendable, Codable {
  /// A cause that later plans must know of.
  public enum Cause: String, Sendable, Codable {
    /// An operator moved it there: it does not go back by itself.
    case operatorsMove
    /// The workload is new, and room for failures would have been used for it.
    case notAdmitted
    /// The workload gave way to another one.
    case displaced
    /// The place is kept for it until others have left it.
    case waits
  }
  /// A hand-over by a node that left.
  public struct HandOver: Hashable, Sendable, Codable {
    public var from: NodeName
    /// An operator had moved it there.
    public var wasMoved: Bool

    public init(from node: NodeName, wasMoved: Bool = false) {
      self.from = node
      self.wasMoved = wasMoved
    }
  }
  /// nil: nowhere; `reason` says why.
  public var node: NodeName?
  public var reason: PlacementReason
  /// Why not the others.
  public var others: [NodeName: Exclusion]
  /// The serial of the last move request that was carried out or refused.
  public var servedMove: Int
  /// nil: nothing of the kind.
  public var cause: Cause?
  /// The node in maintenance that it left: its home when that is over.
  public var home: NodeName?
  /// The first node that handed it over as it left, while that is away and not long ago: when no node stays, it goes back there.
  public var handedOver: HandOver?

  public init(
    node: NodeName?, reason: PlacementReason, others: [NodeName: Exclusion] = [:], servedMove: Int = 0, cause: Cause? = nil,
    home: NodeName? = nil, handedOver: HandOver? = nil
  ) {
    self.node = node
    self.reason = reason
    self.others = others
    self.servedMove = servedMove
    self.cause = cause
    self.home = home
    self.handedOver = handedOver
  }
}

/// The reasons are texts, as every build reads them, and beside them the codes of those that have one.
extension PlacementRecord {
  private enum CodingKeys: String, CodingKey {
    case node, reason, reasonCodes, others, otherCodes, servedMove, cause, home, handedOver
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let codes = try fields.decodeIfPresent([NodeName: String].self, forKey: .otherCodes) ?? [:]
    let texts = try fields.decode([NodeName: String].self, forKey: .others)
    self.init(
      node: try fields.decodeIfPresent(NodeName.self, forKey: .node),
      reason: PlacementReason(
        codes: try fields.decodeIfPresent([String].self, forKey: .reasonCodes) ?? [],
        text: try fields.decode(String.self, forKey: .reason)),
      others: Dictionary(uniqueKeysWithValues: texts.map { ($0.key, Exclusion(code: codes[$0.key], text: $0.value)) }),
      servedMove: try fields.decode(Int.self, forKey: .servedMove),
      cause: try fields.decodeIfPresent(Cause.self, forKey: .cause),
      home: try fields.decodeIfPresent(NodeName.self, forKey: .home),
      handedOver: try fields.decodeIfPresent(HandOver.self, forKey: .handedOver))
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encodeIfPresent(node, forKey: .node)
    try fields.encode(reason, forKey: .reason)
    let reasonCodes = reason.codes, otherCodes = others.compactMapValues(\.code)
    if !reasonCodes.isEmpty { try fields.encode(reasonCodes, forKey: .reasonCodes) }
    try fields.encode(others, forKey: .others)
    if !otherCodes.isEmpty { try fields.encode(otherCodes, forKey: .otherCodes) }
    try fields.encode(servedMove, forKey: .servedMove)
    try fields.encodeIfPresent(cause, forKey: .cause)
    try fields.encodeIfPresent(home, forKey: .home)
    try fields.encodeIfPresent(handedOver, forKey: .handedOver)
  }
}
