import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import SystemPackage
import Testing

/// Whoever the guard speaks to may hang, a disk too: the deadline and the controller do not wait for it.
@Suite(
  .serialized,
  .enabled(if: isRoot && access(guardProgram, X_OK) == 0, "needs root, a hierarchy that can freeze, and \(guardProgram)"))
struct `The guard waits for nobody` {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Everything that a guard has to do in its life, in time.
  private func works(_ process: GuardProcess) async throws {
    let busy = try Busy(in: try process.partition.domain("a"), directory, uniqueName())
    #expect(await busy.isMoving())
    let controller = try await Controller(process)
    let deadline = bootNow + .milliseconds(600)
    #expect(try await controller.ask(.extend(deadline: deadline)).phase == .armed(deadline: deadline))
    #expect(try await controller.waitUntilIsolated() - deadline < .seconds(10), "a disk hangs for longer")
    #expect(try await busy.isFrozen(for: .milliseconds(30)))
    let far = bootNow + .seconds(60)
    #expect(try await controller.ask(.resume(deadline: far)).phase == .armed(deadline: far))
    #expect(await busy.isMoving())
    busy.child.signal(SIGKILL)
    _ = await busy.child.end(within: .seconds(5))
    #expect(try await controller.ask(.disarm).phase == .disarmed)
  }

  @Test(.enabled(if: canHang, "needs loop devices"), arguments: ["log", "watchdog"])
  func `a disk that hangs`(_ what: String) async throws {
    let disk = try await HangingDisk()
    let file = disk.path + "/file"
    try overwrite(file, with: "")
    let options = what == "watchdog" ? ["--watchdog", file, "--watchdog-timeout", "2"] : []
    let process = try await GuardProcess(in: hierarchies[0], options: options, log: what == "log" ? file : nil)
    try await works(process)
    try await disk.hang()
    try await works(process)
    // Long enough for several feeds.
    try await Task.sleep(for: .seconds(1))
    let before = ((try? KernelFile.read(file)) ?? "").utf8.count
    try await works(process)
    #expect(((try? KernelFile.read(file)) ?? "").utf8.count == before)
    try await disk.goOn()
    #expect(await eventually(.seconds(5)) { ((try? KernelFile.read(file)) ?? "").utf8.count > before })
    if what == "log" { #expect(await eventually(.seconds(5)) { process.log.split(separator: "armed").count > 6 }) }
    try await works(process)
    process.child.signal(SIGTERM)
    #expect(await process.child.end(within: .seconds(5)) == 0)
  }

  @Test func `a log that nobody reads loses lines and says so`() async throws {
    let pipe = directory.path + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    let descriptor = try Descriptor.open(pipe, .readWrite, .nonBlocking)
    let reader = descriptor.number
    let blank = [UInt8](repeating: UInt8(ascii: " "), count: 4096)
    while write(reader, blank, blank.count) > 0 {}
    let process = try await GuardProcess(in: hierarchies[0], log: pipe)
    for _ in 0..<150 {
      let controller = try await Controller(process)
      _ = try await controller.ask(.status)
    }
    try await works(process)
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 65_536)
    func reads(_ words: String) async -> Bool {
      await eventually(.seconds(10)) {
        let count = read(reader, &buffer, buffer.count)
        if count > 0 { text += String(decoding: buffer[..<count], as: UTF8.self) }
        return text.contains(words)
      }
    }
    #expect(await reads("a controller is connected"))
    // The next line tells of those that are missing.
    _ = try await Controller(process)
    #expect(await reads("lines of this log found no room"))
  }

  // MARK: systemd

  private func listener(_ path: String) throws -> Int32 {
    let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    guard bound == 0 else { throw Failure("cannot listen on \(path)") }
    return listener
  }

  private func next(_ listener: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = holdfast_receive(listener, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }

  @Test(arguments: [false, true]) func `systemd hears that it is ready, late if it is behind`(_ behind: Bool) async throws {
    let path = directory.path + "/notify"
    let listener = try listener(path)
    defer { close(listener) }
    if behind {
      var count = 0
      while holdfast_send_to(path, "WATCHDOG=1") == 0 { count += 1 }
      try #require(count > 0 && errno == EAGAIN)
    }
    let process = try await GuardProcess(in: hierarchies[0], environment: ["NOTIFY_SOCKET": path])
    try await works(process)
    var heard: [String] = []
    #expect(
      await eventually(.seconds(5)) {
        while let text = next(listener) { heard.append(text) }
        return heard.contains("READY=1")
      })
    process.child.signal(SIGTERM)
    #expect(await process.child.end(within: .seconds(5)) == 0)
    #expect(next(listener) == "STOPPING=1")
  }
}
