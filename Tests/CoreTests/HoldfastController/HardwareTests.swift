import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A definition's disk as a text says it: `disk='/vm/w.snap'`; without a word it is `/vm/w`.
struct SpokenHardware: HardwareReader {
  static func on(_ disk: String) -> DomainHardware { DomainHardware(disks: [.init(target: "vda", source: disk)]) }

  func read(_ xml: String) -> DomainHardware? { Self.on(xml.firstMatch(of: /disk='([^']*)'/).map { String($0.1) } ?? "/vm/w") }
}

/// What runs otherwise than it is defined: told, and not started from an older disk.
@Suite struct HardwareTests {
  private static let snapshot = ["vda": OtherDisk(stored: "/vm/w", running: "/vm/w.snap")]

  private func running() -> Rig {
    var rig = Rig.guarded()
    rig.join("n2", incarnation: "i2", memory: 200)
    rig.apply("w1", uuid: "w1", memory: 300)
    rig.pass(.seconds(1))
    rig.actions = []
    return rig
  }

  private func run(_ rig: inout Rig, on disk: String) throws {
    var domain = try #require(rig.processes["w1"])
    domain.hardware = SpokenHardware.on(disk)
    rig.sees(domain)
    rig.pass(.seconds(2))
  }

  private func define(_ rig: inout Rig, _ xml: String, takenFrom: String? = nil) throws {
    var spec = try #require(rig.controller.view.specs["w1"]?.value)
    spec.xml = xml
    spec.takenFrom = takenFrom
    rig.write([.put(.spec("w1"), .spec(spec))])
    rig.pass(.seconds(2))
  }

  @Test func `a snapshot is told, in the claim too, until it is committed`() throws {
    var rig = running()
    try run(&rig, on: "/vm/w")
    #expect(rig.report()?.differing == nil && rig.claim("w1")?.newerDisks == nil && rig.notes().isEmpty)
    try run(&rig, on: "/vm/w.snap")
    #expect(
      rig.report()?.differing == [
        "w1": [HardwareDifference("disk vda", stored: "/vm/w", running: "/vm/w.snap", isOtherDisk: true)]
      ])
    #expect(rig.claim("w1")?.newerDisks == Self.snapshot)
    #expect(rig.notes().count { $0 == .defined } == 1)
    #expect(rig.controller.overlooked().isEmpty)
    try run(&rig, on: "/vm/w")
    #expect(rig.report()?.differing == nil && rig.claim("w1")?.newerDisks == nil)
    #expect(rig.executes("w1") && rig.starts().isEmpty)
  }

  @Test func `it is not stopped for a restart from the older disk`() throws {
    var rig = running()
    try run(&rig, on: "/vm/w.snap")
    rig.actions = []
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
    rig.pass(.seconds(2))
    #expect(rig.stops().isEmpty && rig.executes("w1"))
    guard case .intent(let intent)? = rig.store.entries[.intent("w1")]?.value else { throw Failure() }
    #expect(intent.errand == nil && rig.claim("w1")?.newerDisks == Self.snapshot)
    #expect(rig.controller.overlooked().isEmpty)
    try run(&rig, on: "/vm/w")
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
    #expect(rig.stops().count == 1)
  }

  private struct Failure: Error {}

  @Test func `it is not started from the older disk, here or after a restart, until its definition names the newer`() throws {
    var rig = running()
    try run(&rig, on: "/vm/w.snap")
    rig.actions = []
    rig.gone("w1")
    rig.pass(.seconds(90))
    #expect(rig.starts().isEmpty && !rig.executes("w1"))
    let claim = try #require(rig.claim("w1"))
    #expect(claim.newerDisks == Self.snapshot && claim.holder == nil)
    #expect(claim.failures["n1"]?.reason.contains("disk vda is /vm/w, and it last ran on /vm/w.snap") == true)
    #expect(rig.notes().count { $0 == .startFailed } == 1, "said once, though it is tried again and again")
    #expect(rig.controller.overlooked().isEmpty)

    try define(&rig, "<domain disk='/vm/w'><cpu/></domain>")
    rig.pass(.seconds(90))
    #expect(rig.starts().isEmpty, "another definition with the older disk is no better")
    try define(&rig, "<domain disk='/vm/w.snap'/>")
    rig.pass(.seconds(200))
    #expect(rig.starts().count == 1 && rig.executes("w1"))
    try run(&rig, on: "/vm/w.snap")
    #expect(rig.claim("w1")?.newerDisks == nil && rig.report()?.differing == nil)
  }

  @Test
  func `a disk that its operator defines anew is what is wanted, and one that changes while it runs is newer all the same`()
    throws
  {
    var rig = running()
    try run(&rig, on: "/vm/w")
    try define(&rig, "<domain disk='/vm/moved'/>")
    #expect(rig.report()?.differing?["w1"]?.first?.isOtherDisk == true && rig.report()?.outdated == ["w1"])
    #expect(rig.claim("w1")?.newerDisks == nil)
    try run(&rig, on: "/vm/w.snap")
    #expect(rig.claim("w1")?.newerDisks == ["vda": OtherDisk(stored: "/vm/moved", running: "/vm/w.snap")])
  }

  @Test func `what was taken over while it runs is no older definition`() throws {
    var rig = running()
    try run(&rig, on: "/vm/w.snap")
    let started = try #require(rig.processes["w1"]?.mark?.definition)
    try define(&rig, "<domain disk='/vm/w.snap'/>", takenFrom: started)
    #expect(rig.report()?.outdated == nil && rig.report()?.differing == nil && rig.claim("w1")?.newerDisks == nil)
    try define(&rig, "<domain disk='/vm/w.snap'><cpu/></domain>")
    #expect(rig.report()?.outdated == ["w1"])
  }

  @Test func `it is not stopped for a move that would end with it down`() throws {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1", uuid: "w1")
    rig.place("w1", on: "n1")
    rig.pass(.seconds(2))
    #expect(rig.executes("w1"))
    try run(&rig, on: "/vm/w.snap")
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.executes("w1") && rig.stops().isEmpty)
    #expect(rig.report()?.kept?["w1"]?.contains("older disks") == true)
    try run(&rig, on: "/vm/w")
    rig.pass(.seconds(5))
    let isThere = rig.executes("w1"), claim = rig.claim("w1")
    #expect(!isThere && claim?.newerDisks == nil && claim?.holder == nil && rig.report()?.kept == nil)
  }

  /// It could be moved while it runs, and is not moved as it is now.
  @Test func `nor is it while a disk has an I/O error`() throws {
    var rig = Rig.follower()
    rig.domainsObey = true
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    rig.write([.put(.node("n2"), .node(node))])
    rig.apply("w1", uuid: "w1")
    rig.place("w1", on: "n1")
    rig.pass(.seconds(2))
    try run(&rig, on: "/vm/w.snap")
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.paused, .ioError)
    rig.sees(domain)
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.executes("w1"))
    #expect(rig.report()?.kept?["w1"]?.contains("older disks") == true)
    (domain.state, domain.reason) = (.running, nil)
    rig.sees(domain)
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.migration?.step == .offered)
  }

  @Test func `a definition that somebody gives it in libvirt is undone with a word`() throws {
    var rig = running()
    var domain = try #require(rig.processes["w1"])
    domain.persistent = true
    rig.sees(domain)
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"]?.persistent == false && rig.executes("w1"))
    let note = try #require(rig.actions.compactMap { if case .note(let note) = $0 { note } else { nil } }.first)
    #expect(note.kind == .defined && note.severity == .warning)
    #expect(note.text.contains("virsh edit") && note.text.contains("holdfast apply"), "\(note.text)")
  }

  @Test func `so many differences are told that the report stays small`() throws {
    var rig = running()
    var domain = try #require(rig.processes["w1"])
    domain.hardware = DomainHardware(disks: (1...50).map { .init(target: "vd\($0)", source: "/x\($0)") })
    rig.sees(domain)
    rig.pass(.seconds(2))
    #expect(rig.report()?.differing?["w1"]?.count == 8)
  }
}
