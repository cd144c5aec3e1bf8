import Foundation
import HealthProbes
import HoldfastChecks
import HoldfastModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Names that are asked for by checks.
@Suite(.timeLimit(.minutes(1))) struct `Names of checks` {
  @Test func `that nobody tells the address of are looked up once at a time, however often they are asked for`() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next(), gate = DispatchSemaphore(value: 0)
    let looks = Mutex(0)
    let names = Names(on: loop) { _ in
      looks.withLock { $0 += 1 }
      gate.wait()
      return [try SocketAddress(ipAddress: "10.0.0.4", port: 0)]
    }
    let asked = (1...100).map { names.addresses(of: "db.example.com", port: $0) }
    gate.signal()
    for (index, future) in asked.enumerated() {
      #expect(try await future.get() == [SocketAddress(ipAddress: "10.0.0.4", port: index + 1)])
    }
    #expect(looks.withLock { $0 } == 1)
    gate.signal()
    _ = try await names.addresses(of: "db.example.com", port: 1).get()
    #expect(looks.withLock { $0 } == 2, "what was found is not kept")
  }

  @Test func `lead to their addresses, each once`() throws {
    let found = try Names.look(up: "localhost").compactMap(\.ipAddress)
    #expect(!found.isEmpty && Set(found).count == found.count && found.allSatisfy { ["127.0.0.1", "::1"].contains($0) })
    #expect(throws: (any Error).self) { try Names.look(up: "a..b") }
  }

  @Test func `are connected to`() async throws {
    let server = try await MadeUpServer.start(.silent)
    let answer = await HealthProbes.shared.ask(
      .tcp(TCPProbe(host: "localhost", port: server.port)), of: .container, within: .seconds(10))
    #expect(answer == .good)
    try await server.stop()
  }

  /// As on a node without IPv6, with a name that has both kinds of addresses.
  @Test func `tell what one address says, and not that there is no way to another`() {
    let bad = Answer.bad(reason: "refused"), noWay = Answer.cannotTell(reason: "no way")
    #expect(Words.answer(of: [bad, noWay]) == bad && Words.answer(of: [noWay, bad]) == bad)
    #expect(Words.answer(of: [noWay]) == noWay && Words.answer(of: []) == nil)
  }
}
