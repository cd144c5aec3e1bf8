import Foundation
import HoldfastModel
import HoldfastOperator
import Testing

@Suite(.serialized) struct `API: its document` {
  private static func text() throws -> String { try repositoryFile("Docs/json.md") }

  /// Objects whose keys are names of the cluster.
  private static let byName: Set = ["labels", "others", "otherCodes", "failures", "unreachable"]

  private static func fields(_ value: Any, isByName: Bool = false) -> Set<String> {
    if let list = value as? [Any] { return list.reduce(into: []) { $0.formUnion(fields($1)) } }
    guard let object = value as? [String: Any] else { return [] }
    return object.reduce(into: isByName ? [] : Set(object.keys)) {
      $0.formUnion(fields($1.value, isByName: byName.contains($1.key)))
    }
  }

  @Test(arguments: ["status", "nodes", "workloads", "workloads/shop1", "history", "domains"])
  func `names every field`(path: String) async throws {
    try await APIHarness.serving { api in
      try await api.drain()
      try await api.disarm()
      let answer = try await api.get("/v1/\(path)")
      #expect(answer.status == 200)
      let fields = Self.fields(try JSONSerialization.jsonObject(with: answer.body))
      #expect(fields.count > 5)
      let text = try Self.text(), missing = fields.filter { !text.contains("`\($0)`") }.sorted()
      #expect(missing.isEmpty, "Docs/json.md does not tell of \(missing)")
    }
  }

  @Test func `names every status`() throws {
    let text = try Self.text()
    for status in [400, 403, 404, 405, 409, 413, 500, 503, 504] {
      #expect(text.contains("` | \(status) | "), "Docs/json.md does not tell of status \(status)")
    }
  }

  @Test func `names every state and kind`() throws {
    let text = try Self.text()
    let words =
      WorkloadInfo.State.allCases.map(\.rawValue)
      + [NodeInfo.State.up, .leaving, .down, .cutOff, .unknown].map(\.rawValue)
      + [OperatorError.Kind.invalid, .forbidden, .unknown, .conflict, .unavailable, .unknownOutcome].map(\.rawValue)
    for word in words { #expect(text.contains("`\(word)`"), "Docs/json.md does not tell of \(word)") }
  }
}
