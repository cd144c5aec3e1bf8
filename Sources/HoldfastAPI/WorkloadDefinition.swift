import GuardCore
import HoldfastModel

/// A workload as an operator defines it: what `holdfast apply` reads from a file and sends to the daemon.
///
/// The workload's name is the libvirt domain's name: a `<name>` in the XML that says otherwise is replaced at the start.
public struct WorkloadDefinition: Hashable, Sendable, Codable {
  public var name: String
  /// libvirt's URI, such as `lxc:///system`.
  public var connection: String
  /// nil: the XML's own `<uuid>`, or one that the daemon derives from the cluster's and the workload's name.
  public var uuid: String?
  /// The domain XML.
  public var xml: String
  /// What it needs of a node.
  public var demand: Resources
  public var labels: [String: String]
  /// Higher goes first when not all fit.
  public var priority: Int
  public var isolation: Isolation
  /// Seconds that the workload may take to shut down before it is destroyed.
  public var stopTimeout: Double
  /// Disks, directories and MAC addresses that other workloads may have at the same time, as refusals name them; absent: none.
  public var shared: [String]?
  /// What tells whether it works while it runs; absent: nothing.
  public var checks: [HealthCheck]?
  /// IP addresses that follow it; absent: none.
  public var addresses: [WorkloadAddress]?

  public init(
    name: String, connection: String, uuid: String? = nil, xml: String, demand: Resources, labels: [String: String] = [:],
    priority: Int = 0, isolation: Isolation = .freeze, stopTimeout: Double = SpecRecord.defaultStopTimeout,
    shared: [String] = [], checks: [HealthCheck] = [], addresses: [WorkloadAddress] = []
  ) {
    self.name = name
    self.connection = connection
    self.uuid = uuid
    self.xml = xml
    self.demand = demand
    self.labels = labels
    self.priority = priority
    self.isolation = isolation
    self.stopTimeout = stopTimeout
    self.shared = shared.isEmpty ? nil : shared
    self.checks = checks.isEmpty ? nil : checks
    self.addresses = addresses.isEmpty ? nil : addresses
  }

  private enum CodingKeys: String, CodingKey {
    case name, connection, uuid, xml, demand, labels, priority, isolation, stopTimeout, shared, checks, addresses
  }

  /// `labels`, `priority`, `isolation`, `stopTimeout`, `shared`, `checks` and `addresses` may be left out.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    name = try fields.decode(String.self, forKey: .name)
    connection = try fields.decode(String.self, forKey: .connection)
    uuid = try fields.decodeIfPresent(String.self, forKey: .uuid)
    xml = try fields.decode(String.self, forKey: .xml)
    demand = try fields.decode(Resources.self, forKey: .demand)
    labels = try fields.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    priority = try fields.decodeIfPresent(Int.self, forKey: .priority) ?? 0
    isolation = try fields.decodeIfPresent(Isolation.self, forKey: .isolation) ?? .freeze
    stopTimeout = try fields.decodeIfPresent(Double.self, forKey: .stopTimeout) ?? SpecRecord.defaultStopTimeout
    shared = try fields.decodeIfPresent([String].self, forKey: .shared).flatMap { $0.isEmpty ? nil : $0 }
    checks = try fields.decodeIfPresent([HealthCheck].self, forKey: .checks).flatMap { $0.isEmpty ? nil : $0 }
    addresses = try fields.decodeIfPresent([WorkloadAddress].self, forKey: .addresses).flatMap { $0.isEmpty ? nil : $0 }
  }
}
