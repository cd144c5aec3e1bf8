import GuardCore

/// The format of the store that this build reads and writes.
public struct FormatRecord: Hashable, Sendable, Codable {
  public static let current = 1
  public var version: Int
  public init(version: Int = FormatRecord.current) { self.version = version }
}

/// A node as it is, apart from whether it lives.
public struct NodeRecord: Hashable, Sendable, Codable {
  public var capacity: Resources
  public var labels: [String: String]
  /// libvirt connections that it serves.
  public var connections: [String]
  /// By connection: the libvirt URI by which the other nodes reach it, for live migration. nil: by none.
  public var migration: [String: String]?
  /// The build that runs there.
  public var version: String

  public init(
    capacity: Resources, labels: [String: String], connections: [String], migration: [String: String]? = nil, version: String
  ) {
    self.capacity = capacity
    self.labels = labels
    self.connections = connections
    self.migration = migration
    self.version = version
  }
}

/// A node's lease. Its existence is what stands behind the node's claims; only its node changes it, anyone may delete it
/// by a transaction guarded on its revision after having seen no change for long enough.
public struct SessionRecord: Hashable, Sendable, Codable {
  public enum Phase: String, Sendable, Codable {
    case active
    /// Handing over: gets no placements, gives up what it has.
    case leaving
  }
  public var node: NodeName
  /// Grows with every renewal.
  public var counter: Int64
  /// Milliseconds. In the record, because the observer's rule must fit what the owner does.
  public var ttl: Int64
  public var phase: Phase
  /// The node's wall clock when it wrote this, in milliseconds since 1970: so that one that is off is noticed. nil: an older build does not tell.
  public var clock: Int64?

  public init(node: NodeName, counter: Int64, ttl: Int64, phase: Phase, clock: Int64? = nil) {
    self.node = node
    self.counter = counter
    self.ttl = ttl
    self.phase = phase
    self.clock = clock
  }
}

/// The planner: which node is it, under which session.
public struct PlannerRecord: Hashable, Sendable, Codable {
  public var node: NodeName
  public var incarnation: Incarnation

  public init(node: NodeName, incarnation: Incarnation) {
    self.node = node
    self.incarnation = incarnation
  }
}

/// A workload's definition.
public struct SpecRecord: Hashable, Sendable, Codable {
  /// libvirt's URI, such as `lxc:///system`.
  public var connection: String
  public var uuid: String
  public var xml: String
  public var demand: Resources
  public var labels: [String: String]
  /// Higher goes first when not all fit.
  public var priority: Int
  public var isolation: Isolation
  /// Seconds that the workload may take to shut down before it is destroyed.
  public var stopTimeout: Double
  /// `definition` of what the running domain was started from, whose own XML was taken over as this definition: so it does not run an older
  /// one. nil: nothing was taken over.
  public var takenFrom: String?
  /// What an earlier definition asked for, from which the workload may still run, where that is more than `demand`. nil: nothing.
  @LaterField public var runsWith: Resources?
  /// Images that lay under its disks in the run whose XML was taken over as this definition: by the disk's source, the nearest first, as
  /// `DomainHardware` names them. The XML does not name them, so that libvirt finds what lies there at the next start. nil: nothing, or not known.
  @LaterField public var underneath: [String: [String]]?
  /// Belongings that other workloads may have at the same time, by `Belonging.name`; sorted. nil: nothing, as in records of builds that did not know it.
  public var shared: [String]?
  /// What tells whether it works while it runs; nil: nothing, as in records of builds that did not know it.
  @LaterField public var checks: [HealthCheck]?
  /// IP addresses that follow it, each once; nil: none. A record that has them is for builds that know them alone (SpecCoding.swift).
  @LaterField public var addresses: [WorkloadAddress]?

  /// Seconds: what a stop timeout may be, and what it is when nobody said.
  public static let stopTimeouts = 0.0...86_400
  public static let defaultStopTimeout = 30.0
  /// Bytes. etcd takes requests of 1.5 MiB; this leaves room for JSON's escapes.
  public static let greatestXML = 512 << 10

  public init(
    connection: String, uuid: String, xml: String, demand: Resources, labels: [String: String], priority: Int,
    isolation: Isolation, stopTimeout: Double, shared: [String] = [], checks: [HealthCheck] = [],
    addresses: [WorkloadAddress] = []
  ) {
    self.connection = connection
    self.uuid = uuid
    self.xml = xml
    self.demand = demand
    self.labels = labels
    self.priority = priority
    self.isolation = isolation
    self.stopTimeout = stopTimeout
    self.shared = shared.isEmpty ? nil : Set(shared).sorted()
    self.checks = checks.isEmpty ? nil : checks
    self.addresses = addresses.isEmpty ? nil : addresses
  }

  /// How many things may be shared, and how long the name of one may be, in bytes.
  public static let mostShared = 64
  public static let greatestSharedName = 4096
}

/// The operator's wish for a workload.
public struct IntentRecord: Hashable, Sendable, Codable {
  public enum Desired: String, Sendable, Codable {
    case running
    case stopped
    /// To come under protection where it runs: that node works at it.
    case adopting
    /// To leave protection: left running where it runs, then forgotten.
    case unprotected
  }
  /// A request to bring the workload to a node, once.
  public struct Move: Hashable, Sendable, Codable {
    public var to: NodeName
    /// Tells one request from the next; the placement that served it carries it.
    public var serial: Int

    public init(to: NodeName, serial: Int) {
      self.to = to
      self.serial = serial
    }
  }
  /// A task for its node, about what runs there. The node takes it away when it is done, and so does every start: nothing of the run that it was
  /// meant for is left then.
  public enum Errand: String, CaseIterable, Sendable, Codable {
    /// To stop it, and to start it on the same node.
    case restart
    /// The same without a shutdown.
    case reset
    /// To keep it paused: it stands as long as that is so.
    case pause
    /// To resume what is paused, whoever paused it.
    case resume
  }
  /// What ended a run that its policy did not start again.
  public struct Ended: Hashable, Sendable, Codable {
    public var node: NodeName
    public var how: DomainEnd

    public init(_ how: DomainEnd, on node: NodeName) {
      self.node = node
      self.how = how
    }

    public init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      // A later build may know more of them.
      let how = DomainEnd(rawValue: try fields.decode(String.self, forKey: .how))
      self.init(how ?? .unknown, on: try fields.decode(NodeName.self, forKey: .node))
    }
  }
  public var desired: Desired {
    // An operator has decided since.
    didSet { if desired != .stopped { ended = nil } }
  }
  public var move: Move?
  /// The node on which it is adopted.
  public var adopter: NodeName?
  /// nil: there is none.
  public var errand: Errand?
  /// The operator has agreed: every node removes shut-off definitions of this name and UUID that are not Holdfast's, with their autostart. nil: they stay.
  public var removesLeftovers: Bool?
  /// Where a policy keeps it down since it ended by itself; nil: an operator stopped it, or it is not to be stopped.
  @LaterField public var ended: Ended?

  public init(
    desired: Desired, move: Move? = nil, adopter: NodeName? = nil, errand: Errand? = nil, removesLeftovers: Bool? = nil,
    ended: Ended? = nil
  ) {
    self.desired = desired
    self.move = move
    self.adopter = adopter
    self.errand = errand
    self.removesLeftovers = removesLeftovers
    self.ended = ended
  }
}

extension IntentRecord {
  private enum CodingKeys: String, CodingKey { case desired, move, adopter, errand, removesLeftovers, ended }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    // An errand that a later build knows is for that build's nodes. Not to know it is no reason to leave the workload alone: nothing else hangs on it.
    let errand = try fields.decodeIfPresent(String.self, forKey: .errand)
    self.init(
      desired: try fields.decode(Desired.self, forKey: .desired), move: try fields.decodeIfPresent(Move.self, forKey: .move),
      adopter: try fields.decodeIfPresent(NodeName.self, forKey: .adopter), errand: errand.flatMap(Errand.init(rawValue:)),
      removesLeftovers: try fields.decodeIfPresent(Bool.self, forKey: .removesLeftovers),
      ended: try fields.decodeIfPresent(Ended.self, forKey: .ended))
  }
}

/// The right to run one workload. Never deleted while the cluster lives, so that the epoch never falls.
public struct ClaimRecord: Hashable, Sendable, Codable {
  public struct Holder: Hashable, Sendable, Codable {
    public var node: NodeName
    public var incarnation: Incarnation

    public init(node: NodeName, incarnation: Incarnation) {
      self.node = node
      self.incarnation = incarnation
    }
  }
  /// The holder's activity. For people and the planner; safety does not depend on it.
  public enum Activity: String, Sendable, Codable {
    case starting, running, stopping
    /// The holder cannot tell: libvirt does not answer, or the state is unclear.
    case unclear
  }
  /// A live migration, step by step. Only the holder takes a step, but for `ready`.
  public struct Migration: Hashable, Sendable, Codable {
    public enum Step: String, Sendable, Codable {
      /// The holder asks the target to get ready.
      case offered
      /// The target's guard covers what may arrive: the holder may begin.
      case ready
      /// The domain was seen gone at the source, and the target holds the claim: it resumes what has arrived whole.
      case arrived
    }
    public var step: Step
    public var target: Holder
    /// The epoch of the mark that came with what arrived; nil: it has not, or a release before this field gave it away.
    public var mark: Epoch?
    /// True: it was paused before, and neither side resumes it for the migration. nil: it ran; or a build before this field wrote the record, which
    /// does not move what is paused, and resumes what arrives.
    @LaterField public var staysPaused: Bool?

    public init(_ step: Step, target: Holder, mark: Epoch? = nil, staysPaused: Bool? = nil) {
      self.step = step
      self.target = target
      self.mark = mark
      self.staysPaused = staysPaused
    }

    /// The node that held it last takes the claim anew: a domain that is paused there for the migration is resumed.
    package func retaken(by holder: Holder) -> Migration {
      step == .arrived
        ? Migration(.arrived, target: holder, mark: mark, staysPaused: staysPaused)
        : Migration(.offered, target: target, staysPaused: staysPaused)
    }
  }
  /// Starts that failed on one node, or runs that ended there by themselves, since the workload last ran well.
  public struct Failure: Hashable, Sendable, Codable {
    public var count: Int
    public var reason: String
    /// The check that failed there; nil: it was nothing of that kind.
    @LaterField public var check: CheckName?

    public init(count: Int, reason: String, check: CheckName? = nil) {
      self.count = count
      self.reason = reason
      self.check = check
    }

    /// It started there, and ended each time by itself: no start of it failed.
    public var isOfEnds: Bool { check == nil && reason.hasPrefix(Self.endsLead) }
    package static let endsLead = "it ended "
  }
  public var epoch: Epoch
  /// nil: released; nothing executes.
  public var holder: Holder?
  public var activity: Activity?
  public var failures: [NodeName: Failure]
  /// How often in a row it ended by itself on the holder, or failed a check there, since it last ran well; nil: it did not.
  public var ends: Int?
  /// What the last of these ends was for, where a check failed; nil: it ended by itself.
  @LaterField public var unwell: Unwell?
  /// A live migration from the holder, or to it. Both sides are named until it has ended.
  public var migration: Migration?
  /// Disks on which it last ran, and which its definition does not name, by the guest's names for them: a start from that definition would open
  /// older ones, and is refused. nil: there is none.
  public var newerDisks: [String: OtherDisk]?
  /// The life of the node that it was moved off as that was being emptied, while it has run nowhere since: where it starts on no other node, that
  /// one takes it back as long as it stands. nil: there is no such node, or it has run elsewhere, and nothing is owed to it.
  @LaterField public var evacuatedFrom: Holder?
  /// The domain that left protection, where the claim is all that is left of it.
  public var releasedTo: ReleasedTo?
  public struct ReleasedTo: Hashable, Sendable, Codable {
    /// Where it runs outside protection since; nil: nowhere.
    public var node: NodeName?
    /// libvirt's URI.
    public var connection: String
    public var uuid: String

    public init(node: NodeName?, connection: String, uuid: String) {
      self.node = node
      self.connection = connection
      self.uuid = uuid
    }
  }

  public init(
    epoch: Epoch, holder: Holder?, activity: Activity? = nil, failures: [NodeName: Failure] = [:], ends: Int? = nil,
    migration: Migration? = nil, releasedTo: ReleasedTo? = nil
  ) {
    self.epoch = epoch
    self.holder = holder
    self.activity = activity
    self.failures = failures
    self.ends = ends
    self.migration = migration
    self.releasedTo = releasedTo
  }

  /// A domain with this mark is the claim's own: marked under it, or arrived by the migration that gave the claim away.
  package func covers(_ domain: Epoch) -> Bool {
    if domain == epoch { return true }
    guard let migration, migration.step == .arrived else { return false }
    return migration.mark.map { $0 <= domain && domain < epoch } ?? (domain.next == epoch)
  }

  /// Makes it nobody's; its epoch stays.
  package mutating func release() {
    holder = nil
    activity = nil
    ends = nil
    unwell = nil
    migration = nil
  }

  /// Counts failures of a node besides those that are known of it.
  package mutating func note(_ failure: Failure, on node: NodeName) {
    failures[node] = Failure(
      count: (failures[node]?.count ?? 0) + failure.count, reason: failure.reason, check: failure.check)
  }
}
