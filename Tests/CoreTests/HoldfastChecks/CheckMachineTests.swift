import HoldfastChecks
import HoldfastModel
import HoldfastTime
import Testing

/// Checks on virtual time: what is asked when, what the answers make of a run, and what is told of that.
@Suite struct `Checks` {
  private static let check = HealthCheck(
    name: "web", probe: .tcp(TCPProbe(port: 80)), interval: .seconds(1), timeout: .seconds(1), down: 3, up: 2,
    grace: .seconds(10))

  /// One workload's checks, and hands that answer its probes.
  struct Rig {
    enum Answer { case good, bad, cannotTell, none }
    struct Told: Equatable {
      var after: Duration
      var run: Int
      var health: WorkloadHealth
    }

    var machine = CheckMachine()
    var now = BootInstant(nanoseconds: 5_000_000_000)
    let began = BootInstant(nanoseconds: 5_000_000_000)
    /// By check; the rest is good.
    var answers: [CheckName: Answer] = [:]
    var latency: Duration = .milliseconds(5)
    var told: [Told] = []
    var asked: [(at: BootInstant, request: ProbeRequest)] = []
    var givenUp: [ProbeID] = []
    private var wakeAt: BootInstant?
    private var pending: [(at: BootInstant, result: ProbeResult)] = []

    mutating func send(_ event: CheckMachine.Event) {
      for action in machine.receive(event, now: now) {
        switch action {
        case .probe(let request):
          asked.append((now, request))
          let answer: ProbeResult.Answer? =
            switch answers[request.check] ?? .good {
            case .good: .good
            case .bad: .bad(reason: "refused")
            case .cannotTell: .cannotTell(reason: "no such command")
            case .none: nil
            }
          if let answer { pending.append((now + latency, ProbeResult(request.id, answer))) }
        case .giveUp(let id): givenUp.append(id)
        case .tell(_, let run, let health): told.append(Told(after: now - began, run: run, health: health))
        case .wake(let at): wakeAt = at
        }
      }
    }

    /// Whatever is due on the way happens at its time.
    mutating func pass(_ duration: Duration) {
      let end = now + duration
      while true {
        let first = pending.indices.min { pending[$0].at < pending[$1].at }
        let next = [first.map { pending[$0].at }, wakeAt].compactMap { $0 }.min()
        guard let next, next <= end else { break }
        now = max(now, next)
        if let first, pending[first].at == next {
          let result = pending.remove(at: first).result
          send(.answered(result))
        } else {
          wakeAt = nil
          send(.tick)
        }
      }
      now = end
    }

    mutating func follow(_ checks: [HealthCheck], run: Int = 1, onHold: Bool = false, workload: WorkloadName = "w1") {
      let place = CheckSubject.Place(domain: DomainID(connection: "lxc:///", name: workload.text), uuid: "u", pid: 1)
      send(.check(CheckSubject(workload, run: run, at: place, checks: checks, isOnHold: onHold)))
    }

    var states: [WorkloadHealth.State] { told.map(\.health.state) }
  }

  private func rig(_ checks: [HealthCheck] = [check]) -> Rig {
    var rig = Rig()
    rig.follow(checks)
    return rig
  }

  // MARK: thresholds

  @Test func `that answer are healthy after as many answers as they say, and that is told once`() {
    var rig = rig()
    rig.pass(.seconds(60))
    #expect(rig.states == [.healthy])
    #expect(rig.told[0].after <= .seconds(2) + .milliseconds(50), "two answers, a second apart")
    #expect(rig.machine.breach == nil)
  }

  @Test func `that fail after they answered are failing after as many bad answers as they say`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .bad
    rig.pass(.seconds(20))
    #expect(rig.states == [.healthy, .failing])
    let failed = rig.told[1]
    #expect(failed.after > .seconds(7) && failed.after <= .seconds(5) + Self.check.longestDetection)
    #expect(failed.health.cause?.check == "web" && failed.health.cause?.reason == "refused")
    rig.answers["web"] = .good
    rig.pass(.seconds(5))
    #expect(rig.states == [.healthy, .failing, .healthy])
  }

  @Test(arguments: [1, 2]) func `count answers in a row only`(good: Int) {
    var rig = rig()
    rig.pass(.seconds(5))
    // Two bad ones, then good ones, again and again.
    for _ in 0..<10 {
      rig.answers["web"] = .bad
      rig.pass(.seconds(2))
      rig.answers["web"] = .good
      rig.pass(.seconds(good))
    }
    #expect(rig.states == [.healthy], "\(rig.told)")
  }

  // MARK: grace

  @Test func `that never answered are not failing before the grace is over`() {
    var rig = Rig()
    rig.answers["web"] = .bad
    rig.follow([Self.check])
    rig.pass(.seconds(30))
    #expect(rig.states == [.failing])
    #expect(rig.told[0].after >= .seconds(12) && rig.told[0].after <= .seconds(10) + Self.check.longestDetection)
  }

  @Test func `have no more grace after the first good answer`() {
    var rig = rig()
    rig.pass(.milliseconds(1100))
    rig.answers["web"] = .bad
    rig.pass(.seconds(4))
    #expect(rig.states.last == .failing, "\(rig.told)")
  }

  // MARK: what cannot be made

  @Test func `that cannot be made are unknown, and never failing`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .cannotTell
    rig.pass(.seconds(60))
    #expect(rig.states == [.healthy, .unknown])
    #expect(rig.told[1].health.cause == nil && rig.told[1].health.findings.first?.isUnknown == true)
    #expect(!rig.told[1].health.isPending)
    rig.answers["web"] = .good
    rig.pass(.seconds(5))
    #expect(rig.states.last == .healthy)
  }

  @Test func `that cannot be made any more are not failing any more`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .bad
    rig.pass(.seconds(5))
    rig.answers["web"] = .cannotTell
    rig.pass(.seconds(5))
    #expect(rig.states == [.healthy, .failing, .unknown])
  }

  @Test func `whose answers do not come are given up one by one, and are unknown`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = Rig.Answer.none
    rig.asked = []
    rig.pass(.seconds(30))
    #expect(rig.states == [.healthy, .unknown])
    // Each is waited for for its timeout and two seconds more, and the next begins only then.
    #expect(rig.asked.count == 10 && rig.givenUp.count == 9, "\(rig.asked.count) \(rig.givenUp.count)")
    #expect(Set(rig.asked.map(\.request.id)).count == 10)
  }

  @Test func `that are answered too late count nothing for it`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.latency = .seconds(4)
    rig.answers["web"] = .bad
    rig.pass(.seconds(40))
    #expect(rig.states == [.healthy, .unknown], "\(rig.told)")
  }

  // MARK: runs

  @Test func `of an earlier run say nothing of the next`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .bad
    rig.pass(.seconds(2))
    // Two bad answers, and the third is on its way.
    rig.latency = .milliseconds(1500)
    rig.pass(.seconds(1))
    rig.follow([Self.check], run: 2)
    rig.latency = .milliseconds(5)
    rig.answers["web"] = .good
    rig.pass(.seconds(10))
    #expect(rig.states == [.healthy, .healthy] && rig.told.map(\.run) == [1, 2], "\(rig.told)")
  }

  @Test func `on hold ask nothing, and what failed is judged anew afterwards`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .bad
    rig.pass(.seconds(5))
    #expect(rig.states == [.healthy, .failing])
    rig.follow([Self.check], onHold: true)
    #expect(rig.states == [.healthy, .failing, .starting])
    rig.asked = []
    rig.pass(.seconds(60))
    #expect(rig.asked.isEmpty)
    rig.follow([Self.check])
    rig.pass(.seconds(2))
    #expect(rig.states.count == 3, "two bad answers are not three")
    rig.pass(.seconds(3))
    #expect(rig.states.last == .failing)
  }

  @Test func `on hold that were healthy stay so, and nothing is told`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.answers["web"] = .bad
    rig.pass(.seconds(2))
    rig.follow([Self.check], onHold: true)
    rig.pass(.seconds(30))
    rig.answers["web"] = .good
    rig.follow([Self.check])
    rig.pass(.seconds(30))
    #expect(rig.states == [.healthy])
  }

  @Test func `get their grace anew where they never answered before they were on hold`() {
    var rig = Rig()
    rig.answers["web"] = .bad
    rig.follow([Self.check])
    rig.pass(.seconds(8))
    rig.follow([Self.check], onHold: true)
    rig.pass(.seconds(5))
    rig.follow([Self.check])
    rig.pass(.seconds(9))
    #expect(rig.told.isEmpty)
    rig.pass(.seconds(6))
    #expect(rig.states == [.failing])
  }

  @Test func `that are not looked at any more ask and tell nothing`() {
    var rig = rig()
    rig.pass(.seconds(5))
    rig.send(.end("w1"))
    rig.asked = []
    rig.pass(.seconds(60))
    #expect(rig.asked.isEmpty && rig.told.count == 1 && rig.machine.count == 0)
  }

  @Test func `that were changed begin anew, and the others go on`() {
    var other = Self.check
    other.name = "db"
    var rig = rig([Self.check, other])
    rig.answers["web"] = .bad
    rig.pass(.seconds(30))
    #expect(rig.states == [.failing])
    var changed = Self.check
    changed.probe = .tcp(TCPProbe(port: 8080))
    rig.follow([changed, other])
    #expect(rig.states == [.failing, .starting], "db is healthy still, and web unknown to nobody")
    rig.answers["web"] = .good
    rig.pass(.seconds(5))
    #expect(rig.states == [.failing, .starting, .healthy])
  }

  // MARK: several of one workload

  @Test func `tell first what fails, then what cannot be made, in their order`() throws {
    let checks = ["a", "b", "c", "d"].map { name -> HealthCheck in
      var check = Self.check
      check.name = CheckName(name)
      check.reaction = name == "b" ? .report : .restart
      return check
    }
    var rig = Rig()
    rig.answers = ["a": .cannotTell, "b": .bad, "d": .bad]
    rig.follow(checks)
    rig.pass(.seconds(40))
    let health = try #require(rig.told.last?.health)
    #expect(health.findings.map(\.check) == ["b", "d", "a"] && health.state == .failing)
    #expect(health.cause?.check == "d", "b is only reported")
  }

  @Test func `that are only reported leave nothing pending`() {
    var check = Self.check
    check.reaction = .report
    var rig = Rig()
    rig.answers["web"] = .bad
    rig.follow([check])
    rig.pass(.seconds(40))
    #expect(rig.told.allSatisfy { !$0.health.isPending } && rig.told.last?.health.cause == nil)
  }

  // MARK: many

  /// 500 checks of one second: no burst, no drift, and the node is woken a bounded number of times.
  @Test func `are spread, whatever the number`() {
    var rig = Rig()
    for number in 0..<500 { rig.follow([Self.check], workload: WorkloadName("w\(number)")) }
    rig.pass(.seconds(2))
    rig.asked = []
    rig.pass(.seconds(10))
    #expect((4950...5050).contains(rig.asked.count), "\(rig.asked.count)")
    let bursts = Dictionary(grouping: rig.asked) { $0.at }.mapValues(\.count)
    #expect(bursts.count <= 510, "one step of 20 ms is the finest")
    #expect(bursts.values.max() ?? 0 < 40, "\(bursts.values.max() ?? 0) at once")
    for request in Dictionary(grouping: rig.asked, by: \.request.workload).values { #expect((9...11).contains(request.count)) }
    #expect(rig.told.count == 500)
  }

  @Test func `that ask once a day are asked soon after the start, and then once a day`() {
    var check = Self.check
    check.interval = .seconds(86_400)
    var rig = rig([check])
    rig.pass(.seconds(11))
    #expect(rig.asked.count == 1)
    rig.pass(.seconds(86_400))
    #expect(rig.asked.count == 2)
  }

  @Test func `are asked on after a wake-up that came too early, or was late`() {
    var rig = rig()
    rig.pass(.seconds(3))
    rig.send(.tick)
    rig.now = rig.now + .seconds(20)
    rig.send(.tick)
    rig.asked = []
    rig.pass(.seconds(10))
    #expect((9...11).contains(rig.asked.count), "what was missed is not made up for: \(rig.asked.count)")
  }

  @Test(arguments: [(Duration.seconds(2), WorkloadHealth.State.failing), (.seconds(60), .unknown)])
  func `that answer badly while the node did not run tell nothing of the workload`(
    passed: Duration, state: WorkloadHealth.State
  ) throws {
    var check = Self.check
    (check.down, check.grace) = (1, .zero)
    var rig = rig([check])
    rig.answers["web"] = Rig.Answer.none
    rig.pass(.seconds(1))
    let id = try #require(rig.asked.last).request.id
    // Before the wake-up that would have given it up.
    rig.now = rig.now + passed
    rig.send(.answered(ProbeResult(id, .bad(reason: "silent"))))
    #expect(rig.states == [state])
  }
}
