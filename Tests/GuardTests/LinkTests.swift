import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Testing

private let hasTracer = access("/usr/bin/strace", X_OK) == 0

/// Real links, each test's in a network namespace of its own.
@Suite(.serialized, .enabled(if: isRoot && hasIP, "needs root and iproute2"))
struct `Host links` {
  private let nothing = HostLinks().down([])

  @Test func `down and up, and what is gone is said to be gone`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "link", "add", "hv1", "type", "veth", "peer", "name", "hp1")
      let outcome = HostLinks().down(["hv0", "hv1", "gone", "name-of-sixteen.", "hp0"])
      #expect(outcome.foundDown == ["hv1", "hp0"])
      #expect(outcome.gone == ["gone"])
      #expect(outcome.problems.count == 1 && outcome.problems[0].contains("link name-of-sixteen. cannot be taken down"))
      #expect(try isUp("hv0") == false)
      #expect(HostLinks().down(["hv0"]).foundDown == ["hv0"])
      #expect(HostLinks().up(["hv0", "gone", "hv1"]).isEmpty)
      #expect(try isUp("hv0") && isUp("hv1"))
      #expect(nothing.foundDown.isEmpty && nothing.gone.isEmpty && nothing.problems.isEmpty)
      // The other properties are as they were.
      try mustRun("ip", "link", "set", "hv1", "promisc", "on", "mtu", "1400")
      #expect(HostLinks().down(["hv1"]) == nothing)
      #expect(try text("hv1").contains("PROMISC") && text("hv1").contains("mtu 1400"))
    }
  }

  @Test func `a name that another device has now is that device`() async throws {
    try await inNetworkOfItsOwn {
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "link", "del", "hv0")
      #expect(HostLinks().down(["hv0"]).gone == ["hv0"])
      try mustRun("ip", "link", "add", "hv0", "up", "type", "veth", "peer", "name", "hp0")
      try mustRun("ip", "link", "set", "hv0", "down")
      try mustRun("ip", "link", "set", "hv0", "name", "other")
      try mustRun("ip", "link", "set", "hp0", "name", "hv0")
      #expect(HostLinks().up(["hv0"]).isEmpty)
      #expect(try isUp("hv0") && !isUp("other"))
    }
  }

  // MARK: The program

  private func guarded(_ links: [String]) -> GuardCommand {
    .protect(GuardedWorkload(name: "w", isolation: .freeze, cgroup: nil, links: links))
  }

  /// A link that is gone is dropped, and whoever gets its name is left alone until the controller names it again.
  @Test(.enabled(if: access(guardProgram, X_OK) == 0, "needs \(guardProgram)"))
  func `the guard does not ask again about a link that is gone`() async throws {
    let network = try await NamedNetwork()
    try await network.ip("link add hv0 up type veth peer name hp0")
    let process = try await GuardProcess(in: hierarchies[0], networkNamespace: network.name)
    let controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(60)))
    _ = try await controller.ask(guarded(["hv0"]))
    _ = try await controller.ask(.isolate)
    #expect(try await network.sees("hv0", up: false))
    #expect(try GuardRecord(text: KernelFile.read(process.state)).taken.down == ["hv0"])
    try await network.ip("link del hv0")
    #expect(await eventually(.seconds(10)) { (try? GuardRecord(text: KernelFile.read(process.state)))?.taken.down == [] })
    // Somebody else's.
    try await network.ip("link add hv0 up type veth peer name hp0")
    try await Task.sleep(for: .milliseconds(1500))
    #expect(try await network.isUp("hv0"))
    _ = try await controller.ask(guarded(["hv0"]))
    #expect(try await network.sees("hv0", up: false))
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(60)))
    #expect(try await network.sees("hv0", up: true))
  }

  /// On a kernel with modules such a call about a name that is gone runs modprobe and waits for it.
  @Test(
    .enabled(if: access(guardProgram, X_OK) == 0 && hasTracer, "needs \(guardProgram) and strace"))
  func `the guard makes no call that could load a module`() async throws {
    let network = try await NamedNetwork()
    try await network.ip("link add hv0 up type veth peer name hp0")
    let process = try await GuardProcess(in: hierarchies[0], networkNamespace: network.name)
    let trace = process.directory.path + "/trace"
    let tracer = try Child(
      "strace",
      ["-f", "-o", trace, "-e", "trace=ioctl,socket,sendto,prctl,mount,execve,finit_module", "-p", "\(process.child.pid)"])
    #expect(await eventually(.seconds(10)) { access(trace, F_OK) == 0 })
    try await Task.sleep(for: .milliseconds(300))
    let controller = try await Controller(process)
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(60)))
    _ = try await controller.ask(guarded(["hv0", "gone"]))
    _ = try await controller.ask(.isolate)
    #expect(try await network.sees("hv0", up: false))
    _ = try await controller.ask(.resume(deadline: bootNow + .seconds(60)))
    #expect(try await network.sees("hv0", up: true))
    tracer.signal(SIGINT)
    _ = await tracer.end(within: .seconds(5))
    let calls = try KernelFile.read(trace)
    #expect(calls.contains("NETLINK_ROUTE"), "\(calls.prefix(4000))")
    for call in ["ioctl(", "AF_INET", "execve(", "mount("] { #expect(!calls.contains(call), "\(call): \(calls.prefix(4000))") }
  }
}

/// What is to be said of a link in the thread's own namespace.
private func text(_ link: String) throws -> String { try output("ip", "-o", "link", "show", "dev", link) }

private func isUp(_ link: String) throws -> Bool {
  let flags = try text(link).split(whereSeparator: { "<>".contains($0) }).dropFirst().first ?? ""
  return flags.split(separator: ",").contains("UP")
}
