import HoldfastModel

/// What a notice tells of, under a name that people write into their configuration. The names stay as they are; a kind of note has one, and every kind
/// has one of its own.
public enum NoticeEvent: String, CaseIterable, Hashable, Sendable {
  case nodeLost = "node-lost"
  case nodeRemoved = "node-removed"
  case nodeLeaving = "node-leaving"
  case sessionOpened = "session-opened"
  case sessionLost = "session-lost"
  case sessionEnded = "session-ended"
  case storeLost = "store-lost"
  case storeBack = "store-back"
  case planner, placed, pending, policies, maintenance, disarmed, armed, quarantine
  case defined, adopted, unprotected, claimed, released, migrating, migrated, started
  case startFailed = "start-failed"
  case stopping, stopped, ended, killed, health
  case nodeCheck = "node-check"
  case nodeAiling = "node-ailing"
  case nodeWell = "node-well"
  case addressTaken = "address-taken"
  case addressDown = "address-down"
  case addressUp = "address-up"
  case frozen, thawed
  case guardLost = "guard-lost"
  case guardBack = "guard-back"
  case guardRefused = "guard-refused"
  case guardFlawed = "guard-flawed"
  case libvirtLost = "libvirt-lost"
  case libvirtBack = "libvirt-back"
  case intruder, stray, unreadable, unsound, clock, degraded, recovered

  public init(_ kind: Note.Kind) {
    self =
      switch kind {
      case .nodeLost: .nodeLost
      case .nodeRemoved: .nodeRemoved
      case .leaving: .nodeLeaving
      case .sessionOpened: .sessionOpened
      case .sessionLost: .sessionLost
      case .sessionEnded: .sessionEnded
      case .storeLost: .storeLost
      case .storeBack: .storeBack
      case .plannerTaken: .planner
      case .placed: .placed
      case .pending: .pending
      case .policies: .policies
      case .maintenance: .maintenance
      case .disarmed: .disarmed
      case .armed: .armed
      case .quarantine: .quarantine
      case .defined: .defined
      case .adopted: .adopted
      case .unprotected: .unprotected
      case .claimed: .claimed
      case .released: .released
      case .migrating: .migrating
      case .migrated: .migrated
      case .started: .started
      case .startFailed: .startFailed
      case .stopping: .stopping
      case .stopped: .stopped
      case .vanished: .ended
      case .killed: .killed
      case .health: .health
      case .nodeCheck: .nodeCheck
      case .nodeAiling: .nodeAiling
      case .nodeWell: .nodeWell
      case .addressTaken: .addressTaken
      case .addressDown: .addressDown
      case .addressUp: .addressUp
      case .isolated: .frozen
      case .resumed: .thawed
      case .guardLost: .guardLost
      case .guardBack: .guardBack
      case .guardRefused: .guardRefused
      case .guardFlawed: .guardFlawed
      case .hypervisorLost: .libvirtLost
      case .hypervisorBack: .libvirtBack
      case .intruder: .intruder
      case .stray: .stray
      case .unreadable: .unreadable
      case .unsound: .unsound
      case .clock: .clock
      case .degraded: .degraded
      case .recovered: .recovered
      }
  }

  /// For people. `Docs/notices.md` shows it.
  public var meaning: String {
    switch self {
    case .nodeLost: "A node did not renew its session: its workloads go to other nodes. Told by the node that declares it"
    case .nodeRemoved: "A node was removed from the cluster, or renamed"
    case .nodeLeaving: "This node ends cleanly and hands its workloads over, or leaves them"
    case .sessionOpened: "This node opened a session, or continues one: it takes part"
    case .sessionLost: "This node's session was declared expired, or another host uses its name: everything here is frozen"
    case .sessionEnded: "This node has left, or gave its session up"
    case .storeLost: "The store takes no renewals (no quorum, or cut off): the guard freezes; or something is wrong with it"
    case .storeBack: "The store answers again, or what was wrong with it is over"
    case .planner: "Another node is the planner"
    case .placed: "A workload is to go to a node: after a failure, at its first start, in a drain, back home; the text says why"
    case .pending: "No node can take a workload, or it waits for its place"
    case .policies: "Policies, or the switch for moves, changed; a policy has a mistake or cannot be kept"
    case .maintenance: "A drain, or the way back after it, was asked for, or is over"
    case .disarmed: "Automatic recovery is off"
    case .armed: "Automatic recovery is on again"
    case .quarantine: "A node that was lost several times is used again, as somebody asked"
    case .defined: "An operator's command changed a workload: its definition, or what is wanted of it"
    case .adopted: "A workload came under protection while it ran"
    case .unprotected: "A workload left protection"
    case .claimed: "This node holds a workload's claim"
    case .released: "This node let a workload go, or handed it over"
    case .migrating: "A live migration begins, or did not work"
    case .migrated: "A live migration is done"
    case .started: "A workload runs here"
    case .startFailed: "A workload did not start here"
    case .stopping: "A workload is being stopped here, or cannot be"
    case .stopped: "A workload has stopped here"
    case .ended: "A workload ended or crashed here without being told to"
    case .killed: "The guard killed a workload that had lost its claim"
    case .health: "A check of a workload fails, or is good again"
    case .nodeCheck: "A check of this node fails, cannot be made, or is good again"
    case .nodeAiling: "A check of a node fails, and what runs there goes to other nodes. Told by the planner's node"
    case .nodeWell: "The checks of a node that was left are good again. Told by the planner's node"
    case .addressTaken: "Somebody else on the network answers for an address of a workload, which runs here without it"
    case .addressDown:
      "An address of a workload that runs here is not up, or is raised though nobody could tell whether it is taken"
    case .addressUp: "What kept an address of a workload from being up here is over"
    case .frozen: "Everything under protection here is frozen, or that is not confirmed"
    case .thawed: "What was frozen here continues, as far as it may"
    case .guardLost: "The guard of this node is gone"
    case .guardBack: "The guard is back, or has all that it needs"
    case .guardRefused: "The guard refused a command"
    case .guardFlawed: "The guard cannot do all that it should, such as feed its watchdog"
    case .libvirtLost: "libvirt is unreachable on this node: its workloads are treated as running"
    case .libvirtBack: "libvirt answers again"
    case .intruder: "A workload ran here without a valid claim: it is stopped at once"
    case .stray: "Something with a workload's identity is here outside protection"
    case .unreadable: "A record cannot be read, or libvirt cannot do what was asked: what depends on it is left alone"
    case .unsound: "The controller found itself wrong: everything here is frozen"
    case .clock: "The wall clocks of two nodes differ"
    case .degraded:
      "The cluster is worse than it was, or less bad: DEGRADED (a warning) or CRITICAL (an error). Told by the planner's node"
    case .recovered: "The cluster is OK again. Told by the planner's node"
    }
  }

  /// The table for the documentation.
  public static var markdown: String {
    let rows = allCases.map { "| `\($0.rawValue)` | \($0.meaning) |" }
    return (["| event | |", "| --- | --- |"] + rows).joined(separator: "\n")
  }
}
