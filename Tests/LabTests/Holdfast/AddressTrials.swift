import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Testing

extension LabHostsTests {
  /// Addresses of workloads, for a client outside of the hosts: how long it is without them, beside keepalived; and that two hosts never speak as one.
  @Suite(.serialized) struct Addresses {
    @Test(.isLong)
    func `a client reaches an address through a move, a live migration, a host that is killed and one that is cut off`()
      async throws
    {
      let all = Set([1, 2, 3].map { LabHost($0) })
      try await TestStage.run(count: 2, machines: 1, lostHosts: all, environment: ["LAB_TTL": "1s"]) { test in
        let trial = try await AddressTrial.begin(on: test)
        try await trial.move()
        let migrated = try await trial.migrate()
        try await trial.lose(.killed)
        try await trial.lose(.cutOff)
        try await trial.judge(migrated)
      }
    }
  }
}

/// A container that is served under an address of its host's, a machine that has one as well, and a client that asks for both all the time.
private struct AddressTrial {
  enum Loss: String {
    case killed, cutOff = "cut off"
  }

  let test: TestStage
  /// Asks for `/` under the container's address: a new connection every 20 ms.
  let probe: HTTPProbe

  private static let name = "proxy1"
  private static let address = "10.77.4.1"
  /// The guest knows nothing of it, so nothing is served there: its host answers pings. A container cannot be migrated while it runs.
  private static let machine = (name: "vm1", address: "10.77.4.2")
  /// What is asked of a planned move beside what libvirt takes to stop and to start, and of a killed host beside what it takes to start.
  private static let (mostMoving, mostLost) = (Duration.milliseconds(200), Duration.milliseconds(1400))
  /// A session of 1 s that is not renewed may be declared expired (`timing` in the lab's configuration): TTL × 1.01 + 100 ms.
  private static let detection = Duration.milliseconds(1110)

  private var lab: LabCluster { test.lab }

  static func begin(on test: TestStage) async throws -> AddressTrial {
    let lab = test.lab
    try await lab.capture([address, machine.address])
    let probe = try await HTTPProbe(
      targets: [name: address], namespace: try await lab.client(), settings: .init(patience: .milliseconds(200)))
    let trial = AddressTrial(test: test, probe: probe)
    try await trial.define()
    for address in [address, machine.address, Keepalived.address] { try await lab.ping(address) }
    let isThere = try await eventually(.seconds(30)) {
      try trial.host != nil && !lab.pingTrace(of: address).answers.isEmpty
        && !lab.pingTrace(of: machine.address).answers.isEmpty
    }
    try #require(isThere, "the addresses are not up")
    return trial
  }

  /// Without a network of its own, what runs in the container listens in its host's.
  private func define() async throws {
    let folder = lab.workloadsFolder, plain = try String(contentsOfFile: "\(folder)/web1.xml", encoding: .utf8)
    let xml = plain.replacing("<name>web1</name>", with: "<name>\(Self.name)</name>").replacing(
      #/ *<uuid>.*</uuid>\n/#, with: ""
    )
    .replacing(#/ *<interface [\s\S]*?</interface>\n/#, with: "")
    #expect(!xml.contains("<interface") && !xml.contains("web1"))
    try Data(xml.utf8).write(to: URL(filePath: "\(folder)/\(Self.name).xml"))
    let spec = """
      workloads:
        - name: \(Self.name)
          memory: 32
          cpus: 0.1
          stop-timeout: 2s
          shared: ['\(lab.beatsFolder)']
          xml-file: \(Self.name).xml
          addresses: [{address: \(Self.address)/16, interface: br0}]

      """
    try Data(spec.utf8).write(to: URL(filePath: "\(folder)/\(Self.name).yaml"))
    let machines = try lab.writeSpecs(to: "addressed.yaml") { name, spec in
      name == Self.machine.name ? spec + "    addresses: [{address: \(Self.machine.address)/16, interface: br0}]\n" : spec
    }
    for file in ["\(folder)/\(Self.name).yaml", machines] { try await lab.holdfast(["apply", "-f", file, "--yes"]) }
  }

  // MARK: what happens

  func move() async throws {
    let from = try #require(host), to = try another(than: [from, LabHost(1)])
    let bare = try await lab.bareTimes(on: to, like: Self.name)
    let began = LabClock.now
    try await lab.holdfast(["move", Self.name, "--to", "\(to)", "--yes", "--wait"])
    #expect(await isServed(since: began) { $0 == to }, "it is not served by \(to)")
    try await test.wait(.seconds(2))
    let gap = gap(since: began), most = bare.stop + bare.start + Self.mostMoving
    print(
      "planned move from \(from) to \(to): no answer over HTTP for \(seconds(gap)) s (at most \(seconds(most)) s: bare stop "
        + "\(seconds(bare.stop)) s, bare start \(seconds(bare.start)) s), none to pings for \(try silence(of: Self.address, since: began))"
    )
    #expect(gap > .zero)
    test.bounds.hold(gap <= most, "planned move: stop + start + 200 ms: \(seconds(gap)) s")
  }

  /// - Returns: the machine's hosts, in order.
  func migrate() async throws -> [LabHost] {
    let from = try #require(try await test.host(of: Self.machine.name)), to = try another(than: [from, try #require(host)])
    let began = LabClock.now
    try await lab.holdfast(["move", Self.machine.name, "--to", "\(to)", "--yes", "--wait"], limit: .seconds(60))
    #expect(try await test.host(of: Self.machine.name) == to)
    #expect(try await eventually { try await test.has(Self.machine.address, on: to) }, "its address is not on \(to)")
    try await test.wait(.seconds(2))
    let own = test.probe.history(Self.machine.name).gaps.filter { $0.to > began }.map(\.length).max() ?? .zero
    print(
      "live migration from \(from) to \(to): no answer to pings for \(try silence(of: Self.machine.address, since: began)); "
        + "from the machine itself for \(seconds(own)) s")
    #expect(try lab.console(of: Self.machine.name).lives.count == 1, "it was started anew")
    let last = try #require(try lab.pingTrace(of: Self.machine.address).answers.last)
    #expect(LabClock.now - last < .seconds(1), "its address does not answer any more")
    // Emulated, it would boot beside what is measured from here on.
    try await lab.holdfast(["stop", Self.machine.name, "--yes", "--wait"])
    return [from, to]
  }

  /// The host is lost that serves the container, and is keepalived's master.
  func lose(_ loss: Loss) async throws {
    let victim = try #require(host), survivor = try another(than: [victim])
    let bare = try await lab.bareTimes(on: survivor, like: Self.name)
    if try await lab.leader() == victim { try await lab.moveLeader(to: survivor) }
    let compared = try await Keepalived.start(master: victim, backup: survivor, in: test)
    // Anywhere between two renewals and two advertisements, as in life.
    try await test.wait(.milliseconds(Int.random(in: 0..<400)))
    let lost = loss == .killed ? try await lab.kill(victim) : try await lab.cut(victim)
    #expect(await isServed(since: lost) { $0 != victim }, "it is served by no other host than \(victim)")
    let isTaken = try await eventually {
      try lab.pingTrace(of: Keepalived.address).longestGap(since: lost) ?? .zero > .milliseconds(500)
    }
    #expect(isTaken, "keepalived's address is not taken over")
    try await test.wait(.seconds(2))
    let gap = gap(since: lost), most = Self.mostLost + bare.start
    print(
      "\(victim) \(loss.rawValue): no answer over HTTP for \(seconds(gap)) s"
        + (loss == .killed ? " (at most \(seconds(most)) s, with a bare start of \(seconds(bare.start)) s)" : "")
        + ", none to pings for \(try silence(of: Self.address, since: lost)); keepalived's address alone, with a detection of "
        + "\(seconds(Keepalived.detection)) s beside \(seconds(Self.detection)) s: none for \(try silence(of: Keepalived.address, since: lost))"
    )
    if loss == .killed { test.bounds.hold(gap <= most, "host killed: 1.4 s + start: \(seconds(gap)) s") }

    switch loss {
    case .killed:
      try await lab.boot(victim)
      #expect(try await eventually(.seconds(20)) { try await lab.etcdWrites(victim) }, "etcd on \(victim) does not come back")
    case .cutOff:
      try await lab.heal(victim)
      try await lab.until(guardOf: victim, is: "armed", limit: .seconds(60))
    }
    try await compared.stop(except: loss == .killed ? victim : nil)
    try await lab.untilReady()
  }

  /// Each address was with the hosts that ran its workload, in that order, and with none of them again after the next one had it.
  ///
  /// - Parameter migrated: the machine's hosts.
  func judge(_ migrated: [LabHost]) async throws {
    try await test.wait(.seconds(2))
    let serving = probe.history(Self.name).answers.compactMap { LabHost(name: $0.node) }
    let served = serving.enumerated().filter { $0.offset == 0 || serving[$0.offset - 1] != $0.element }.map(\.element)
    await probe.stop()
    let trace = try lab.addressTrace()
    #expect(trace.lost == 0 && trace.garbage.isEmpty, "\(trace.lost) frames were not seen; \(trace.garbage)")
    for (address, hosts) in [(Self.address, served), (Self.machine.address, migrated)] {
      let holders = trace.holders[address] ?? []
      print("who spoke as \(address), by what the switch saw:")
      for (index, holder) in holders.enumerated() {
        let after = index == 0 ? "" : ", \(seconds(holder.from - holders[index - 1].to)) s after the one before"
        print("  \(holder.host) (\(holder.mac)): \(holder.frames) frames in \(seconds(holder.to - holder.from)) s\(after)")
      }
      #expect(holders.map(\.host) == hosts, "\(address) was not with one host after the other: \(holders)")
    }
    // A move, a host killed, a host cut off. A busy machine may cost a node its session besides.
    test.bounds.hold(served.count == 4, "it was served by one host after the other: \(served)")
    for host in lab.allHosts {
      #expect(try await test.has(Self.address, on: host) == (host == served.last), "\(Self.address) on \(host)")
    }
  }

  // MARK: what it is asked

  /// The host that serves the container.
  private var host: LabHost? { probe.history(Self.name).answers.last.flatMap { LabHost(name: $0.node) } }

  private func another(than hosts: Set<LabHost>) throws -> LabHost {
    try #require(lab.allHosts.last { !hosts.contains($0) })
  }

  /// Waits until a host serves the container since `instant` of which `isRight` says yes.
  private func isServed(since instant: BootInstant, _ isRight: (LabHost) -> Bool) async -> Bool {
    await probe.wait(.seconds(20)) { histories in
      histories[Self.name]?.answers.contains { $0.from > instant && (LabHost(name: $0.node).map(isRight) ?? false) } ?? false
    }
  }

  /// The longest time from one answer over HTTP to the next.
  private func gap(since instant: BootInstant) -> Duration {
    probe.history(Self.name).gaps.filter { $0.to > instant }.map(\.length).max() ?? .zero
  }

  /// The same for pings, in words.
  private func silence(of address: String, since instant: BootInstant) throws -> String {
    try lab.pingTrace(of: address).longestGap(since: instant).map { "\(seconds($0)) s" } ?? "ever"
  }
}

extension TestStage {
  /// The host has an IPv4 address.
  func has(_ address: String, on host: LabHost) async throws -> Bool {
    let list = try await lab.run(host, ["ip", "-4", "-o", "address", "show"])
    try #require(list.succeeded, "\(list)")
    return list.output.contains(" \(address)/")
  }
}
