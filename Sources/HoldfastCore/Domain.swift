import GuardProtocol

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

/// What Holdfast writes into a domain's metadata, so that a restarted controller recognises what it runs.
public struct ClaimMark: Hashable, Sendable, Codable {
  /// The cluster's name: two clusters on one host do not touch each other's domains.
  public var cluster: String
  public var workload: String
  public var epoch: Epoch

  public init(cluster: String, workload: String, epoch: Epoch) {
    self.cluster = cluster
    self.workload = workload
    self.epoch = epoch
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
    /// Paused by somebody, or by libvirt (I/O error, migration).
    case paused
    /// On its way down.
    case stopping
    /// libvirt knows the domain but not its state, or says that it crashed and is kept: something may still execute.
    case unclear
  }
  public var id: DomainID
  /// The domain's UUID, lower case with dashes.
  public var uuid: String
  public var state: State
  /// Our metadata, nil on a domain that Holdfast never touched.
  public var mark: ClaimMark?
  /// Memory that it may use, MiB.
  public var memory: Int
  public var vcpus: Int
  /// A persistent definition exists beside the running domain: it could start by itself.
  public var persistent: Bool
  /// The process that runs it (LXC: its controller; QEMU: qemu), in this host's PID namespace; nil when not known.
  public var pid: Int32?
  /// Its cgroup directory in the hierarchy that can freeze, absolute; nil when not known.
  public var cgroup: String?
  /// Host-side network links.
  public var links: [String]

  public init(
    id: DomainID, uuid: String, state: State, mark: ClaimMark?, memory: Int, vcpus: Int, persistent: Bool, pid: Int32?,
    cgroup: String?, links: [String]
  ) {
    self.id = id
    self.uuid = uuid
    self.state = state
    self.mark = mark
    self.memory = memory
    self.vcpus = vcpus
    self.persistent = persistent
    self.pid = pid
    self.cgroup = cgroup
    self.links = links
  }
}

/// What a hypervisor connection tells.
public enum HypervisorEvent: Hashable, Sendable {
  /// Everything that is active on the connection now. Sent after every (re)connection and whenever something was missed.
  case inventory(connection: String, domains: [DomainObservation])
  /// One domain changed, or appeared.
  case changed(DomainObservation)
  /// One domain was observed to be gone: no process of it is left.
  case gone(DomainID, reason: String)
  /// The connection does not answer: nothing is known about its domains until the next inventory. Never means "stopped".
  case unreachable(connection: String, reason: String)
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

  public init(
    id: DomainID, xml: String, uuid: String, mark: ClaimMark, partition: String, links: [String], notAfter: BootInstant
  ) {
    self.id = id
    self.xml = xml
    self.uuid = uuid
    self.mark = mark
    self.partition = partition
    self.links = links
    self.notAfter = notAfter
  }
}

/// How a start or stop ended, as far as the call can tell. What is true is what is observed afterwards.
public enum OperationOutcome: Hashable, Sendable {
  case done
  /// It certainly did not happen, and why.
  case failed(reason: String)
  /// A start that was not attempted, because its `notAfter` had passed. Nothing is wrong with the workload.
  case tooLate
  /// A time-out or a lost connection: observe.
  case unknown(reason: String)
}
