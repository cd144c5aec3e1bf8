import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A controller that is started again, as by a reload, under the session of the life before.
@Suite struct NextLifeTests {
  /// w1 and w2 run on n1.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.apply("w2", uuid: "u2")
    rig.pass(.seconds(1))
    return rig
  }

  private func next(after first: Rig, seeing domains: [DomainObservation]) throws -> Rig {
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    (rig.store, rig.now, rig.domainsObey) = (first.store, first.now, true)
    rig.begin(domains: domains, guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    rig.pass(.seconds(1))
    return rig
  }

  private func texts(_ kind: Note.Kind, _ rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0, note.kind == kind { note.text } else { nil } }
  }

  @Test func `what runs on is no news, and told together`() throws {
    let first = running()
    #expect(texts(.started, first) == ["w1 runs on n1", "w2 runs on n1"])
    let rig = try next(after: first, seeing: [Rig.domain("w1"), Rig.domain("w2", uuid: "u2")])
    #expect(texts(.started, rig).isEmpty)
    let told = texts(.sessionOpened, rig)
    #expect(
      told.count == 1 && told[0].hasPrefix("continues session ") && told[0].hasSuffix(": 2 workloads ran under it"), "\(told)")
    #expect(rig.starts().isEmpty && rig.claim("w1")?.activity == .running)
  }

  @Test func `what does not run any more is started, and that is told`() throws {
    let rig = try next(after: running(), seeing: [Rig.domain("w1")])
    #expect(texts(.started, rig) == ["w2 runs on n1"] && rig.starts().count == 1)
  }

  @Test func `what ends later and is started again is told`() throws {
    var rig = try next(after: running(), seeing: [Rig.domain("w1"), Rig.domain("w2", uuid: "u2")])
    rig.gone("w1")
    rig.pass(.seconds(1))
    #expect(texts(.vanished, rig).count == 1 && texts(.started, rig) == ["w1 runs on n1"])
  }

  @Test func `libvirt that speaks late makes nothing of it news`() throws {
    let first = running(), session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    (rig.store, rig.now, rig.domainsObey) = (first.store, first.now, true)
    rig.beginDeaf(guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    rig.pass(.milliseconds(200))
    rig.inventory([Rig.domain("w1"), Rig.domain("w2", uuid: "u2")])
    rig.pass(.milliseconds(500))
    #expect(texts(.started, rig).isEmpty && rig.claim("w1")?.activity == .running)
  }
}
