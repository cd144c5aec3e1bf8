/// A record's address in the store.
public enum RecordKey: HashedBeforehand, Sendable {
  case format
  case planner
  case policies
  case disarm
  case movesOff
  case definitions
  case node(NodeName)
  case maintenance(NodeName)
  case losses(NodeName)
  case report(NodeName)
  case session(Incarnation)
  case spec(WorkloadName)
  case intent(WorkloadName)
  case placement(WorkloadName)
  case claim(WorkloadName)
  /// The definition that is kept for a time of a workload that was released.
  case released(WorkloadName)
  /// A slot of a node's ring of history lines.
  case history(NodeName, slot: Int)

  public var code: UInt64 {
    switch self {
    case .format: 1
    case .planner: 2
    case .policies: 11
    case .disarm: 12
    case .movesOff: 15
    case .definitions: 16
    case .maintenance(let name): name.code &+ 13
    case .losses(let name): name.code &+ 14
    case .node(let name): name.code &+ 3
    case .report(let name): name.code &+ 4
    case .session(let incarnation): incarnation.code &+ 5
    case .spec(let name): name.code &+ 6
    case .intent(let name): name.code &+ 7
    case .placement(let name): name.code &+ 8
    case .claim(let name): name.code &+ 9
    case .released(let name): name.code &+ 15
    case .history(let node, let slot): (node.code ^ UInt64(bitPattern: Int64(slot))) &* 0x100_0000_01B3 &+ 10
    }
  }
}

/// Everything that Holdfast keeps in the store. A record is handed on often and looked into seldom: it is copied as one reference.
public indirect enum Record: Hashable, Sendable {
  case format(FormatRecord)
  case planner(PlannerRecord)
  case policies(PoliciesRecord)
  case disarm(DisarmRecord)
  case movesOff(MovesOffRecord)
  case definitions(DefinitionsRecord)
  case node(NodeRecord)
  case maintenance(MaintenanceRecord)
  case losses(LossesRecord)
  case report(ReportRecord)
  case session(SessionRecord)
  case spec(SpecRecord)
  case intent(IntentRecord)
  case placement(PlacementRecord)
  case claim(ClaimRecord)
  case history(HistoryRecord)
  /// A record that this build cannot read. Whatever depends on it is left alone.
  case unreadable(reason: String)
  case released(ReleasedRecord)
}

public typealias ClusterTransaction = Transaction<RecordKey, Record>
public typealias ClusterVerdict = Verdict<RecordKey, Record>
public typealias ClusterChange = Change<RecordKey, Record>
public typealias ClusterListing = Listing<RecordKey, Record>
