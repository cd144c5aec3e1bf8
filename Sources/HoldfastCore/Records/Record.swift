/// A record's address in the store.
public enum RecordKey: Hashable, Sendable {
  case format
  case planner
  case policies
  case node(NodeName)
  case report(NodeName)
  case session(Incarnation)
  case spec(WorkloadName)
  case intent(WorkloadName)
  case placement(WorkloadName)
  case claim(WorkloadName)
  /// A slot of a node's ring of history lines.
  case history(NodeName, slot: Int)
}

/// Everything that Holdfast keeps in the store.
public enum Record: Hashable, Sendable {
  case format(FormatRecord)
  case planner(PlannerRecord)
  case policies(PoliciesRecord)
  case node(NodeRecord)
  case report(ReportRecord)
  case session(SessionRecord)
  case spec(SpecRecord)
  case intent(IntentRecord)
  case placement(PlacementRecord)
  case claim(ClaimRecord)
  case history(HistoryRecord)
  /// Something that this build cannot read. Whatever depends on it is left alone.
  case unreadable(reason: String)
}

public typealias ClusterTransaction = Transaction<RecordKey, Record>
public typealias ClusterVerdict = Verdict<RecordKey, Record>
public typealias ClusterChange = Change<RecordKey, Record>
public typealias ClusterListing = Listing<RecordKey, Record>
