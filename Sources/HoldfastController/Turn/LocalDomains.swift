import HoldfastModel
import HoldfastTime

/// The domains that this node's hypervisor was last seen to run.
public struct LocalDomains: Hashable, Sendable {
  /// One domain as it is known.
  public enum Sight: Hashable, Sendable {
    /// The connection does not answer, or did not yet: never means "stopped".
    case unknown
    case absent
    case present(DomainObservation)
  }

  /// Active domains as last observed, those of unreachable connections too.
  public private(set) var domains: [DomainID: DomainObservation] = [:]
  /// Connections that have not answered since they were lost, and why.
  public private(set) var unreachable: [String: String]
  /// Connections that were not heard of yet, neither well nor ill: nobody knows more than that they were not asked long ago.
  private(set) var unheard: Set<String>
  /// Since when the connections that answered before do not.
  private(set) var silentSince: [String: BootInstant] = [:]
  /// Counts inventories, so that one asked for can be told from one before.
  private var inventories: [String: Int] = [:]

  init(connections: [String]) {
    unreachable = Dictionary(uniqueKeysWithValues: Set(connections).map { ($0, ReportRecord.notAsked) })
    unheard = Set(connections)
  }

  public func sight(of id: DomainID) -> Sight {
    guard unreachable[id.connection] == nil, inventories[id.connection] != nil else { return .unknown }
    return domains[id].map(Sight.present) ?? .absent
  }

  /// Every connection has told at least once what it runs.
  var isComplete: Bool { unreachable.keys.allSatisfy { inventories[$0] != nil } }

  /// How many inventories the connection has given.
  func inventoryCount(_ connection: String) -> Int { inventories[connection] ?? 0 }

  /// Its connection has answered in this life, and the domain was not there when it last did.
  func wasLastSeenAbsent(_ id: DomainID) -> Bool { inventories[id.connection] != nil && domains[id] == nil }

  /// Takes an event and names the domains that it is about.
  mutating func receive(_ event: HypervisorEvent, at now: BootInstant) -> Set<DomainID> {
    switch event {
    case .inventory(let connection, let listed):
      unreachable[connection] = nil
      silentSince[connection] = nil
      unheard.remove(connection)
      inventories[connection, default: 0] += 1
      let before = domains.keys.filter { $0.connection == connection }
      for id in before { domains[id] = nil }
      for domain in listed { domains[domain.id] = domain }
      return Set(before).union(listed.map(\.id))
    case .changed(let domain):
      domains[domain.id] = domain
      return [domain.id]
    case .gone(let id, _, _):
      domains[id] = nil
      return [id]
    case .unreachable(let connection, let reason):
      if unreachable[connection] == nil { silentSince[connection] = now }
      unreachable[connection] = reason
      unheard.remove(connection)
      return Set(domains.keys.filter { $0.connection == connection })
    case .migrating: return []
    }
  }
}
