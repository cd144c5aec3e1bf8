import HoldfastModel
import Testing

@Suite struct `An incompatibility` {
  private static let codec = RecordCodec(cluster: "c")
  private static let bare = ReportRecord(
    unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])

  @Test(arguments: [
    (Incompatibility(.machine, "pc-q35-9.2"), "its QEMU does not know the machine type pc-q35-9.2", "upgrade QEMU there"),
    (
      Incompatibility(.cpu, "the host has no avx512f"),
      "it cannot give it the CPU that its definition asks for (the host has no avx512f)",
      "define it with a CPU model that every node has"
    ),
    (Incompatibility(.domainType, "kvm"), "its libvirt runs no domains of type kvm", "`virt-host-validate qemu` there"),
    (Incompatibility(.emulator, "/usr/bin/kvm"), "the emulator /usr/bin/kvm is not there", "install it there"),
    (Incompatibility(.emulator, "for aarch64"), "the emulator for aarch64 is not there", "install it there"),
    (Incompatibility(.addresses, ""), "its guard does not know addresses", "upgrade holdfast-guard there"),
    (
      Incompatibility(.parts, "the resource agent ocf:a:b"),
      "what its parts need is not there (the resource agent ocf:a:b)", "install or make it there"
    ),
    (Incompatibility(.other, "a\nb"), "its libvirt cannot run it as it is defined (a b)", "upgrade Holdfast")
  ])
  func `says what is wrong and what to do about it`(why: Incompatibility, clause: String, remedy: String) {
    #expect(why.clause == clause && why.remedy.hasPrefix(remedy))
    let exclusion = Exclusion.incompatible(why)
    #expect(exclusion.code == "incompatible" && "\(exclusion)" == "\(clause): \(why.remedy)")
    // A placement's record has the words and the code.
    #expect(Exclusion(code: exclusion.code, text: "\(exclusion)") == exclusion)
  }

  @Test func `has a detail of one line and bounded length`() {
    let why = Incompatibility(.cpu, String(repeating: "feature\n", count: 100))
    #expect(why.detail.count == Incompatibility.longestDetail - 1 && !why.detail.contains("\n"))
  }

  /// Whoever wrote it compares what is read back.
  @Test(arguments: 195...205) func `is read back as it was written, wherever it is cut`(length: Int) throws {
    var report = Self.bare
    let why = Incompatibility(.cpu, String(repeating: "x", count: length) + " and more, much more")
    report.incompatible = [IncompatibleWorkloads(why, ["w1"])]
    let record = Record.report(report)
    #expect(Self.codec.decode(try Self.codec.encode(record), at: .report("n1")) == record)
    #expect(!why.detail.hasSuffix(" ") && why.detail.count <= Incompatibility.longestDetail)
  }

  @Test func `goes into the report and comes back, and a report without one is read`() throws {
    var report = Self.bare
    report.incompatible = [
      IncompatibleWorkloads(Incompatibility(.domainType, "kvm"), ["w2", "w1"]),
      IncompatibleWorkloads(Incompatibility(.machine, "pc-q35-9.2"), ["w3"])
    ]
    let record = Record.report(report)
    #expect(Self.codec.decode(try Self.codec.encode(record), at: .report("n1")) == record)
    let bytes = try Self.codec.encode(.report(Self.bare))
    #expect(!String(decoding: bytes, as: UTF8.self).contains("incompatible"))
    #expect(Self.codec.decode(bytes, at: .report("n1")) == .report(Self.bare))
  }

  @Test func `that only a later build knows still keeps the workload away`() throws {
    let text =
      #"{"unmanaged":{"memory":0,"cpus":0},"unmanagedDomains":0,"unreachable":{},"guardPhase":"armed","strays":[],"#
      + #""unmanagedUUIDs":[],"incompatible":[{"reason":{"kind":"firmware","detail":"no OVMF"},"workloads":["w1"]}]}"#
    guard case .report(let report) = Self.codec.decode([UInt8](text.utf8), at: .report("n1")) else {
      Issue.record("it is not read")
      return
    }
    #expect(report.incompatible == [IncompatibleWorkloads(Incompatibility(.other, "no OVMF"), ["w1"])])
  }

  @Test func `is reported by reason, of too many workloads the first by name`() {
    let machine = Incompatibility(.machine, "pc-q35-9.2"), type = Incompatibility(.domainType, "kvm")
    #expect(
      IncompatibleWorkloads.grouped(["w3": machine, "w1": machine, "w2": type]) == [
        IncompatibleWorkloads(type, ["w2"]), IncompatibleWorkloads(machine, ["w1", "w3"])
      ])
    #expect(IncompatibleWorkloads.grouped([:]).isEmpty)
    let names = (0...IncompatibleWorkloads.most).map { WorkloadName("w\(10_000 + $0)") }
    let many = IncompatibleWorkloads.grouped(Dictionary(uniqueKeysWithValues: names.map { ($0, type) }))
    #expect(many.map(\.workloads) == [Array(names.dropLast())])
  }
}
