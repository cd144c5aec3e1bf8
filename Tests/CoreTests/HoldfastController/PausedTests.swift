import GuardCore
import HoldfastController
import HoldfastModel
import Testing

/// What libvirt has paused, and Holdfast did not ask for.
@Suite struct `What is paused from outside` {
  /// n1 runs w1 under its claim, and n2 can take migrations.
  private func source() -> Rig {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.actions = []
    return rig
  }

  private func see(_ state: DomainObservation.State, _ reason: DomainObservation.Reason? = nil, in rig: inout Rig) {
    guard var domain = rig.processes["w1"] else { return }
    (domain.state, domain.reason) = (state, reason)
    rig.sees(domain)
  }

  private func texts(_ rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0 { note.text } else { nil } }
  }

  static let reasons: [(DomainObservation.Reason?, [String], Note.Severity)] = [
    (.suspended, ["w1 is paused on n1, and not by Holdfast: somebody suspended it"], .warning),
    (.ioError, ["w1 is paused on n1, and not by Holdfast: a disk of it has an I/O error"], .warning),
    (nil, ["w1 is paused on n1, and not by Holdfast"], .warning),
    (.snapshot, ["w1 is paused on n1, and not by Holdfast: libvirt takes or restores a snapshot of it"], .info),
    (.migration, [], .info)
  ]

  @Test(arguments: reasons.indices) func `is told once, with libvirt's reason, and once when it goes on`(_ index: Int) {
    let (reason, paused, severity) = Self.reasons[index]
    var rig = source()
    see(.paused, reason, in: &rig)
    rig.pass(.seconds(5))
    see(.paused, reason, in: &rig)
    #expect(texts(rig) == paused)
    for case .note(let note) in rig.actions { #expect(note.severity == severity && note.workload == "w1") }
    rig.actions = []
    see(.running, in: &rig)
    rig.pass(.seconds(5))
    #expect(texts(rig) == paused.map { _ in "w1 is not paused any more on n1" })
    // The next time is another one.
    rig.actions = []
    see(.paused, reason, in: &rig)
    #expect(texts(rig) == paused)
  }

  @Test func `is not what an operator paused`() {
    var rig = source()
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .pause)))])
    see(.paused, .suspended, in: &rig)
    rig.send(.operation("w1", .suspend, .done))
    rig.pass(.seconds(2))
    #expect(texts(rig) == ["w1 is paused on n1, as an operator asked for it"])
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .resume)))])
    see(.running, in: &rig)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(2))
    #expect(texts(rig).dropFirst() == ["w1 is resumed on n1"])
  }

  @Test func `and goes on as an operator asks for it has the operator's line alone`() {
    var rig = source()
    see(.paused, .suspended, in: &rig)
    rig.actions = []
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .resume)))])
    see(.running, in: &rig)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(2))
    #expect(texts(rig) == ["w1 is resumed on n1"])
  }

  @Test func `is not stopped against its policy: it stays, and is told as what stays`() {
    var rig = source()
    rig.write([.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "otherwise w1 stay")])))])
    see(.paused, .ioError, in: &rig)
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.claim("w1")?.migration == nil)
    #expect(rig.controller.view.whyKept("w1") == "libvirt has paused it (a disk of it has an I/O error), and 'otherwise: stay'")
    see(.running, in: &rig)
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.migration?.step == .offered && rig.stops().isEmpty)
  }

  static let endings: [(String, DomainObservation.Reason?, Duration, @Sendable (inout Rig) -> Void)] = [
    ("stop", .suspended, .zero, { $0.want("w1", .stopped) }), ("move", .ioError, .zero, { $0.place("w1", on: "n2") }),
    ("stop in the middle of a snapshot", .snapshot, .seconds(2), { $0.want("w1", .stopped) })
  ]

  @Test(arguments: endings.indices) func `cannot shut down, and is ended at once where it is to`(_ index: Int) {
    let (what, reason, grace, ask) = Self.endings[index]
    var rig = source()
    see(.paused, reason, in: &rig)
    ask(&rig)
    rig.pass(.milliseconds(100))
    #expect(rig.stops() == [grace], "\(what)")
    let says = texts(rig).contains("w1 stops on n1: it is paused and cannot shut down, so it is ended at once")
    #expect(says == (grace == .zero))
  }
}
