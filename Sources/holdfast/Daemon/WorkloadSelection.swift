import HoldfastModel
import HoldfastOperator

/// Names and patterns as an operator types them, made the names of workloads.
enum WorkloadSelection {
  /// Plain names are kept as they are: the daemon knows best what to say of one that does not exist.
  ///
  /// - Throws: `Failure` for a pattern that matches nothing.
  static func names(_ patterns: [String], with client: DaemonClient) async throws -> [String] {
    guard patterns.contains(where: { Glob($0).isPattern }) else { return unique(patterns) }
    let list = try await client.get("/workloads", as: WorkloadList.self)
    if list.isUnread == true { throw Failure.unread("the cluster's workloads") }
    return try names(patterns, among: list.workloads.map(\.name))
  }

  /// The same among names that are known.
  static func names(_ patterns: [String], among known: [String]) throws -> [String] {
    unique(
      try patterns.flatMap { pattern -> [String] in
        let glob = Glob(pattern)
        guard glob.isPattern else { return [pattern] }
        let matching = known.filter(glob.matches)
        guard !matching.isEmpty else { throw nothingMatches(pattern) }
        return matching
      })
  }

  /// What a list is cut down to. A name that no workload has is a mistake, and so is a pattern that matches none: an empty list would
  /// look like an answer.
  ///
  /// - Parameter isUnread: nobody knows what else there is.
  static func check(_ patterns: [String], among known: [String], isUnread: Bool = false) throws {
    for pattern in patterns where !known.contains(where: Glob(pattern).matches) {
      guard !isUnread else { throw Failure.unread("workload \(pattern)", "it") }
      guard !Glob(pattern).isPattern else { throw nothingMatches(pattern) }
      let nearest = nearestSpelling(to: pattern, among: known)
      throw Failure(
        kind: "unknown", thing: "workload \(pattern)", reason: "there is no workload of this name",
        remedy: (nearest.map { "Did you mean \($0)? " } ?? "") + "`holdfast workloads` lists them all.")
    }
  }

  private static func nothingMatches(_ pattern: String) -> Failure {
    Failure(
      kind: "unknown", thing: "the pattern \(pattern)", reason: "no workload's name matches it",
      remedy: "`holdfast workloads` lists them all.")
  }

  static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
