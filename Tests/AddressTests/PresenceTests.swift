import AddressPresence
import GuardCore
import Testing

/// Hosts and links that are made of network namespaces.
@Suite(.enabled(if: mayMakeNetworks, "needs root and iproute2"), .timeLimit(.minutes(2)))
struct `The presence of an address` {
  private static let here = "02:00:00:00:00:0a", there = "02:00:00:00:00:0b"
  private static let both = ["10.9.0.5", "fd09::5"]
  /// For what is to be heard: a slow host must not fail a test.
  private static let long = Duration.seconds(20)

  private func answer(
    _ address: String, _ network: TestNetwork, on link: String = "eth0", within limit: Duration = long
  ) async throws -> AddressPresence.Answer {
    await network.presence.owner(of: try IPAddress(address), on: link, within: limit)
  }

  // MARK: questions

  @Test(arguments: both) func `is told by the host that has it`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await other.connect(to: host, mac: Self.there)
    try other.add(address)
    let found = try await answer(address, host)
    #expect("\(found)".contains(Self.there), "\(found)")
    // Its neighbours learned nothing of who asked.
    #expect(try other.neighbour(address).isEmpty)
  }

  @Test(arguments: both) func `is nobody's when nobody answers within the limit`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    try other.add(address.contains(":") ? "fd09::6" : "10.9.0.6")
    let start = ContinuousClock.now
    #expect(try await answer(address, host, within: AddressPresence.patience) == .nobody)
    #expect(ContinuousClock.now - start >= AddressPresence.patience)
  }

  /// A switch may bring back what was sent: here a bridge does.
  @Test(arguments: both) func `is not somebody's by what this host says itself`(address: String) async throws {
    let host = try TestNetwork(), middle = try TestNetwork("link add br0 type bridge", "link set br0 up")
    try await host.connect(to: middle, its: "port0")
    try middle.ip("link set port0 master br0")
    try middle.ip("link set port0 type bridge_slave hairpin on")
    try host.add(address)
    #expect(try await answer(address, host, within: .seconds(1)) == .nobody)
  }

  @Test(arguments: both) func `is whose who asks for it at the same time`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    // The one that hears the other ends, and need not have been heard.
    let first = try await withThrowingTaskGroup(of: AddressPresence.Answer.self) { group in
      for asking in [host, other] { group.addTask { try await answer(address, asking) } }
      defer { group.cancelAll() }
      return try await group.next()
    }
    guard case .somebody = first else { return #expect(Bool(false), "\(String(describing: first))") }
  }

  @Test(arguments: both) func `is nobody's on a link without neighbours`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    try host.ip("link set eth0 arp off")
    let start = ContinuousClock.now
    for link in ["lo", "eth0"] { #expect(try await answer(address, host, on: link) == .nobody, "\(link)") }
    #expect(ContinuousClock.now - start < Self.long)
  }

  @Test func `cannot be told on a link that is not there, is down or has no carrier`() async throws {
    let host = try TestNetwork("link add br0 type bridge"), other = try TestNetwork()
    for link in ["gone", "", "../lo", "a-name-that-no-link-can-have"] {
      #expect(try await answer("10.9.0.5", host, on: link) == .cannotTell(reason: "there is no link \(link)"))
    }
    #expect(try await answer("10.9.0.5", host, on: "br0") == .cannotTell(reason: "link br0 is down"))
    try await host.connect(to: other)
    try other.ip("link set eth0 down")
    #expect(try await answer("10.9.0.5", host) == .cannotTell(reason: "link eth0 has no carrier"))
  }

  @Test(arguments: both) func `cannot be told when the link goes down meanwhile`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    async let found = answer(address, host)
    try await Task.sleep(for: .milliseconds(300))
    try host.ip("link set eth0 down")
    let answer = try await found
    guard case .cannotTell(let reason) = answer else { return #expect(Bool(false), "\(answer)") }
    #expect(reason.contains("eth0"))
  }

  @Test func `is given up at once`() async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    let presence = host.presence, address = try IPAddress("10.9.0.5")
    let asked = Task { await presence.owner(of: address, on: "eth0", within: .seconds(600)) }
    try await Task.sleep(for: .milliseconds(200))
    asked.cancel()
    #expect(await asked.value == .cannotTell(reason: "it was given up"))
    let gone = Task { await presence.owner(of: address, on: "eth0", within: .seconds(600)) }
    gone.cancel()
    #expect(await gone.value == .cannotTell(reason: "it was given up"))
  }

  /// More than there are threads: they wait for each other, and get their answers.
  @Test func `is told of many at once`() async throws {
    let host = try TestNetwork(), other = try TestNetwork()
    try await host.connect(to: other)
    for number in 1...40 { try other.add("10.9.0.\(number)") }
    let answers = try await withThrowingTaskGroup(of: AddressPresence.Answer.self) { group in
      for number in 1...40 { group.addTask { try await answer("10.9.0.\(number)", host) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.allSatisfy { if case .somebody = $0 { true } else { false } }, "\(answers)")
  }

  // MARK: announcements

  /// Two hosts and a client on one bridge: what the client knows follows the address.
  @Test(arguments: both) func `is known to be elsewhere once it was announced there`(address: String) async throws {
    let middle = try TestNetwork("link add br0 type bridge", "link set br0 up")
    let first = try TestNetwork(), second = try TestNetwork(), client = try TestNetwork()
    for (number, host) in [first, second, client].enumerated() {
      try await host.connect(to: middle, its: "port\(number)", mac: "02:00:00:00:00:0\(number)")
      try middle.ip("link set port\(number) master br0")
    }
    try first.add(address)
    try client.add(address.contains(":") ? "fd09::9" : "10.9.0.9")
    // It has talked to the first, as the client of a service has.
    let known = try IPAddress(address)
    #expect("\(try await answer(address, client))".contains("02:00:00:00:00:00"))
    try client.ip("neigh replace \(address) lladdr 02:00:00:00:00:00 nud stale dev eth0")
    try first.ip("addr flush dev eth0")
    try second.add(address)
    try await second.presence.announce(known, on: "eth0", at: [.zero])
    #expect(try await eventually { try client.neighbour(address).contains("02:00:00:00:00:01") })
  }

  @Test(arguments: both) func `is announced each time`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress(address)
    try await host.connect(to: other, mac: Self.here)
    try host.add(address)
    try other.add(address.contains(":") ? "fd09::9" : "10.9.0.9")
    let announcing = Task { try await host.presence.announce(known, on: "eth0", at: [.zero, .milliseconds(500)]) }
    defer { announcing.cancel() }
    for _ in 0..<2 {
      try other.ip("neigh replace \(address) lladdr 02:00:00:00:00:ff nud stale dev eth0")
      #expect(try await eventually { try other.neighbour(address).contains(Self.here) })
    }
    try await announcing.value
  }

  @Test(arguments: both) func `is not announced where it is not`(address: String) async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress(address)
    try await host.connect(to: other)
    await #expect(throws: AnnouncementError(address: known, link: "eth0", reason: "link eth0 does not have it")) {
      try await host.presence.announce(known, on: "eth0")
    }
    // It was there, and the guard has taken it away.
    try host.add(address)
    let announcing = Task { try await host.presence.announce(known, on: "eth0", at: [.zero, .seconds(1), .seconds(600)]) }
    try await Task.sleep(for: .milliseconds(300))
    try host.ip("addr flush dev eth0")
    await #expect(throws: AnnouncementError.self) { try await announcing.value }
  }

  /// A host that knows a router by an address, and is told that it is none, drops its ways over it.
  @Test(arguments: [false, true]) func `is announced as a router's where packets are forwarded`(isRouter: Bool) async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress("fd09::5")
    try await host.connect(to: other, mac: Self.here)
    try host.set("net/ipv6/conf/eth0/forwarding", to: isRouter ? "1" : "0")
    try host.add("fd09::5")
    try other.add("fd09::9")
    try other.ip("neigh replace fd09::5 lladdr 02:00:00:00:00:ff nud stale dev eth0")
    try await host.presence.announce(known, on: "eth0", at: [.zero])
    #expect(try await eventually { try other.neighbour("fd09::5").contains(Self.here) })
    #expect(try other.neighbour("fd09::5").contains("router") == isRouter)
  }

  @Test func `is announced under a label, and to nobody where nobody is`() async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress("10.9.0.5")
    try await host.connect(to: other)
    try host.ip("addr add 10.9.0.5/32 dev eth0 label eth0:vip")
    try await host.presence.announce(known, on: "eth0", at: [.zero])
    try host.add("10.9.0.5", to: "lo")
    try await host.presence.announce(known, on: "lo", at: [.zero])
  }

  @Test func `that could not be announced a single time is an error, and later is not too late`() async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress("10.9.0.5")
    try await host.connect(to: other, mac: Self.here)
    try host.add("10.9.0.5")
    try host.ip("link set eth0 down")
    await #expect(throws: AnnouncementError(address: known, link: "eth0", reason: "link eth0 is down")) {
      try await host.presence.announce(known, on: "eth0", at: [.zero, .milliseconds(100)])
    }
    let announcing = Task { try await host.presence.announce(known, on: "eth0", at: [.zero, .seconds(1), .seconds(4)]) }
    try await Task.sleep(for: .milliseconds(200))
    try host.ip("link set eth0 up")
    try await announcing.value
  }

  @Test func `is announced no more once nobody waits for it`() async throws {
    let host = try TestNetwork(), other = try TestNetwork(), known = try IPAddress("10.9.0.5")
    try await host.connect(to: other)
    try host.add("10.9.0.5")
    let announcing = Task { try await host.presence.announce(known, on: "eth0", at: [.zero, .seconds(600)]) }
    try await Task.sleep(for: .milliseconds(200))
    announcing.cancel()
    await #expect(throws: CancellationError.self) { try await announcing.value }
  }
}
