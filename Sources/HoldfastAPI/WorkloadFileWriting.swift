import GuardCore
import HoldfastModel
import HoldfastYAML
import HostParts

extension WorkloadFile {
  /// A file that says what these definitions say: reading it gives them again.
  ///
  /// - Parameter file: its name, for the message about what cannot be written.
  /// - Throws: what YAML, or a key of the file, cannot express; nothing that a file was read from.
  public static func text(of definitions: [WorkloadDefinition], file: String) throws -> String {
    let entries = definitions.map { YAMLOutput.mapping(keys(of: $0)) }
    let text = try YAMLOutput.mapping([("workloads", .list(entries))]).text()
    let again = Dictionary(try parse(text: text, file: file).map { ($0.name, $0) }) { first, _ in first }
    if let lost = definitions.first(where: { again[$0.name] != $0 })?.name {
      throw WorkloadFileErrors([
        FileMistake(
          file: file, position: nil, expected: "a definition that a file can hold",
          found: "one that reads differently: '\(lost)'",
          remedy: "`holdfast workload \(lost) -o json` prints it in full.")
      ])
    }
    return text
  }

  private static func keys(of definition: WorkloadDefinition) -> [(key: String, value: YAMLOutput)] {
    var keys: [(key: String, value: YAMLOutput)] = [
      ("name", .quoted(definition.name)), ("connection", .quoted(definition.connection))
    ]
    if let uuid = definition.uuid { keys.append(("uuid", .quoted(uuid))) }
    keys += [
      ("memory", .plain("\(definition.demand.memory)MiB")), ("cpus", .plain(number(definition.demand.cpus))),
      ("priority", .plain("\(definition.priority)")), ("isolation", .plain(definition.isolation.rawValue)),
      ("stop-timeout", .plain(Quantity.text(.seconds(definition.stopTimeout))))
    ]
    if !definition.labels.isEmpty {
      keys.append(("labels", .mapping(definition.labels.sorted { $0.key < $1.key }.map { ($0.key, .quoted($0.value)) })))
    }
    if let shared = definition.shared { keys.append(("shared", .list(shared.map { .quoted($0) }))) }
    if let checks = definition.checks { keys.append(("checks", .list(checks.map { .mapping(CheckFields($0).keys) }))) }
    if let addresses = definition.addresses { keys.append(("addresses", .list(addresses.map { .mapping($0.fileKeys) }))) }
    // What this build cannot read as parts is written as it is: reading it again tells.
    guard SpecRecord.isOfHost(definition.connection), let parts = try? HostDefinition(definition.xml).parts else {
      return keys + [("xml", .block(definition.xml))]
    }
    return keys + [("parts", .list(parts.map { .mapping($0.fileKeys) }))]
  }

  private static func number(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}
