import DomainXML
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// Whether libvirt could run a domain, as its answers tell.
@Suite struct `An ability` {
  /// As libvirt numbers them.
  private enum Code {
    static let internalError: Int32 = 1, noSupport: Int32 = 3, invalidArgument: Int32 = 8, systemError: Int32 = 38,
      operationUnsupported: Int32 = 84, cpuIncompatible: Int32 = 91
  }
  private static let fromCPU: Int32 = 31, fromQEMU: Int32 = 10, fromRPC: Int32 = 7

  /// A libvirt on a host with KVM that has the CPU model EPYC and the machine types pc and q35.
  private struct Libvirt: AbilitySource {
    var models = ["qemu64": true, "EPYC": true, "EPYC-Rome": false]
    var modes = ["custom": true, "host-model": true, "host-passthrough": true]
    var emulators: Set<String> = ["/usr/bin/qemu-system-x86_64"]
    /// What a comparison of CPUs says; nil: that there is nothing amiss.
    var comparison: LibvirtError?
    var hostComparison: LibvirtError?
    var isGone = false

    func capabilities() throws(LibvirtError) -> String { "<capabilities></capabilities>" }

    func domainCapabilities(for requirement: DomainRequirement, machine: String?) throws(LibvirtError) -> String {
      if isGone { throw LibvirtError(code: Code.systemError, source: fromRPC, message: "Cannot recv data") }
      if let emulator = requirement.emulator, !emulators.contains(emulator) {
        throw LibvirtError(
          code: Code.systemError, source: fromQEMU, message: "Cannot check QEMU binary \(emulator): No such file or directory",
          number: 2)
      }
      if let machine, !["pc", "q35"].contains(machine) {
        throw LibvirtError(
          code: Code.invalidArgument, source: fromQEMU,
          message: "invalid argument: the machine '\(machine)' is not supported by emulator '/usr/bin/qemu-system-x86_64'")
      }
      let modes = modes.map { name, isSupported in
        let models = name == "custom" ? self.models.map { "<model usable='\($1 ? "yes" : "no")'>\($0)</model>" } : []
        return "<mode name='\(name)' supported='\(isSupported ? "yes" : "no")'>\(models.joined())</mode>"
      }
      return "<domainCapabilities><cpu>\(modes.joined())</cpu></domainCapabilities>"
    }

    func compare(_ cpu: DomainRequirement.CPU, of requirement: DomainRequirement) throws(LibvirtError) {
      if let comparison { throw comparison }
    }

    func compareWithHost(_ cpu: DomainRequirement.CPU) throws(LibvirtError) { if let hostComparison { throw hostComparison } }
  }

  private static let host = HostCapabilities(
    """
    <capabilities><host><cpu><arch>x86_64</arch></cpu></host>
    <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>
    <domain type='qemu'/><domain type='kvm'/></arch></guest>
    <guest><os_type>hvm</os_type><arch name='aarch64'><emulator>/usr/bin/qemu-system-aarch64</emulator>
    <domain type='qemu'/></arch></guest></capabilities>
    """)

  private static func requirement(
    _ cpu: String = "", type: String = "kvm", arch: String = "x86_64", machine: String = "q35", emulator: String = ""
  ) throws -> DomainRequirement {
    try #require(
      DomainRequirement(
        of: """
          <domain type='\(type)'><os><type arch='\(arch)' machine='\(machine)'>hvm</type></os>\(cpu)
          <devices>\(emulator.isEmpty ? "" : "<emulator>\(emulator)</emulator>")</devices></domain>
          """))
  }

  private static func lacks(_ words: String) -> LibvirtError {
    LibvirtError(
      code: Code.cpuIncompatible, source: fromCPU, message: "the CPU is incompatible with host CPU: \(words)")
  }

  @Test func `is there for what libvirt knows`() throws {
    for cpu in ["", "<cpu><model>EPYC</model></cpu>", "<cpu mode='host-passthrough'/>", "<cpu><topology cores='2'/></cpu>"] {
      #expect(try Ability(Self.requirement(cpu), asking: Libvirt(), on: Self.host) == .able, "\(cpu)")
    }
    // Newer than what this libvirt lists.
    #expect(try Ability(Self.requirement("<cpu mode='maximum'/>"), asking: Libvirt(), on: nil) == .able)
  }

  @Test func `lacks a machine type, an emulator, a domain type, a CPU mode`() throws {
    func ability(_ requirement: DomainRequirement, _ libvirt: Libvirt = Libvirt()) throws -> Ability {
      try Ability(requirement, asking: libvirt, on: Self.host)
    }
    #expect(
      try ability(Self.requirement(machine: "pc-i440fx-99.0")) == .unable(Incompatibility(.machine, "pc-i440fx-99.0")))
    #expect(try ability(Self.requirement(emulator: "/opt/kvm")) == .unable(Incompatibility(.emulator, "/opt/kvm")))
    #expect(try ability(Self.requirement(arch: "riscv64")) == .unable(Incompatibility(.emulator, "for riscv64")))
    #expect(try ability(Self.requirement(arch: "aarch64")) == .unable(Incompatibility(.domainType, "kvm")))
    let emulated = Libvirt(modes: ["custom": true, "host-passthrough": false])
    #expect(
      try ability(Self.requirement("<cpu mode='host-passthrough'/>", type: "qemu"), emulated)
        == .unable(Incompatibility(.cpu, "no CPU mode 'host-passthrough' for domains of type qemu")))
  }

  @Test func `is unknown where libvirt does not tell, and an error where it is gone`() throws {
    #expect(try Ability(Self.requirement(type: "xen"), asking: Libvirt(), on: Self.host) == .unknown)
    #expect(throws: LibvirtError.self) {
      try Ability(Self.requirement(), asking: Libvirt(isGone: true), on: Self.host)
    }
    // An old libvirtd says so in the words of the connection.
    let old = LibvirtError(code: Code.noSupport, source: Self.fromRPC, message: "unknown procedure: 401")
    let asked = try Self.requirement("<cpu><model>EPYC-Rome</model></cpu>")
    #expect(try Ability(asked, asking: Libvirt(comparison: old), on: Self.host) == .unknown)
    let unsupported = LibvirtError(code: Code.operationUnsupported, source: Self.fromQEMU, message: "not supported for arch")
    #expect(try Ability(asked, asking: Libvirt(comparison: unsupported), on: Self.host) == .unknown)
  }

  private static let missing = "Host CPU does not provide required features: "

  /// (the CPU, the domain's type, what a guest's lacks, what the host's own lacks, what that means)
  private static let comparisons: [(String, String, LibvirtError?, LibvirtError?, Ability)] = [
    ("<cpu><model>EPYC-Rome</model></cpu>", "kvm", nil, nil, .able),
    (
      "<cpu><model>EPYC-Rome</model></cpu>", "kvm", lacks(missing + "clwb, rdpid"), lacks(missing + "rdpid"),
      .unable(Incompatibility(.cpu, "the host has no rdpid"))
    ),
    // The host has it, and KVM does not give it to a guest: libvirt starts it without.
    ("<cpu><model>EPYC-Rome</model></cpu>", "kvm", lacks(missing + "monitor"), nil, .able),
    ("<cpu><model>EPYC-Rome</model></cpu>", "kvm", lacks(missing + "monitor"), lacks(missing + "rdpid"), .unknown),
    // libvirtd speaks the host's language.
    (
      "<cpu><model>EPYC-Rome</model></cpu>", "kvm", lacks("主机 CPU 不提供需要的功能：avx512f"), lacks("主机 CPU 不提供需要的功能：avx512f"),
      .unable(Incompatibility(.cpu, "the host has no avx512f"))
    ),
    (
      "<cpu><model>EPYC</model><vendor>Intel</vendor></cpu>", "kvm",
      lacks("host CPU vendor does not match required CPU vendor Intel"),
      lacks("host CPU vendor does not match required CPU vendor Intel"),
      .unable(Incompatibility(.cpu, "host CPU vendor does not match required CPU vendor Intel"))
    ),
    // What the guest then has is looked at: what KVM does not give is missed.
    (
      "<cpu check='full'><model>EPYC-Rome</model></cpu>", "kvm", lacks(missing + "monitor"), nil,
      .unable(Incompatibility(.cpu, missing + "monitor"))
    ),
    (
      "<cpu check='partial'><model>qemu64</model><feature name='avx512f'/></cpu>", "qemu", lacks(missing + "avx512f"), nil,
      .unable(Incompatibility(.cpu, missing + "avx512f"))
    ),
    // Nobody compares it, or QEMU has said that the model is usable as it is.
    ("<cpu><model>EPYC-Rome</model></cpu>", "qemu", lacks(missing + "clwb"), nil, .able),
    ("<cpu check='none'><model>EPYC-Rome</model></cpu>", "kvm", lacks(missing + "clwb"), lacks(missing + "clwb"), .able),
    ("<cpu><model>EPYC</model></cpu>", "kvm", lacks(missing + "clwb"), lacks(missing + "clwb"), .able),
    // It does not know the model at all; or something else went wrong inside.
    (
      "<cpu><model>EPYC-Turin</model></cpu>", "kvm",
      LibvirtError(code: Code.internalError, source: fromCPU, message: "internal error: Unknown CPU model EPYC-Turin"), nil,
      .unable(Incompatibility(.cpu, "the CPU model EPYC-Turin is not known"))
    ),
    (
      "<cpu><model>EPYC-Rome</model></cpu>", "kvm",
      LibvirtError(code: Code.internalError, source: fromCPU, message: "internal error: Unknown CPU feature warp"), nil,
      .unknown
    )
  ]

  @Test(arguments: comparisons.indices)
  func `of a CPU is missing only where a start is sure to be refused`(_ index: Int) throws {
    let (cpu, type, comparison, host, ability) = Self.comparisons[index]
    let libvirt = Libvirt(comparison: comparison, hostComparison: host)
    #expect(try Ability(Self.requirement(cpu, type: type), asking: libvirt, on: Self.host) == ability)
  }
}

/// A driver that cannot tell is asked nothing, and everything counts as able.
@Suite struct `libvirt's test driver` {
  @Test func `is not asked what it could run`() async throws {
    let uri = "test:///default"
    let definition = StoredDefinition(
      "w1", connection: uri, xml: "<domain type='kvm'><os><type machine='pc-i440fx-99.0'>hvm</type></os></domain>")
    try await Watched.with([uri]) { watched in
      #expect(await watched.hypervisor.incompatibilities(of: [definition]) == [uri: [:]])
    }
  }
}

/// What is known of what a libvirt could run.
@Suite struct `A book of abilities` {
  private static func definition(_ name: WorkloadName, machine: String, runs: Bool = false) -> StoredDefinition {
    StoredDefinition(
      name, connection: "qemu:///system",
      xml: "<domain type='kvm'><name>\(name)</name><os><type machine='\(machine)'>hvm</type></os></domain>",
      isRunningHere: runs)
  }
  private static let why = Incompatibility(.machine, "x")

  /// Reads what is new and asks; gives the machine types that libvirt was asked about.
  private static func ask(
    _ book: inout AbilityBook, _ definitions: [StoredDefinition], most: Int = 100, _ answer: (String) -> Ability
  ) -> [String] {
    let unread = book.unread(among: definitions)
    book.take(unread.map { DomainRequirement(of: $0.xml) }, of: unread)
    let questions = book.questions(about: definitions, most: most)
    for question in questions { book.take(answer(question.machine ?? ""), of: question) }
    return questions.map { $0.machine ?? "" }
  }

  @Test func `asks about each kind once, and about what is refused again`() {
    var book = AbilityBook()
    let definitions = [
      Self.definition("w1", machine: "old"), Self.definition("w2", machine: "old"), Self.definition("w3", machine: "new"),
      Self.definition("w4", machine: "odd")
    ]
    let asked = Self.ask(&book, definitions) { $0 == "new" ? .unable(Self.why) : $0 == "odd" ? .unknown : .able }
    #expect(asked == ["new", "odd", "old"])
    #expect(book.incompatibilities(of: definitions) == ["w3": Self.why])
    #expect(book.unread(among: definitions).isEmpty)
    #expect(Self.ask(&book, definitions) { _ in .able } == ["new", "odd"])
    #expect(book.incompatibilities(of: definitions).isEmpty)
    #expect(Self.ask(&book, definitions) { _ in .able }.isEmpty)
    // A definition that changed is read anew.
    let changed = [Self.definition("w1", machine: "newest")] + definitions.dropFirst()
    #expect(book.unread(among: changed).map(\.workload) == ["w1"])
    #expect(Self.ask(&book, changed) { _ in .unable(Self.why) } == ["newest"])
    #expect(book.incompatibilities(of: changed) == ["w1": Self.why])
  }

  @Test func `believes what runs rather than libvirt`() {
    var book = AbilityBook()
    let stopped = [Self.definition("w1", machine: "m"), Self.definition("w2", machine: "m")]
    #expect(Self.ask(&book, stopped) { _ in .unable(Self.why) } == ["m"])
    #expect(book.incompatibilities(of: stopped).count == 2)
    let running = [Self.definition("w1", machine: "m", runs: true), Self.definition("w2", machine: "m")]
    #expect(Self.ask(&book, running) { _ in .unable(Self.why) }.isEmpty)
    #expect(book.incompatibilities(of: running).isEmpty)
    // It did run here.
    #expect(Self.ask(&book, stopped) { _ in .unable(Self.why) }.isEmpty && book.incompatibilities(of: stopped).isEmpty)
  }

  @Test func `asks so many at a time, what was never asked first`() {
    var book = AbilityBook()
    let definitions = ["a", "b", "c", "d"].map { Self.definition(WorkloadName($0), machine: $0) }
    #expect(Self.ask(&book, definitions, most: 3) { _ in .unable(Self.why) } == ["a", "b", "c"])
    #expect(Self.ask(&book, definitions, most: 3) { _ in .unable(Self.why) } == ["d", "a", "b"])
    #expect(book.incompatibilities(of: definitions).count == 4)
    // None of too many is left out for ever.
    #expect(Self.ask(&book, definitions, most: 3) { _ in .unable(Self.why) } == ["c", "a", "b"])
    #expect(Self.ask(&book, definitions, most: 3) { _ in .unable(Self.why) } == ["d", "a", "b"])
  }

  @Test func `forgets what is defined no more, but not for a question about a few`() {
    var book = AbilityBook()
    let definitions = (1...9).map { Self.definition(WorkloadName("w\($0)"), machine: "m\($0)") }
    _ = Self.ask(&book, definitions) { _ in .able }
    #expect(Self.ask(&book, [Self.definition("w1", machine: "m9")]) { _ in .able }.isEmpty)
    #expect(Self.ask(&book, Array(definitions.dropFirst())) { _ in .able }.isEmpty)
    #expect(book.unread(among: definitions).map(\.workload) == ["w1"])
  }
}
