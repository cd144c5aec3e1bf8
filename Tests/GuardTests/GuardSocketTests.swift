import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Testing

/// What the program does with what comes from outside: its socket, its options, links, the watchdog.
@Suite(
  .serialized,
  .enabled(if: isRoot && access(guardProgram, X_OK) == 0, "needs root, a hierarchy that can freeze, and \(guardProgram)"))
struct `The guard program's edges` {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  // MARK: The socket

  @Test func `garbage is refused and changes nothing`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    let controller = try await Controller(process, greeting: false)
    #expect(try await controller.ask(text: "extend \((bootNow + .seconds(9)).nanoseconds)").refusal?.contains("hello") == true)
    #expect(try await controller.ask(text: "hello 99").refusal?.contains("version") == true)
    #expect(try await controller.ask(text: "hello 1").phase == .disarmed)
    for text in [
      "garbage", "\0\0\0", "extend", "extend x", String(repeating: "x", count: 150_000),
      "protect name=a isolation=freeze cgroup=/etc"
    ] {
      #expect(try await controller.ask(text: text).refusal != nil, "\(text.prefix(40))")
    }
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(30)))
    let own = try CgroupHierarchy.find(hierarchies[0].version).root
    for cgroup in [own, own + "/..", own + "/a/../b", process.partition.isolation.directory(for: .freeze), "/etc"] {
      let answer = try await controller.ask(.protect(GuardedWorkload(name: "a", isolation: .stop, cgroup: cgroup, links: [])))
      #expect(answer.refusal?.contains("cgroup") == true, "\(cgroup)")
    }
    #expect(try await controller.ask(.status).phase != .disarmed)
  }

  @Test func `a new controller replaces the old one`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    let old = try await Controller(process)
    let new = try await Controller(process)
    #expect(await old.next(.milliseconds(300)) == nil)
    #expect(holdfast_send(old.number, "status", 6) == -1)
    #expect(try await new.ask(.status).phase == .disarmed)
  }

  @Test func `only root may command`() async throws {
    let process = try await GuardProcess(in: hierarchies[0])
    var status = stat()
    #expect(stat(process.socket, &status) == 0 && status.st_mode & 0o777 == 0o600)
    // Even if somebody opens the file: the guard looks at who it is.
    #expect(chmod(process.socket, 0o666) == 0 && chmod(process.directory.path, 0o755) == 0)
    let client = try Child("python3", ["-c", Self.stranger, process.socket], log: directory.path + "/stranger")
    guard await client.end(within: .seconds(10)) != 127 else { return }
    #expect(process.log.contains("only root may command"))
  }
  private static let stranger = """
    import os,socket,sys
    os.setuid(65534)
    s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1])
    try: s.send(b"hello 1"); print(s.recv(100))
    except OSError as e: print(e)
    """

  // MARK: Options

  @Test(arguments: [
    (["--nonsense"], "unknown option"), (["--run-dir"], "needs a value"), (["--hierarchy", "v3"], "v1, v2 or auto"),
    (["--watchdog-timeout=1"], "2 to 300"), (["extra"], "unknown option")
  ]) func `a wrong option is refused`(_ arguments: [String], _ part: String) async throws {
    let log = directory.path + "/log"
    let child = try Child(guardProgram, arguments, log: log)
    #expect(await child.end(within: .seconds(5)) == 2)
    #expect(try KernelFile.read(log).contains(part))
  }

  @Test(arguments: ["--help", "--version"]) func `it says what it is`(_ option: String) async throws {
    let log = directory.path + "/log"
    #expect(await (try Child(guardProgram, [option], log: log)).end(within: .seconds(5)) == 0)
    let said = try KernelFile.read(log)
    #expect(said.contains("holdfast-guard"))
    #expect(said.split(separator: "\n").allSatisfy { $0.count <= 80 }, "wider than a terminal: \(said)")
  }

  // MARK: Links

  @Test(.enabled(if: access("/usr/sbin/ip", X_OK) == 0 || access("/sbin/ip", X_OK) == 0, "needs iproute2"))
  func `links go down with the freeze and up with the thaw`() async throws {
    let namespace = uniqueName("hfg")
    try await Child.mustRun("ip", ["netns", "add", namespace])
    let process: GuardProcess
    do {
      let words =
        ["link add br0 type bridge", "link set br0 up"]
        + (0..<30).flatMap {
          ["link add hv\($0) type veth peer name hp\($0)", "link set hv\($0) master br0 up", "link set hp\($0) up"]
        }
      let batch = directory.path + "/batch"
      try overwrite(batch, with: (words + ["link set hv29 down"]).joined(separator: "\n") + "\n")
      try await Child.mustRun("ip", ["-n", namespace, "-batch", batch])
      process = try await GuardProcess(in: hierarchies[0], networkNamespace: namespace)
      let controller = try await Controller(process)
      _ = try await controller.ask(.extend(deadline: bootNow + .seconds(30)))
      for index in 0..<30 {
        let links = ["hv\(index)", "missing\(index)"]
        _ = try await controller.ask(
          .protect(GuardedWorkload(name: "w\(index)", isolation: .freeze, cgroup: nil, links: links)))
      }
      #expect(try await up(namespace) == 29)
      let start = bootNow
      _ = try await controller.ask(.isolate)
      print("30 links: isolate answered, links down, after \(milliseconds(bootNow - start))")
      #expect(try await up(namespace) == 0)
      let resumed = bootNow
      _ = try await controller.ask(.resume(deadline: bootNow + .seconds(30)))
      print("30 links: resume answered, links up, after \(milliseconds(bootNow - resumed))")
      // The one that was down before stays so.
      #expect(try await up(namespace) == 29)
    } catch {
      try await Child.mustRun("ip", ["netns", "del", namespace])
      throw error
    }
    process.child.signal(SIGKILL)
    try await Child.mustRun("ip", ["netns", "del", namespace])
  }

  private func up(_ namespace: String) async throws -> Int {
    let log = directory.path + "/" + uniqueName("links")
    let child = try Child("ip", ["-n", namespace, "-o", "link", "show", "up"], log: log)
    _ = await child.end(within: .seconds(10))
    return try KernelFile.read(log).split(separator: "\n").count { $0.contains(": hv") }
  }

  // MARK: The watchdog

  /// A process that writes to a suspended filesystem sleeps uninterruptibly: v2 does not count it as frozen, and no signal
  /// ends it. So its freeze is not confirmed before its SIGKILL is pending, after which it executes nothing more, and its kill not before the filesystem
  /// goes on.
  @Test(
    .enabled(
      if: hierarchies.contains { $0.version == .v2 } && canHang,
      "needs cgroup v2 and loop devices"))
  func `the watchdog is fed until a freeze is not confirmed`() async throws {
    let hierarchy = try #require(hierarchies.first { $0.version == .v2 })
    let disk = try await HangingDisk()
    let fed = directory.path + "/watchdog"
    try overwrite(fed, with: "")
    let process = try await GuardProcess(in: hierarchy, options: ["--watchdog", fed, "--watchdog-timeout", "2"])
    let domain = try process.partition.domain("hanging")
    #expect(await eventually(.seconds(2)) { feeds(fed) >= 2 })

    try await disk.hang()
    let hanging = try Child("sh", ["-c", "echo $$ >\(domain)/cgroup.procs; echo >\(disk.path)/a; exec sleep 100"])
    #expect(await eventually(.seconds(3)) { (try? KernelFile.read("/proc/\(hanging.pid)/stat").contains(") D ")) == true })
    let controller = try await Controller(process)
    // Far enough ahead that the guard knows of the domain by then, however slow the machine is.
    _ = try await controller.ask(.extend(deadline: bootNow + .seconds(1)))
    _ = try await controller.ask(.protect(GuardedWorkload(name: "h", isolation: .freeze, cgroup: domain, links: [])))
    guard case .isolated(_, confirmed: false) = try await controller.nextState() else { throw Failure("confirmed too early") }
    let before = feeds(fed)
    try await Task.sleep(for: .milliseconds(1200))
    #expect(feeds(fed) <= before + 1)
    controller.send(GuardCommand.kill(workload: "h").wireText)
    guard case .isolated(_, confirmed: true) = try await controller.nextState() else { throw Failure("not confirmed") }
    #expect(await controller.next() == .killed(workload: "h", confirmed: false))
    try await disk.goOn()
    #expect(await controller.next() == .killed(workload: "h", confirmed: true))
    let after = feeds(fed)
    #expect(await eventually(.seconds(2)) { feeds(fed) >= after + 2 })
    #expect(await hanging.end(within: .seconds(2)) == -SIGKILL)
    // Stopping with nothing to guard is said to the driver; stopping while isolated is not.
    #expect(try await controller.ask(.disarm).phase == .disarmed)
    process.child.signal(SIGTERM)
    #expect(await process.child.end(within: .seconds(5)) == 0)
    #expect(try KernelFile.read(fed).hasSuffix(".V"))
  }

  private func feeds(_ path: String) -> Int { ((try? KernelFile.read(path)) ?? "").utf8.count }
}
