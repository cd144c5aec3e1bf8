import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A controller that finds itself wrong stops what it runs and does nothing else.
@Suite struct SoundnessTests {
  /// A guard that thaws what was frozen, and nobody asked for it: the core's own picture cannot be right.
  private func unsound() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    let far = rig.now + .seconds(1)
    rig.storeIsAway = true
    rig.send(.fromGuard(.report(.state(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"])))))
    rig.actions = []
    rig.send(.fromGuard(.report(.state(GuardState(phase: .armed(deadline: far), workloads: ["w1"])))))
    return rig
  }

  @Test func `it says so and isolates the node`() {
    let rig = unsound()
    #expect(rig.controller.breach?.contains("nobody asked for it") == true)
    #expect(rig.notes().last == .unsound)
    #expect(rig.actions.contains(.tellGuard(.isolate)))
  }

  @Test func `it asks for nothing else, whatever comes`() {
    var rig = unsound()
    rig.actions = []
    rig.storeIsAway = false
    rig.apply("w2")
    rig.list()
    rig.inventory([])
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
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

  @Test func `it ends when it is told to, and leaves everything frozen`() {
    var rig = unsound()
    rig.actions = []
    rig.send(.leave(fast: false))
    #expect(rig.actions == [.finished])
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
}
