import HoldfastModel
import HoldfastOperator

/// Names and patterns as an operator types them, made the names of workloads.
enum WorkloadSelection {
  /// Plain names are kept as they are: the daemon knows best what to say of one that does not exist.
  ///
  /// - Throws: `Failure` for a pattern that matches nothing.
  static func names(_ patterns: [String], with client: DaemonClient) async throws -> [String] {
    guard patterns.contains(where: { Glob($0).isPattern }) else { return unique(patterns) }
    let known = try await client.get("/workloads", as: WorkloadList.self).workloads.map(\.name)
    return unique(
      try patterns.flatMap { pattern -> [String] in
        let glob = Glob(pattern)
        guard glob.isPattern else { return [pattern] }
        let matching = known.filter(glob.matches)
        guard !matching.isEmpty else {
          throw Failure(
            thing: "the pattern \(pattern)", reason: "no workload's name matches it",
            remedy: "`holdfast workloads` lists them all.")
        }
        return matching
      })
  }

  static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
