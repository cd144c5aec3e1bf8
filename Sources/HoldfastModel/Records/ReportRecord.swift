/// A node's report on itself, beyond its claims.
public struct ReportRecord: Hashable, Sendable, Codable {
  /// Memory (MiB) and processors that domains outside protection use.
  public var unmanaged: Resources
  public var unmanagedDomains: Int
  /// Connections that do not answer, and why.
  public var unreachable: [String: String]
  public var guardPhase: GuardPhase
  /// Domains that carry our mark but no workload of this store: left alone, for a person to look at.
  public var strays: [String]
  /// UUIDs of the domains outside protection, sorted: while one runs, nobody may start a workload with the same.
  public var unmanagedUUIDs: [String]
  /// How far the live migrations from here are. nil: there is none.
  public var migrations: [WorkloadName: MigrationProgress]?
  /// Workloads that were to leave and that this node keeps running as they cannot be moved while they run, and why. nil: there is none.
  public var kept: [WorkloadName: String]?
  /// Everything under protection here is frozen, or is to be. nil: it is not, or a build before this field wrote the record.
  public var freeze: Freeze?
  /// Workloads here that the freeze leaves alone, because they may run more than once; sorted. nil: there is none.
  public var unfrozen: [WorkloadName]?
  /// Workloads whose domain is here and was paused by libvirt, and how in a clause. nil: there is none.
  public var paused: [WorkloadName: String]?
  /// Workloads here that run an older definition than the store has now; sorted. nil: there is none, as far as is known.
  public var outdated: [WorkloadName]?
  /// Differences of workloads here from their definitions, the disks first. One whose list is empty differs and is one of too many to be
  /// listed. nil: none, as far as is known.
  public var differing: [WorkloadName: [HardwareDifference]]?
  /// Flaws that people should know of, in the order of their codes. nil: nothing.
  public var flaws: [NodeFlaw]?
  /// Domains that are defined here under a workload's name or UUID and are not Holdfast's, sorted. nil: there is none, as far as is known.
  public var leftovers: [LeftoverDefinition]?
  /// Workloads that libvirt here could not run as they are defined, in the order of the reasons. nil: there is none, as far as is known.
  public var incompatible: [IncompatibleWorkloads]?
  /// Workloads here that are not well, as their checks tell, or of which that is not known; so many at most. nil: there is none, as far as is known.
  @LaterField public var health: [WorkloadName: HealthReport]?
  /// Snapshots that libvirt here has of workloads' domains: with them it does not move them while they run. nil: there is none, as far as is known.
  @LaterField public var snapshots: [WorkloadName: Int]?
  /// Workloads here that crashed and are kept by libvirt, sorted. nil: there is none.
  @LaterField public var crashed: [WorkloadName]?
  /// Those of `paused` that somebody suspended, sorted: they are moved paused. nil: there is none, or a build before this field wrote the record, which
  /// does not move what is paused.
  @LaterField public var suspended: [WorkloadName]?
  /// Workloads here that write to a file on a file system of this node's own, and the first such file of each: libvirt moves them while they run only with
  /// a copy of their disks. So many at most. nil: there is none, as far as is known.
  @LaterField public var ownDisks: [WorkloadName: String]?
  /// The CPUs with which workloads run here whose definition leaves that to the host; so many at most. nil: none, as far as is known.
  @LaterField public var runningCPUs: [RunningCPU]?
  /// Workloads that run elsewhere with a CPU that no guest here can have, in the order of the reasons: they cannot be moved here while they run. nil: there
  /// is none, as far as is known.
  @LaterField public var lackingCPUs: [IncompatibleWorkloads]?
  /// Addresses of workloads that run here that are not up, and why; so many workloads at most. nil: there is none, as far as is known.
  @LaterField public var addresses: [WorkloadName: [AddressTrouble]]?
  /// Workloads of the host itself that are here, and those of their parts that are not up; so many workloads at most. nil: there is none, as far as is known.
  @LaterField public var partTroubles: [WorkloadName: [PartTrouble]]?
  /// The node checks that fail here, or of which nothing is known, in the order of the policies; empty: all are well. nil: there is none for this node, or
  /// a build before this field wrote the record.
  @LaterField public var nodeChecks: [NodeFinding]?
  /// Bridges of this host on which a workload answers nobody for long after a start or a thaw, such as those with STP, and for how many seconds: whoever
  /// defines a workload for one is told, whichever node takes the definition. nil: there is none, as far as is known.
  @LaterField public var slowBridges: [String: Double]?

  /// Why a connection is in `unreachable` that was not asked yet, as the controller has only just begun.
  public static let notAsked = "not connected yet"

  public enum Freeze: String, Hashable, Sendable, Codable {
    /// Everything was seen to be frozen.
    case confirmed
    /// The freeze was ordered and not seen yet: some of it may still execute.
    case ordered
  }

  public init(
    unmanaged: Resources, unmanagedDomains: Int, unreachable: [String: String], guardPhase: GuardPhase, strays: [String],
    unmanagedUUIDs: [String] = [], migrations: [WorkloadName: MigrationProgress]? = nil,
    kept: [WorkloadName: String]? = nil, freeze: Freeze? = nil, unfrozen: [WorkloadName]? = nil,
    paused: [WorkloadName: String]? = nil, outdated: [WorkloadName]? = nil, leftovers: [LeftoverDefinition]? = nil
  ) {
    self.unmanaged = unmanaged
    self.unmanagedDomains = unmanagedDomains
    self.unreachable = unreachable
    self.guardPhase = guardPhase
    self.strays = strays
    self.unmanagedUUIDs = unmanagedUUIDs
    self.migrations = migrations
    self.kept = kept
    self.freeze = freeze
    self.unfrozen = unfrozen
    self.paused = paused
    self.outdated = outdated
    self.leftovers = leftovers
  }
}
