import Foundation
import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import Testing

/// What a node is asked about itself: of a kernel whose files are made up, and of this host's own.
@Suite struct `Probes of a node` {
  private func prober(_ kernel: NodeKernel = NodeKernel()) -> NodeProber {
    NodeProber(node: "n1", with: .shared, kernel: kernel)
  }

  private func ask(_ probe: NodeProbe, _ kernel: NodeKernel = NodeKernel()) async -> ProbeResult.Answer {
    await prober(kernel).ask(probe, as: "check", within: .seconds(20))
  }

  /// - Parameter files: by path, with its directories.
  private func kernel(_ scratch: Scratch, _ files: [String: String]) throws -> NodeKernel {
    for (path, text) in files {
      let file = "\(scratch.path)/\(path)", directory = file.split(separator: "/").dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(atPath: "/\(directory)", withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(filePath: file))
    }
    return NodeKernel(root: scratch.path)
  }

  @Test(
    arguments: [
      ("up\n", "1\n", .good), ("down\n", "0\n", .bad("eth0 is down")), ("lowerlayerdown\n", "0\n", .bad("eth0 is down")),
      ("unknown\n", "1\n", .good), ("unknown\n", "0\n", .bad("eth0 is down"))
    ] as [(String, String, Expected)])
  func `of a link go by its state`(state: String, carrier: String, expected: Expected) async throws {
    let scratch = try Scratch()
    let kernel = try kernel(
      scratch, ["sys/class/net/eth0/operstate": state, "sys/class/net/eth0/carrier": carrier])
    let answer = await ask(.link("eth0"), kernel)
    #expect(expected.isMet(by: answer), "\(answer)")
    #expect(Expected.bad("no interface eth1").isMet(by: await ask(.link("eth1"), kernel)))
  }

  private static let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

  @Test func `of the gateway find the best default route`() throws {
    let scratch = try Scratch()
    let routes =
      Self.head + "eth1\t00000000\t0101A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
      + "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
      + "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
    #expect(try kernel(scratch, ["proc/net/route": routes]).gateway() == .success("10.0.0.1"))
    let six =
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
    let both = try Scratch()
    #expect(
      try kernel(both, ["proc/net/route": Self.head, "proc/net/ipv6_route": six]).gateway()
        == .success("fe80:0000:0000:0000:0000:0000:0000:0001%eth0"))
    let none = try Scratch()
    #expect(try kernel(none, ["proc/net/route": Self.head]).gateway() == .failure(.none))
  }

  @Test(
    arguments: [
      (.pressure(400_000), .good), (.pressure(100_000), .bad("waited for memory for 12.5 %")),
      (.available(.share(50_000)), .good), (.available(.mebibytes(2048)), .bad("1.0 GiB of memory is available"))
    ] as [(MemoryProbe, Expected)])
  func `of memory go by what the kernel says`(probe: MemoryProbe, expected: Expected) async throws {
    let scratch = try Scratch()
    let kernel = try kernel(
      scratch,
      [
        "proc/pressure/memory":
          "some avg10=20.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=12.50 avg60=0.00 avg300=0.00 total=1\n",
        "proc/meminfo": "MemTotal:       16777216 kB\nMemFree:          100000 kB\nMemAvailable:    1048576 kB\n"
      ])
    let answer = await ask(.memory(probe), kernel)
    #expect(expected.isMet(by: answer), "\(answer)")
    let nothing = try Scratch()
    #expect(Expected.cannotTell("this kernel").isMet(by: await ask(.memory(probe), NodeKernel(root: nothing.path))))
  }

  @Test func `of a directory write there, and leave nothing`() async throws {
    let scratch = try Scratch()
    #expect(await ask(.writable(path: scratch.path)) == .good)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    #expect(Expected.bad("does not exist").isMet(by: await ask(.writable(path: "\(scratch.path)/none"))))
    // What stands there under the name is removed, and not followed.
    let other = try scratch.write("kept", name: "other")
    #expect(symlink(other, "\(scratch.path)/.holdfast-check-n1") == 0)
    #expect(await ask(.writable(path: scratch.path)) == .good)
    #expect(try String(contentsOfFile: other, encoding: .utf8) == "kept")
  }

  @Test func `of a disk compare what is free with what is to be`() async throws {
    let scratch = try Scratch()
    #expect(await ask(.diskSpace(DiskSpaceProbe(path: scratch.path, free: .mebibytes(1)))) == .good)
    let all = DiskSpaceProbe(path: scratch.path, free: .share(1_000_000))
    #expect(Expected.bad("left").isMet(by: await ask(.diskSpace(all))))
    let none = DiskSpaceProbe(path: "\(scratch.path)/none", free: .mebibytes(1))
    #expect(Expected.bad("does not exist").isMet(by: await ask(.diskSpace(none))))
  }

  @Test(
    arguments: [("exit 0", .good), ("echo broken; exit 1", .bad("broken")), ("exit 7", .cannotTell("status 7"))]
      as [(String, Expected)])
  func `by a script go by its status`(body: String, expected: Expected) async throws {
    let scratch = try Scratch(), path = try scratch.script(body)
    let answer = await ask(.script(ScriptProbe(path: path)))
    #expect(expected.isMet(by: answer), "\(answer)")
  }
}
