import CgroupIsolation
import HoldfastModel

/// Where and how a node's parts are run.
public struct HostPlace: Hashable, Sendable {
  public var cluster: String
  public var node: NodeName
  /// The runtime directory, gone with a reboot; records of what runs are in a directory of their own in it.
  public var runDirectory: String
  /// The guard's partition, such as `/holdfast`.
  public var partition: String
  /// The hypervisor's own partition, for what no guard stops.
  public var commonPartition: String
  /// The process in whose mount namespace parts run, and file systems are mounted: systemd gives the daemon a namespace of its own, which ends with it.
  /// nil: in the daemon's own.
  public var mountNamespace: Int?
  /// Where OCF agents are.
  public var agentRoot: String
  /// How the partitions' names become directories; nil: as libvirt does it on this host.
  public var layout: Partition.Layout?
  public var systemd: SystemdPlace

  public init(
    cluster: String, node: NodeName, runDirectory: String, partition: String, commonPartition: String, mountNamespace: Int? = 1,
    agentRoot: String = "/usr/lib/ocf", layout: Partition.Layout? = nil,
    systemd: SystemdPlace = SystemdPlace()
  ) {
    self.cluster = cluster
    self.node = node
    self.runDirectory = runDirectory
    self.partition = partition
    self.commonPartition = commonPartition
    self.mountNamespace = mountNamespace
    self.agentRoot = agentRoot
    self.layout = layout
    self.systemd = systemd
  }

  var folder: String { runDirectory + "/host" }
  /// Whose mounts count.
  var mountOwner: String { mountNamespace.map { "\($0)" } ?? "self" }
}

/// Where the systemd is that runs units.
public struct SystemdPlace: Hashable, Sendable {
  /// As the daemon sees it.
  public var process: Int
  /// Where it listens; it answers only who is in its PID namespace.
  public var socket: String

  public init(process: Int = 1, socket: String = "/run/systemd/private") {
    self.process = process
    self.socket = socket
  }
}
