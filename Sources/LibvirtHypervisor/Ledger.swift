import HoldfastModel

/// What was told of one connection's domains, so that what is told next follows from it.
///
/// Looks overlap: each takes a number when it begins, and what an earlier-begun look found never overwrites what a later-begun
/// one told.
package struct Ledger {
  /// When a look began, in the order of all looks.
  package struct Moment: Comparable, Sendable {
    fileprivate var number: Int
    package static func < (a: Moment, b: Moment) -> Bool { a.number < b.number }
  }

  /// What follows from a look at one domain.
  package enum Consequence {
    case nothing
    case changed(DomainObservation)
    case gone
  }

  private struct Entry {
    var sighting: Sighting
    /// A start was seen or made, so that its end is news even when it was never seen running.
    var expected = false
    var asOf: Moment
  }

  package init() {}

  private var entries: [String: Entry] = [:]
  /// When the unchanging parts of a domain changed nonetheless.
  private var altered: [String: Moment] = [:]
  private var last = Moment(number: 0)
  private var lastInventory = Moment(number: 0)

  /// A look begins now.
  package mutating func begin() -> Moment {
    last.number += 1
    return last
  }

  /// What was last seen of a domain.
  package func sighting(of name: String) -> Sighting { entries[name]?.sighting ?? .absent }

  /// What is known of each domain that is there, for the next look at all.
  package var runs: [String: Run] { entries.compactMapValues { $0.sighting.told?.run } }

  package mutating func expect(_ name: String) {
    entries[name, default: Entry(sighting: .absent, asOf: lastInventory)].expected = true
  }

  /// An inventory will tell what became of the starts.
  package mutating func forgetExpectations() {
    for name in entries.keys { entries[name]?.expected = false }
  }

  /// What is taken to stay as it is while the domain runs has changed: a look that begins now asks for it again, and one that
  /// has begun does not count as having done so.
  package mutating func forget(_ name: String) {
    altered[name] = begin()
    entries[name]?.sighting.makeStale()
  }

  /// A look at one domain, begun at `moment`, found this.
  package mutating func take(_ sighting: Sighting, of name: String, asOf moment: Moment) -> Consequence {
    let entry = entries[name]
    guard moment > max(entry?.asOf ?? lastInventory, lastInventory) else { return .nothing }
    entries[name] = Entry(sighting: fresh(sighting, of: name, asOf: moment), asOf: moment)
    let before = entry?.sighting.told?.observation
    guard let now = sighting.told?.observation else {
      return before != nil || entry?.expected == true ? .gone : .nothing
    }
    return now == before ? .nothing : .changed(now)
  }

  /// A look at the whole node, begun at `moment`, found this: gives what is there, sorted by name, and whether that is news.
  package mutating func take(_ sightings: [String: Sighting], asOf moment: Moment) -> (domains: [DomainObservation], news: Bool)
  {
    let before = entries
    entries = before.filter { $0.value.asOf > moment }
    for (name, sighting) in sightings where entries[name] == nil && sighting.told != nil {
      entries[name] = Entry(sighting: fresh(sighting, of: name, asOf: moment), asOf: moment)
    }
    altered = altered.filter { $0.value > moment }
    for (name, entry) in before where entry.expected && entries[name] == nil {
      entries[name] = Entry(sighting: .absent, expected: true, asOf: moment)
    }
    lastInventory = moment
    let domains = Self.observations(entries)
    return (domains, domains != Self.observations(before))
  }

  private func fresh(_ sighting: Sighting, of name: String, asOf moment: Moment) -> Sighting {
    guard let altered = altered[name], altered > moment else { return sighting }
    var sighting = sighting
    sighting.makeStale()
    return sighting
  }

  private static func observations(_ entries: [String: Entry]) -> [DomainObservation] {
    entries.values.compactMap { $0.sighting.told?.observation }.sorted { $0.id.name < $1.id.name }
  }
}
