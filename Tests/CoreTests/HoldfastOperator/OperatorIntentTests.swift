import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator changes what is wanted` {
  @Test func `release, stop and start write the intent, guarded on the one that was seen`() throws {
    let wanted: [(OperatorCommand, IntentRecord.Desired)] = [
      (.release("web1"), .unprotected), (.stop("web1"), .stopped), (.start("web1"), .running)
    ]
    for (command, desired) in wanted {
      let fixture = OperatorFixture()
      fixture.run("web1", on: "a")
      fixture.put(
        .intent("web1"),
        .intent(IntentRecord(desired: desired == .running ? .stopped : .running, move: .init(to: "b", serial: 4))))
      let prepared = try command.prepare(in: fixture.view)
      let other = fixture.copy()
      #expect(fixture.commit(prepared.transaction))
      // The move's serial stays, so that serials grow.
      #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: desired, move: .init(to: "b", serial: 4)))
      #expect(fixture.view.claims["web1"]?.value.epoch == Epoch(3))

      other.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
      #expect(!other.commit(prepared.transaction))
    }
  }

  @Test func `restart is an errand for what runs where it is to run`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .running, move: .init(to: "b", serial: 4))))
    let prepared = try OperatorCommand.errand(.restart, "web1").prepare(in: fixture.view)
    #expect(prepared.effect == .requested && prepared.text.contains("on a (destroyed after 30 s) and started there again"))
    #expect(fixture.commit(prepared.transaction))
    let wanted = IntentRecord(desired: .running, move: .init(to: "b", serial: 4), errand: .restart)
    #expect(fixture.view.intents["web1"]?.value == wanted)
    #expect(WorkloadInfo("web1", in: fixture.view).errand == "restart")
    #expect(WorkloadInfo("web1", in: fixture.view).why == "a is restarting it")
    #expect(try OperatorCommand.errand(.restart, "web1").prepare(in: fixture.view).effect == .unchanged)
    // Whoever stops it or lets it go has no use for the errand.
    for command: OperatorCommand in [.stop("web1"), .release("web1")] {
      let other = fixture.copy()
      #expect(other.commit(try command.prepare(in: other.view).transaction))
      #expect(other.view.intents["web1"]?.value.errand == nil)
    }
  }

  @Test func `a pause stands, a reset takes its place, and what is not paused is not resumed`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    func ask(_ errand: IntentRecord.Errand) throws -> PreparedCommand {
      try OperatorCommand.errand(errand, "web1").prepare(in: fixture.view)
    }
    func isPaused(_ isPaused: Bool) {
      let report = ReportRecord(
        unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [],
        paused: isPaused ? ["web1": "libvirt has paused it"] : nil)
      fixture.put(.report("a"), .report(report))
    }
    isPaused(false)
    #expect(try ask(.resume).text == "is not paused")
    #expect(fixture.commit(try ask(.pause).transaction))
    #expect(WorkloadInfo("web1", in: fixture.view).why == "a is about to pause it")
    #expect(try ask(.pause).text == "is being paused on a already")
    #expect(try ask(.resume).effect == .requested, "a pause that has not come yet is taken back")
    isPaused(true)
    #expect(try ask(.pause).text == "is paused on a already")
    #expect(WorkloadInfo("web1", in: fixture.view).state == .paused)
    #expect(fixture.commit(try ask(.reset).transaction))
    #expect(fixture.view.intents["web1"]?.value.errand == .reset)
    #expect(WorkloadInfo("web1", in: fixture.view).why?.hasPrefix("libvirt has paused it on a") == true)
    #expect(fixture.commit(try ask(.resume).transaction))
    #expect(try ask(.resume).text == "is being resumed on a already")
  }

  @Test func `what does not run, or is about to leave, is not restarted`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: "b", reason: "test")))
    #expect(fixture.refusal(of: .errand(.restart, "web1"))?.reason == "it is to leave a for b")
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: nil, reason: "test")))
    #expect(fixture.refusal(of: .errand(.restart, "web1"))?.reason == "it is to leave a")
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil)))
    #expect(fixture.refusal(of: .errand(.restart, "web1"))?.remedy.contains("`holdfast start web1`") == true)
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
    #expect(fixture.refusal(of: .errand(.restart, "web1"))?.reason.hasPrefix("it is stopped") == true)
    #expect(fixture.refusal(of: .errand(.restart, "nobody"))?.kind == .unknown)
  }

  /// Of what is stopping, for whatever reason.
  private func stopping(desired: IntentRecord.Desired, placedOn node: NodeName?) throws -> OperatorFixture {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: desired)))
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: node, reason: "test")))
    var claim = try #require(fixture.view.claims["web1"]?.value)
    claim.activity = .stopping
    fixture.put(.claim("web1"), .claim(claim))
    return fixture
  }

  @Test func `a reset cuts the shutdown of a restart or a move short`() throws {
    let places: [(NodeName?, String)] = [("a", "there again"), ("b", "on b"), (nil, "again when a node can take it")]
    for (node, place) in places {
      let fixture = try stopping(desired: .running, placedOn: node)
      let prepared = try OperatorCommand.errand(.reset, "web1").prepare(in: fixture.view)
      #expect(
        prepared.text == "is destroyed on a without a shutdown, though its shutdown is under way, and started \(place)")
      #expect(fixture.commit(prepared.transaction))
      #expect(try OperatorCommand.errand(.reset, "web1").prepare(in: fixture.view).text == "is being reset on a already")
    }
    let leaving = try stopping(desired: .running, placedOn: "b")
    #expect(leaving.refusal(of: .errand(.restart, "web1"))?.reason == "it is to leave a for b")
  }

  @Test func `what is stopping is not reset but stopped at once, and its next start knows nothing of that`() throws {
    let fixture = try stopping(desired: .stopped, placedOn: "a")
    let refusal = fixture.refusal(of: .errand(.reset, "web1"))
    #expect(refusal?.reason == "it is being stopped on a, as was asked, and stays down")
    #expect(refusal?.remedy.contains("`holdfast stop web1 --now`") == true)
    let prepared = try OperatorCommand.stop("web1", atOnce: true).prepare(in: fixture.view)
    #expect(prepared.text == "is destroyed on a without a shutdown and stays down")
    #expect(fixture.commit(prepared.transaction))
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .stopped, errand: .reset))
    let again = try OperatorCommand.stop("web1", atOnce: true).prepare(in: fixture.view)
    #expect(again.effect == .unchanged && again.text == "is being stopped on a at once already")
    #expect(fixture.commit(try OperatorCommand.start("web1").prepare(in: fixture.view).transaction))
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .running))
    let down = OperatorFixture()
    down.run("web1", on: "a")
    down.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil)))
    let none = try OperatorCommand.stop("web1", atOnce: true).prepare(in: down.view)
    #expect(none.text == "is not running and will not be started")
  }

  @Test func `what moves while it runs is not released before it runs again`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let prepared = try OperatorCommand.release("web1").prepare(in: fixture.view)
    var claim = try #require(fixture.view.claims["web1"]?.value)
    claim.migration = .init(.ready, target: .init(node: "b", incarnation: OperatorFixture.incarnation("b")))
    fixture.put(.claim("web1"), .claim(claim))
    #expect(!fixture.commit(prepared.transaction), "the migration began meanwhile")
    let refusal = fixture.refusal(of: .release("web1"))
    #expect(refusal?.kind == .conflict && refusal?.reason.contains("moving from a to b") == true)
    #expect(refusal?.remedy.contains("`holdfast move web1 --to a`") == true, "a command that can be typed")

    claim.holder = claim.migration?.target
    claim.migration?.step = .arrived
    fixture.put(.claim("web1"), .claim(claim))
    #expect(fixture.refusal(of: .release("web1"))?.reason.contains("just moved to b") == true)
    claim.migration = nil
    fixture.put(.claim("web1"), .claim(claim))
    #expect(fixture.refusal(of: .release("web1")) == nil)

    // Nobody holds it: nothing of it moves.
    claim.migration = .init(.ready, target: .init(node: "b", incarnation: OperatorFixture.incarnation("b")))
    claim.holder = .init(node: "c", incarnation: OperatorFixture.incarnation("c"))
    fixture.put(.claim("web1"), .claim(claim))
    #expect(fixture.refusal(of: .release("web1")) == nil)
  }

  @Test(
    arguments: [
      (.running, "it keeps running on a, where its definition becomes persistent", "is released while it runs on a"),
      (.starting, "a is starting it; if it has started by then it keeps running there", "is released while a starts it"),
      (nil, "a is starting it; if it has started by then it keeps running there", "is released while a starts it"),
      (.stopping, "a is stopping it, and its definition is deleted when it has stopped", "is released while a stops it"),
      (.unclear, "a cannot tell how it is", "is released while it runs on a")
    ] as [(ClaimRecord.Activity?, String, String)])
  func `a release tells what becomes of it as it is`(activity: ClaimRecord.Activity?, text: String, news: String) throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    var claim = try #require(fixture.view.claims["web1"]?.value)
    claim.activity = activity
    fixture.put(.claim("web1"), .claim(claim))
    let prepared = try OperatorCommand.release("web1").prepare(in: fixture.view)
    #expect(prepared.text.hasPrefix("leaves protection: \(text)") && prepared.news == news)
  }

  @Test func `what ended each time did not fail to start`() {
    let failures: [(ClaimRecord.Failure, String)] = [
      (.init(count: 3, reason: "it ended 3 times in a row"), "; it ended 3 times in a row on b"),
      (.init(count: 3, reason: "it ended right after its start"), "; it ended right after its start on b, 3 times"),
      (.init(count: 3, reason: "no disk"), "; b failed to start it 3 times: no disk")
    ]
    for (failure, words) in failures {
      let fixture = OperatorFixture()
      fixture.run("web1", on: "a")
      fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil, failures: ["b": failure])))
      fixture.put(
        .placement("web1"),
        .placement(
          PlacementRecord(
            node: nil, reason: "no node can take it", others: failure.isOfEnds ? ["b": .endsAgain(times: failure.count)] : [:]))
      )
      #expect(WorkloadInfo("web1", in: fixture.view).why == "no node can take it\(words)")
    }
  }

  @Test func `a workload that was forgotten meanwhile does not come back as an intent`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.delete(.intent("web1"))
    let prepared = try OperatorCommand.stop("web1").prepare(in: fixture.view)
    fixture.delete(.spec("web1"))
    #expect(!fixture.commit(prepared.transaction))
  }

  @Test func `what is so already changes nothing`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    #expect(try OperatorCommand.start("web1").prepare(in: fixture.view).effect == .unchanged)
    #expect(fixture.commit(try OperatorCommand.stop("web1").prepare(in: fixture.view).transaction))
    #expect(try OperatorCommand.stop("web1").prepare(in: fixture.view).effect == .unchanged)
    #expect(fixture.commit(try OperatorCommand.release("web1").prepare(in: fixture.view).transaction))
    #expect(try OperatorCommand.release("web1").prepare(in: fixture.view).effect == .unchanged)
    for command: OperatorCommand in [.start("web1"), .stop("web1"), .move("web1", to: "b")] {
      #expect(fixture.refusal(of: command)?.kind == .conflict)
    }
  }

  @Test func `start forgets failures of a claim that nobody holds, and nothing else of it`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let dead = ClaimRecord.Holder(node: "c", incarnation: OperatorFixture.incarnation("c"))
    for holder in [nil, dead] {
      let claim = ClaimRecord(
        epoch: Epoch(6), holder: holder, activity: nil, failures: ["a": .init(count: 2, reason: "no disk")])
      fixture.put(.claim("web1"), .claim(claim))
      let prepared = try OperatorCommand.start("web1").prepare(in: fixture.view)
      let other = fixture.copy()
      #expect(fixture.commit(prepared.transaction))
      var clean = claim
      clean.failures = [:]
      #expect(fixture.view.claims["web1"]?.value == clean)

      // A claim that was taken meanwhile is not written over.
      other.put(
        .claim("web1"),
        .claim(ClaimRecord(epoch: Epoch(7), holder: .init(node: "b", incarnation: OperatorFixture.incarnation("b")))))
      #expect(!other.commit(prepared.transaction))
    }
  }

  @Test func `start writes a record of what is wanted that is missing`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.delete(.intent("web1"))
    #expect(fixture.commit(try OperatorCommand.start("web1").prepare(in: fixture.view).transaction))
    #expect(fixture.view.intents["web1"]?.value.desired == .running)
  }

  @Test func `start leaves a claim alone that somebody holds`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    var claim = try #require(fixture.view.claims["web1"]?.value)
    claim.failures = ["b": .init(count: 1, reason: "x")]
    fixture.put(.claim("web1"), .claim(claim))
    #expect(try OperatorCommand.start("web1").prepare(in: fixture.view).transaction == nil)
  }

  @Test func `what is so already is told as it is`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    func text(_ command: OperatorCommand) throws -> String { try command.prepare(in: fixture.view).text }
    #expect(try text(.start("web1")) == "runs already")
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil)))
    #expect(try text(.start("web1")) == "was started already, and does not run yet")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
    #expect(try text(.stop("web1")) == "is stopped already")
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
    #expect(try text(.stop("web1")) == "is being stopped on a already")
  }

  @Test func `a move takes the next serial`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: "a", reason: "", servedMove: 4)))
    let first = try OperatorCommand.move("web1", to: "b").prepare(in: fixture.view)
    #expect(first.moveSerial == 5)
    #expect(fixture.commit(first.transaction))
    #expect(fixture.view.intents["web1"]?.value.move == .init(to: "b", serial: 5))

    // The same again is the same request; another target is another one.
    let again = try OperatorCommand.move("web1", to: "b").prepare(in: fixture.view)
    #expect(again.effect == .unchanged && again.moveSerial == 5)
    #expect(try OperatorCommand.move("web1", to: "a").prepare(in: fixture.view).moveSerial == 6)

    fixture.put(.placement("web1"), .placement(PlacementRecord(node: "a", reason: "refused", servedMove: 5)))
    #expect(try OperatorCommand.move("web1", to: "b").prepare(in: fixture.view).moveSerial == 6)

    // To where it is: from then on it stays there. Asked once more, nothing changes.
    let stay = try OperatorCommand.move("web1", to: "a").prepare(in: fixture.view)
    #expect(stay.moveSerial == 6 && stay.text.contains("stays on a"))
    fixture.put(
      .placement("web1"), .placement(PlacementRecord(node: "a", reason: "asked", servedMove: 6, cause: .operatorsMove)))
    #expect(try OperatorCommand.move("web1", to: "a").prepare(in: fixture.view).effect == .unchanged)
  }

  @Test func `a move says what stands against it`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    func refusal(_ node: NodeName) -> OperatorError? { fixture.refusal(of: .move("web1", to: node)) }
    #expect(refusal("c")?.reason.contains("no session") == true)
    #expect(refusal("d")?.kind == .unknown)
    fixture.open("b", .leaving)
    #expect(refusal("b")?.reason.contains("handing over") == true)
    fixture.open("b")
    fixture.put(
      .node("b"), .node(NodeRecord(capacity: .none, labels: [:], connections: ["qemu:///system"], version: "1")))
    #expect(refusal("b")?.reason.contains("does not serve") == true)
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
    #expect(refusal("a")?.reason.contains("stopped") == true)
  }

  @Test func `an unknown name comes back with the nearest one`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.run("mail", on: "a")
    let near = try #require(fixture.refusal(of: .stop("wbe1")))
    #expect(near.kind == .unknown && near.remedy.contains("Did you mean web1?"))
    let far = try #require(fixture.refusal(of: .stop("postgres")))
    #expect(!far.remedy.contains("Did you mean"))
  }

  @Test func `unreadable records and an empty mirror are left alone`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .unreadable(reason: "from the future"))
    let refusal = fixture.refusal(of: .stop("web1"))
    #expect(refusal?.reason.contains("from the future") == true)
    #expect(refusal?.remedy.contains("`holdfast store check`") == true)
    #expect(throws: OperatorError.self) { try OperatorCommand.stop("web1").prepare(in: ClusterView()) }
  }
}
