import HoldfastTime

/// One libvirt domain on one node: the connection that serves it, and its name there.
public struct DomainID: Hashable, Sendable, Codable, CustomStringConvertible {
  /// libvirt's URI, such as `lxc:///system`.
  public var connection: String
  public var name: String

  public init(connection: String, name: String) {
    self.connection = connection
    self.name = name
  }
  public var description: String { "\(connection)/\(name)" }
}

/// The mark that Holdfast writes into a domain's metadata, so that a restarted controller recognises what it runs.
public struct ClaimMark: Hashable, Sendable, Codable {
  /// The URI under which libvirt keeps it: `virsh metadata NAME URI`.
  public static let metadataURI = "https://holdfast.dev/domain/1"

  /// The cluster's name: two clusters on one host do not touch each other's domains.
  public var cluster: String
  public var workload: String
  public var epoch: Epoch
  /// `SpecRecord.definition` of what it was started from, or came under protection as; nil: a build before this field marked it.
  public var definition: String?

  public init(cluster: String, workload: String, epoch: Epoch, definition: String? = nil) {
    self.cluster = cluster
    self.workload = workload
    self.epoch = epoch
    self.definition = definition
  }

  /// Two marks of one claim are the same, whatever the domain was started from.
  public static func == (a: ClaimMark, b: ClaimMark) -> Bool {
    (a.cluster, a.workload, a.epoch) == (b.cluster, b.workload, b.epoch)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(cluster)
    hasher.combine(workload)
    hasher.combine(epoch)
  }
}

/// The fencing token: grows with every claim of a workload, never falls.
public struct Epoch: Hashable, Comparable, Sendable, Codable {
  public var value: Int64
  public init(_ value: Int64) { self.value = value }
  public static let none = Epoch(0)
  public var next: Epoch { Epoch(value + 1) }
  public static func < (a: Epoch, b: Epoch) -> Bool { a.value < b.value }
}

/// A domain as it was observed. A domain that is not there, or is shut off, is not in the list.
public struct DomainObservation: Hashable, Sendable {
  public enum State: String, Sendable, Codable {
    case running
    /// Paused by somebody, or by libvirt (I/O error, migration): its memory is all there, and it executes nothing.
    case paused
    /// A live migration brings it here and is not complete: it executes nothing and cannot be resumed.
    case arriving
    /// On its way down.
    case stopping
    /// Its guest crashed, and libvirt keeps it as it is (`on_crash preserve`): its memory is all there, it executes nothing and cannot be resumed.
    case crashed
    /// libvirt knows the domain but not its state: something may still execute.
    case unclear
  }
  public var id: DomainID
  /// The domain's UUID, lower case with dashes.
  public var uuid: String
  public var state: State
  /// nil when nothing is to be said of the state, or its reason is not known.
  public var reason: Reason?
  /// Our metadata, nil on a domain that Holdfast never touched.
  public var mark: ClaimMark?
  /// Memory that it may use, MiB.
  public var memory: Int
  public var vcpus: Int
  /// A persistent definition exists beside the running domain: it could start by itself.
  public var persistent: Bool
  /// The process that runs it (LXC: its controller; QEMU: qemu), in this host's PID namespace; nil when not known.
  public var pid: Int32?
  /// The cgroup directory in the hierarchy that can freeze, absolute; nil when not known.
  public var cgroup: String?
  /// Host-side network links.
  public var links: [String]
  /// Why its XML cannot be read, and what to do about it; its links are not known then.
  public var flaw: String?
  /// Why it still answers while it is frozen; nil: it does not, as far as is known.
  public var frozenNetwork: FrozenNetwork?
  /// The disks, network cards and so on that it has; nil: not known.
  public var hardware: DomainHardware?
  /// Snapshots that libvirt has of it; nil: none, or not known.
  @LaterField public var snapshots: Int?
  /// Its parts that are not up; nil: all are, or it is a domain and has none.
  @LaterField public var partTroubles: [PartTrouble]?

  /// Somebody suspended it, or all of it has arrived by a migration: it is paused for no fault of its own, and whole.
  public var isSuspended: Bool { state == .paused && reason == .suspended }

  public init(
    id: DomainID, uuid: String, state: State, reason: Reason? = nil, mark: ClaimMark?, memory: Int, vcpus: Int,
    persistent: Bool, pid: Int32?, cgroup: String?, links: [String], flaw: String? = nil
  ) {
    self.id = id
    self.uuid = uuid
    self.state = state
    self.reason = reason
    self.mark = mark
    self.memory = memory
    self.vcpus = vcpus
    self.persistent = persistent
    self.pid = pid
    self.cgroup = cgroup
    self.links = links
    self.flaw = flaw
  }
}

/// News of a hypervisor connection.
public enum HypervisorEvent: Hashable, Sendable {
  /// Everything that is active on the connection now. Sent after every (re)connection and whenever something was missed.
  case inventory(connection: String, domains: [DomainObservation])
  /// One domain changed, or appeared.
  case changed(DomainObservation)
  /// One domain was observed to be gone: no process of it is left.
  case gone(DomainID, reason: String, end: DomainEnd = .unknown)
  /// The connection does not answer: nothing is known about its domains until the next inventory. Never means "stopped".
  case unreachable(connection: String, reason: String)
  /// How far a live migration from here is; now and then while it is under way.
  case migrating(DomainID, MigrationProgress)
}

/// How far a live migration is.
public struct MigrationProgress: Hashable, Sendable, Codable {
  /// MiB of memory and disks that were sent, that are left, and that there are.
  public var sent: Int
  public var remaining: Int
  public var total: Int
  /// MiB a second.
  public var rate: Int

  public init(sent: Int, remaining: Int, total: Int, rate: Int) {
    self.sent = sent
    self.remaining = remaining
    self.total = total
    self.rate = rate
  }
}

/// How a domain may be moved while it runs.
public struct MigrationLimits: Hashable, Sendable, Codable {
  /// MiB a second; nil: libvirt's own limit.
  public var bandwidth: Int?
  /// Milliseconds for which the domain may be paused at the end; nil: QEMU's own limit.
  public var downtime: Int?
  /// A domain that changes its memory faster than it can be sent is slowed down.
  public var slowsDown: Bool
  /// The disks are copied: they are not on storage that both hosts share.
  public var copiesStorage: Bool
  /// Seconds; what is not over then is given up.
  public var time: Double

  public init(
    bandwidth: Int? = nil, downtime: Int? = nil, slowsDown: Bool = true, copiesStorage: Bool = false,
    time: Double = MigrationLimits.defaultTime
  ) {
    self.bandwidth = bandwidth
    self.downtime = downtime
    self.slowsDown = slowsDown
    self.copiesStorage = copiesStorage
    self.time = time
  }
  /// Seconds that a live migration may take when nobody said.
  public static let defaultTime: Double = 600
}

/// A live migration to another host's libvirt.
public struct MigrationRequest: Hashable, Sendable {
  public var id: DomainID
  public var uuid: String
  /// The libvirt URI by which this host reaches the other, such as `qemu+tls://b/system`.
  public var destination: String
  public var limits: MigrationLimits
  /// Somebody suspended it, and it is not begun with one that runs; else not with one that is paused.
  public var isSuspended: Bool
  /// The migration is not begun after this instant.
  public var notAfter: BootInstant

  public init(
    id: DomainID, uuid: String, destination: String, limits: MigrationLimits, isSuspended: Bool = false, notAfter: BootInstant
  ) {
    self.id = id
    self.uuid = uuid
    self.destination = destination
    self.limits = limits
    self.isSuspended = isSuspended
    self.notAfter = notAfter
  }
}

/// A domain to start, transient, from the workload's own XML.
public struct StartRequest: Hashable, Sendable {
  public var id: DomainID
  /// The spec's domain XML, as the user gave it.
  public var xml: String
  public var uuid: String
  public var mark: ClaimMark
  /// The partition for `<resource><partition>`, such as `/holdfast/freeze`.
  public var partition: String
  /// Names for the host-side links, one per interface of the XML that does not name its own, in order.
  public var links: [String]
  /// The start is not attempted after this instant: the deadline less what a start takes.
  public var notAfter: BootInstant
  /// The placeholder that `bar` left behind is removed. Without it the outcome is `.barred` then.
  public var overBar: Bool

  public init(
    id: DomainID, xml: String, uuid: String, mark: ClaimMark, partition: String, links: [String], notAfter: BootInstant,
    overBar: Bool = false
  ) {
    self.id = id
    self.xml = xml
    self.uuid = uuid
    self.mark = mark
    self.partition = partition
    self.links = links
    self.notAfter = notAfter
    self.overBar = overBar
  }
}

/// An obstacle to a live migration, whatever workload it is for.
public enum Hindrance: String, Hashable, Sendable {
  /// libvirt works at the domain: a block job, a backup, a snapshot. It passes.
  case busy
  /// The target's libvirt, or the way to it: certificate, connection, the host's identity. Somebody has to mend it.
  case target
}

/// How a start or stop ended, as far as the call can tell. What is true is what is observed afterwards.
public enum OperationOutcome: Hashable, Sendable {
  case done
  /// The operation certainly did not happen, and why.
  case failed(reason: String)
  /// A live migration: it did not happen, and that says nothing of the workload. It runs on here, and is worth another try later.
  case hindered(Hindrance, reason: String)
  /// The operation was not attempted, because its `notAfter` had passed. Nothing is wrong with the workload.
  case tooLate
  /// The operation was not attempted: starts of the workload were barred here, perhaps by an earlier life of the controller, so an earlier one
  /// may still be on its way.
  case barred
  /// A time-out or a lost connection: observe.
  case unknown(reason: String)
}
