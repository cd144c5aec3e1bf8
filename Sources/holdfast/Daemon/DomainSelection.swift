import HoldfastModel
import HoldfastOperator

/// `URI/NAME` as an operator types it, both or the name alone with `*` and `?`, made local domains.
struct DomainSelection {
  /// Active domains of the node that was asked.
  let known: DomainList

  /// - Throws: `Failure` for what matches nothing.
  func domains(_ patterns: [String]) throws -> [DomainID] {
    var chosen: [DomainID] = []
    for pattern in patterns {
      for domain in try domains(pattern) where !chosen.contains(domain) { chosen.append(domain) }
    }
    return chosen
  }

  private func domains(_ pattern: String) throws -> [DomainID] {
    let (connection, name) = Self.split(pattern)
    let connections = connection.map { Glob($0) }, names = Glob(name)
    let matching = known.domains.filter { domain in
      (connections?.matches(domain.connection) ?? true) && names.matches(domain.name)
    }
    // A pattern means what can still be adopted; a name means what it says, and the daemon says why not.
    let isPattern = names.isPattern || connections?.isPattern ?? false
    let chosen = isPattern ? matching.filter { $0.workload == nil } : matching
    guard chosen.isEmpty else { return chosen.map { DomainID(connection: $0.connection, name: $0.name) } }
    if !matching.isEmpty {
      throw Failure(
        thing: "the domains \(pattern)", reason: "all \(matching.count) of them are protected already",
        remedy: "`holdfast workloads` lists what is protected.")
    }
    let all = known.domains.map { connection == nil ? $0.name : "\($0.connection)/\($0.name)" }
    let meant = nearestSpelling(to: pattern, among: all).map { "Did you mean \($0)? " } ?? ""
    throw Failure(
      thing: "the domain \(pattern)", reason: "no active domain of this name is on \(known.node)",
      remedy: "\(meant)Adopt it on the node where it runs: `virsh -c \(served(connection)) list` shows what runs. "
        + "What is shut off is put under protection from its XML, by `holdfast apply`.")
  }

  /// The connection that was named, where this node serves it as far as its domains tell; else one that it does, or the most usual.
  private func served(_ named: String?) -> String {
    let connections = Set(known.domains.map(\.connection))
    if let named, connections.isEmpty || connections.contains(named) { return named }
    return connections.min() ?? "lxc:///system"
  }

  /// A URI ends at its last slash: a domain's name has none.
  private static func split(_ pattern: String) -> (connection: String?, name: String) {
    guard pattern.contains("://"), let slash = pattern.lastIndex(of: "/") else { return (nil, pattern) }
    return (String(pattern[..<slash]), String(pattern[pattern.index(after: slash)...]))
  }
}
