import HoldfastModel
import HoldfastNode
import HoldfastTime
import Testing

/// Notices on their way, on virtual time.
@Suite struct `The outbox` {
  enum Step: Sendable {
    case post(Int64, Note.Severity = .error)
    /// What is under way to that receiver was taken, or not.
    case taken(String)
    case refused(String)
    case tick
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var receivers: [NoticeReceiver]
    /// At which second what happens, and what is done about it. Wake-ups are told where a story is about them.
    var steps: [(Double, Step, [String])]
    var testDescription: String { name }

    init(_ name: String, to receivers: [NoticeReceiver] = [a], _ steps: [(Double, Step, [String])]) {
      self.name = name
      self.receivers = receivers
      self.steps = steps
    }
  }

  static let a = NoticeReceiver(.run(path: "/a"), severity: .info, timeout: .seconds(30))
  static let b = NoticeReceiver(.mail(address: "b@c"), severity: .warning, timeout: .seconds(30))

  static let rows = [
    Row(
      "delivers, and forgets what was delivered",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (1, .taken("run /a"), ["save"]), (99, .tick, [])
      ]),
    Row(
      "gives a receiver one notice at a time, the oldest first",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (0, .post(2), ["save"]), (0, .post(3), ["save"]),
        (1, .taken("run /a"), ["2 to run /a", "save", "wake 36"]), (2, .taken("run /a"), ["3 to run /a", "save", "wake 37"])
      ]),
    Row(
      "gives each what it wants", to: [a, b],
      [
        (0, .post(1, .info), ["1 to run /a", "save", "wake 35"]), (1, .taken("run /a"), ["save"]),
        (2, .post(2, .warning), ["2 to run /a", "2 to mail b@c", "save", "wake 37"])
      ]),
    Row("keeps nothing that nobody wants", to: [b], [(0, .post(1, .info), [])]),
    Row(
      "lets one that hangs hold up no other", to: [a, b],
      [
        (0, .post(1), ["1 to run /a", "1 to mail b@c", "save", "wake 35"]), (1, .taken("mail b@c"), ["save"]),
        (2, .post(2), ["2 to mail b@c", "save"]), (3, .taken("mail b@c"), ["save"]),
        (35, .tick, ["wake 36"]), (36, .tick, ["2 to run /a", "wake 71"])
      ]),
    Row(
      "tries again, later each time",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (10, .refused("run /a"), ["wake 11"]),
        (11, .tick, ["1 to run /a", "wake 46"]), (12, .refused("run /a"), ["wake 14"]),
        (14, .tick, ["1 to run /a", "wake 49"]), (15, .refused("run /a"), ["wake 19"]),
        (19, .tick, ["1 to run /a", "wake 54"]), (20, .taken("run /a"), ["save"]),
        (30, .post(2), ["2 to run /a", "save", "wake 65"]), (31, .refused("run /a"), ["wake 32"])
      ]),
    Row(
      "waits with what is new as well",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (0, .refused("run /a"), ["wake 1"]), (0.5, .post(2), ["save"]),
        (1, .tick, ["2 to run /a", "wake 36"])
      ]),
    Row(
      "lets one that cannot be delivered hold up no other",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (0, .post(2), ["save"]), (0, .post(3), ["save"]),
        (1, .refused("run /a"), ["wake 2"]), (2, .tick, ["2 to run /a", "wake 37"]),
        (3, .taken("run /a"), ["3 to run /a", "save", "wake 38"]), (4, .taken("run /a"), ["1 to run /a", "save", "wake 39"]),
        (5, .refused("run /a"), ["wake 6"]), (6, .tick, ["1 to run /a", "wake 41"])
      ]),
    Row(
      "hears no answer that comes too late",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (35, .tick, ["wake 36"]), (35.5, .taken("run /a"), []),
        (36, .tick, ["1 to run /a", "wake 71"])
      ]),
    Row(
      "gives up after a day, and says it",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (0, .refused("run /a"), ["wake 1"]),
        (86_399, .tick, ["1 to run /a", "wake 86434"]), (86_401, .post(2), ["save"]),
        (
          86_402, .refused("run /a"),
          [
            "a notice was dropped, as 'run /a' took none of that within 24 hours: no", "save", "wake 86404"
          ]
        ),
        (86_404, .tick, ["2 to run /a", "wake 86439"])
      ]),
    Row(
      "gives up what waits behind others, too",
      [
        (0, .post(1), ["1 to run /a", "save", "wake 35"]), (0, .post(2), ["save"]),
        (0, .refused("run /a"), ["wake 1"]),
        (86_390, .tick, ["2 to run /a", "wake 86400"]),
        (
          86_400, .tick, ["a notice was dropped, as 'run /a' took none of that within 24 hours: no", "save", "wake 86425"]
        )
      ])
  ]

  @Test(arguments: rows) func `delivers`(row: Row) {
    var outbox = Outbox(row.receivers), underWay: [String: Int] = [:]
    for (second, step, expected) in row.steps {
      let event: Outbox.Event =
        switch step {
        case .post(let serial, let severity): .post(.made(serial, .nodeLost, severity))
        case .taken(let receiver): .ended(serial: underWay[receiver] ?? 0, .delivered)
        case .refused(let receiver): .ended(serial: underWay[receiver] ?? 0, .failed(reason: "no"))
        case .tick: .tick
        }
      let actions = outbox.receive(event, now: .zero + .seconds(second))
      for case .deliver(let attempt) in actions { underWay["\(attempt.receiver)"] = attempt.serial }
      #expect(actions.flatMap(Self.words) == expected, "at \(second)")
      #expect(outbox.breach == nil)
    }
  }

  private static func words(_ action: Outbox.Action) -> [String] {
    switch action {
    case .deliver(let attempt): ["\(attempt.notice.id.split(separator: "-").last ?? "") to \(attempt.receiver)"]
    case .save: ["save"]
    case .tell(let losses): losses.map(\.description)
    case .wake(let instant): ["wake \(InWords.number((instant - .zero).inSeconds))"]
    }
  }

  @Test func `waits at most ten minutes between two tries`() {
    #expect((1...4).map(Outbox.pause(after:)) == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
    #expect(Outbox.pause(after: 10) == .seconds(512))
    for failures in [11, 100, Int.max] { #expect(Outbox.pause(after: failures) == .seconds(600)) }
  }

  // MARK: a full one

  @Test func `drops of the least severe the oldest when it is full, and says how many at most every ten minutes`() {
    var outbox = Outbox([Self.a]), told: [String] = []
    func post(_ serials: ClosedRange<Int64>, _ severity: Note.Severity, at second: Double) {
      for serial in serials {
        for case .tell(let losses) in outbox.receive(.post(.made(serial, .nodeLost, severity)), now: .zero + .seconds(second)) {
          told += losses.map(\.description)
        }
      }
    }
    // The first is under way, and stays.
    post(1...1, .info, at: 0)
    post(2...499, .error, at: 0)
    post(500...500, .info, at: 0)
    #expect(told.isEmpty)
    post(501...501, .error, at: 1)
    #expect(told == ["a notice was dropped, as 500 others wait for 'run /a'"])
    post(502...511, .error, at: 2)
    let kept = outbox.kept(now: .zero).lines[0].letters.map(\.notice.id)
    #expect(kept.count == Outbox.mostWaiting)
    #expect(kept.first == "h1-s-1" && kept[1] == "h1-s-12" && kept.last == "h1-s-511")
    #expect(told.count == 1)
    for case .tell(let losses) in outbox.receive(.tick, now: .zero + .seconds(601)) { told += losses.map(\.description) }
    #expect(told.last == "10 notices were dropped, as 500 others wait for 'run /a'")
  }

  // MARK: a restart

  @Test func `continues after a restart with what waited, for as long as was left`() {
    var outbox = Outbox([Self.a, Self.b])
    _ = outbox.receive(.post(.made(1)), now: .zero)
    _ = outbox.receive(.post(.made(2)), now: .zero)
    let kept = outbox.kept(now: .zero + .seconds(80_000))
    // Its clock began anew, and one of the receivers is another one now.
    let later = BootInstant.zero + .seconds(7)
    let changed = NoticeReceiver(.run(path: "/a"), severity: .error, timeout: .seconds(10))
    var restarted = Outbox([changed])
    #expect(
      restarted.receive(.found(kept), now: later).flatMap(Self.words) == [
        "1 to run /a", "2 notices were dropped that waited for 'mail b@c', which is no receiver any more", "save", "wake 22"
      ])
    let actions = restarted.receive(.tick, now: later + .seconds(6400))
    #expect(actions.flatMap(Self.words).contains("save"))
    #expect(restarted.isEmpty)
  }

  @Test func `tells what was said before a restart first, and has room for so many of both`() {
    var outbox = Outbox([Self.a])
    for serial in 1...Int64(Outbox.mostWaiting) { _ = outbox.receive(.post(.made(serial)), now: .zero) }
    var restarted = Outbox([Self.a]), told: [String] = []
    for serial in 1001...Int64(1010) { _ = restarted.receive(.post(.made(serial)), now: .zero) }
    for case .tell(let losses) in restarted.receive(.found(outbox.kept(now: .zero)), now: .zero) {
      told += losses.map(\.description)
    }
    let ids = restarted.kept(now: .zero).lines[0].letters.map(\.notice.id)
    #expect(ids.count == Outbox.mostWaiting && ids.first == "h1-s-11" && ids.last == "h1-s-1010")
    #expect(told == ["10 notices were dropped, as 500 others wait for 'run /a'"])
  }

  @Test func `knows who has taken nothing for a while, until something is taken`() {
    var outbox = Outbox([Self.a, Self.b])
    func troubles(at second: Double) -> [String] {
      outbox.troubles(at: .zero + .seconds(second)).map { "\($0.waiting) to \($0.receiver), \($0.last)" }
    }
    func deliveries(_ event: Outbox.Event, at second: Double) -> [Outbox.Attempt] {
      outbox.receive(event, now: .zero + .seconds(second)).compactMap {
        if case .deliver(let attempt) = $0 { attempt } else { nil }
      }
    }
    var tried = deliveries(.post(.made(1)), at: 0)
    _ = deliveries(.post(.made(2, .started, .info)), at: 1)
    let failed = tried.first { $0.receiver == Self.a }, taken = tried.first { $0.receiver == Self.b }
    _ = deliveries(.ended(serial: failed?.serial ?? 0, .failed(reason: "no")), at: 2)
    _ = deliveries(.ended(serial: taken?.serial ?? 0, .delivered), at: 2)
    #expect(troubles(at: 121).isEmpty)
    #expect(troubles(at: 122) == ["2 to run /a, no"])
    tried = deliveries(.tick, at: 130)
    #expect(tried.map(\.receiver) == [Self.a])
    _ = deliveries(.ended(serial: tried.first?.serial ?? 0, .delivered), at: 131)
    #expect(troubles(at: 1000).isEmpty)
  }

  @Test(arguments: [Double.infinity, -1, 1e300, .nan]) func `tries nothing for ever, whatever a file says`(left: Double) {
    var outbox = Outbox([Self.a])
    _ = outbox.receive(.post(.made(1)), now: .zero)
    var kept = outbox.kept(now: .zero)
    kept.lines[0].letters[0].secondsLeft = left
    var restarted = Outbox([Self.a])
    _ = restarted.receive(.found(kept), now: .zero)
    _ = restarted.receive(.tick, now: .zero + Outbox.patience + .seconds(60))
    _ = restarted.receive(.tick, now: .zero + Outbox.patience + .seconds(120))
    _ = restarted.receive(.tick, now: .zero + Outbox.patience + .seconds(240))
    #expect(restarted.isEmpty)
  }
}

@Suite struct `A receiver of notices` {
  @Test(
    arguments: [
      (nil, nil, Note.Kind.placed, Note.Severity.info, false), (nil, nil, .placed, .warning, true),
      ([.placed], nil, .placed, .info, true), ([.placed], nil, .pending, .error, false),
      ([.placed, .pending], .error, .pending, .error, true), ([.placed, .pending], .error, .placed, .info, false),
      (nil, .info, .placed, .info, true)
    ] as [(Set<NoticeEvent>?, Note.Severity?, Note.Kind, Note.Severity, Bool)])
  func `wants what it was said to`(
    events: Set<NoticeEvent>?, severity: Note.Severity?, kind: Note.Kind, of: Note.Severity, isWanted: Bool
  ) {
    let receiver = NoticeReceiver(.run(path: "/a"), events: events, severity: severity)
    #expect(receiver.wants(.made(1, kind, of)) == isWanted)
  }

  @Test(arguments: [
    ("https://hooks.example.net/services/T0/secret", "webhook https://hooks.example.net/…"),
    ("https://hooks.example.net?key=secret", "webhook https://hooks.example.net/…"),
    ("https://hooks.example.net/", "webhook https://hooks.example.net/"), ("https://h:8443", "webhook https://h:8443")
  ]) func `is shown without what may be secret in it`(url: String, shown: String) {
    #expect("\(NoticeReceiver(.webhook(url: url, secretFile: nil)))" == shown)
  }
}
