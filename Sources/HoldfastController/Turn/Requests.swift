import HoldfastModel
import HoldfastTime

/// A transaction on its way.
struct PendingTransaction: Sendable {
  var purpose: Purpose
  var transaction: ClusterTransaction
  /// The store was known to have this revision when it was sent: its answer is of no earlier one.
  var after: Revision

  /// The claim as it is written here; nil: it is not.
  func claim(of workload: WorkloadName) -> ClaimRecord? {
    for case .put(.claim(workload), .claim(let record)) in transaction.writes { return record }
    return nil
  }
}

/// The transactions that were not answered yet.
struct Requests: Sendable {
  private var pending: [TransactionID: PendingTransaction] = [:]
  private var last = 0

  mutating func add(_ purpose: Purpose, _ transaction: ClusterTransaction, after newest: Revision) -> TransactionID {
    last += 1
    let id = TransactionID(last)
    pending[id] = PendingTransaction(purpose: purpose, transaction: transaction, after: newest)
    return id
  }

  mutating func take(_ id: TransactionID) -> PendingTransaction? { pending.removeValue(forKey: id) }

  func contains(_ matches: (Purpose) -> Bool) -> Bool { pending.values.contains { matches($0.purpose) } }
}

/// Why a transaction was sent, and so who is told what became of it.
enum Purpose: Hashable, Sendable {
  case open(Incarnation, sent: BootInstant)
  case renew(Incarnation, sent: BootInstant)
  /// Brings the node's own record up to date.
  case describe
  /// Ends the session: a departure, or a node on which everything stays frozen.
  case end(Incarnation, EndReason)
  case expire(Incarnation, NodeName, takesRole: Bool)
  case takeRole
  /// A build that does not know the store's layout leaves the planner's role to another.
  case giveUpRole
  case place
  /// Writes intents that are missing.
  case restoreIntents([WorkloadName])
  /// Stops what the policies move, as several moves in a row have failed.
  case haltMoves
  /// Removes the record of a maintenance from which everything has come home.
  case endMaintenance(NodeName)
  /// What runs on the node is to leave, as a node check fails there.
  case ail(NodeName, NodeAilment)
  /// The node is well again.
  case heal(NodeName)
  /// Removes the record by which the cluster is disarmed, when its time is over.
  case arm
  case claim([WorkloadName])
  case activity([WorkloadName])
  case workload(WorkloadName, WorkloadWrite)
  /// Proves the claims of what is to go on, under the session that is asked for.
  case validate(Incarnation, kept: Set<WorkloadName>)
  case report(ReportRecord)

  /// The basis that a transaction for it has to have.
  var basis: PermittedTransaction.Basis {
    switch self {
    case .open: .opening
    case .renew: .renewal
    case .end: .end
    case .arm: .arming
    case .describe, .expire, .takeRole, .giveUpRole, .place, .restoreIntents, .haltMoves, .endMaintenance, .ail, .heal: .session
    case .claim, .activity, .workload, .validate, .report: .session
    }
  }

  /// It decides that the node is left, or that it is well again.
  func decidesAilment(of node: NodeName) -> Bool {
    switch self {
    case .ail(node, _), .heal(node): true
    default: false
    }
  }

  /// This node's session, where the transaction renews or ends it.
  var ownSession: Incarnation? {
    switch self {
    case .renew(let incarnation, _), .end(let incarnation, _): incarnation
    default: nil
    }
  }
}

/// A write about one workload.
enum WorkloadWrite: Hashable, Sendable {
  /// Gives a claim up.
  case release(of: Revision, because: ReleaseReason)
  /// Writes the claim as it is, so that nothing sent before can be applied after it.
  case prove
  /// A step of a live migration, before its end.
  case offer
  /// Gives the claim to the target of a live migration.
  case handOver(to: NodeName, of: Revision)
  /// A domain that runs here comes under protection.
  case adopt
  /// Removes the records of a workload that left protection.
  case forget(of: Revision?)
}
