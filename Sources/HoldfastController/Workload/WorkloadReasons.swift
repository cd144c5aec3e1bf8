import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Why a start came to nothing.
enum StartFailure: Hashable, Sendable, CustomStringConvertible {
  /// The call failed; with what libvirt said.
  case refused(String)
  case endedAtOnce
  /// The start was not begun: these of the workload's disks are newer than its definition says.
  case olderDefinition(WorkloadName, [String: OtherDisk])
  /// The start was not begun: it has addresses, which the guard of this node cannot raise.
  case guardTooOld(NodeName)

  var description: String {
    switch self {
    case .refused(let words): words
    case .endedAtOnce: "\(ClaimRecord.Failure.endsLead)right after its start"
    case .olderDefinition(let name, let disks): Self.olderDefinition(of: name, disks)
    case .guardTooOld(let node): "the guard of \(node) does not know addresses: upgrade holdfast-guard"
    }
  }

  private static func olderDefinition(of name: WorkloadName, _ newer: [String: OtherDisk]) -> String {
    let disks = newer.sorted { $0.key < $1.key }
    let lines = disks.map { "disk \($0.key) is \($0.value.stored), and it last ran on \($0.value.running)" }
    return
      "its definition is older than its data: \(InWords.list(lines, most: 2)). Name the newer disk in the definition (`holdfast apply`), or "
      + "start it from the older one with `holdfast accept \(name) --stored`"
  }
}

/// A failure on a node, told to the others by it.
enum WorkloadFailure: Hashable, Sendable {
  /// So many starts failed in a row, the last for that reason.
  case starts(Int, StartFailure)
  /// The workload ended so many times in a row without being told to.
  case ends(Int)
  /// So many times in a row a check of it failed, the last time this one.
  case unwell(Int, Unwell)
  /// A domain outside protection has its name.
  case nameTaken(uuid: String)

  /// As the claim has it.
  var record: ClaimRecord.Failure {
    switch self {
    case .starts(let count, let failure): .init(count: count, reason: "\(failure)")
    case .ends(let count): .init(count: count, reason: "\(ClaimRecord.Failure.endsLead)\(count) times in a row")
    case .unwell(let count, let unwell):
      .init(
        count: count, reason: "its check '\(unwell.check)' failed \(count) times in a row: \(unwell.reason)",
        check: unwell.check)
    case .nameTaken(let uuid): .init(count: 1, reason: Self.nameTaken(uuid))
    }
  }

  fileprivate static func nameTaken(_ uuid: String) -> String {
    "a domain that is not under protection has its name (UUID \(uuid))"
  }
}

/// Why a node gives a claim up.
enum ReleaseReason: Hashable, Sendable, CustomStringConvertible {
  case startsFail(StartFailure)
  case stopped
  /// Its intent is missing, and nothing proves that it was to run.
  case nobodyKnows
  /// The node leaves, and the workload waits for it.
  case waitsForNode
  /// nil: it has no place anywhere.
  case moves(to: NodeName?)
  /// An earlier release was not answered.
  case givenUpBefore
  case nameTaken(uuid: String)
  /// libvirt does not answer, and was not asked to start it.
  case hypervisorSilent(String)
  /// It ended by itself, and its policy says so.
  case staysDown(after: DomainEnd)

  /// A clause.
  var description: String {
    switch self {
    case .startsFail(let failure): "it does not start here: \(failure)"
    case .stopped: "stopped by the operator"
    case .nobodyKnows: "the record of what is wanted of it is missing"
    case .waitsForNode: "it waits for this node"
    case .moves(let node): node.map { "it moves to \($0)" } ?? "no node is to run it now"
    case .givenUpBefore: "it had been let go before"
    case .nameTaken(let uuid): WorkloadFailure.nameTaken(uuid)
    case .hypervisorSilent(let connection): "\(connection) does not answer, and it was not started here yet"
    case .staysDown(let end): "it \(end.words) and stays down, as its policy says"
    }
  }
}

/// Why a live migration came to nothing.
enum MigrationFailure: Hashable, Sendable, CustomStringConvertible {
  /// The call failed; with what libvirt said.
  case refused(String)
  case targetNotReady(NodeName)
  /// A job of its own runs that libvirt does not move it beside; with what libvirt said.
  case busy(String)
  /// libvirt does not reach the target; with what it said.
  case unreachable(NodeName, String)

  var description: String {
    switch self {
    case .refused(let words): words
    case .targetNotReady(let target): "\(target) does not get ready for it"
    case .busy(let words): "busy: \(words)"
    case .unreachable(let target, let words): "\(target) cannot be reached by libvirt: \(words)"
    }
  }
}

/// Why a workload that was to leave runs on here.
enum KeptReason: Hashable, Sendable, CustomStringConvertible {
  /// The workload cannot be moved while it runs, and is not to be stopped for it.
  case cannotMove(MoveMethod)
  /// The workload could not be moved, and that is tried again; nil: an earlier life of the controller knew why.
  case triedAgain(after: MigrationFailure?)
  /// The move is not tried for now: another of this node was told that its target cannot be used.
  case targetTroubled(TargetTrouble)
  /// The workload is not in a state in which it could be moved, and that lasts.
  case notReady(Unreadiness)

  /// A clause, as the node's report has it.
  var description: String {
    switch self {
    case .cannotMove(let method): method.why ?? ""
    case .triedAgain(let failure): "\(failure?.description ?? "it could not be moved while it runs"). It is tried again"
    case .targetTroubled(let trouble): "\(trouble.reason), as \(trouble.workload) was told. It is tried again"
    case .notReady(.cannotTell): "libvirt does not tell how it is. It is moved when libvirt does"
    case .notReady(.cannotMark): "libvirt does not let the mark of its claim be written. It is moved when that is there"
    }
  }
}

/// Why a workload cannot be moved while it runs, though nothing is wrong with the move.
enum Unreadiness: Hashable, Sendable { case cannotTell, cannotMark }

/// The target of live migrations that cannot be used for now, whatever is to go there.
struct TargetTrouble: Hashable, Sendable {
  var node: NodeName
  /// Whose migration showed it.
  var workload: WorkloadName
  var reason: MigrationFailure
  /// Nobody else tries it before.
  var until: BootInstant
}
