import AsyncHTTPClient
import Foundation
import Glibc
import HoldfastAPI
import HoldfastNode
import HoldfastOperator
import NIOCore
import NIOHTTP1
import Testing

/// One client does not lock others out.
@Suite(.serialized) struct `API: connections` {
  private final class Connection {}

  private static var bounds: ConnectionLedger.Bounds {
    var bounds = ConnectionLedger.Bounds()
    (bounds.connections, bounds.connectionsOfOthers, bounds.connectionsOfOneProcess) = (5, 3, 2)
    (bounds.followers, bounds.followersOfOthers) = (2, 1)
    return bounds
  }

  private func refusal(_ body: () throws(OperatorError) -> Void) -> String? {
    do throws(OperatorError) {
      try body()
      return nil
    } catch { return error.reason }
  }

  @Test func `root has places of its own, and one process has not all of them`() {
    let ledger = ConnectionLedger(Self.bounds), connections = (0..<12).map { _ in Connection() }
    func open(_ number: Int, _ pid: Int32, root: Bool = false) -> Bool {
      ledger.opened(ObjectIdentifier(connections[number]), by: .init(pid: pid, isRoot: root))
    }
    #expect(open(0, 10) && open(1, 10) && !open(2, 10))
    #expect(
      refusal { () throws(OperatorError) in try ledger.check(ObjectIdentifier(connections[2])) }
        == "process 10 has 2 connections open, as many as one process may have")
    #expect(open(3, 11) && !open(4, 12))
    #expect(
      refusal { () throws(OperatorError) in try ledger.check(ObjectIdentifier(connections[4])) }
        == "3 clients are connected; 3 may be, and root's up to 5")
    #expect(open(5, 13, root: true) && open(6, 14, root: true) && !open(7, 15, root: true))
    // Whoever the kernel does not tell of is nobody in particular.
    #expect(!ledger.opened(ObjectIdentifier(connections[8]), by: nil))
    for number in [0, 1, 2, 3, 5] { ledger.closed(ObjectIdentifier(connections[number])) }
    #expect(open(9, 10) && ledger.opened(ObjectIdentifier(connections[10]), by: nil))
    #expect(refusal { () throws(OperatorError) in try ledger.check(ObjectIdentifier(connections[9])) } == nil)
  }

  @Test func `followers have a bound of their own, and a place that nobody keeps is free again`() throws {
    let ledger = ConnectionLedger(Self.bounds)
    let user = ConnectionLedger.Client(pid: 10, isRoot: false), root = ConnectionLedger.Client(pid: 11, isRoot: true)
    var first: ConnectionLedger.FollowerPlace? = try ledger.follow(as: user)
    #expect(
      refusal { () throws(OperatorError) in _ = try ledger.follow(as: user) }
        == "1 clients follow events; 1 may, and root's up to 2")
    let second = try ledger.follow(as: root)
    #expect(refusal { () throws(OperatorError) in _ = try ledger.follow(as: root) } != nil)
    #expect(first != nil)
    first = nil
    _ = try ledger.follow(as: root)
    withExtendedLifetime(second) {}
  }

  @Test func `more followers than there may be are told so, and everybody else is answered`() async throws {
    try await APIHarness.serving { api in
      let bounds = ConnectionLedger.Bounds(), most = geteuid() == 0 ? bounds.followers : bounds.followersOfOthers
      // Eight connections to a host are usual.
      var configuration = HTTPClient.Configuration()
      configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2 * most
      let client = HTTPClient(configuration: configuration)
      let followers = try? await Self.follow(most, api, client)
      #expect(followers?.map(\.status) == [HTTPResponseStatus](repeating: .ok, count: most))
      let refused = try? await api.get("/v1/events?follow")
      #expect(refused?.status == 503 && refused?.error?.reason.hasPrefix("\(most) clients follow events") == true)
      #expect(try await api.holdfast(["status"]).status == 0)
      #expect(try await api.get("/v1/events").status == 200)
      withExtendedLifetime(followers) {}
      try await client.shutdown()
    }
  }

  private static func follow(_ count: Int, _ api: APIHarness, _ client: HTTPClient) async throws -> [HTTPClientResponse] {
    var followers: [HTTPClientResponse] = []
    for _ in 0..<count {
      followers.append(try await client.execute(api.request("/v1/events?follow"), timeout: .seconds(30)))
    }
    return followers
  }
}
