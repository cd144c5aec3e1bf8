import HoldfastModel
import HoldfastYAML

/// A node that somebody thinks of adding to a cluster.
public struct NodeAddition: Hashable, Sendable {
  public var name: NodeName
  public var capacity: Resources
  public var labels: [String: String]
  /// nil: those that the cluster's other nodes serve.
  public var connections: [String]?
}

/// The YAML files that name what might be added to a cluster, for `holdfast whatif --add`: workloads as for `holdfast apply`, whose XML
/// may be left out, and nodes.
public enum AdditionFile {
  public static let keys = KeyTable(
    [
      .init("nodes", "list", .rule("no nodes"), "Nodes that join."),
      .init("nodes[].name", "name", .required, "The node's name."),
      .init("nodes[].memory", "MiB, or with a unit: `64GiB`", .required, "What it has for workloads."),
      .init("nodes[].cpus", "number of processors", .required, "The same."),
      .init("nodes[].labels", "names with texts", .value("{}"), "What policies can refer to: `{rack: a}`."),
      .init(
        "nodes[].connections", "list of libvirt URIs", .rule("those that the other nodes serve"), "What it can run.")
    ] + WorkloadFile.keys.rows)

  /// - Throws: every mistake in the file, at once.
  public static func parse(path: String) throws(FileErrors) -> (nodes: [NodeAddition], workloads: [WorkloadDefinition]) {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return try parse(try SourceText.read(path), directory: directory)
  }

  /// - Parameter file: the name for messages.
  /// - Throws: every mistake in the text, at once.
  public static func parse(text: String, file: String) throws(FileErrors) -> (
    nodes: [NodeAddition], workloads: [WorkloadDefinition]
  ) {
    try parse(try SourceText(file: file, text: text), directory: "")
  }

  private static func parse(_ source: SourceText, directory: String) throws(FileErrors) -> (
    nodes: [NodeAddition], workloads: [WorkloadDefinition]
  ) {
    let log = MistakeLog(source)
    let documents = YAMLDocuments.compose(log)
    if documents.isEmpty, !log.hasErrors {
      log.add(
        at: FilePosition(line: 1, column: 1), key: nil, expected: "nodes or workloads", found: "nothing",
        remedy: "Start with 'nodes:' or 'workloads:' and a list.")
    }
    let nodes = nodes(in: documents, log)
    let workloads = WorkloadReading(log, directory: directory, isSupposed: true).definitions(in: documents)
    return try log.finish((nodes, workloads)).0
  }

  private static func nodes(in documents: [YAMLValue], _ log: MistakeLog) -> [NodeAddition] {
    var nodes: [NodeAddition] = [], lines: [NodeName: Int] = [:]
    let expected = "a list of nodes", remedy = "Write entries that start with '- name: NAME'."
    for document in documents where document.isMapping {
      guard let value = document.value(at: "nodes") else { continue }
      let items = value.items(expected: expected, remedy: remedy) ?? []
      if value.isList, items.isEmpty { value.wrong(expected: expected, found: "an empty list", remedy: remedy) }
      for item in items where !log.isFull {
        let named = item.name(at: "name").map { item.renamed("nodes[\($0)]") } ?? item
        guard let section = named.section(of: keys, at: "nodes[]"), let node = node(section) else { continue }
        if let line = lines.updateValue(item.position.line, forKey: node.name) {
          section["name"]?.wrong(
            expected: "every node once", found: "'\(node.name)' again (first on line \(line))", remedy: "Rename one of the two."
          )
        }
        nodes.append(node)
      }
    }
    return nodes
  }

  private static func node(_ section: YAMLSection) -> NodeAddition? {
    let name = section.required("name", expected: "the node's name", remedy: "Add 'name: NAME'.")?.name()
    let memory = section.required("memory", expected: "its memory", remedy: "Add 'memory: 64GiB'.")?.mebibytes()
    let cpus = section.required("cpus", expected: "its processors", remedy: "Add 'cpus: 16'.")?.processors(from: 0, to: 10_000)
    let labels = section.read("labels", default: [:]) { $0.labels() }
    let connections = section["connections"].flatMap { value in
      value.items(expected: "a list of libvirt URIs", remedy: "Write [lxc:///system].")?.compactMap { $0.connection() }
    }
    guard let name, let memory, let cpus else { return nil }
    return NodeAddition(
      name: NodeName(name), capacity: Resources(memory: memory, cpus: cpus), labels: labels, connections: connections)
  }
}
