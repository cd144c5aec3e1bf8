import HoldfastModel

/// The resources of a plan as columns of whole numbers: memory, processors, and whatever else the policies count.
///
/// Whole, because sums of fractions depend on their order, and a plan must not.
struct ResourceTable {
  static let memory = 0
  static let cpus = 1

  let names: [String]
  private let columns: [String: Int]
  var count: Int { names.count }

  init(_ policies: PolicySet) {
    var counted = Set(policies.cluster.pool.keys)
    for rule in policies.nodes { counted.formUnion(rule.capacity.keys) }
    for rule in policies.workloads { counted.formUnion(rule.demand.keys) }
    counted.subtract([ResourceName.memory, ResourceName.cpus])
    names = [ResourceName.memory, ResourceName.cpus] + counted.sorted()
    columns = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  func column(_ name: String) -> Int? { columns[name] }

  /// Memory counts in MiB, everything else in millionths: the smallest share of a processor that anybody writes, with room.
  private func scale(_ column: Int) -> Double { column == Self.memory ? 1 : 1_000_000 }

  /// Far above what exists, and such that millions of them add up without overflow.
  private static let limit = Double(1 << 42)

  func amount(_ value: Double, _ column: Int) -> Int64 {
    guard value.isFinite else { return 0 }
    return Int64((min(max(value * scale(column), -Self.limit), Self.limit)).rounded())
  }

  /// What is given away must be there: rounded down, but for the error of the computation before.
  func capacity(_ value: Double, _ column: Int) -> Int64 {
    guard !value.isNaN else { return 0 }
    return Int64((min(max(value * scale(column), -Self.limit), Self.limit) + 1e-6).rounded(.down))
  }

  func amounts(_ resources: Resources) -> [Int64] {
    var amounts = [Int64](repeating: 0, count: count)
    amounts[Self.memory] = amount(Double(resources.memory), Self.memory)
    amounts[Self.cpus] = amount(resources.cpus, Self.cpus)
    return amounts
  }

  /// In MiB, processors, or pieces.
  func value(_ amount: Int64, _ column: Int) -> Double { Double(amount) / scale(column) }

  func shortage(_ column: Int, needs: Int64, free: Int64) -> Exclusion.Shortage {
    Exclusion.Shortage(resource: names[column], needs: value(needs, column), free: value(max(0, free), column))
  }

  /// With its unit, such as `512 MiB of memory`.
  func quantity(_ amount: Int64, _ column: Int) -> String {
    switch column {
    case Self.memory: "\(InWords.memory(Int(amount))) of memory"
    case Self.cpus: processors(amount)
    default: "\(text(amount, column)) of '\(names[column])'"
    }
  }

  private func processors(_ amount: Int64) -> String {
    let text = text(amount, Self.cpus)
    return text == "1" ? "1 processor" : "\(text) processors"
  }

  private func text(_ amount: Int64, _ column: Int) -> String {
    let hundredths = (Double(amount) / scale(column) * 100).rounded()
    return hundredths.truncatingRemainder(dividingBy: 100) == 0 ? "\(Int(hundredths / 100))" : "\(hundredths / 100)"
  }
}
