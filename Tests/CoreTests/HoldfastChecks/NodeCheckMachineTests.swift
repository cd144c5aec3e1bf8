import HoldfastChecks
import HoldfastModel
import HoldfastTime
import Testing

/// Node checks on virtual time: what is asked when, and what is told of the answers.
@Suite struct `Checks of a node` {
  private static let srv = NodeCheck(
    name: "srv", probe: .writable(path: "/srv"), interval: .seconds(1), timeout: .seconds(1), down: 3, up: 2)
  private static let link = NodeCheck(name: "link", probe: .link("eth0"), interval: .seconds(1), timeout: .seconds(1))

  /// One machine, and hands that answer its probes at once.
  private struct Rig {
    enum Answer { case good, bad, cannotTell, none }

    var machine = NodeCheckMachine()
    var now = BootInstant(nanoseconds: 5_000_000_000)
    /// By check; the rest is good.
    var answers: [CheckName: Answer] = [:]
    var told: [[NodeCheckState]] = []
    var asked: [CheckName] = []
    var givenUp = 0
    private var wakeAt: BootInstant?

    mutating func send(_ event: NodeCheckMachine.Event) {
      var results: [ProbeResult] = []
      for action in machine.receive(event, now: now) {
        switch action {
        case .probe(let request):
          asked.append(request.check)
          switch answers[request.check] ?? .good {
          case .good: results.append(ProbeResult(request.id, .good))
          case .bad: results.append(ProbeResult(request.id, .bad(reason: "/srv is read-only")))
          case .cannotTell: results.append(ProbeResult(request.id, .cannotTell(reason: "no right to")))
          case .none: break
          }
        case .giveUp: givenUp += 1
        case .tell(let states): told.append(states)
        case .wake(let at): wakeAt = at
        }
      }
      for result in results { send(.answered(result)) }
    }

    mutating func pass(_ duration: Duration) {
      let end = now + duration
      while let next = wakeAt, next <= end {
        now = max(now, next)
        wakeAt = nil
        send(.tick)
      }
      now = end
    }

    func health(_ check: CheckName) -> CheckHealth? { told.last?.first { $0.check == check }?.health }
  }

  private func rig(_ checks: [NodeCheck] = [srv]) -> Rig {
    var rig = Rig()
    rig.send(.check(checks))
    return rig
  }

  @Test func `begin as what nobody knows, and are told when they are known`() {
    var rig = rig()
    #expect(rig.health("srv") == .starting)
    rig.pass(.seconds(5))
    #expect(rig.health("srv") == .healthy)
    #expect(rig.told.count == 2, "nothing is told twice")
    #expect(rig.machine.breach == nil)
  }

  @Test func `fail after so many bad answers in a row, without a grace, and are well after so many good ones`() {
    var rig = Rig()
    rig.answers["srv"] = .bad
    rig.send(.check([Self.srv]))
    rig.pass(.seconds(4))
    #expect(rig.health("srv") == .failing(reason: "/srv is read-only"))
    rig.answers["srv"] = .good
    rig.pass(.seconds(1))
    #expect(rig.health("srv") == .failing(reason: "/srv is read-only"), "one good answer is none")
    rig.pass(.seconds(2))
    #expect(rig.health("srv") == .healthy)
  }

  @Test func `that cannot be made, or do not end, are unknown and never failing`() {
    for answer in [Rig.Answer.cannotTell, .none] {
      var rig = rig()
      rig.pass(.seconds(5))
      rig.answers["srv"] = answer
      rig.pass(.seconds(30))
      guard case .unknown = rig.health("srv") else {
        Issue.record("\(answer): \(String(describing: rig.health("srv")))")
        continue
      }
      #expect((rig.givenUp > 0) == (answer == .none))
    }
  }

  @Test func `go on as they are where others come or go`() {
    var rig = rig()
    rig.answers["srv"] = .bad
    rig.pass(.seconds(5))
    rig.send(.check([Self.link, Self.srv]))
    #expect(rig.told.last?.map(\.check) == ["link", "srv"])
    #expect(rig.health("srv") == .failing(reason: "/srv is read-only"))
    #expect(rig.health("link") == .starting)
    rig.send(.check([]))
    #expect(rig.told.last == [])
    rig.asked = []
    rig.pass(.seconds(10))
    #expect(rig.asked.isEmpty)
  }
}
