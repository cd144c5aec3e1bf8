import Testing

/// The rules of the house, each on this repository, and each on a file that breaks it.
@Suite struct `A rule of the house` {
  private static let controller = SourceFile.sources.filter { $0.module == "HoldfastController" }

  private static func file(_ text: String, at path: String = "Sources/HoldfastController/Made/Up.swift") -> SourceFile {
    SourceFile(path: path, text: text)
  }

  // MARK: machines

  @Test func `keeps a machine in its file`() {
    for found in HouseRules.strayExtensions(Self.controller) { Issue.record("\(found)") }
  }

  @Test(arguments: [
    "extension Course {", "private extension Course {", "fileprivate extension Course: Sendable {", "extension Course.Step {",
    "package extension Course where Step: Sendable {"
  ])
  func `sees an extension from outside`(line: String) {
    for kind in ["struct", "package enum", "public final class", "actor"] {
      let home = Self.file("\(kind) Course {\n}\n", at: "Sources/HoldfastController/Made/Course.swift")
      #expect(HouseRules.strayExtensions([home, Self.file(line + "\n}\n")]).count == 1, "\(kind)")
      #expect(HouseRules.strayExtensions([Self.file("\(kind) Course {\n}\n\(line)\n}\n")]).isEmpty, "in its own file")
    }
  }

  /// A machine that is replaced as a whole forgets what it promised. The tables that hold machines put them back.
  @Test func `lets nobody assign to a machine of another`() {
    let tables: Set<String> = ["WorkloadTable.swift", "Roster.swift"]
    for found in HouseRules.strayAssignments(Self.controller.filter { !tables.contains($0.name) }) { Issue.record("\(found)") }
  }

  @Test(arguments: [
    "    machines.lease = Lease(configuration, saved: nil)", "    machine.parts.run = Run()", "    parts.fence.course = .open",
    "    machines.workloads[name] = WorkloadMachine(name)", "    machines.workloads[name]?.parts = parts",
    "    if isOver { machines.departure = Departure() }", "    turn.now = later", "    parts.failures += 1"
  ])
  func `sees an assignment to a machine of another`(line: String) {
    #expect(HouseRules.strayAssignments([Self.file(line)]).count == 1)
    #expect(HouseRules.strayAssignments([Self.file("    // \(line)")]).isEmpty)
  }

  // MARK: permits

  /// What may be made by `.init` in the controller: the parts of records.
  private static let records = ["node:", "count:", ".offered", ".ready", ".arrived"]
  private static let permits = [
    "SessionPermit", "PermittedTransaction", "ClaimPermit", "HeldClaim", "GuardReceipt", "StartPermit", "ResumePermit",
    "MigrationPermit", "UnwellPermit",
    "ForgetPermit", "ThawPermit", "Absence", "Vacancy", "GuardWord", "Turn"
  ]

  @Test func `lets no permit be made without its name`() throws {
    for found in HouseRules.namelessMakers(Self.controller, unless: Self.records) { Issue.record("\(found)") }
    for found in try HouseRules.borrowedMakers(Self.controller, of: Self.permits) { Issue.record("\(found)") }
  }

  @Test(arguments: [
    "    effects.start(.init(claim, receipt, turn), request)", "    let permit: StartPermit? = .init(claim, turn)",
    "  var absence: Absence { .init(workload: name) }", "    return .init(workload: name)",
    "    StartPermit.init(claim, receipt, turn)",
    "    line.release(.init(workload: name), .init(node: me, incarnation: holder))",
    "    effects.start(.init(\n      claim, turn), request)"
  ])
  func `sees a permit without its name`(line: String) {
    #expect(HouseRules.namelessMakers([Self.file(line)], unless: Self.records).count == 1)
  }

  @Test(arguments: ["    let make = Absence.init", "    let type = StartPermit.self"])
  func `sees a maker that is handed on`(line: String) throws {
    #expect(try HouseRules.borrowedMakers([Self.file(line)], of: Self.permits).count == 1)
  }

  // MARK: sizes

  /// The modules in which everything is decided that is unsafe when it is wrong: shorter, so that each function can be seen at once.
  private static let short: Set<String> = [
    "HoldfastTime", "GuardCore", "HoldfastModel", "Housekeeping", "HoldfastChecks", "HoldfastController"
  ]

  @Test func `keeps functions short`() {
    let everything = SourceFile.sources + ["Lab", "Tests", "Examples"].flatMap { SourceFile.files(in: $0) }
    for found in HouseRules.longFunctions(everything, most: 60) { Issue.record("\(found)") }
    let core = SourceFile.sources.filter { Self.short.contains($0.module) }
    for found in HouseRules.longFunctions(core, most: 43) { Issue.record("\(found)") }
  }

  @Test(arguments: [
    "  mutating func step(_ turn: borrowing Turn) {", "  public init(\n    name: String\n  ) {", "  init?(name: String) {",
    "  private static func found(\n    _ name: String\n  ) -> Bool\n  {", "  @Test func `a long story`() async throws {",
    "  public var description: String {", "  subscript(name: String) -> Course? {"
  ])
  func `sees a long function`(head: String) {
    func file(_ lines: Int) -> SourceFile {
      Self.file(
        "struct Course {\n\(head)\n" + String(repeating: "    step()\n", count: lines) + "  }\n\n  var isOver = true\n}\n")
    }
    #expect(HouseRules.longFunctions([file(44)], most: 43).count == 1)
    #expect(HouseRules.longFunctions([file(43)], most: 43).isEmpty)
  }

  // MARK: imports

  /// Rings 2 and 3: of this project's modules, what each may import. Adapters see ports and ring 1, and of each other only what they
  /// share by its nature; the guard's program sees next to nothing, and the operator's no adapter.
  private static let outerRings: [String: Set<String>] = [
    "LinuxBasics": ["HoldfastTime", "CLinux"],
    "HoldfastPorts": ["HoldfastModel", "GuardCore", "HoldfastTime", "Housekeeping"],
    "MemoryStore": ["HoldfastPorts", "HoldfastModel", "Housekeeping"],
    "EtcdStore": ["HoldfastPorts", "HoldfastModel", "Housekeeping"],
    "DomainXML": ["HoldfastModel", "GuardCore"],
    "CgroupIsolation": ["GuardCore", "HoldfastTime", "LinuxBasics", "CLinux"],
    "LibvirtHypervisor": [
      "HoldfastPorts", "HoldfastModel", "HoldfastTime", "DomainXML", "CgroupIsolation", "LinuxBasics", "CLibvirt", "CLinux"
    ],
    "HealthProbes": [
      "HoldfastChecks", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "CgroupIsolation", "LinuxBasics", "CLinux"
    ],
    "HostServices": [
      "HostParts", "HealthProbes", "HoldfastPorts", "HoldfastModel", "HoldfastTime", "CgroupIsolation", "LinuxBasics"
    ],
    "AddressPresence": ["HoldfastPorts", "HoldfastModel", "GuardCore", "HoldfastTime", "LinuxBasics", "CLinux"],
    "GuardDoor": ["HoldfastPorts", "GuardCore", "HoldfastTime", "LinuxBasics", "CLinux"],
    "HoldfastYAML": ["HoldfastModel", "LinuxBasics"],
    "HoldfastPolicies": ["HoldfastModel", "HoldfastPlanning", "GuardCore", "HoldfastYAML"],
    "Scenarios": [
      "Simulator", "HoldfastYAML", "HoldfastPolicies", "HoldfastModel", "HostParts", "HoldfastPlanning", "GuardCore",
      "HoldfastTime"
    ],
    "HoldfastAPI": [
      "HoldfastModel", "HostParts", "HoldfastPlanning", "HoldfastOperator", "GuardCore", "HoldfastTime", "HoldfastYAML",
      "DomainXML"
    ],
    "holdfast-guard": ["GuardCore", "HoldfastTime", "CgroupIsolation", "LinuxBasics", "CLinux"],
    "holdfastd": ["HoldfastNode"],
    "holdfast": [
      "HoldfastTime", "GuardCore", "HoldfastModel", "HoldfastPlanning", "HoldfastOperator", "HoldfastAPI", "HoldfastYAML",
      "HoldfastPolicies", "Simulator", "Scenarios", "LinuxBasics", "Housekeeping"
    ]
  ]
  /// Wires everything together, and is imported by the daemon alone.
  private static let wiring = "HoldfastNode"
  private static let programs: Set<String> = ["holdfast", "holdfastd", "holdfast-guard", "Simulator", "Scenarios"]
  private static let ours = Set(SourceFile.sources.map(\.module)).union(["CLibvirt", "CSystemd", "CLinux"])

  @Test func `lets the outer rings import inwards only`() {
    let outer = SourceFile.sources.filter { Self.outerRings[$0.module] != nil }
    #expect(Set(outer.map(\.module)) == Set(Self.outerRings.keys), "the table names modules that are not there")
    for found in HouseRules.strayImports(outer, of: Self.ours, allowed: Self.outerRings) { Issue.record("\(found)") }
    let everything = [Self.wiring: Self.ours.subtracting(Self.programs)]
    let node = SourceFile.sources.filter { $0.module == Self.wiring }
    for found in HouseRules.strayImports(node, of: Self.ours, allowed: everything) { Issue.record("\(found)") }
  }

  @Test(arguments: [
    ("EtcdStore", "LibvirtHypervisor"), ("LibvirtHypervisor", "HoldfastController"), ("holdfast-guard", "HoldfastModel"),
    ("holdfast", "EtcdStore"), ("HoldfastPorts", "HoldfastNode"), ("MadeUp", "HoldfastModel")
  ])
  func `sees an import outwards or across`(module: String, imported: String) {
    let file = Self.file("import Glibc\nimport \(imported)\n", at: "Sources/\(module)/MadeUp.swift")
    #expect(HouseRules.strayImports([file], of: Self.ours, allowed: Self.outerRings).count == 1)
  }

  // MARK: words

  /// Whatever people read or edit: code, documents, examples, tests, the lab.
  private static let texts: [SourceFile] =
    SourceFile.sources + SourceFile.one("README.md")
    + ["Docs", "Tests", "Lab", "Examples", "Policies", "Packaging", "Scripts"].flatMap { folder in
      SourceFile.all(in: folder, types: ["swift", "md", "yaml", "json", "xml", "txt", "sh", "service", "in", ""])
    }.filter { !$0.path.hasPrefix("Tests/CoreTests/Repository/") }.map(withoutReplacedWords)

  /// The glossary names in its last column what a word has replaced.
  private static func withoutReplacedWords(_ file: SourceFile) -> SourceFile {
    guard file.path == "Docs/glossary.md" else { return file }
    let kept = file.lines.map { line in
      line.hasPrefix("|") ? line.split(separator: "|").dropLast().joined(separator: "|") : String(line)
    }
    return SourceFile(path: file.path, text: kept.joined(separator: "\n"))
  }

  static let replacedWords = [
    "GuardianLink", "[Gg]uardian\\w*", "ClaimWishes", "GuardProtocol", "HoldfastCore", "[Uu]pkeep", "\\w*Upkeep\\w*",
    "stands? still", "standing still", "stood still", "\\w*[sS]tandsStill", "\\w*[fF]airChance", "\\w*[iI]nHaste",
    "condemn\\w*",
    "isCondemned", "acquit", "\\w*[nN]amesakes?", "[pP]assage", "[lL]ookout", "[vV]antage", "movers", "minders", "Carrying",
    "Agreement", "Emptying\\w*", "Telling", "compan(y|ies|ions)", "\\w*[hH]omecoming", "\\w*[hH]omeless", "[sS]tranded",
    "[eE]vacuees?", "\\w*[hH]andsOff", "hands-off", "node trust", "(go|goes|went) on on"
  ]

  @Test(arguments: replacedWords)
  func `lets only the glossary's words be used`(pattern: String) throws {
    for found in try HouseRules.strayWords(Self.texts, pattern) { Issue.record("\(found)") }
  }

  @Test func `looks at every kind of text`() {
    for kind in ["README.md", "Docs/", "Tests/Scenarios/", "Tests/NodeTests/", "Lab/Driver/", "Sources/Scenarios/", "Examples/"]
    {
      #expect(Self.texts.contains { $0.path.hasPrefix(kind) }, "\(kind)")
    }
  }

  @Test func `sees a word that was replaced`() throws {
    let file = Self.file("The guardian stands still.", at: "Docs/made-up.md")
    let found = try Self.replacedWords.filter { try !HouseRules.strayWords([file], $0).isEmpty }
    #expect(found == ["[Gg]uardian\\w*", "stands? still"])
  }
}
