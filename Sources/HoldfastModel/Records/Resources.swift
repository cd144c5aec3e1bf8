/// Memory and processors: of a workload what it needs, of a node what it has.
public struct Resources: Hashable, Sendable, Codable {
  /// MiB.
  public var memory: Int
  /// Processors; fractions are allowed.
  public var cpus: Double

  public init(memory: Int, cpus: Double) {
    self.memory = memory
    self.cpus = cpus
  }
  public static let none = Resources(memory: 0, cpus: 0)
  public static func + (a: Resources, b: Resources) -> Resources { .init(memory: a.memory + b.memory, cpus: a.cpus + b.cpus) }
  public static func - (a: Resources, b: Resources) -> Resources { .init(memory: a.memory - b.memory, cpus: a.cpus - b.cpus) }
  public static func += (a: inout Resources, b: Resources) { a = a + b }
  public static func -= (a: inout Resources, b: Resources) { a = a - b }
}
