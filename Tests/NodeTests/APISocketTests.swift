import Foundation
import Glibc
import HoldfastModel
import Testing

/// Who may do what, by the kernel's word; and the socket's file.
@Suite(.serialized) struct `API: the socket` {
  private static let isRoot = geteuid() == 0
  private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

  private func mode(_ path: String) throws -> (mode: UInt32, group: UInt32) {
    let file = try FileManager.default.attributesOfItem(atPath: path)
    let mode = try #require(file[.posixPermissions] as? NSNumber), group = try #require(file[.groupOwnerAccountID] as? NSNumber)
    return (mode.uint32Value & 0o777, group.uint32Value)
  }

  @Test(.enabled(if: isRoot)) func `root and the group's members are operators, others who can open it look on`() async throws {
    try await APIHarness.serving(group: "4242") { api in
      let file = try mode(api.socket)
      #expect(file.mode == 0o660 && file.group == 4242)
      let stop = ["stop", "web1", "--yes"]

      // A stranger cannot open it.
      let stranger = try await api.holdfast(["status"], as: Self.nobody)
      #expect(stranger.status == 3 && stranger.errors.contains("permission denied for user 65534"), "\(stranger)")

      // Let in by the file's mode alone, he may look.
      chmod(api.socket, 0o666)
      #expect(try await api.holdfast(["status"], as: Self.nobody).status == 0)
      let refused = try await api.holdfast(stop, as: Self.nobody)
      #expect(refused.status == 1)
      #expect(refused.output.contains("user 65534 may look, not change"), "\(refused)")
      #expect(try await api.holdfast(stop + ["--dry-run"], as: Self.nobody).status == 1)
      #expect(api.access.truth.intents["web1"]?.value.desired == .running)
      let xml = try await api.holdfast(["workload", "web1", "--xml"], as: Self.nobody)
      #expect(xml.status == 1 && xml.errors.contains("only operators may see its XML"))

      // The group as primary, then as a supplementary one.
      let primary = try await api.holdfast(stop, as: ["setpriv", "--reuid=65534", "--regid=4242", "--clear-groups"])
      #expect(primary.status == 0, "\(primary)")
      #expect(api.access.truth.intents["web1"]?.value.desired == .stopped)
      let member = try await api.holdfast(
        ["start", "web1"], as: ["setpriv", "--reuid=65534", "--regid=65534", "--groups=7,4242"])
      #expect(member.status == 0, "\(member)")
      #expect(api.access.truth.intents["web1"]?.value.desired == .running)
    }
  }

  @Test(.enabled(if: isRoot)) func `many groups are all seen`() async throws {
    try await APIHarness.serving(group: "4242") { api in
      let groups = (1000..<1100).map(String.init).joined(separator: ",")
      let run = try await api.holdfast(
        ["start", "cache"], as: ["setpriv", "--reuid=65534", "--regid=65534", "--groups=\(groups),4242"])
      #expect(run.status == 0, "\(run)")
    }
  }

  @Test(.enabled(if: isRoot)) func `without a group root alone is operator, root's group looks on`() async throws {
    try await APIHarness.serving { api in
      let file = try mode(api.socket)
      #expect(file.mode == 0o660)
      let user = ["setpriv", "--reuid=65534"]
      #expect(try await api.holdfast(["status"], as: user).status == 0)
      #expect(try await api.holdfast(["stop", "web1", "--yes"], as: user).status == 1)
      #expect(try await api.holdfast(["stop", "web1", "--yes"]).status == 0)
    }
  }

  @Test func `a group that the host does not have is an error that names the remedy`() async throws {
    let failure = await #expect(throws: (any Error).self) { try await APIHarness.serving(group: "no-such-group") { _ in } }
    #expect("\(failure.map { "\($0)" } ?? "")".contains("groupadd --system no-such-group"))
  }

  @Test func `the socket of a dead daemon is replaced, and ours is removed in the end`() async throws {
    var path = ""
    try await APIHarness.serving { socket in
      path = socket
      // Bound and closed without unlinking, as a killed daemon leaves it.
      _ = try Process.run(
        URL(fileURLWithPath: "/usr/bin/env"),
        arguments: ["python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", socket]
      ) { _ in }
      while !FileManager.default.fileExists(atPath: socket) { usleep(1000) }
      usleep(100_000)
    } _: { api in
      let answer = try await api.get("/v1/status")
      #expect(answer.status == 200)
      #expect(!FileManager.default.fileExists(atPath: api.socket + ".new"))
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `a living daemon's socket is left alone`() async throws {
    try await APIHarness.serving { api in
      let second = APIHarness(access: TestAccess(MadeUpCluster(now: 0)), socket: api.socket)
      let failure = await #expect(throws: (any Error).self) { try await second.whileServing {} }
      #expect("\(failure.map { "\($0)" } ?? "")".contains("another holdfastd answers there"))
      let answer = try await api.get("/v1/status")
      #expect(answer.status == 200)
    }
  }

  @Test func `a file that is no socket is left alone`() async throws {
    var content: String?
    let failure = await #expect(throws: (any Error).self) {
      try await APIHarness.serving {
        try "precious".write(toFile: $0, atomically: false, encoding: .utf8)
        content = $0
      } _: { _ in
      }
    }
    #expect("\(failure.map { "\($0)" } ?? "")".contains("not a socket"))
    #expect(content != nil)
  }

  @Test func `a path that is too long is refused`() async throws {
    let harness = APIHarness(
      access: TestAccess(MadeUpCluster(now: 0)), socket: "/tmp/\(String(repeating: "x", count: 110))")
    await #expect(throws: (any Error).self) { try await harness.whileServing {} }
  }
}
