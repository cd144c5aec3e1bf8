/// Why a workload is placed where it is, or nowhere: what led to it, then why this node. Decided as values, so that they can be counted, compared and
/// shown anywhere; in words it is its description.
public struct PlacementReason: Sendable {
  public var clauses: [Clause]

  public init(_ clauses: Clause...) { self.clauses = clauses }
  public init(_ clauses: [Clause]) { self.clauses = clauses }

  /// As it was written down.
  ///
  /// - Parameter codes: none: an older build wrote the text alone.
  public init(codes: [String] = [], text: String) {
    clauses = text.isEmpty ? [] : [Clause.plainByText[text] ?? .recorded(codes: codes, text: text)]
  }

  /// No reason is given.
  public var isEmpty: Bool { clauses.isEmpty }

  /// The workload moves though nobody asked for it and nothing has failed: as the policies say, or home after a maintenance.
  public var isOwnMove: Bool { clauses.contains(where: \.isOwnMove) }

  /// It goes home after a maintenance.
  public var isFailbackAfterMaintenance: Bool { clauses.contains(where: \.isFailbackAfterMaintenance) }

  /// It was moved off an ailing node.
  public var hasLeftAiling: Bool { codes.contains("leftAiling") }
  /// It was on its way to a node that cannot take it any more, and never got there.
  public var isOfTurningBack: Bool { codes.contains(Self.turningBack) }

  fileprivate static let turningBack = "staysAsTargetFails"

  /// It is not to run: an operator stopped it, or its policy keeps it down.
  public var isStopped: Bool { codes.contains { Stop(rawValue: $0) != nil } }

  /// Why it is not to run; as a record says it.
  fileprivate enum Stop: String {
    case stopped, staysDown
  }

  /// Stable, for programs; none where only a text is known.
  public var codes: [String] { clauses.flatMap(\.codes) }

  public enum Clause: Sendable {
    // What led to it.
    case adopted
    case operatorAsked
    case alreadyThere
    case moveToUnknown(NodeName)
    case moveRefused(NodeName, Exclusion)
    case movedWith(WorkloadName)
    case notAllowed(rule: String, on: NodeName)
    case affinityGroupMoved(rule: String)
    case backFrom(NodeName)
    case backTogether
    case homeAfterMaintenance
    case inPlaceOf([Displaced])
    case madeWay(from: NodeName, isMoved: Bool, for: WorkloadName)
    case roomMade(by: [WorkloadName])
    case staysForItsTurn
    case staysWithoutRoom
    case backAsNowhereElse
    /// Every node leaves, or is away.
    case backAsNobodyStays
    case endsAgain(times: Int, on: NodeName)
    /// A check of the workload failed there after each restart.
    case unwell(times: Int, on: NodeName)
    /// A node check fails there.
    case leftAiling(NodeName, reason: String)
    /// The workload was on its way there.
    case staysAsTargetFails(NodeName, Exclusion)

    // Why this node.
    case spareUsed
    case lostLatelyUsed
    case silentUsed
    case ailingUsed
    /// nil: by more than one rule.
    case preferred(rule: String?)
    case preferredSuitLess(rule: String?)
    case preferredCannot(rule: String?)
    /// Per cent, with the workload.
    case onlyNode(percent: Int)
    case loaded(percent: Int)
    case leastLoaded(percent: Int)
    case bestBalanced(percent: Int)
    case fullest(percent: Int)
    case fewestWorkloads(Int)
    case ruleBroken(String)

    // Why nowhere.
    case stopped
    /// Its policy keeps it down since it ended there.
    case staysDown(DomainEnd, on: NodeName)
    case givenUp(failedOn: [NodeName])
    case givenUpUnwell(on: [NodeName])
    /// nil: nobody in particular.
    case waitsForRoom(on: NodeName, leaving: WorkloadName?)
    /// Its definition names older disks than it runs on.
    case olderDisks
    case noNodes
    case noNodeCanTake
    case noOtherNodeCanTake
    /// No node takes workloads, and these do not as they are in maintenance.
    case onlyInMaintenance([NodeName])
    case displaced(by: WorkloadName, priority: Int, over: Int)
    case notAdmitted(loss: String, missing: String)

    /// As a record says it: codes that this build may not know, or none.
    case recorded(codes: [String], text: String)
  }

  /// A workload that gave way.
  public struct Displaced: Hashable, Sendable {
    public var workload: WorkloadName
    public var priority: Int

    public init(_ workload: WorkloadName, priority: Int) {
      self.workload = workload
      self.priority = priority
    }
  }
}

extension PlacementReason.Clause {
  /// The clauses that are nothing but their name.
  private static let plain: [PlacementReason.Clause] = [
    .adopted, .operatorAsked, .alreadyThere, .backTogether, .homeAfterMaintenance, .staysForItsTurn,
    .staysWithoutRoom, .backAsNowhereElse, .backAsNobodyStays, .spareUsed, .lostLatelyUsed, .silentUsed,
    .ailingUsed, .stopped, .olderDisks, .noNodes,
    .noNodeCanTake, .noOtherNodeCanTake
  ]
  fileprivate static let plainByText = Dictionary(uniqueKeysWithValues: plain.map { ($0.description, $0) })

  fileprivate var codes: [String] { if case .recorded(let codes, _) = self { codes } else { [code] } }

  /// What leads to a move that the policies make by themselves; as a record says it.
  private enum OwnMove: String {
    case notAllowed, affinityGroupMoved, backFrom, backTogether, homeAfterMaintenance
  }

  fileprivate var isOwnMove: Bool {
    switch self {
    case .notAllowed, .affinityGroupMoved, .backFrom, .backTogether, .homeAfterMaintenance: true
    case .recorded(let codes, _): codes.contains { OwnMove(rawValue: $0) != nil }
    default: false
    }
  }

  fileprivate var isFailbackAfterMaintenance: Bool { codes.contains(OwnMove.homeAfterMaintenance.rawValue) }

  private var code: String {
    codeOfMove ?? codeOfChoice ?? codeOfNone
  }

  /// Of why it moves, or stays where it was.
  private var codeOfMove: String? {
    switch self {
    case .adopted: "adopted"
    case .operatorAsked: "operatorAsked"
    case .alreadyThere: "alreadyThere"
    case .moveToUnknown: "moveToUnknown"
    case .moveRefused: "moveRefused"
    case .movedWith: "movedWith"
    case .notAllowed: OwnMove.notAllowed.rawValue
    case .affinityGroupMoved: OwnMove.affinityGroupMoved.rawValue
    case .backFrom: OwnMove.backFrom.rawValue
    case .backTogether: OwnMove.backTogether.rawValue
    case .homeAfterMaintenance: OwnMove.homeAfterMaintenance.rawValue
    case .inPlaceOf: "inPlaceOf"
    case .madeWay: "madeWay"
    case .roomMade: "roomMade"
    case .staysForItsTurn: "staysForItsTurn"
    case .staysWithoutRoom: "staysWithoutRoom"
    case .backAsNowhereElse: "backAsNowhereElse"
    case .backAsNobodyStays: "backAsNobodyStays"
    case .endsAgain: "endsAgain"
    case .unwell: "unwell"
    case .leftAiling: "leftAiling"
    case .staysAsTargetFails: PlacementReason.turningBack
    default: nil
    }
  }

  /// Of why it is that node among those that can take it.
  private var codeOfChoice: String? {
    switch self {
    case .spareUsed: "spareUsed"
    case .lostLatelyUsed: "lostLatelyUsed"
    case .silentUsed: "silentUsed"
    case .ailingUsed: "ailingUsed"
    case .preferred: "preferred"
    case .preferredSuitLess: "preferredSuitLess"
    case .preferredCannot: "preferredCannot"
    case .onlyNode: "onlyNode"
    case .loaded: "loaded"
    case .leastLoaded: "leastLoaded"
    case .bestBalanced: "bestBalanced"
    case .fullest: "fullest"
    case .fewestWorkloads: "fewestWorkloads"
    case .ruleBroken: "ruleBroken"
    default: nil
    }
  }

  /// Of why it is on no node; and what a record had.
  private var codeOfNone: String {
    switch self {
    case .stopped: PlacementReason.Stop.stopped.rawValue
    case .staysDown: PlacementReason.Stop.staysDown.rawValue
    case .givenUp: "givenUp"
    case .givenUpUnwell: "givenUpUnwell"
    case .waitsForRoom: "waitsForRoom"
    case .olderDisks: "olderDisks"
    case .noNodes: "noNodes"
    case .noNodeCanTake: "noNodeCanTake"
    case .noOtherNodeCanTake: "noOtherNodeCanTake"
    case .onlyInMaintenance: "onlyInMaintenance"
    case .displaced: "displaced"
    case .notAdmitted: "notAdmitted"
    case .recorded: "recorded"
    // Said by the others.
    case .adopted, .operatorAsked, .alreadyThere, .moveToUnknown, .moveRefused, .movedWith, .notAllowed, .affinityGroupMoved,
      .backFrom, .backTogether, .homeAfterMaintenance, .inPlaceOf, .madeWay, .roomMade, .staysForItsTurn, .staysWithoutRoom,
      .backAsNowhereElse, .backAsNobodyStays, .endsAgain, .unwell, .leftAiling, .staysAsTargetFails, .spareUsed,
      .lostLatelyUsed,
      .silentUsed, .ailingUsed, .preferred, .preferredSuitLess, .preferredCannot, .onlyNode, .loaded, .leastLoaded,
      .bestBalanced, .fullest, .fewestWorkloads, .ruleBroken:
      ""
    }
  }
}

extension PlacementReason.Clause: CustomStringConvertible {
  private static func quoted(_ rule: String?) -> String { rule.map { "'\($0)'" } ?? "its rules" }

  public var description: String {
    wordsOfMove ?? wordsOfChoice ?? wordsOfNone
  }

  private static let namesInClause = 3

  private static func words(onlyInMaintenance nodes: [NodeName]) -> String {
    let left = nodes.count == 1 ? "a node in maintenance is" : "nodes in maintenance are", first = nodes.first?.text ?? "NODE"
    let names = InWords.list(nodes.map(\.text), most: namesInClause)
    return "only \(left) left (\(names)): `holdfast maintenance exit \(first)` puts \(first) back into use"
  }

  /// Why it moves, or stays where it was.
  private var wordsOfMove: String? {
    switch self {
    case .adopted: "adopted here"
    case .operatorAsked: "the operator asked for it"
    case .alreadyThere: "it was here already"
    case .moveToUnknown(let node): "asked to move to \(node), which this cluster does not know"
    case .moveRefused(let node, let exclusion): "asked to move to \(node), which cannot take it: \(exclusion)"
    case .movedWith(let other): "goes with \(other), which the operator moved"
    case .notAllowed(let rule, let node): "moved, as '\(rule)' does not allow \(node)"
    case .affinityGroupMoved(let rule): "moved with the others that '\(rule)' keeps together"
    case .backFrom(let node): "back from \(node)"
    case .backTogether: "back together"
    case .homeAfterMaintenance: "home after maintenance"
    case .inPlaceOf(let displaced):
      "in place of \(displaced.map { "\($0.workload) (priority \($0.priority))" }.joined(separator: ", "))"
    case .madeWay(let node, let isMoved, let other): "\(isMoved ? "moved from" : "not on") \(node), to make room for \(other)"
    case .roomMade(let others): "\(others.map(\.text).joined(separator: ", ")) made room for it"
    case .staysForItsTurn: "stays: its turn to leave has not come"
    case .staysWithoutRoom: "stays: no other node can take it"
    case .backAsNowhereElse: "back where it ran: it started on no other node"
    case .backAsNobodyStays: "back where it was, as no node stays up"
    case .endsAgain(let times, let node): "moved, as it ended \(times) times in a row on \(node)"
    case .unwell(let times, let node): "moved, as its checks failed \(times) times in a row on \(node)"
    case .leftAiling(let node, let reason): "moved, as \(node) is ailing: \(reason)"
    case .staysAsTargetFails(let node, let exclusion): "stays, as \(node) cannot take it now: \(exclusion)"
    default: nil
    }
  }

  /// Why it is that node among those that can take it.
  private var wordsOfChoice: String? {
    switch self {
    case .spareUsed: "a spare node, as no other can take it"
    case .lostLatelyUsed: "lost lately, but used all the same, as no other can take it"
    case .silentUsed: "not heard of for most of its TTL, but used all the same, as no other can take it"
    case .ailingUsed: "ailing, but used all the same, as no other can take it"
    case .preferred(let rule): "preferred by \(Self.quoted(rule))"
    case .preferredSuitLess(let rule): "those that \(Self.quoted(rule)) prefers suit less"
    case .preferredCannot(let rule): "none that \(Self.quoted(rule)) prefers can take it"
    case .onlyNode(let percent): "the only node that can take it: \(percent) % with it"
    case .loaded(let percent): "\(percent) % loaded with it"
    case .leastLoaded(let percent): "least loaded: \(percent) % with it"
    case .bestBalanced(let percent): "best balanced: \(percent) % with it"
    case .fullest(let percent): "the fullest with room for it: \(percent) % with it"
    case .fewestWorkloads(let count): "fewest workloads: \(count) with it"
    case .ruleBroken(let rule): "'\(rule)' could not hold"
    default: nil
    }
  }

  /// Why it is on no node; and what a record had.
  private var wordsOfNone: String {
    switch self {
    case .stopped: "stopped by the operator"
    case .staysDown(let end, let node): "it \(end.words) on \(node) and stays down, as its policy says"
    case .givenUp(let nodes):
      "given up after its failures on \(nodes.map(\.text).joined(separator: ", ")): `holdfast start` has it tried again, once the cause is gone"
    case .givenUpUnwell(let nodes):
      "given up: its checks failed on \(nodes.map(\.text).joined(separator: ", ")) after each restart: `holdfast start` has it tried again, "
        + "once the cause is gone"
    case .waitsForRoom(let node, let other): "waits for room on \(node): \(other?.text ?? "another one") has not left it yet"
    case .olderDisks: "its definition names older disks than it runs on, so it would not be started again"
    case .noNodes: "the cluster has no node"
    case .noNodeCanTake: "no node can take it"
    case .noOtherNodeCanTake: "no other node can take it"
    case .onlyInMaintenance(let nodes): Self.words(onlyInMaintenance: nodes)
    case .displaced(let winner, let priority, let over): "displaced by \(winner) (priority \(priority) over \(over))"
    case .notAdmitted(let loss, let missing):
      "not admitted: with it the cluster would not survive \(loss): \(missing) would be missing"
    case .recorded(_, let text): text
    // Said by the others.
    case .adopted, .operatorAsked, .alreadyThere, .moveToUnknown, .moveRefused, .movedWith, .notAllowed, .affinityGroupMoved,
      .backFrom, .backTogether, .homeAfterMaintenance, .inPlaceOf, .madeWay, .roomMade, .staysForItsTurn, .staysWithoutRoom,
      .backAsNowhereElse, .backAsNobodyStays, .endsAgain, .unwell, .leftAiling, .staysAsTargetFails, .spareUsed,
      .lostLatelyUsed,
      .silentUsed, .ailingUsed, .preferred, .preferredSuitLess, .preferredCannot, .onlyNode, .loaded, .leastLoaded,
      .bestBalanced, .fullest, .fewestWorkloads, .ruleBroken:
      ""
    }
  }
}

extension PlacementReason: CustomStringConvertible {
  /// Clauses, the first after the workload's name.
  public var description: String { clauses.map(\.description).joined(separator: "; ") }
}

/// Two are the same when they say the same: what was read from a record has no more than its text and its codes.
extension PlacementReason: Hashable {
  public static func == (a: PlacementReason, b: PlacementReason) -> Bool { a.description == b.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

/// As its text, where it stands alone.
extension PlacementReason: Codable {
  public init(from decoder: any Decoder) throws { self.init(text: try decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
