import HoldfastModel
import Housekeeping
import Testing

/// What a person is told of the store, and what to type.
@Suite struct StoreConcernTests {
  private static let mebibyte: Int64 = 1 << 20

  /// h1 to h3, of which h2 leads.
  private static func members(
    _ standings: [StoreMember.Standing], size: Int64 = 10 * mebibyte, inUse: Int64 = 5 * mebibyte
  ) -> [StoreMember] {
    standings.enumerated().map { index, standing in
      StoreMember(
        name: "h\(index + 1)", endpoint: "https://10.77.0.\(index + 1):2379", standing: standing,
        isLeader: index == 1 && standing == .answers, size: standing == .answers ? size : nil,
        sizeInUse: standing == .answers ? inUse : nil)
    }
  }

  private static func picture(
    _ standings: [StoreMember.Standing] = [.answers, .answers, .answers], size: Int64 = 10 * mebibyte,
    inUse: Int64 = 5 * mebibyte, alarms: [StoreAlarm] = [], flaw: String? = nil, isCompacted: Bool = true
  ) -> StorePicture {
    StorePicture(
      StoreHealth(
        members: members(standings, size: size, inUse: inUse), revision: Revision(4711), quota: 100 * mebibyte, alarms: alarms),
      at: 0, compactionFlaw: flaw, isCompacted: isCompacted)
  }

  private static let silent = StoreMember.Standing.silent(reason: "no answer in time")

  private static let day: Int64 = 86_400_000

  @Test(
    arguments: [
      (30 * day, nil), (21 * day, nil), (21 * day - 1, "ends in 20 days"), (day, "ends in 1 day"), (day - 1, "ends today"),
      (0, "ends today"), (-1, "has ended today"), (-day, "ended 1 day ago"), (-400 * day, "ended 400 days ago")
    ] as [(Int64, String?)]) func `a certificate's end is told before it hurts`(left: Int64, words: String?)
  {
    let now: Int64 = 1_700_000_000_000
    var picture = Self.picture()
    picture.at = now
    picture.health.certificates = [
      StoreCertificate(.client, path: "/etc/client.pem", ends: now + left),
      StoreCertificate(.authority, path: "/etc/ca.pem", ends: now + 400 * Self.day)
    ]
    let concerns = picture.concerns
    #expect(concerns.map(\.topic) == (words == nil ? [] : [.certificateEnds("/etc/client.pem")]))
    guard let words, let concern = concerns.first else { return }
    #expect(concern.text.contains("(/etc/client.pem) \(words): "), "\(concern.text)")
    #expect(concern.weight == (left < 0 ? .outage : .warning))
    #expect(concern.remedies.map(\.command).last == "systemctl reload holdfastd")
  }

  @Test(arguments: [(30 * day, nil), (day, "ends in 1 day"), (-day, "ended 1 day ago")] as [(Int64, String?)])
  func `the end of a member's certificate is told with the member`(left: Int64, words: String?) {
    let now: Int64 = 1_700_000_000_000
    var picture = Self.picture()
    picture.at = now
    let (name, endpoint) = (picture.health.members[1].name, picture.health.members[1].endpoint ?? "")
    picture.health.certificates = [StoreCertificate(.member, path: endpoint, ends: now + left)]
    let concerns = picture.concerns
    #expect(concerns.map(\.topic) == (words == nil ? [] : [.certificateEnds(endpoint)]))
    guard let words, let concern = concerns.first else { return }
    #expect(concern.text.contains("member \(name) shows (\(endpoint)) \(words): "), "\(concern.text)")
    #expect(concern.weight == .warning, "the others serve")
    #expect(concern.remedies.map(\.member) == [name])
    #expect(concern.remedies[0].command.contains("-connect \(endpoint.dropFirst("https://".count)) "))
  }

  @Test(arguments: [(30 * day, nil), (day, "ends in 1 day"), (-day, "ended 1 day ago")] as [(Int64, String?)])
  func `the end of a certificate that members show each other is told with its place`(left: Int64, words: String?) {
    let now: Int64 = 1_700_000_000_000, url = "https://10.0.0.2:2380"
    var picture = Self.picture()
    picture.at = now
    picture.health.certificates = [StoreCertificate(.peer, path: url, ends: now + left)]
    #expect(picture.concerns.map(\.topic) == (words == nil ? [] : [.certificateEnds(url)]))
    guard let words, let concern = picture.concerns.first else { return }
    #expect(concern.text.contains("to the others (\(url)) \(words): "), "\(concern.text)")
    #expect(concern.text.hasSuffix("without most of them the store takes no writes"))
    #expect(concern.remedies[0].command.contains("-connect 10.0.0.2:2380 "))
  }

  struct Case: Sendable {
    var name: String
    var picture: StorePicture
    var topics: [StoreConcern.Topic]
    var weight: StoreConcern.Weight = .warning
    var words: [String] = []
    var commands: [String] = []
  }

  static let cases: [Case] = [
    Case(name: "all is well", picture: picture(), topics: []),
    Case(
      name: "one of three is away", picture: picture([.answers, .answers, silent]), topics: [.memberSilent("h3")],
      words: ["h3 (https://10.77.0.3:2379) does not answer (no answer in time): the next loss stops the store"],
      commands: ["systemctl status etcd"]),
    Case(
      name: "one of five is away", picture: picture([.answers, .answers, .answers, .answers, silent]),
      topics: [.memberSilent("h5")], words: ["one more may be lost"], commands: ["systemctl status etcd"]),
    Case(
      name: "two of three are away", picture: picture([.leaderless, silent, silent]), topics: [.leaderless], weight: .outage,
      words: ["1 of 3 members answer, 2 are needed"], commands: ["systemctl status etcd", "systemctl status etcd"]),
    Case(
      name: "an election", picture: picture([.leaderless, .leaderless, .leaderless]), topics: [.leaderless], weight: .outage,
      words: ["no leader, though"]),
    Case(name: "one is not among the endpoints", picture: picture([.answers, .answers, .unasked]), topics: []),
    Case(name: "just below the half", picture: picture(size: 50 * mebibyte - 1), topics: []),
    Case(
      name: "the half, most of it in use", picture: picture(size: 50 * mebibyte, inUse: 40 * mebibyte), topics: [.filling],
      words: ["takes 50 % of its quota (50.0 MiB of 100.0 MiB, 40.0 MiB of it in use)"],
      commands: ["eval \"$(holdfastd --etcdctl)\"", "etcdctl endpoint status -w table"]),
    Case(
      name: "80 %, little of it in use", picture: picture(size: 80 * mebibyte), topics: [.nearlyFull],
      words: ["takes 80 %", "when it is full, every node freezes"],
      commands: ["eval \"$(holdfastd --etcdctl)\"", "etcdctl --command-timeout=5m defrag"]),
    Case(
      name: "full", picture: picture(size: 101 * mebibyte, alarms: [StoreAlarm(.noSpace, member: "h1")]), topics: [.full],
      weight: .outage, words: ["full (alarm NOSPACE on h1)", "every node freezes"],
      commands: ["eval \"$(holdfastd --etcdctl)\"", "etcdctl --command-timeout=5m defrag", "etcdctl alarm disarm"]),
    Case(
      name: "full, and it did not forget", picture: picture(alarms: [StoreAlarm(.noSpace)], isCompacted: false),
      topics: [.full], weight: .outage, words: ["full (alarm NOSPACE):"],
      commands: [
        "eval \"$(holdfastd --etcdctl)\"", "etcdctl compaction 4711", "etcdctl --command-timeout=5m defrag",
        "etcdctl alarm disarm"
      ]),
    Case(
      name: "a member holds something else", picture: picture(alarms: [StoreAlarm(.corrupt, member: "h2")]),
      topics: [.corrupt], weight: .outage, words: ["alarm CORRUPT on h2"],
      commands: ["eval \"$(holdfastd --etcdctl)\"", "etcdctl endpoint hashkv"]),
    Case(
      name: "an alarm of the future", picture: picture(alarms: [StoreAlarm(.other("HOT"), member: "h2")]),
      topics: [.otherAlarm("HOT")], words: ["alarm HOT on h2"],
      commands: ["eval \"$(holdfastd --etcdctl)\"", "etcdctl alarm list"]),
    Case(
      name: "it does not let us", picture: picture(flaw: "the store refuses: permission denied"), topics: [.notCompacted],
      words: ["does not forget its old history, and so fills up: the store refuses: permission denied"],
      commands: ["journalctl -u holdfastd -n 20"])
  ]

  @Test(arguments: cases.indices) func `each is told with what to type`(_ index: Int) {
    let expected = Self.cases[index], concerns = expected.picture.concerns
    #expect(concerns.map(\.topic) == expected.topics, "\(expected.name)")
    #expect(concerns.allSatisfy { $0.weight == expected.weight }, "\(expected.name)")
    for words in expected.words { #expect(concerns.contains { $0.text.contains(words) }, "\(expected.name): \(concerns)") }
    #expect(concerns.flatMap(\.remedies).map(\.command) == expected.commands, "\(expected.name)")
  }

  /// Standings, which of them is on this host, and what is said and to be typed; nil: no word of this host's network.
  static let cutOff: [([StoreMember.Standing], here: Int?, String?, [String])] = [
    (
      [silent, silent, silent], nil, "None of the store's 3 members answers (no answer in time): this host may be cut off",
      ["ip -br addr", "ping -c 3 10.77.0.1"]
    ),
    (
      [.leaderless, silent, silent], 0,
      "None of the store's members on other hosts answers (no answer in time): this host may be cut off",
      ["ip -br addr", "ping -c 3 10.77.0.2"]
    ),
    // Its own etcd is not there besides.
    (
      [silent, silent, silent], 2, "None of the store's members on other hosts answers",
      ["ip -br addr", "ping -c 3 10.77.0.1", "systemctl status etcd"]
    ),
    (
      [silent], nil, "The store's member h1 does not answer (no answer in time): this host may be",
      ["ip -br addr", "ping -c 3 10.77.0.1"]
    ),
    // One on another host answers, or refuses: this host reaches it.
    ([.leaderless, silent, silent], nil, nil, ["systemctl status etcd", "systemctl status etcd"]),
    (
      [silent, .silent(reason: "Connection refused"), silent], nil, nil, ["systemctl status etcd", "systemctl status etcd"]
    ),
    ([silent], 0, nil, ["systemctl status etcd"])
  ]

  @Test(arguments: cutOff.indices) func `a host that reaches no other one looks at its own network first`(_ index: Int) throws {
    let (standings, here, words, commands) = Self.cutOff[index]
    var picture = Self.picture(standings)
    if let here { picture.health.members[here].isHere = true }
    let concern = try #require(picture.concerns.first)
    #expect(picture.concerns.count == 1 && concern.topic == .leaderless && concern.weight == .outage)
    #expect(words.map(concern.text.hasPrefix) ?? concern.text.hasPrefix("The store has no leader"), "\(concern.text)")
    #expect(concern.remedies.map(\.command) == commands)
    #expect(concern.remedies.filter(\.isHere).count == (words == nil ? 0 : 2))
  }

  @Test(
    arguments: [
      ("https://10.77.0.2:2379", "10.77.0.2"), ("https://[fd00::2]:2379", "fd00::2"), ("http://localhost:2379/", "localhost"),
      ("memory", nil), (nil, nil)
    ] as [(String?, String?)]) func `a member's host is that of its endpoint`(endpoint: String?, host: String?)
  {
    #expect(StoreMember(name: "h1", endpoint: endpoint, standing: .answers).host == host)
  }

  @Test func `room is given back by the members that answer, as etcdctl would wait for the others`() throws {
    let picture = Self.picture([.answers, .leaderless, Self.silent], alarms: [StoreAlarm(.noSpace, member: "h1")])
    let full = try #require(picture.concerns.first { $0.topic == .full })
    #expect(
      full.remedies.map(\.command) == [
        "eval \"$(holdfastd --etcdctl)\"",
        "ETCDCTL_ENDPOINTS=https://10.77.0.1:2379,https://10.77.0.2:2379 etcdctl --command-timeout=5m defrag",
        "etcdctl alarm disarm"
      ])
  }

  @Test func `a member that is silent for long is to be replaced, with the commands for that`() {
    var picture = Self.picture([.answers, .answers, Self.silent])
    picture.health.members[2].id = "8211f1d0f64f3269"
    let start = ["systemctl status etcd"]
    let whole = start + ["eval \"$(holdfastd --etcdctl)\"", "etcdctl member remove 8211f1d0f64f3269"]
    for (span, words, commands) in [
      (Duration.seconds(3599), "does not answer (", start), (.seconds(3600), "has not answered for 1 h (", whole),
      (.seconds(86_400 * 3), "has not answered for 3 days (", whole)
    ] {
      picture.trend.silences = ["h3": span]
      #expect(picture.concerns.map(\.topic) == [.memberSilent("h3")], "one and the same trouble")
      #expect(picture.concerns[0].text.contains(words), "\(picture.concerns[0].text)")
      #expect(picture.concerns[0].remedies.map(\.command) == commands)
    }
  }

  @Test func `a learner and a store of two are told`() {
    var picture = Self.picture([.answers, .answers, .answers, .unasked])
    picture.health.members[3].isLearner = true
    picture.health.members[3].id = "abc"
    #expect(picture.concerns.map(\.topic) == [.learner("h4")])
    #expect(picture.concerns[0].remedies.map(\.command).last == "etcdctl member promote abc")
    picture.health.members.removeLast(2)
    #expect(picture.concerns.map(\.topic) == [.twoVoters])
    picture.health.members.removeLast()
    picture.health.members[0].isLeader = true
    #expect(picture.concerns.isEmpty, "a store of one is somebody's choice")
  }

  @Test func `elections and slow writes are told from some number on`() {
    var picture = Self.picture()
    picture.trend = StoreTrend(elections: 5)
    #expect(picture.concerns.isEmpty)
    picture.trend = StoreTrend(elections: 6, slowWrite: .milliseconds(412), soundWrite: .milliseconds(300))
    #expect(picture.concerns.map(\.topic) == [.restless, .slow])
    #expect(picture.concerns[0].text.contains("6 elections within an hour"))
    #expect(picture.concerns[1].text.contains("412 ms") && picture.concerns[1].text.contains("300 ms is the most"))
  }

  @Test func `the worst comes first`() {
    let concerns = Self.picture([.answers, .answers, Self.silent], alarms: [StoreAlarm(.noSpace)], flaw: "no").concerns
    #expect(concerns.map(\.topic) == [.full, .memberSilent("h3"), .notCompacted])
  }

  @Test func `a quota that nobody knows is no reason to worry`() {
    var picture = Self.picture(size: 1 << 40)
    picture.health.quota = nil
    #expect(picture.concerns.isEmpty)
  }
}
