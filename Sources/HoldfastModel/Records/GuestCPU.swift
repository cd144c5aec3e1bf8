/// The CPU of a virtual machine that runs, where its definition leaves it to the host (`host-model`): only the node that started it knows it.
public struct GuestCPU: Hashable, Sendable, Codable {
  /// libvirt's URI.
  public var connection: String
  /// The domain's type, such as `kvm`.
  public var type: String
  /// nil: the host's.
  public var architecture: String?
  /// The `<cpu>` element with its model and features, and nothing besides.
  public var xml: String

  /// Bytes of an element that a report has.
  public static let longest = 16384

  public init(connection: String, type: String, architecture: String?, xml: String) {
    self.connection = connection
    self.type = type
    self.architecture = architecture
    self.xml = xml
  }
}

/// Workloads of a node that run with the same CPU: on one host most do.
public struct RunningCPU: Hashable, Sendable, Codable {
  public var cpu: GuestCPU
  /// Sorted.
  public var workloads: [WorkloadName]

  public init(_ cpu: GuestCPU, _ workloads: [WorkloadName]) {
    self.cpu = cpu
    self.workloads = workloads.sorted()
  }

  /// So many CPUs and workloads are reported, as the report is one record. Of the others nothing is known elsewhere.
  public static let most = 16
  public static let mostWorkloads = 2000

  /// By the first workload of each.
  public static func grouped(_ found: [WorkloadName: GuestCPU]) -> [RunningCPU] {
    let told = found.filter { $0.value.xml.utf8.count <= GuestCPU.longest }.sorted { $0.key < $1.key }.prefix(mostWorkloads)
    let groups = Dictionary(grouping: told, by: \.value).map { RunningCPU($0.key, $0.value.map(\.key)) }
    return Array(groups.sorted { $0.workloads.lexicographicallyPrecedes($1.workloads) }.prefix(most))
  }
}

/// What a node knows of CPUs of virtual machines that run.
public struct GuestCPUs: Hashable, Sendable {
  /// Of those here.
  public var running: [RunningCPU]
  /// Those elsewhere that no guest here can have, in the order of the reasons.
  public var lacking: [IncompatibleWorkloads]

  public init(running: [RunningCPU] = [], lacking: [IncompatibleWorkloads] = []) {
    self.running = running
    self.lacking = lacking
  }
}

extension ClusterView {
  /// Why no guest on that node can have the CPU with which the workload runs on another, as the two last said; nil: it can, as far as is known.
  package func cpuLack(of workload: WorkloadName, from holder: NodeName, to target: NodeName) -> Incompatibility? {
    guard let running = reports[holder]?.value.runningCPUs, running.contains(where: { $0.workloads.contains(workload) }) else {
      return nil
    }
    return reports[target]?.value.lackingCPUs?.first { $0.workloads.contains(workload) }?.reason
  }
}
