/// Why libvirt on a node cannot run a domain as it is defined, asked before anybody tries: a start there would fail, and so would a live migration.
public struct Incompatibility: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// The emulator there does not know the machine type.
    case machine
    /// A guest there cannot have such a CPU.
    case cpu
    /// No domain of that type, such as `kvm`, runs there.
    case domainType = "domain-type"
    /// The emulator is not there.
    case emulator
    /// The guard there is one that cannot raise addresses, and the workload has some.
    case addresses
    /// Something that its parts need is not on that host.
    case parts
    /// What a later build found.
    case other
  }
  public var kind: Kind
  /// In one line: the machine type, what is wrong with the CPU, the domain's type, the emulator.
  public var detail: String

  /// Characters that a report has of a detail.
  public static let longestDetail = 200

  public init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    // Cut before a space that would end it: read back it is the same.
    self.detail = InWords.oneLine(String(InWords.oneLine(detail).prefix(Self.longestDetail)))
  }

  /// A clause after the node's name.
  public var clause: String {
    switch kind {
    case .machine: "its QEMU does not know the machine type \(detail)"
    case .cpu: "it cannot give it the CPU that its definition asks for (\(detail))"
    case .domainType: "its libvirt runs no domains of type \(detail)"
    case .emulator: "the emulator \(detail) is not there"
    case .addresses: "its guard does not know addresses"
    case .parts: "what its parts need is not there (\(detail))"
    case .other: "its libvirt cannot run it as it is defined (\(detail))"
    }
  }

  /// What an operator does about it.
  public var remedy: String {
    switch kind {
    case .machine: "upgrade QEMU there, or define it with a machine type that every node knows"
    case .cpu: "define it with a CPU model that every node has (`virsh hypervisor-cpu-baseline` finds one)"
    case .domainType: "`virt-host-validate qemu` there tells what is missing"
    case .addresses: "upgrade holdfast-guard there"
    case .emulator: "install it there, or leave <emulator> out of the definition"
    case .parts: "install or make it there"
    case .other: "upgrade Holdfast on the node that tells this to read why"
    }
  }
}

extension Incompatibility: Codable {
  private enum CodingKeys: String, CodingKey { case kind, detail }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    // Whatever a later build finds besides, the node cannot run it.
    self.init(
      Kind(rawValue: try fields.decode(String.self, forKey: .kind)) ?? .other, try fields.decode(String.self, forKey: .detail))
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(kind.rawValue, forKey: .kind)
    try fields.encode(detail, forKey: .detail)
  }
}

/// By what they are, then by what is wrong.
extension Incompatibility: Comparable {
  public static func < (a: Incompatibility, b: Incompatibility) -> Bool {
    (a.kind.rawValue, a.detail) < (b.kind.rawValue, b.detail)
  }
}

/// Workloads that a node cannot run, all for the same reason.
public struct IncompatibleWorkloads: Hashable, Sendable, Codable {
  public var reason: Incompatibility
  /// Sorted.
  public var workloads: [WorkloadName]

  public init(_ reason: Incompatibility, _ workloads: [WorkloadName]) {
    self.reason = reason
    self.workloads = workloads.sorted()
  }

  /// So many are reported, as the report is one record. The others count as able to run there.
  public static let most = 2000

  /// In the order of their reasons; of too many the first by name.
  public static func grouped(_ found: [WorkloadName: Incompatibility]) -> [IncompatibleWorkloads] {
    let told = found.sorted { $0.key < $1.key }.prefix(most)
    return Dictionary(grouping: told, by: \.value).sorted { $0.key < $1.key }.map {
      IncompatibleWorkloads($0.key, $0.value.map(\.key))
    }
  }
}

extension ClusterView {
  /// Why the node cannot run it, as it last said; nil: it can, as far as is known.
  public func incompatibility(of workload: WorkloadName, on node: NodeName) -> Incompatibility? {
    reports[node]?.value.incompatible?.first { $0.workloads.contains(workload) }?.reason
  }

  /// By workload: the nodes whose libvirt cannot run it as it is defined.
  package var incompatible: [WorkloadName: [NodeName: Exclusion]] {
    var found: [WorkloadName: [NodeName: Exclusion]] = [:]
    for (node, report) in reports {
      for group in report.value.incompatible ?? [] {
        for workload in group.workloads where specs[workload] != nil {
          found[workload, default: [:]][node] = .incompatible(group.reason)
        }
      }
    }
    return found
  }
}
