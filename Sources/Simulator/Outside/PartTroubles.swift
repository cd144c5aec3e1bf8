import HoldfastModel

/// One part of one workload.
public struct PartName: Hashable, Sendable, CustomStringConvertible {
  public var workload: WorkloadName
  public var part: String

  public init(_ part: String, of workload: WorkloadName) {
    self.workload = workload
    self.part = part
  }

  public var description: String { "part \(part) of \(workload)" }
}

/// What is wrong with parts of workloads on one host.
struct PartTroubles {
  enum Trouble { case fails, hangs }
  var starts: [PartName: Trouble] = [:]
  var stops: [PartName: Trouble] = [:]
  /// Their status does not answer.
  var blind: Set<PartName> = []

  mutating func mend(_ part: PartName) {
    starts[part] = nil
    stops[part] = nil
    blind.remove(part)
  }
}
