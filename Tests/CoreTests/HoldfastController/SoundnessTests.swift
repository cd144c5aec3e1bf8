import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A controller that finds itself wrong stops what it runs and does nothing else.
@Suite struct SoundnessTests {
  private func unsound(saying fault: String = "two and two") -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    rig.actions = []
    rig.controller.failCheck(fault)
    rig.send(.tick)
    return rig
  }

  @Test func `it says so and isolates the node`() {
    let rig = unsound()
    #expect(rig.controller.breach == "two and two")
    #expect(rig.notes() == [.unsound])
    #expect(rig.commands() == [.isolate])
  }

  @Test func `it asks for nothing else, whatever comes`() {
    var rig = unsound()
    rig.actions = []
    rig.apply("w2")
    rig.list()
    rig.inventory([])
    rig.pass(.seconds(5))
    #expect(rig.controller.view.specs["w2"] != nil, "people still read what is")
    for action in rig.actions {
      switch action {
      case .wake, .note, .tellGuard(.isolate): break
      default: Issue.record("asked for \(action)")
      }
    }
  }

  @Test func `it freezes everything itself where the guard goes, and has the next one isolate`() {
    var rig = unsound()
    rig.actions = []
    rig.send(.fromGuard(.lost(reason: "its process ended")))
    #expect(rig.actions.contains { if case .isolateDirectly = $0 { true } else { false } })
    rig.actions = []
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: rig.now + .seconds(1)), workloads: ["w1"]))))
    #expect(rig.actions.contains(.tellGuard(.isolate)))
  }

  @Test func `it ends when it is told to, and something keeps everything frozen after it`() {
    var rig = unsound()
    rig.actions = []
    rig.send(.leave(fast: false))
    #expect(rig.actions == [.finished])
  }

  @Test func `a guard that thaws unasked is told to freeze again: that is no fault of the controller`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    rig.storeIsAway = true
    rig.send(rig.isolated(["w1"]))
    rig.actions = []
    rig.send(rig.armed(["w1"]))
    #expect(rig.controller.breach == nil)
    #expect(rig.commands().contains(.isolate) && rig.notes() == [.guardRefused])
    #expect(!rig.controller.guardStatus.isArmed)
  }

  // MARK: what was told and written, and what is read back

  private func sound() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    rig.actions = []
    return rig
  }

  @Test(arguments: [(Duration.zero, true), (.milliseconds(-300), true), (.nanoseconds(1), false)])
  func `a guard that acknowledges a later deadline than it was told is a fault`(later: Duration, isSound: Bool) throws {
    var rig = sound()
    let told = try #require(rig.controller.session.deadline)
    rig.send(.fromGuard(.report(.state(GuardState(phase: .armed(deadline: told + later), workloads: ["w1"])))))
    #expect((rig.controller.breach == nil) == isSound)
    #expect(rig.commands().contains(.isolate) != isSound)
  }

  @Test func `a guard that had a later deadline when it connected is none`() throws {
    var rig = sound()
    let deadline = try #require(rig.controller.session.deadline) + .seconds(5)
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: deadline), workloads: ["w1"]))))
    rig.send(.fromGuard(.report(.state(GuardState(phase: .armed(deadline: deadline), workloads: ["w1"])))))
    #expect(rig.controller.breach == nil)
  }

  /// A renewal of an earlier life, or one that nobody answered, may be ahead of what this life knows: one, and no more.
  @Test(arguments: [(Int64(0), true), (1, true), (2, false)])
  func `a session's record that this node cannot have written is a fault`(ahead: Int64, isSound: Bool) throws {
    var rig = sound()
    let standing = try #require(rig.controller.session.standing)
    rig.write([Rig.session(standing.incarnation, of: "n1", counter: standing.counter + ahead)])
    #expect((rig.controller.breach == nil) == isSound)
    #expect(rig.notes().contains(.unsound) != isSound)
  }

  /// One member of the store was made a cluster of its own, and lacks the last moments (Docs/operations.md, "When the quorum is lost").
  /// Others may bring it farther than it was before this node hears of it.
  @Test(arguments: [Duration.milliseconds(250), .seconds(2), .seconds(20)], [false, true])
  func `a store that has gone back is no fault, and everything is read anew`(lost: Duration, isOvertaken: Bool) throws {
    var rig = sound()
    let incarnation = try #require(rig.controller.session.incarnation), earlier = rig.store
    rig.pass(lost)
    let newest = rig.store.revision
    rig.store = earlier
    while isOvertaken, rig.store.revision <= newest {
      _ = rig.store.apply(ClusterTransaction(if: [], write: [.put(.losses("n9"), .losses(LossesRecord(count: 1, last: 1)))]))
    }
    // The watch waits for revisions that are still to come.
    rig.watchIsDeaf = true
    rig.actions = []
    rig.pass(.milliseconds(500))
    #expect(rig.controller.breach == nil)
    #expect(rig.actions.count { $0 == .listAnew } == 1 && rig.notes().contains(.storeBack))
    rig.watchIsDeaf = false
    rig.list()
    rig.apply("w2", uuid: "u2")
    rig.pass(.seconds(2))
    #expect(rig.controller.breach == nil && rig.controller.session.incarnation == incarnation)
    #expect(rig.claim("w1")?.activity == .running && rig.claim("w2")?.activity == .running)
    #expect(rig.actions.count { $0 == .listAnew } == 1)
  }

  // MARK: what is written and what is read

  @Test(arguments: [(true, "n1"), (false, "n2")] as [(Bool, NodeName)])
  func `a claim that is not read back as it was written isolates the node`(isLater: Bool, node: NodeName) throws {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    let incarnation = try #require(rig.controller.session.incarnation)
    let written = try #require(rig.controller.view.claims["w1"])
    #expect(written.value.holder?.node == "n1" && rig.controller.breach == nil)
    var listing = rig.store.list { _ in true }
    var claim = written.value
    if isLater { claim.epoch = claim.epoch.next }
    claim.holder = .init(node: node, incarnation: incarnation)
    listing.entries[.claim("w1")] = Stored(value: .claim(claim), created: written.created, modified: written.modified)
    rig.actions = []
    rig.send(.store(.listed(listing)))
    #expect(rig.controller.breach == "the claim of w1 is not read back as it was written")
    #expect(rig.notes().contains(.unsound) && rig.commands().contains(.isolate))
  }

  @Test func `a claim that somebody wrote since is nobody's fault`() throws {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    var claim = try #require(rig.claim("w1"))
    claim.activity = .unclear
    rig.write([.put(.claim("w1"), .claim(claim))])
    rig.pass(.seconds(1))
    #expect(rig.controller.breach == nil && rig.claim("w1")?.activity == .running)
  }

  // MARK: transitions

  fileprivate enum Door: StateList {
    case shut, open, locked
    func mayBecome(_ next: Door) -> Bool { !(self == .locked && next == .open) && self != next }
  }

  @Test(arguments: [
    ([Door.open, .shut, .locked, .shut, .open], nil as String?), ([.locked, .open], "Door went from locked to open"),
    ([.shut], "Door went from shut to shut"), ([.locked, .open, .open], "Door went from locked to open")
  ])
  fileprivate func `a state moves along the listed transitions`(path: [Door], breach: String?) {
    var course = StateCourse(Door.shut)
    for next in path { course.move(to: next) }
    #expect(course.breach == breach && course.state == path.last)
  }

  @Test func `a state that begins anew keeps the breach that was found, and adds none`() {
    var course = StateCourse(Door.locked)
    course.beginAnew(as: .open)
    #expect(course.state == .open && course.breach == nil)
    course.move(to: .open)
    course.beginAnew(as: .shut)
    #expect(course.state == .shut && course.breach == "Door went from open to open")
  }
}
