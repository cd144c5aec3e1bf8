import Foundation
import Testing

/// The repository keeps its own house: what a reader may take for granted of every file.
@Suite struct `The repository` {
  private static let sources = SourceFile.sources

  /// Ring 1, from the inside out: a module may import those before it, and nothing else of ours or of the system.
  private static let core: [(module: String, mayImport: Set<String>)] = [
    ("HoldfastTime", []),
    ("GuardCore", ["HoldfastTime"]),
    ("HoldfastModel", ["HoldfastTime", "GuardCore", "FoundationEssentials"]),
    ("HostParts", ["HoldfastTime", "HoldfastModel", "FoundationEssentials"]),
    ("Housekeeping", ["HoldfastTime", "HoldfastModel"]),
    ("HoldfastChecks", ["HoldfastTime", "HoldfastModel"]),
    ("HoldfastPlanning", ["HoldfastTime", "GuardCore", "HoldfastModel"]),
    ("HoldfastController", ["HoldfastTime", "GuardCore", "HoldfastModel", "HoldfastPlanning"]),
    (
      "HoldfastOperator",
      ["HoldfastTime", "GuardCore", "HoldfastModel", "HostParts", "Housekeeping", "HoldfastPlanning", "HoldfastController"]
    )
  ]

  @Test func `has sources to look at`() { #expect(Self.sources.count > 300) }

  @Test(arguments: core.map(\.module))
  func `lets the core import inwards only`(module: String) throws {
    let allowed = try #require(Self.core.first { $0.module == module }).mayImport
    let files = Self.sources.filter { $0.module == module }
    #expect(!files.isEmpty)
    for file in files {
      for name in file.imports where !allowed.contains(name) { Issue.record("\(file.path) imports \(name)") }
    }
  }

  /// With the compiler and the system come these.
  private static let undeclared: Set<String> = [
    "Dispatch", "Foundation", "FoundationEssentials", "FoundationXML", "Glibc", "Synchronization", "Testing"
  ]

  @Test func `declares what its targets import, and nothing else`() throws {
    let manifest = try String(contentsOf: SourceFile.root.appending(path: "Package.swift"), encoding: .utf8)
    let start = #/\.(?:systemLibrary|target|executableTarget|testTarget)\(\s*name: /#
    let sections = manifest.split(separator: start).dropFirst()
    func name(_ section: Substring) throws -> Substring { try #require(section.firstMatch(of: #/"([\w-]+)"/#)).1 }
    let targets = Set(try sections.map(name))
    #expect(targets.count > 30)
    for section in sections {
      let target = try name(section)
      let folder =
        section.firstMatch(of: #/path: "([^"]+)"/#)?.1 ?? (target.hasSuffix("Tests") ? "Tests/" : "Sources/") + target
      let files = SourceFile.files(in: String(folder), generated: true)
      let imported = Set(files.flatMap(\.imports)).subtracting(Self.undeclared)
      let quoted = section.matches(of: #/(product\(name: )?"([\w-]+)"/#)
      let declared = Set(quoted.filter { $0.1 != nil || targets.contains($0.2) && $0.2 != target }.map { String($0.2) })
      #expect(files.isEmpty || imported == declared, "\(target): \(imported.symmetricDifference(declared).sorted())")
    }
  }

  /// What is done in one place alone: done again elsewhere, the two will differ one day.
  @Test(arguments: [
    ("clock_gettime(CLOCK_BOOTTIME", ""), ("clock_gettime(CLOCK_REALTIME", "LinuxBasics"), ("eventfd(", ""),
    ("Glibc.close(", ""), ("close(descriptor", ""), ("FileDescriptor(rawValue", "LinuxBasics"),
    ("/mountinfo", "CgroupIsolation"), ("XMLTags(", "HoldfastModel"),
    ("XMLParser(", "DomainXML"),
    ("XMLDocument(", "DomainXML")
  ])
  func `has one of each`(word: String, module: String) {
    for file in Self.sources + SourceFile.files(in: "Lab") where file.text.contains(word) && file.module != module {
      Issue.record("\(file.path) has \(word)")
    }
  }

  /// Only `Effects` makes actions. A permit that takes others, or a workload's own machines, is made in one place; a machine of a workload is replaced by nobody. The permits that
  /// begin with nothing but a machine's state have initialisers of their files alone.
  @Test(arguments: [
    ("[Action]", ["Effects.swift", "Controller.swift"]), ("StartPermit(", ["StartSequence.swift"]),
    ("ResumePermit(", ["WorkloadParts.swift"]), ("MigrationPermit(", ["Migration.swift"]), ("GuardWord(", ["GuardLink.swift"]),
    ("UnwellPermit(", ["UnwellRuns.swift"]),
    (" Absence(", ["WorkloadParts.swift", "Absence.swift"]), ("ForgetPermit(", ["WorkloadParts.swift"]),
    ("SettledFreeze(", ["FrozenWorkloads.swift"]), ("ThawPermit(", ["FrozenWorkloads.swift"]),
    ("return Turn(", ["Machines.swift"]), ("Roster<", ["Roster.swift", "WorkloadTable.swift"]),
    ("WorkloadTable(", ["Machines.swift"]), (" Machines(", ["Controller.swift"]),
    (" Facts(", ["Controller.swift"]), ("SessionPermit(self", ["OwnSession.swift"]),
    ("parts.line = ", []), ("parts.run = ", []), ("parts.fence = ", []), ("parts.protection = ", []),
    ("parts.migration = ", []), ("parts.watch = ", [])
  ])
  func `has one maker of what matters`(word: String, homes: [String]) {
    for file in Self.sources where file.module == "HoldfastController" && file.text.contains(word) {
      #expect(homes.contains { file.path.hasSuffix("/\($0)") }, "\(file.path) has \(word)")
    }
  }

  /// What the compiler keeps to one file, so that no other can make it up.
  @Test(arguments: [
    ("SessionPermit", "OwnSession"), ("PermittedTransaction", "OwnSession"),
    ("ClaimPermit", "ClaimProof"), ("HeldClaim", "ClaimProof"), ("GuardReceipt", "ProtectionStanding"),
    ("Vacancy", "Roster")
  ])
  func `lets the compiler keep permits to their makers`(permit: String, home: String) throws {
    let file = try #require(Self.sources.first { $0.module == "HoldfastController" && $0.path.hasSuffix("/\(home).swift") })
    let body = try #require(file.text.split(separator: "struct \(permit): ").dropFirst().first?.split(separator: "\n}\n").first)
    let makers = body.split(separator: "\n").filter { $0.contains(#/\sinit[?(]/#) }
    #expect(!makers.isEmpty && makers.allSatisfy { $0.hasPrefix("  fileprivate init") }, "\(permit): \(makers)")
  }

  @Test func `has no file of more than 420 lines`() {
    for file in Self.sources {
      #expect(file.lines.count <= 420, "\(file.path) has \(file.lines.count) lines")
    }
  }
}
