import AsyncHTTPClient
import Foundation
import HoldfastModel
import HoldfastOperator
import NIOCore
import NIOHTTP1
import Testing

@Suite(.serialized) struct `API: following events` {
  private static let note = Note(.started, "web1 runs on n1", workload: "web1")

  private func lines(_ api: APIHarness, _ path: String, accept: String? = nil, count: Int) async throws -> [String] {
    var request = api.request(path)
    if let accept { request.headers.add(name: "Accept", value: accept) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    #expect(response.headers.first(name: "Content-Type") == accept ?? "application/x-ndjson")
    var text = ""
    for try await part in response.body {
      text += String(buffer: part)
      let lines = text.split(separator: "\n").map(String.init)
      if lines.count >= count, text.hasSuffix("\n") { return lines }
      // What follows comes while the stream is open.
      api.access.tell(Self.note, at: 0)
    }
    return text.split(separator: "\n").map(String.init)
  }

  @Test func `the past, then every new line, as JSON lines`() async throws {
    try await APIHarness.serving { api in
      let lines = try await lines(api, "/v1/events?follow&limit=2", count: 4)
      let decoded = try lines.map { try JSONDecoder().decode(HistoryLine.self, from: Data($0.utf8)) }
      #expect(decoded.prefix(2).map(\.kind) == ["hypervisorLost", "placed"])
      #expect(decoded.dropFirst(2).allSatisfy { $0.text == "web1 runs on n1" })
      // No line twice.
      #expect(Set(decoded.map { "\($0.node)/\($0.serial)" }).count == decoded.count)
    }
  }

  @Test func `only one workload's, as server-sent events`() async throws {
    try await APIHarness.serving { api in
      let lines = try await lines(api, "/v1/events?follow=true&limit=1&workload=shop1", accept: "text/event-stream", count: 3)
      #expect(lines[0] == "id: n1/9" && lines[1] == "event: placed")
      #expect(lines[2].hasPrefix(#"data: {"kind":"placed""#))
    }
  }

  @Test func `a follower who goes is forgotten at once, one who stays does not hold the server up`() async throws {
    var remaining: TestAccess?
    try await APIHarness.serving { api in
      remaining = api.access
      let leaver = Task { try await lines(api, "/v1/events?follow", count: 1) }
      try await eventually { api.access.followers == 1 }
      leaver.cancel()
      try await eventually { api.access.followers == 0 }

      let stayer = Task { try await lines(api, "/v1/events?follow", count: 1000) }
      try await eventually { api.access.followers == 1 }
      _ = stayer
      // The harness ends the server here, with the follower attached.
    }
    let access = try #require(remaining)
    try await eventually { access.followers == 0 }
  }

  private func eventually(_ condition: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while !condition() {
      try #require(ContinuousClock.now < end)
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}
