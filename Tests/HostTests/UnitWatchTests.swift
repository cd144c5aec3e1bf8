import HostParts
import Testing

@Suite struct `A watched unit` {
  struct Row: CustomTestStringConvertible {
    /// Activity, step and run of what is read, one after the other.
    var readings: [UnitFacts]
    var answer: PartAnswer
    var testDescription: String { readings.map { "\($0.activity) \($0.step) \($0.invocation)" }.joined(separator: ", ") }

    init(_ readings: [UnitFacts], _ answer: PartAnswer) {
      self.readings = readings
      self.answer = answer
    }
  }

  /// Covered, in the run "1" unless it is said otherwise.
  private static func facts(
    _ word: String, _ step: String = "", run: String = "1", _ change: (inout UnitFacts) -> Void = { _ in }
  ) -> UnitFacts {
    var facts = UnitFacts()
    (facts.activity, facts.step, facts.invocation, facts.isCovered) = (.init(word), step, run, true)
    change(&facts)
    return facts
  }
  private static let up = facts("active", "running"), down = facts("inactive", "dead")
  private static let failed = facts("failed", "failed") { ($0.result, $0.mainStatus) = ("exit-code", 5) }
  private static let stray = facts("active", "running") { $0.isCovered = false }
  private static let astray = PartAnswer.failed(
    "its settings were changed, so that the guard would not stop it: `systemctl cat` shows them")

  @Test(arguments: [
    Row([], .unknown("systemd has not told of it yet")),
    Row([down], .down), Row([up], .up), Row([facts("reloading", "reload")], .up), Row([facts("active", "exited")], .up),
    Row([facts("activating", "start")], .changing("activating (start)")),
    Row([facts("activating", "start-pre"), facts("activating", "start"), up], .up),
    Row([facts("inactive") { $0.job = "7" }], .changing("queued")),
    Row([facts("failed") { $0.job = "7" }], .changing("queued")),
    Row([up, facts("deactivating", "stop-sigterm")], .changing("deactivating (stop-sigterm)")),
    Row([up, failed], .failed("systemd tells exit-code, status 5")),
    // Something in force is not: systemd would start it again.
    Row([up, facts("activating", "auto-restart")], .changing("deactivating (auto-restart)")),
    Row([up, stray], astray), Row([stray], astray), Row([up, stray, up], .up), Row([stray, down], .down),
    Row([facts("activating", "start") { $0.isCovered = false }], astray),
    Row([facts("inactive") { $0.isCovered = false }], .down),
    Row([facts("maintenance")], .unknown("systemd tells that it is maintenance, which this build does not know")),
    // Another run begins wherever it is, as readings are left out.
    Row([up, facts("activating", "start", run: "2")], .changing("activating (start)")),
    Row([failed, facts("active", "running", run: "2")], .up),
    Row([down, facts("deactivating", "stop", run: "2")], .changing("deactivating (stop)")),
    // Within a run it goes forward alone.
    Row(
      [up, facts("activating", "start")],
      .unknown("systemd tells that it is activating (start), and told before that it was active, in one run")),
    Row([down, up], .unknown("systemd tells that it is active, and told before that it was inactive, in one run")),
    Row([down, up, up], .up)
  ])
  func `answers as systemd tells`(row: Row) {
    var watch = UnitWatch()
    for reading in row.readings { watch.take(.read(reading)) }
    #expect(watch.answer == row.answer)
  }

  @Test func `is never taken for stopped when nobody can tell`() {
    for reading in [Self.up, Self.down, Self.failed] {
      var watch = UnitWatch()
      watch.take(.read(reading))
      watch.take(.lost("systemd is not reached"))
      #expect(watch.answer == .unknown("systemd is not reached") && !watch.isSeen)
      watch.take(.read(Self.up))
      #expect(watch.answer == .up && watch.isSeen)
    }
  }

  // MARK: what speaks against it

  private static func facts(_ change: (inout UnitFacts) -> Void) -> UnitFacts {
    var facts = UnitFacts()
    change(&facts)
    return facts
  }

  @Test(
    arguments: [
      (facts { _ in }, nil, nil), (facts { $0.activity = .failed }, nil, nil),
      (facts { $0.load = "not-found" }, "systemd knows no unit app.service. Install it", "the unit app.service"),
      (
        facts { $0.load = "masked" }, "app.service is masked. `systemctl unmask app.service`",
        "the unit app.service, not masked"
      ),
      (facts { $0.load = "bad-setting" }, "cannot be loaded (bad-setting)", "the unit app.service, loaded without errors"),
      (
        facts { ($0.file, $0.startedBy) = ("enabled", ["multi-user.target"]) }, "is enabled: so it can run without a claim",
        "`systemctl disable app.service`"
      ),
      (facts { $0.startedBy = ["app.timer"] }, "is started by app.timer as well", "`systemctl disable --now app.timer`"),
      (facts { $0.startedBy = ["web.service"] }, nil, nil),
      (facts { $0.activity = .active }, "runs already, and not by this workload. `systemctl stop app.service`", nil),
      (facts { $0.job = "3" }, "runs already", nil)
    ] as [(UnitFacts, String?, String?)])
  func `is refused with what to type`(facts: UnitFacts, obstacle: String?, lack: String?) {
    let flaw = facts.obstacle(of: "app.service", besides: ["web.service"]).map { "\($0)" }
    #expect((flaw == nil) == (obstacle == nil) && flaw?.contains(obstacle ?? "") != false, "\(flaw ?? "")")
    let noun = facts.lack(of: "app.service", besides: ["web.service"])
    #expect((noun == nil) == (lack == nil) && noun?.contains(lack ?? "") != false, "\(noun ?? "")")
  }

  @Test(arguments: [
    ("app.service", true), ("app@one.service", true), (#"app@a\x2db.service"#, true), ("dbus-org.x_1:2.service", true),
    ("app", false), ("app@.service", false), ("@one.service", false), (".service", false), ("app.timer", false),
    ("app one.service", false), ("../app.service", false), ("äpp.service", false),
    (String(repeating: "a", count: 248) + ".service", false)
  ])
  func `has the name of a service`(name: String, isOne: Bool) {
    #expect((HostPart(name: "a", kind: .unit(UnitPart(unit: name))).flaw == nil) == isOne)
  }

  @Test func `has a drop-in that puts it under the guard`() {
    let slice = UnitDropIn(
      .slice(#"holdfast-freeze-host\x2dweb.slice"#), variables: ["WORKLOAD": "web", "EPOCH": "3"], isOneshot: false)
    #expect(
      slice.text.split(separator: "\n").dropFirst() == [
        "[Unit]", "StartLimitIntervalSec=0", "[Service]", "Restart=no", #"Slice=holdfast-freeze-host\x2dweb.slice"#,
        "Environment=HOLDFAST_EPOCH=3", "Environment=HOLDFAST_WORKLOAD=web"
      ])
    let gate = UnitDropIn(.gate("/run/100%/web-0.gate"), variables: [:], isOneshot: true)
    #expect(gate.text.hasSuffix("Restart=no\nRemainAfterExit=yes\nLoadCredential=holdfast.gate:/run/100%%/web-0.gate\n"))
  }
}
