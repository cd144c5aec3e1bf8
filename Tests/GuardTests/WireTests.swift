import GuardCore
import HoldfastTime
import Testing

@Suite struct `Wire text` {
  static let hostile = "a b%20,=\u{e9}\u{1F980}\\'\"c"
  static let workloads = [
    GuardedWorkload(name: "web1", isolation: .freeze, cgroup: nil, links: []),
    GuardedWorkload(
      name: "web1", isolation: .freeze, cgroup: "/sys/fs/cgroup/freezer/machine/lxc-1-web1.libvirt-lxc",
      links: ["vnet0", "vnet1"]),
    GuardedWorkload(name: hostile, isolation: .stop, cgroup: "/sys/fs/cgroup/machine-lxc\\x2d1 b,=%.scope", links: ["a,b=%"]),
    GuardedWorkload(
      name: "web2", isolation: .freeze, cgroup: nil, links: [], isStarting: true,
      addresses: [address("10.0.0.5/24@br0"), address("2001:db8::5/64@br0"), address("10.0.0.6/32@a@,b")])
  ]
  static let commands: [GuardCommand] =
    [
      .hello(version: 1), .extend(deadline: BootInstant(nanoseconds: 123_456_789)), .forget(workload: hostile),
      .release(workload: hostile, cgroup: "/sys/fs/cgroup/x y"), .kill(workload: "db"),
      .shorten(deadline: BootInstant(nanoseconds: 77)),
      .isolate, .resume(deadline: BootInstant(nanoseconds: .max)), .disarm, .status,
      .acknowledge(number: 7)
    ] + workloads.map { .protect($0) }
  static let reports: [GuardReport] = [
    .state(GuardState(phase: .disarmed, workloads: [])),
    .state(GuardState(phase: .armed(deadline: BootInstant(nanoseconds: 5)), workloads: ["a", hostile])),
    .state(GuardState(phase: .isolated(since: .zero, confirmed: true), workloads: ["a"])),
    .state(GuardState(phase: .isolated(since: .zero, confirmed: false), workloads: [])),
    .state(
      GuardState(
        phase: .disarmed, workloads: ["a"], health: GuardHealth(watchdog: .opening),
        held: [
          HeldAddress(address("10.0.0.5/24@br0"), of: "a", raise: 17), HeldAddress(address("fe80::1/64@a+b"), of: "a"),
          HeldAddress(address("10.0.0.6/24@1+b,"), of: hostile)
        ], acknowledged: 3)),
    .addresses(held: [], acknowledged: 0),
    .addresses(held: [HeldAddress(address("10.0.0.5/24@br0"), of: "~a")], acknowledged: 9),
    .killed(workload: hostile, confirmed: true), .killed(workload: "db", confirmed: false),
    .refused(reason: "extend: 100 % refused, a=b"), .refused(reason: "state phase=disarmed")
  ]

  @Test(arguments: commands) func `a command comes back as it went`(_ command: GuardCommand) throws {
    #expect(try GuardCommand(wireText: command.wireText) == command)
    #expect(command.wireText.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
  }

  @Test(arguments: reports) func `a report comes back as it went`(_ report: GuardReport) throws {
    #expect(try GuardReport(wireText: report.wireText) == report)
  }

  @Test func `the text is the one that is written down`() {
    #expect(GuardCommand.extend(deadline: BootInstant(nanoseconds: 123)).wireText == "extend 123")
    #expect(
      GuardCommand.protect(Self.workloads[1]).wireText
        == "protect name=web1 isolation=freeze cgroup=/sys/fs/cgroup/freezer/machine/lxc-1-web1.libvirt-lxc links=vnet0,vnet1")
    #expect(
      GuardCommand.protect(Self.workloads[3]).wireText
        == "protect name=web2 isolation=freeze starting=yes addresses=10.0.0.5/24@br0,2001:db8::5/64@br0,10.0.0.6/32@a@%2Cb")
    #expect(GuardReport.killed(workload: "a b", confirmed: true).wireText == "killed a%20b confirmed=yes")
  }

  @Test func `a guard of an older version is told of no address`() {
    let command = GuardCommand.protect(Self.workloads[3])
    #expect(command.inVersion(4) == command)
    #expect(command.inVersion(3).wireText == "protect name=web2 isolation=freeze starting=yes")
    #expect(GuardCommand.forget(workload: "a").inVersion(1) == .forget(workload: "a"))
    #expect(GuardCommand.acknowledge(number: 7).inVersion(3) == .status)
  }

  @Test func `a reason cannot break the line`() throws {
    #expect(GuardReport.refused(reason: "a\nb\0c").wireText == "refused a?b?c")
  }

  @Test(arguments: [
    "", " ", "nonsense", "EXTEND 1", "extend", "extend ", "extend -1", "extend +1", "extend 1.5", "extend 1 2", "extend  1",
    "extend 1 ",
    "extend 99999999999999999999", "extend deadline=1", "extend 1 now=yes", "isolate now", "hello", "hello x",
    "hello 99999999999",
    "protect", "protect web1", "protect name=web1", "protect name=web1 isolation=maybe", "protect name= isolation=stop",
    "protect name=web1 name=web2 isolation=stop", "protect name=web1 isolation=stop cgroup=relative",
    "protect name=web1 isolation=stop cgroup=/a%00b", "protect name=web1 isolation=stop cgroup=",
    "protect name=web1 isolation=stop links=", "protect name=web1 isolation=stop links=a,,b",
    "protect name=web1 isolation=stop links=../../etc", "protect name=web1 isolation=stop links=sixteenletters16",
    "protect name=web1 isolation=stop addresses=", "protect name=web1 isolation=stop addresses=10.0.0.5/24",
    "protect name=web1 isolation=stop addresses=10.0.0.5/24@br0,10.0.0.5/32@br1",
    "protect name=web1 isolation=stop addresses=10.0.0.5/24@b%0Ar0", "status addresses=10.0.0.5/24@br0",
    "protect name=web1 isolation=stop links=..", "protect name=web1 isolation=stop colour=red",
    "protect name=%zz isolation=stop",
    "protect name=%4 isolation=stop", "protect name=a%0Ab isolation=stop", "protect name=%FF isolation=stop", "kill",
    "kill a b",
    "acknowledge", "acknowledge x", "acknowledge -1", "acknowledge 1 2", "forget \u{e9}", "status\n", "status\0"
  ]) func `garbage is refused with a reason`(_ text: String) {
    let error = #expect(throws: WireError.self) { try GuardCommand(wireText: text) }
    #expect(error?.description.isEmpty == false)
    #expect(error?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
  }

  @Test(arguments: [
    "", "state", "state phase=asleep", "state phase=armed", "state phase=isolated since=1",
    "state phase=isolated since=1 confirmed=maybe",
    "state phase=disarmed deadline=1", "state phase=disarmed held=10.0.0.5/24@br0",
    "state phase=disarmed held=~a,x+10.0.0.5/24@br0",
    "state phase=disarmed held=~,10.0.0.5/24@br0", "addresses held=", "addresses raised=1", "addresses acknowledged=x",
    "killed", "killed a", "killed confirmed=yes", "refused", "extend 1"
  ]) func `a report that is none is refused`(_ text: String) {
    #expect(throws: WireError.self) { try GuardReport(wireText: text) }
  }

  @Test func `addresses stand behind their workload's name, those that are raised with a number`() {
    let held = [
      HeldAddress(address("10.0.0.5/24@br0"), of: "web1", raise: 7), HeldAddress(address("10.0.0.6/24@br0"), of: "web1"),
      HeldAddress(address("fe80::1/64@br0"), of: "web 2", raise: 8)
    ]
    #expect(
      GuardReport.addresses(held: held, acknowledged: 4).wireText
        == "addresses held=~web1,7+10.0.0.5/24@br0,10.0.0.6/24@br0,~web%202,8+fe80::1/64@br0 acknowledged=4")
  }

  /// With long names, and every address as long as one can be.
  @Test func `a node's state fits with two hundred workloads of four addresses each`() throws {
    let names = (0..<200).map { "web-\(1000 + $0)." + String(repeating: "x", count: 55) }
    let held = names.enumerated().flatMap { index, name in
      (0..<4).map { number in
        HeldAddress(
          address(
            "2001:db8:1111:2222:3333:4444:\(String(0x1000 + index, radix: 16)):\(number + 1)\(number)00/128@abcdefghijklmno"),
          of: name, raise: 100_000 + number)
      }
    }
    let state = GuardState(
      phase: .isolated(since: BootInstant(nanoseconds: .max), confirmed: false), workloads: names, starting: names, held: held,
      acknowledged: .max)
    let text = GuardReport.state(state).wireText
    #expect(text.utf8.count < guardDatagramLimit)
    #expect(try GuardReport(wireText: text) == .state(state))
  }

  @Test func `a message has a bound`() {
    #expect(throws: WireError.notText) {
      try GuardCommand(wireText: "kill " + String(repeating: "a", count: guardDatagramLimit))
    }
  }
}

@Suite struct `The record that outlives a guard` {
  static let records: [GuardRecord] = {
    var taken = TakenThings()
    taken.frozen = ["/c/a", "/c/b c"]
    taken.foundFrozen = ["/c/a"]
    taken.down = ["vnet0", "vnet1"]
    taken.foundDown = ["vnet1"]
    let held = ["d b": [address("10.0.0.5/24@br0"), address("fe80::1/64@a,b")], "web2": [address("10.0.0.7/32@br0")]]
    return [
      GuardRecord(boot: "id", phase: .disarmed, workloads: [], kills: [], taken: TakenThings()),
      GuardRecord(
        boot: "id", phase: .armed(deadline: BootInstant(nanoseconds: 7)),
        workloads: `Wire text`.workloads.dropFirst().map { $0 }, kills: [],
        taken: TakenThings()),
      GuardRecord(
        boot: "id", phase: .isolated(since: BootInstant(nanoseconds: 9)), workloads: [`Wire text`.workloads[2]],
        kills: [.workload(name: "d b", cgroup: "/c/d b")], taken: taken),
      GuardRecord(
        boot: "id", phase: .isolated(since: BootInstant(nanoseconds: 9), killsAt: BootInstant(nanoseconds: 10)), workloads: [],
        kills: [], taken: taken, addresses: held)
    ]
  }()

  /// An older guard takes a record that has a word of addresses for one that cannot be read.
  @Test func `of addresses it says nothing where there are none`() {
    for record in Self.records {
      #expect(
        record.text.contains("addresses") == (!record.addresses.isEmpty || record.workloads.contains { !$0.addresses.isEmpty }))
    }
    #expect(Self.records[3].text.contains("\naddresses name=d%20b list=10.0.0.5/24@br0,fe80::1/64@a%2Cb\naddresses name=web2 "))
  }

  @Test func `an older guard's is read`() throws {
    let text = "holdfast-guard-state 1\nboot id=a\nphase armed at=9\nworkload name=w isolation=stop links=v starting=yes\nend\n"
    let record = try GuardRecord(text: text)
    #expect(record.addresses.isEmpty && record.workloads.first?.addresses == [])
    #expect(record.text == text)
  }

  @Test func `of a guard that killed what is stop when it isolated, it says so`() throws {
    let text = "holdfast-guard-state 1\nboot id=a\nphase isolated at=9\nend\n"
    #expect(try GuardRecord(text: text).phase == .isolated(since: BootInstant(nanoseconds: 9), killsAt: nil))
    #expect(Self.records[2].text.contains("\nphase isolated at=9\n"))
    #expect(Self.records[3].text.contains("\nphase isolated at=9 kills-at=10\n"))
  }

  @Test(arguments: records) func `comes back as it went`(_ record: GuardRecord) throws {
    #expect(try GuardRecord(text: record.text) == record)
  }

  @Test(arguments: records) func `torn anywhere it is not read`(_ record: GuardRecord) {
    let bytes = Array(record.text.utf8)
    for length in 0..<bytes.count {
      #expect(throws: WireError.self) { try GuardRecord(text: String(decoding: bytes[..<length], as: UTF8.self)) }
    }
  }

  @Test(arguments: [
    "holdfast-guard-state 2\nboot id=a\nphase disarmed\nend\n", "holdfast-guard-state 1\nphase disarmed\nend\n",
    "holdfast-guard-state 1\nboot id=a\nend\n", "holdfast-guard-state 1\nboot id=a\nboot id=b\nphase disarmed\nend\n",
    "holdfast-guard-state 1\nboot id=a\nphase disarmed\nwhat=ever\nend\n",
    "holdfast-guard-state 1\nboot id=a\nphase disarmed\naddresses name=w list=10.0.0.5@br0\nend\n",
    "holdfast-guard-state 1\nboot id=a\nphase isolated at=9 kills-at=\nend\n",
    "holdfast-guard-state 1\nboot id=a\nphase armed at=9 kills-at=10\nend\n",
    "holdfast-guard-state 1\nboot id=a\nphase armed\nend\n", "holdfast-guard-state 1\nboot id=a\nphase disarmed\nend\nend"
  ]) func `a record that is none is refused`(_ text: String) {
    #expect(throws: WireError.self) { try GuardRecord(text: text) }
  }
}
