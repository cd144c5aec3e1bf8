import GuardCore
import HoldfastModel

/// The processes of one domain, from its creation to its end. A domain that is started again is another one.
final class SimulatedDomain {
  let id: DomainID
  let uuid: String
  let pid: Int32
  /// The partition of ours that it runs under; nil: outside, as one that was adopted.
  let partition: Isolation?
  let memory: Int
  let vcpus: Int
  let links: [String]
  let cgroup: String
  var mark: ClaimMark?
  /// A persistent definition exists beside it.
  var isPersistent: Bool
  /// libvirt has finished its start.
  var isReady = false
  /// Its processors are stopped.
  enum Pause {
    /// A migration brings it here.
    case arriving
    /// A migration from here has sent all of it, and is not over.
    case sent
    /// Somebody suspended it; or all of it has arrived, of which libvirt says the same.
    case suspended
    /// Its guest crashed, and it is kept.
    case crashed
  }
  var pause: Pause?
  /// When a live migration had brought all of it.
  var completedAt: Moment?
  /// Asked to shut down.
  var isStopping = false
  /// SIGKILL was sent: it executes no further instruction.
  var isKilled = false
  /// And nothing keeps it from ending: a frozen one keeps its SIGKILL until it is thawed.
  var isEnding = false
  /// No process of it is left.
  private(set) var isGone = false
  var hasExecuted = false
  /// Somebody started it past Holdfast.
  var isByHand = false
  /// And Holdfast has not taken it under a claim since: nothing that it does is Holdfast's doing.
  var isForeign: Bool { isByHand && mark == nil }
  /// libvirt shows it while it is being started.
  var isSeenEarly = false
  /// nil: nobody has touched its disk, and nothing is told of it.
  var hardware: DomainHardware?
  /// When its service answers; nil: as soon as it executes.
  var answersFrom: Moment?
  /// Its service has died, until it is started anew.
  var isServiceDead = false
  /// Its service did not answer as it is to, at some time after it had come up.
  var hasFailed = false
  /// What it consists of, where it is no domain but made of parts of the host.
  var parts: SimulatedParts?
  /// A process of it is there.
  var hasProcesses: Bool { parts?.hasProcesses ?? true }
  /// Thawed, it would execute.
  var isAlive: Bool { parts?.isAlive ?? !isKilled }
  private var mourners: [() -> Void] = []

  init(
    id: DomainID, uuid: String, pid: Int32, partition: Isolation?, memory: Int, vcpus: Int, links: [String], mark: ClaimMark?,
    isPersistent: Bool
  ) {
    self.id = id
    self.uuid = uuid
    self.pid = pid
    self.partition = partition
    self.memory = memory
    self.vcpus = vcpus
    self.links = links
    self.mark = mark
    self.isPersistent = isPersistent
    let place = partition.map { "\(Self.partition)/\($0.rawValue).partition" } ?? "/sys/fs/cgroup/freezer/machine"
    // A workload of the host has the same at every start.
    let name = SpecRecord.isOfHost(id.connection) ? "host-\(id.name)" : "lxc-\(pid)-\(id.name).libvirt-lxc"
    cgroup = "\(place)/\(name)"
  }

  private static let partition = "/sys/fs/cgroup/freezer/holdfast.partition"

  /// Those that are not frozen with the partition.
  static func outside(_ cgroups: some Sequence<String>) -> Set<String> {
    Set(cgroups.lazy.filter { !$0.hasPrefix(partition) })
  }

  private var state: DomainObservation.State {
    guard isReady else { return .unclear }
    switch pause {
    case .arriving: return .arriving
    case .sent, .suspended: return .paused
    case .crashed: return .crashed
    case nil: return isStopping ? .stopping : .running
    }
  }

  private var reason: DomainObservation.Reason? {
    guard isReady else { return nil }
    return switch pause {
    case .sent: .migration
    case .suspended: .suspended
    case .arriving, .crashed, nil: nil
    }
  }

  var observation: DomainObservation {
    var observation = DomainObservation(
      id: id, uuid: uuid, state: state, reason: reason, mark: mark, memory: memory,
      vcpus: vcpus, persistent: isPersistent, pid: pid, cgroup: cgroup, links: links)
    observation.hardware = hardware
    return observation
  }

  func whenGone(_ body: @escaping () -> Void) { if isGone { body() } else { mourners.append(body) } }

  func end() {
    isGone = true
    let calls = mourners
    mourners = []
    for call in calls { call() }
  }
}

/// Every workload of a simulation has one disk, as its definition has it or as a snapshot has left it.
struct SimulatedDisks: HardwareReader {
  static let defined = DomainHardware(disks: [.init(target: "vda", source: "disk")])
  static let afterSnapshot = DomainHardware(disks: [.init(target: "vda", source: "snapshot")])

  func read(_ xml: String) -> DomainHardware? { Self.defined }
}

/// A definition on the host's disk: what is defined there starts by itself after a reboot.
struct Definition {
  var id: DomainID
  var uuid: String
  var memory: Int
  var vcpus: Int
}
