import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Testing

/// Addresses on real links, each test's in a network namespace of its own.
@Suite(.serialized, .enabled(if: isRoot && hasIP, "needs root and iproute2"))
struct `Host addresses` {
  private static let four = address("10.0.0.5/24@hv0"), six = address("2001:db8::5/64@hv0")

  @Test func `they come and go, and what is so already is no failure`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "link", "set", "hp0", "up")
      for isFirst in [true, false] {
        let outcome = HostAddresses().set(remove: [], add: [Self.four, Self.six])
        #expect(outcome.raised == [Self.four, Self.six] && outcome.failed.isEmpty && outcome.removed.isEmpty)
        #expect(outcome.found == (isFirst ? [] : outcome.raised))
        #expect(try addresses("hv0").contains("inet 10.0.0.5/24 brd 10.0.0.255 scope global"))
        // Usable at once, and not what the host's own connections come from.
        let shown = try addresses("hv0").split(separator: "\n").filter { $0.contains("2001:db8::5/64") }
        #expect(shown.count == 1 && shown[0].contains("nodad") && !shown[0].contains("tentative"), "\(shown)")
        #expect(shown[0].contains("deprecated") && shown[0].contains("valid_lft forever preferred_lft 0sec"), "\(shown)")
      }
      for _ in 0..<2 {
        let outcome = HostAddresses().set(remove: [Self.four, Self.six], add: [])
        #expect(outcome.removed == [Self.four, Self.six] && outcome.failed.isEmpty && outcome.raised.isEmpty)
        #expect(try !addresses("hv0").contains("10.0.0.5") && !addresses("hv0").contains("2001:db8::5"))
      }
      let nothing = HostAddresses().set(remove: [], add: [])
      #expect(nothing.removed.isEmpty && nothing.raised.isEmpty && nothing.failed.isEmpty)
    }
  }

  @Test func `of a link that is not there they are removed, and cannot be raised`() async throws {
    try await inNetworkOfItsOwn {
      #expect(HostAddresses().set(remove: [Self.four, Self.six], add: []).removed == [Self.four, Self.six])
      let outcome = HostAddresses().set(remove: [], add: [Self.four])
      #expect(outcome.raised.isEmpty && outcome.failed == [Self.four: "there is no link hv0"])
    }
  }

  @Test func `after the deadline none is raised`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      let late = HostAddresses().set(remove: [], add: [Self.four], notAfter: bootNow)
      #expect(late.raised.isEmpty && late.failed[Self.four]?.contains("deadline") == true)
      #expect(HostAddresses().set(remove: [], add: [Self.four], notAfter: bootNow + .seconds(60)).raised == [Self.four])
    }
  }

  @Test(arguments: [false, true])
  func `those of a link that has another name by now are removed there`(_ hasSuccessor: Bool) async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      _ = HostAddresses().set(remove: [], add: [Self.four, Self.six])
      try mustRun("ip", "link", "set", "hv0", "down")
      try mustRun("ip", "link", "set", "hv0", "name", "hv9")
      try mustRun("ip", "link", "set", "hv9", "up")
      if hasSuccessor {
        try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp1")
        // Looked at again, they were raised there as well.
        _ = HostAddresses().set(remove: [], add: [Self.four])
      }
      let outcome = HostAddresses().set(remove: [Self.four], add: [])
      #expect(outcome.removed == [Self.four] && outcome.failed.isEmpty, "\(outcome)")
      #expect(try !output("ip", "-o", "addr", "show").contains("10.0.0.5"))
    }
  }

  @Test(.enabled(if: holdfast_marks_addresses() == 1, "needs Linux 5.18"))
  func `one that the node has on another link is left there`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "addr", "add", "10.0.0.5/24", "dev", "hp0")
      for link in ["hv0", "hv1"] {
        #expect(HostAddresses().set(remove: [address("10.0.0.5/24@\(link)")], add: []).failed.isEmpty)
      }
      #expect(try addresses("hp0").contains("10.0.0.5/24"))
    }
  }

  @Test(arguments: [
    ("10.0.0.5/30", "brd 10.0.0.7 "), ("10.0.0.5/31", nil), ("10.0.0.5/32", nil), ("10.1.2.3/1", "brd 127.255.255.255 ")
  ]) func `a network of IPv4 that has room for a broadcast address gets one`(_ text: String, _ broadcast: String?) async throws
  {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      #expect(HostAddresses().set(remove: [], add: [address(text + "@hv0")]).failed.isEmpty)
      let shown = try addresses("hv0")
      #expect(shown.contains("inet \(text) "), "\(shown)")
      if let broadcast { #expect(shown.contains(broadcast)) } else { #expect(!shown.contains("inet \(text) brd")) }
    }
  }

  @Test func `a link that is down keeps them like another`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "type", "veth", "peer", "name", "hp0")
      #expect(HostAddresses().set(remove: [], add: [Self.four, Self.six]).raised == [Self.four, Self.six])
      #expect(HostAddresses().set(remove: [Self.four, Self.six], add: []).failed.isEmpty)
      #expect(try !addresses("hv0").contains("inet"))
    }
  }

  @Test func `an address of another prefix length is another one, and with IPv6 in the way`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "addr", "add", "10.0.0.5/32", "dev", "hv0")
      try mustRun("ip", "addr", "add", "2001:db8::5/128", "dev", "hv0")
      let outcome = HostAddresses().set(remove: [], add: [Self.four, Self.six])
      #expect(outcome.raised == [Self.four])
      #expect(outcome.failed == [Self.six: "hv0 has 2001:db8::5 with another prefix length; remove it there"])
      #expect(HostAddresses().set(remove: [Self.four, Self.six], add: []).removed == [Self.four, Self.six])
      #expect(try addresses("hv0").contains("10.0.0.5/32") && addresses("hv0").contains("2001:db8::5/128"))
    }
  }

  @Test func `those that the kernel drops with the first of their network are there again after the order`() async throws {
    let second = address("10.0.0.6/24@hv0")
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try overwriteSetting("/proc/sys/net/ipv4/conf/hv0/promote_secondaries", with: "0")
      _ = HostAddresses().set(remove: [], add: [Self.four, second])
      let outcome = HostAddresses().set(remove: [Self.four], add: [second])
      #expect(outcome.removed == [Self.four] && outcome.raised == [second])
      #expect(try addresses("hv0").contains("10.0.0.6/24") && !addresses("hv0").contains("10.0.0.5"))
    }
  }

  @Test(.enabled(if: access("/proc/sys/net/ipv6", F_OK) == 0, "needs IPv6"))
  func `where IPv6 is off it is said`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try overwriteSetting("/proc/sys/net/ipv6/conf/hv0/disable_ipv6", with: "1")
      #expect(HostAddresses().set(remove: [], add: [Self.six]).failed[Self.six]?.contains("IPv6 is off on hv0") == true)
      #expect(HostAddresses().set(remove: [Self.six], add: []).removed == [Self.six])
    }
  }

  /// Where the kernel has no IPv6 at all it cannot be raised, and is gone likewise.
  @Test func `what was on a link that has no IPv6 any more is gone`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      _ = HostAddresses().set(remove: [], add: [Self.six])
      // The least that IPv6 takes is 1280.
      try mustRun("ip", "link", "set", "hv0", "mtu", "1279")
      let outcome = HostAddresses().set(remove: [Self.six], add: [])
      #expect(outcome.removed == [Self.six] && outcome.failed.isEmpty, "\(outcome)")
    }
  }

  // MARK: The program

  @Test(.enabled(if: access(guardProgram, X_OK) == 0, "needs \(guardProgram)"))
  func `the guard raises and removes them, and the one after it removes what it finds written down`() async throws {
    let network = try await NamedNetwork()
    try await network.ip("link add hv0 up type veth peer name hp0")
    let process = try await GuardProcess(in: hierarchies[0], networkNamespace: network.name)
    let controller = try await Controller(process)
    let web = GuardedWorkload(name: "w", isolation: .freeze, cgroup: nil, links: [], addresses: [Self.four, Self.six])
    func isThere(_ wanted: Bool) async -> Bool {
      for _ in 0..<1000 {
        let shown = (try? await network.addresses("hv0")) ?? ""
        if shown.contains("10.0.0.5/24") == wanted, shown.contains("2001:db8::5/64") == wanted { return true }
        try? await Task.sleep(for: .milliseconds(5))
      }
      return false
    }
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(60)))
    _ = try await controller.ask(.protect(web))
    #expect(await isThere(true))
    #expect(try GuardRecord(text: KernelFile.read(process.state)).addresses == ["w": [Self.four, Self.six]])
    _ = try await controller.ask(.isolate)
    #expect(await isThere(false))
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(60)))
    #expect(await isThere(true))
    let deadline = bootNow + .seconds(2)
    while try await controller.ask(.shorten(deadline: deadline)).phase != .armed(deadline: deadline), bootNow < deadline {}
    await process.crash()
    if bootNow < deadline { #expect(await isThere(true)) }
    while bootNow < deadline { try await Task.sleep(for: .milliseconds(20)) }
    try await process.restart()
    #expect(await isThere(false))
    #expect(await eventually(.seconds(5)) { (try? GuardRecord(text: KernelFile.read(process.state)))?.addresses == [:] })
  }
}

private func addresses(_ link: String) throws -> String { try output("ip", "-o", "addr", "show", "dev", link) }

/// Of the thread's own namespace: /proc shows that of whoever opens it.
private func overwriteSetting(_ path: String, with text: String) throws {
  try mustRun("sh", "-c", "echo \(text) >\(path)")
}
