import Foundation
import HoldfastModel
import Testing

/// Who asked for what, in the cluster's history.
@Suite(.serialized) struct `API: who asked` {
  private struct Fields: Encodable {
    var reason: String?
    var to: String?
    var now: Bool?
    var leavesPending: Bool?
  }

  struct Request: Sendable, CustomTestStringConvertible {
    var path: String
    var reason: String?
    var to: String?
    var now: Bool?
    var leavesPending: Bool?
    var kind = Note.Kind.defined
    /// What the line says before it says who.
    var text: String
    var testDescription: String { path }
  }

  static let requests: [Request] = [
    Request(path: "workloads/web1/move", to: "n2", text: "web1 is to move to n2"),
    Request(path: "workloads/web1/stop", text: "web1 is to be stopped"),
    Request(path: "workloads/cache/start", text: "cache is to run"),
    Request(path: "workloads/web1/restart", text: "web1 is to be restarted"),
    Request(path: "workloads/web1/reset", text: "web1 is to be reset"),
    Request(path: "workloads/web1/pause", text: "web1 is to be paused"),
    // No two of the three nodes have room for all workloads.
    Request(
      path: "nodes/n3/maintenance", reason: "new disks", leavesPending: true, kind: .maintenance,
      text: "n3 is being drained and will be kept empty"),
    Request(
      path: "disarm", reason: "new switch", now: true, kind: .disarmed,
      text: "the cluster is disarmed: nothing is failed over"),
    Request(path: "moves/off", reason: "a storm", kind: .policies, text: "the cluster moves nothing by itself")
  ]

  private static func lines(_ api: APIHarness) async -> [HistoryRecord] {
    await api.access.history(limit: 1000, workload: nil)
  }

  private static func send(_ request: Request, dryRun: Bool = false, _ api: APIHarness) async throws -> UInt {
    let path = "/v1/\(request.path)" + (dryRun ? "?dryRun" : "")
    guard request.to != nil || request.reason != nil else { return try await api.post(path).status }
    let fields = Fields(
      reason: request.reason, to: request.to, now: request.now, leavesPending: request.leavesPending)
    return try await api.post(path, fields).status
  }

  @Test(arguments: requests) func `is a line of the history, once`(_ request: Request) async throws {
    try await APIHarness.serving { api in
      let before = await Self.lines(api).count
      #expect(try await Self.send(request, dryRun: true, api) == 200)
      #expect(await Self.lines(api).count == before, "a look tells nothing")
      #expect(try await Self.send(request, api) == 200)
      let told = await Self.lines(api).dropFirst(before)
      let note = try #require(told.first?.note)
      #expect(told.count == 1 && note.kind == request.kind && note.text.hasPrefix(request.text), "\(note)")
      let who = "(user \(getuid())", reason = request.reason.map { ": \($0))" } ?? ")"
      #expect(note.text.contains(who) && note.text.hasSuffix(reason), "\(note)")
      _ = try await Self.send(request, api)
      #expect(await Self.lines(api).count == before + 1, "what is so already is no news")
      let events = try await api.holdfast(["events", "--limit", "1", "-o", "json"])
      #expect(events.output.contains(who), "\(events)")
    }
  }

  @Test func `who takes something back is told as well`() async throws {
    try await APIHarness.serving { api in
      let requests: [(String, Fields?, String)] = [
        ("disarm", Fields(now: true), "the cluster is disarmed"), ("arm", nil, "the cluster is armed again"),
        ("moves/off", Fields(), "the cluster moves nothing by itself"),
        ("moves/on", nil, "the cluster lets workloads move by themselves again"),
        ("workloads/web1/pause", nil, "web1 is to be paused"), ("workloads/web1/resume", nil, "web1 is to be resumed")
      ]
      for (path, fields, text) in requests {
        let answer: APIHarness.Answer
        if let fields { answer = try await api.post("/v1/\(path)", fields) } else { answer = try await api.post("/v1/\(path)") }
        let last = try #require(await Self.lines(api).last?.note.text)
        #expect(answer.status == 200 && last.hasPrefix(text) && last.contains("(user \(getuid())"), "\(path): \(last)")
      }
    }
  }
}
