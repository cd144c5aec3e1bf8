import CgroupIsolation
import Foundation
import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import Testing

/// Whether this process may make namespaces and move processes between cgroups.
private let mayContain = getuid() == 0 && (try? CgroupHierarchy.find()) != nil

@Suite(.enabled(if: mayContain, "needs root"), .timeLimit(.minutes(2))) struct `Probes of a container` {
  private func ask(_ probe: Probe, _ container: FakeContainer, within limit: Duration = .seconds(20)) async
    -> ProbeResult.Answer
  {
    await HealthProbes.shared.ask(probe, of: ProbeTarget("web1", "answers", at: container.place), within: limit)
  }

  @Test(arguments: ["127.0.0.1", "::1"]) func `without a host ask its own loopback address`(host: String) async throws {
    let container = try FakeContainer()
    let server = try await MadeUpServer.start(
      .answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), socket: try await container.socket(host))
    #expect(await ask(.tcp(TCPProbe(port: server.port)), container) == .good)
    #expect(await ask(.http(HTTPProbe(port: server.port, contains: "ok")), container) == .good)
    // This host's own is another one.
    let here = await ask(.tcp(TCPProbe(host: "127.0.0.1", port: server.port)), container)
    #expect(Expected.bad("refuses the connection").isMet(by: here), "\(here)")
    try await server.stop()
    #expect(
      await ask(.tcp(TCPProbe(port: server.port)), container) == .bad(reason: "port \(server.port) refuses the connection"))
  }

  @Test func `of one whose network has no IPv6 say that nobody listens`() async throws {
    let container = try FakeContainer(hasSix: false)
    #expect(await ask(.tcp(TCPProbe(port: 9)), container) == .bad(reason: "port 9 refuses the connection"))
  }

  @Test func `leave the thread that asks in this host's network`() async throws {
    let container = try FakeContainer(), server = try await MadeUpServer.start(.silent)
    for _ in 0..<3 {
      _ = await ask(.tcp(TCPProbe(port: 1)), container)
      #expect(await ask(.tcp(TCPProbe(host: "127.0.0.1", port: server.port)), container) == .good)
    }
    try await server.stop()
  }

  @Test func `run commands in its namespaces, and tell by their status`() async throws {
    let container = try FakeContainer(), own = container.`init`
    func run(_ command: String..., within limit: Duration = .seconds(20)) async -> ProbeResult.Answer {
      await ask(.exec(ExecProbe(command: command)), container, within: limit)
    }
    for name in ["net", "mnt", "uts", "ipc"] {
      let answer = await run("test", "/proc/self/ns/\(name)", "-ef", "/proc/\(own)/ns/\(name)")
      #expect(answer == .good, "\(name): \(answer)")
    }
    #expect(await run("sh", "-c", "echo not yet; exit 3") == .bad(reason: "'sh' ends with status 3: not yet"))
    #expect(Expected.cannotTell("cannot be run").isMet(by: await run("nosuchcommand")))
    #expect(Expected.cannotTell("signal 9").isMet(by: await run("sh", "-c", "kill -9 $$")))
    #expect(Expected.bad("does not end within 1 s").isMet(by: await run("sleep", "1000", within: .seconds(1))))
  }

  /// So the guard freezes and kills it with the rest.
  @Test func `run commands in its cgroup`() async throws {
    let container = try FakeContainer(), hierarchy = try CgroupHierarchy.find()
    let own = try ContainerProcess(at: container.place).cgroup()
    let cgroup = "\(own)/holdfast-probe-\(getpid())"
    try FileManager.default.createDirectory(atPath: cgroup, withIntermediateDirectories: false)
    defer { rmdir(cgroup) }
    try Data("\(container.`init`)".utf8).write(to: URL(filePath: "\(cgroup)/cgroup.procs"))
    let answer = await ask(
      .exec(ExecProbe(command: ["grep", "-q", "holdfast-probe-\(getpid())", "/proc/self/cgroup"])), container)
    #expect(answer == .good, "\(hierarchy): \(answer)")
    // Out of it again, so that it can be removed.
    try Data("\(container.`init`)".utf8).write(to: URL(filePath: "\(own)/cgroup.procs"))
  }

  @Test func `run commands without the capabilities that it does not have`() async throws {
    let container = try FakeContainer(without: ["sys_time", "sys_module"])
    let same = "[ \"$(grep CapBnd /proc/self/status)\" = \"$(grep CapBnd /proc/\(container.`init`)/status)\" ]"
    let answer = await ask(.exec(ExecProbe(command: ["sh", "-c", same])), container)
    #expect(answer == .good, "\(answer)")
  }

  @Test func `tell nothing when it is gone`() async throws {
    let container = try FakeContainer(), place = container.place
    kill(container.`init`, SIGKILL)
    kill(container.controller, SIGKILL)
    #expect(await Scratch.isGone(container.controller))
    for probe in [
      Probe.tcp(TCPProbe(port: 1)), .exec(ExecProbe(command: ["true"])), .file(FileProbe(path: "/x", maximumAge: 1))
    ] {
      let answer = await HealthProbes.shared.ask(probe, of: ProbeTarget("web1", "answers", at: place), within: .seconds(20))
      #expect(Expected.cannotTell("").isMet(by: answer), "\(answer)")
    }
  }

  /// Its number may have been given to another process.
  @Test func `tell nothing when its process is another one`() async throws {
    let container = try FakeContainer("web2")
    for probe in [Probe.tcp(TCPProbe(port: 1)), .exec(ExecProbe(command: ["true"])), .file(FileProbe(path: "/", maximumAge: 1))]
    {
      #expect(await ask(probe, container) == .cannotTell(reason: "the container's process is gone"))
    }
  }

  /// What is brought into it would run on the host.
  @Test func `tell nothing when its first process is the host's`() async throws {
    let container = try FakeContainer(isContained: false)
    for probe in [Probe.exec(ExecProbe(command: ["true"])), .file(FileProbe(path: "/", maximumAge: 1)), .tcp(TCPProbe(port: 1))]
    {
      #expect(await ask(probe, container) == .cannotTell(reason: "the container's first process is not in it"))
    }
  }

  @Test func `look at its own files`() async throws {
    let container = try FakeContainer(), scratch = try Scratch()
    let file = try scratch.write("beat", name: "beat")
    #expect(await ask(.file(FileProbe(path: file, maximumAge: 60)), container) == .good)
    #expect(Expected.bad("does not exist").isMet(by: await ask(.file(FileProbe(path: "/no/such", maximumAge: 60)), container)))
  }
}
