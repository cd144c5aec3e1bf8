import GuardCore
import HoldfastModel
import HoldfastOperator
import HoldfastTime
import HoldfastYAML
import HostParts

/// All mistakes of a workload file and of the domain XML files that it names.
public typealias WorkloadFileErrors = FileErrors

/// The YAML files that define workloads, for `holdfast apply`.
public enum WorkloadFile {
  /// Every key of the file, with what holds without it. `Docs/workloads.md` shows this table.
  public static let keys = KeyTable(ownKeys + checkKeys + addressKeys + partKeys)

  private static let ownKeys: [KeyTable.Row] = [
    .init("workloads", "list", .required, "The workloads of this document."),
    .init("workloads[].name", "name", .required, "The workload's name, unique in the cluster, and the libvirt domain's."),
    .init(
      "workloads[].connection", "libvirt URI", .rule("from the XML's domain type"),
      "`lxc:///system` for type `lxc`; `qemu:///system` for `kvm` and `qemu`; `host:///system` for `parts`."),
    .init(
      "workloads[].memory", "MiB, or with a unit: `4GiB`", .rule("the XML's `<memory>`, rounded up"),
      "What it needs of a node's memory."),
    .init(
      "workloads[].cpus", "number of processors", .rule("the XML's `<vcpu>`, or 1"),
      "What it needs of a node's processors; `0.1` is a tenth of one."),
    .init(
      "workloads[].labels", "names with texts", .value("{}"), "What placement can refer to: `{tier: web}`. At most 64."),
    .init("workloads[].priority", "integer, -1000000 to 1000000", .value("0"), "Higher goes first when not all fit."),
    .init(
      "workloads[].isolation", "`freeze` or `stop`", .value("freeze"),
      "What the guard does at the deadline: freeze it, so that it can continue, or kill it, for disks whose lock must be released."
    ),
    .init(
      "workloads[].stop-timeout", "duration, 0s to 24h", .value(Quantity.text(.seconds(SpecRecord.defaultStopTimeout))),
      "Time to shut down before it is destroyed."),
    .init(
      "workloads[].shared", "list of texts", .value("[]"),
      "Disks, directories and MAC addresses that other workloads may have at the same time, if they say so too."),
    .init(
      "workloads[].uuid", "UUID", .rule("the XML's `<uuid>`, or one of its own"),
      "The libvirt domain's. The XML may say the same or nothing."),
    .init("workloads[].xml-file", "path", .rule("`xml` instead"), "The libvirt domain XML, relative to this file."),
    .init("workloads[].xml", "text", .rule("`xml-file` instead"), "The same, here, as a literal block.")
  ]

  /// Reads a workload file and the domain XML files that it names.
  ///
  /// - Returns: its workloads in the file's order, with distinct names, complete.
  /// - Throws: every mistake in it, at once.
  public static func parse(path: String) throws(WorkloadFileErrors) -> [WorkloadDefinition] {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return try WorkloadReading(MistakeLog(try SourceText.read(path)), directory: directory).read()
  }

  /// Reads workloads from text.
  ///
  /// - Parameters:
  ///   - file: the name for messages.
  ///   - directory: where `xml-file` paths start; empty is the current directory.
  /// - Throws: every mistake in it, at once.
  public static func parse(text: String, file: String, directory: String = "") throws(WorkloadFileErrors)
    -> [WorkloadDefinition]
  {
    let start = directory.isEmpty || directory.hasSuffix("/") ? directory : directory + "/"
    return try WorkloadReading(MistakeLog(try SourceText(file: file, text: text)), directory: start).read()
  }
}

extension YAMLValue {
  /// What a workload shares with others.
  fileprivate func sharedNames() -> [String]? {
    let expected = "a list of what other workloads may have too", remedy = "Write a list such as ['/srv/www']."
    guard let items = items(expected: expected, remedy: remedy) else { return nil }
    guard items.count <= SpecRecord.mostShared else {
      wrong(expected: "at most \(SpecRecord.mostShared) of them", found: "\(items.count)", remedy: "Remove some.")
      return nil
    }
    return items.compactMap { item in
      item.value(
        expected: "a path, a MAC address, or a disk such as 'rbd:vms/db1'",
        remedy: { _ in "Write what the refusal names." },
        { (1...SpecRecord.greatestSharedName).contains($0.utf8.count) && !$0.contains(where: \.isNewline) ? $0 : nil })
    }
  }
}

/// Reads one workload file.
struct WorkloadReading {
  let log: MistakeLog
  /// Empty, or with a slash at its end.
  let directory: String
  /// They are only thought of: nothing is started from them, so the XML may be left out.
  let isSupposed: Bool

  init(_ log: MistakeLog, directory: String, isSupposed: Bool = false) {
    self.log = log
    self.directory = directory
    self.isSupposed = isSupposed
  }

  func read() throws(WorkloadFileErrors) -> [WorkloadDefinition] {
    let documents = YAMLDocuments.compose(log)
    if documents.isEmpty, log.isEmpty {
      log.add(
        at: FilePosition(line: 1, column: 1), key: nil, expected: "workloads", found: "nothing",
        remedy: "Start with 'workloads:' and a list; Docs/workloads.md shows one.")
    }
    return try log.finish(definitions(in: documents)).0
  }

  /// The workloads of all documents; what is wrong goes to the log.
  func definitions(in documents: [YAMLValue]) -> [WorkloadDefinition] {
    var names: [String: Int] = [:], identifiers: [String: String] = [:]
    var definitions: [WorkloadDefinition] = []
    for entry in documents.flatMap(entries) where !log.isFull {
      guard let section = entry.section(of: WorkloadFile.keys, at: "workloads[]") else { continue }
      if let name = entry.name(at: "name"), let line = names.updateValue(entry.position.line, forKey: name) {
        section["name"]?.wrong(
          expected: "every workload once", found: "'\(name)' again (first on line \(line))",
          remedy: "Rename or remove one of the two.")
      }
      guard let definition = workload(section) else { continue }
      if let uuid = definition.uuid, let other = identifiers.updateValue(definition.name, forKey: uuid),
        other != definition.name
      {
        (section["xml"] ?? section["xml-file"])?.wrong(
          expected: "a UUID of its own", found: "the <uuid> of '\(other)'", remedy: "Remove <uuid> from the copied XML.")
      }
      definitions.append(definition)
    }
    return definitions
  }

  private func entries(_ document: YAMLValue) -> [YAMLValue] {
    let expected = "a list of workloads", remedy = "Write 'workloads:' and entries that start with '- name: NAME'."
    guard let section = document.section(of: isSupposed ? AdditionFile.keys : WorkloadFile.keys, at: "") else { return [] }
    if isSupposed, section["workloads"] == nil, section["nodes"] != nil { return [] }
    guard let value = section.required("workloads", expected: expected, remedy: remedy),
      let items = value.items(expected: expected, remedy: remedy)
    else { return [] }
    if items.isEmpty { value.wrong(expected: expected, found: "an empty list", remedy: remedy) }
    // Messages name a workload by its name where it has one.
    return items.map { item in item.name(at: "name").map { item.renamed("workloads[\($0)]") } ?? item }
  }

  private func workload(_ section: YAMLSection) -> WorkloadDefinition? {
    let name = section.required("name", expected: "the workload's name", remedy: "Add 'name: NAME'.")?.name()
    let domain = section["parts"] == nil ? domain(section) : parts(section)
    let isBare = isSupposed && section["xml"] == nil && section["xml-file"] == nil && section["parts"] == nil
    let connection = connection(section, domain, isBare: isBare)
    let memory = memory(section, domain, isBare: isBare)
    let cpus = section["cpus"].map { $0.processors(from: 0, to: 10_000) } ?? domain?.facts.processors ?? 1
    let stopTimeout = section.read("stop-timeout", default: .seconds(SpecRecord.defaultStopTimeout)) {
      $0.duration(in: .zero ... .seconds(SpecRecord.stopTimeouts.upperBound))
    }
    let labels = section.read("labels", default: [:]) { $0.labels() }
    let priority = section.read("priority", default: 0) { $0.integer(in: -1_000_000...1_000_000) }
    let isolation = section.read("isolation", default: .freeze) { $0.choice(Isolation.self) }
    let shared = section.read("shared", default: []) { $0.sharedNames() }
    let checks = section.read("checks", default: []) {
      CheckReading(connection: connection ?? domain?.facts.connection).checks($0)
    }
    let addresses = section.read("addresses", default: []) { $0.addresses() }
    var uuid = domain?.facts.uuid
    if let value = section["uuid"] {
      let said = value.value(
        expected: "a UUID of 32 hexadecimal digits", remedy: { _ in "Remove it: the workload gets one of its own." },
        NameUUID.normalized)
      if let said, let own = uuid, own != said {
        value.wrong(expected: "\(own), as the XML says", remedy: "Remove 'uuid', or correct the XML.")
      }
      uuid = said
    }
    // What is nil here has been reported.
    guard let name, domain != nil || isBare, let connection = connection ?? domain?.facts.connection, let memory, let cpus
    else {
      return nil
    }
    return WorkloadDefinition(
      name: name, connection: connection, uuid: uuid, xml: domain?.xml ?? "",
      demand: Resources(memory: memory, cpus: cpus), labels: labels, priority: priority, isolation: isolation,
      stopTimeout: stopTimeout.inSeconds, shared: shared, checks: checks, addresses: addresses)
  }

  /// nil: it is not known, or wrong, which was reported.
  private func connection(_ section: YAMLSection, _ domain: Domain?, isBare: Bool) -> String? {
    let connection = section["connection"]?.connection()
    if section["parts"] != nil {
      if let connection, !SpecRecord.isOfHost(connection) {
        section["connection"]?.wrong(
          expected: "\(SpecRecord.hostConnection), as it is made of parts of the host",
          remedy: "Remove 'connection', or 'parts'.")
      }
      return SpecRecord.hostConnection
    }
    if let connection, let domain, let own = domain.facts.connection, own != connection {
      section["connection"]?.wrong(
        expected: "\(own), as the XML's domain type is '\(domain.facts.type)'",
        remedy: "Remove 'connection', or correct the XML.")
    }
    return isBare && section["connection"] == nil ? "lxc:///system" : connection
  }

  private func memory(_ section: YAMLSection, _ domain: Domain?, isBare: Bool) -> Int? {
    if let value = section["memory"] { return value.mebibytes() }
    if section["parts"] != nil {
      section.missing("memory", expected: "the memory that its parts need together", remedy: "Add 'memory: 512MiB'.")
    } else if isBare {
      section.missing("memory", expected: "its memory, or its XML", remedy: "Add 'memory: 4GiB', or 'xml-file: PATH'.")
    } else if let domain, domain.isSound, domain.facts.memory == nil {
      section.missing(
        "memory", expected: "its memory, here or as <memory> in the XML",
        remedy: "Add <memory unit='MiB'> to the XML: libvirt needs it too.")
    }
    return domain?.facts.memory
  }

  // MARK: what it is

  private func parts(_ section: YAMLSection) -> Domain? {
    for key in ["xml", "xml-file"] {
      section[key]?.wrong(expected: "one of 'parts' and '\(key)'", found: "both", remedy: "Remove one of the two.")
    }
    return section["parts"]?.parts().map { Domain(xml: $0.text, facts: DefinedDomain(type: ""), isSound: true) }
  }

  private struct Domain {
    /// Or the text of its parts.
    var xml: String
    var facts: DefinedDomain
    /// Nothing was wrong in it: what is missing is missing, not unread.
    var isSound: Bool
  }

  private func domain(_ section: YAMLSection) -> Domain? {
    switch (section["xml"], section["xml-file"]) {
    case (let value?, nil): return inline(value)
    case (nil, let value?): return file(value)
    case (nil, nil) where isSupposed: break
    case (nil, nil) where section.whole.text(at: "connection") == SpecRecord.hostConnection:
      section.missing(
        "parts", expected: "the parts of the host that it is made of", remedy: "Add 'parts:', or remove 'connection'.")
    case (nil, nil):
      section.missing("xml-file", expected: "the domain XML, by 'xml-file' or 'xml'", remedy: "Add 'xml-file: PATH'.")
    case (_?, let value?):
      value.wrong(expected: "one of 'xml' and 'xml-file'", found: "both", remedy: "Remove one of the two.")
    }
    return nil
  }

  private func inline(_ value: YAMLValue) -> Domain? {
    guard let xml = value.text(expected: "domain XML", remedy: "Write 'xml: |', and the XML below it, indented.") else {
      return nil
    }
    let (facts, flaws) = DefinedDomain.read(xml, limit: SpecRecord.greatestXML)
    for flaw in flaws {
      if let place = value.position(of: flaw.place) {
        value.wrong(at: place, expected: flaw.expected, found: flaw.found, remedy: flaw.remedy)
      } else {
        value.wrong(expected: flaw.expected, found: "\(flaw.found) (line \(flaw.place.line) of the XML)", remedy: flaw.remedy)
      }
    }
    return facts.map { Domain(xml: xml, facts: $0, isSound: flaws.isEmpty) }
  }

  private func file(_ value: YAMLValue) -> Domain? {
    guard let name = value.text(expected: "the path of a file with domain XML", remedy: "Write the path."), !name.isEmpty else {
      return nil
    }
    let source: SourceText
    do {
      source = try SourceText.read(name.hasPrefix("/") ? name : directory + name)
    } catch {
      for mistake in error.mistakes {
        if mistake.position == nil {
          value.wrong(
            expected: "a file that can be read", found: "\(mistake.found): \(YAMLValue.quote(mistake.file))",
            remedy: mistake.remedy)
        } else {
          log.add(mistake)
        }
      }
      return nil
    }
    let (facts, flaws) = DefinedDomain.read(source.text, limit: SpecRecord.greatestXML)
    for flaw in flaws {
      log.add(
        FileMistake(
          file: source.file, position: flaw.place, key: value.path, expected: flaw.expected, found: flaw.found,
          remedy: flaw.remedy, excerpt: source.excerpt(of: flaw.place)))
    }
    return facts.map { Domain(xml: source.text, facts: $0, isSound: flaws.isEmpty) }
  }
}
