import FoundationEssentials
import HTTPTypes
import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import Hummingbird
import NIOCore
import ServiceLifecycle

/// A request may ask for this many lines of history.
let mostHistory = 10_000

/// The cluster's history: as a list, or line by line as it is written.
struct EventRoutes: Sendable {
  let access: any ClusterAccess
  let ledger: ConnectionLedger

  private static let usual = 50

  func add(to group: RouterGroup<APIContext>) {
    group.get("history") { request, _ in try await self.list(request) }
    group.get("events") { request, context in
      guard request.flag("follow") else { return try await self.list(request) }
      return try await self.follow(request, place: try self.ledger.follow(as: context.peer?.client))
    }
  }

  private func workload(_ request: Request) -> WorkloadName? {
    request.uri.queryParameters.get("workload").map { WorkloadName($0) }
  }

  private func list(_ request: Request) async throws -> Response {
    let limit = try request.number("limit", default: Self.usual, in: 0...mostHistory)
    return try jsonResponse(HistoryPage(await access.history(limit: limit, workload: workload(request))))
  }

  /// The last lines, then every new one: server-sent events for who accepts them, else a JSON object in each line.
  ///
  /// - Parameter place: kept for as long as there is the answer's body, and so for as long as somebody reads it.
  private func follow(_ request: Request, place: ConnectionLedger.FollowerPlace) async throws -> Response {
    let limit = try request.number("limit", default: 0, in: 0...mostHistory)
    let workload = workload(request)
    let isSSE = request.headers[.accept]?.contains("text/event-stream") ?? false
    // First the stream, then the past: no line falls between.
    let live = access.followHistory()
    let past = await access.history(limit: limit, workload: workload)
    let (lines, feed) = AsyncStream.makeStream(
      of: HistoryRecord.self, bufferingPolicy: .bufferingNewest(HistoryBook.mostUnread + past.count))
    for record in past { feed.yield(record) }
    let headers: HTTPFields = [
      .contentType: isSSE ? "text/event-stream" : "application/x-ndjson", .cacheControl: "no-store"
    ]
    let body = ResponseBody { writer in
      let pump = Task {
        let known = Set(past.map(\.identity))
        // Lines that stand for several, as they were told: one about a loop (the same of a workload again and again) is written again and again itself.
        var loops: Set<HistoryRecord.Identity> = []
        for await record in live {
          guard let told = workload.map({ record.told(of: $0) }) ?? record, !known.contains(told.identity) else { continue }
          // It is written again also where it says no more of this workload.
          if told.folded == nil || loops.insert(told.identity).inserted { feed.yield(told) }
        }
        feed.finish()
      }
      defer { withExtendedLifetime(place) { pump.cancel() } }
      // A reader that has gone is noticed at once, not when the next line is due.
      try await request.body.consumeWithInboundCloseHandler { _ in
        for await record in lines.cancelOnGracefulShutdown() {
          try await writer.write(try Self.encoded(HistoryLine(record), isSSE: isSSE))
        }
      } onInboundClosed: {
        feed.finish()
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: headers, body: body)
  }

  private static func encoded(_ line: HistoryLine, isSSE: Bool) throws -> ByteBuffer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var buffer = ByteBuffer()
    if isSSE { buffer.writeString("id: \(line.node)/\(line.serial)\nevent: \(line.kind)\ndata: ") }
    buffer.writeBytes(try encoder.encode(line))
    buffer.writeString(isSSE ? "\n\n" : "\n")
    return buffer
  }
}

extension HistoryRecord {
  fileprivate struct Identity: Hashable {
    var node: NodeName
    var serial: Int64
    /// A line that is written again stands for more.
    var lines: Int
  }
  fileprivate var identity: Identity { Identity(node: node, serial: serial, lines: folded?.count ?? 1) }
}
