import HoldfastTime

/// What may be on the host's links of the workloads' addresses, and what is to be ordered about it.
///
/// It follows levels: `want` says what is to be there, an order's result what is. Whatever differs is ordered, one order at a time, again and again.
struct AddressBook: Sendable {
  /// How it may have come to its link.
  enum Origin: Hashable, Sendable {
    /// It was not ordered to be there: nothing is to be removed.
    case untried
    /// It was, and was not seen to come there by that.
    case tried
    /// A guard has put it there, or wrote down that it would.
    case own
    /// It was there before any guard put it there: the node's own, or somebody's. It is nobody's to remove, and so is not written down.
    case foreign
  }

  /// An address that may be on its link because a guard raised it, or is about to.
  struct Entry: Hashable, Sendable {
    /// The workload.
    let owner: String
    /// It was seen on its link, and its removal was not ordered since: the number of the time that it was really put there.
    var raise: Int?
    var origin = Origin.untried
    /// Since when it is not to be there; nil: it is to be.
    var unwantedSince: BootInstant?
    /// That it is not removed yet was said.
    var isLate = false
    /// When it may be ordered next; nil: nothing is to be done about it, or it is in the order under way.
    var dueAt: BootInstant?
    /// Before the last attempt.
    var pause = Duration.zero
    /// Why the last attempt failed.
    var failure: String?

    var isWanted: Bool { unwantedSince == nil }
    var isRaised: Bool { raise != nil }

    mutating func turn(wanted: Bool, _ now: BootInstant) {
      self = Entry(owner: owner, raise: raise, origin: origin, unwantedSince: wanted ? nil : now, dueAt: now)
    }

    mutating func failed(_ reason: String, _ now: BootInstant, _ times: GuardMachine.Times) {
      failure = reason
      let (first, most) = isWanted ? (times.raiseRetry, times.raiseRetryMost) : (times.removalRetry, times.removalRetryMost)
      pause = pause == .zero ? first : min(pause + pause, most)
      dueAt = now + pause
    }
  }

  /// An order that has no result yet.
  struct Order: Hashable, Sendable {
    var round: Int
    var remove: Set<GuardedAddress>
    var add: Set<GuardedAddress>
  }

  /// What a result changed, for the log; sorted.
  struct News: Sendable {
    var removed: [GuardedAddress] = []
    var raised: [GuardedAddress] = []
    /// They had been raised, and were not on their links any more.
    var restored: [GuardedAddress] = []
    /// Not raised, for another reason than before.
    var refused: [GuardedAddress] = []
  }

  private(set) var entries: [GuardedAddress: Entry] = [:]
  private(set) var order: Order?
  private var round = 0
  /// How often an address was put on its link.
  private var raises = 0
  /// They were named again while they were ordered: the order may have been carried out before.
  private var namedAgain: Set<GuardedAddress> = []

  var isEmpty: Bool { entries.isEmpty }
  /// The removal of one takes longer than it should.
  var isLate: Bool { entries.values.contains { $0.isLate } }

  /// As controllers are told it; sorted.
  var told: [HeldAddress] {
    guard !entries.isEmpty else { return [] }
    return entries.compactMap { address, entry in
      entry.origin == .foreign ? nil : HeldAddress(address, of: entry.owner, raise: entry.raise)
    }.sorted()
  }

  /// As it is written down.
  var byOwner: [String: [GuardedAddress]] {
    var found: [String: [GuardedAddress]] = [:]
    for held in told { found[held.workload, default: []].append(held.address) }
    return found
  }

  /// Takes up what a guard before this one wrote down: it may be there or not.
  mutating func takeUp(_ written: [String: [GuardedAddress]], _ now: BootInstant) {
    for (owner, addresses) in written {
      for address in addresses { entries[address] = Entry(owner: owner, origin: .own, dueAt: now) }
    }
  }

  /// - Parameter wanted: what is to be there, and whose it is.
  /// - Returns: others are held now: what is to be there is to be written down before it is ordered.
  mutating func want(_ wanted: [GuardedAddress: String], _ now: BootInstant) -> Bool {
    var isChanged = false
    for (address, entry) in entries {
      let isWanted = wanted[address] == entry.owner
      guard isWanted != entry.isWanted else { continue }
      switch entry.origin {
      case .untried, .foreign:
        entries[address] = nil
        isChanged = true
      case .tried, .own: entries[address]?.turn(wanted: isWanted, now)
      }
    }
    for (address, owner) in wanted where entries[address] == nil {
      entries[address] = Entry(owner: owner, dueAt: now)
      isChanged = true
    }
    return isChanged
  }

  /// They are named again: somebody may have taken them from their links.
  mutating func look(at addresses: [GuardedAddress], _ now: BootInstant) {
    for address in addresses {
      if order?.add.contains(address) ?? false {
        namedAgain.insert(address)
      } else if entries[address]?.isRaised ?? false {
        entries[address]?.dueAt = now
      }
    }
  }

  /// What is not to be there is removed now, whenever it was tried last.
  mutating func removeAtOnce(_ now: BootInstant) {
    guard order == nil else { return }
    for (address, entry) in entries where !entry.isWanted { entries[address]?.dueAt = now }
  }

  /// The host has that address with another prefix length, or on another link, until it is removed.
  private func isBlocked(_ address: GuardedAddress) -> Bool {
    entries.contains { !$0.value.isWanted && $0.key != address && $0.key.isSame(as: address) }
  }

  /// What is due now; nil: nothing, or an order is under way.
  mutating func nextOrder(_ now: BootInstant) -> Order? {
    guard order == nil else { return nil }
    var remove: Set<GuardedAddress> = []
    var add: Set<GuardedAddress> = []
    for (address, entry) in entries where entry.dueAt.map({ $0 <= now }) ?? false {
      if !entry.isWanted { remove.insert(address) } else if !isBlocked(address) { add.insert(address) }
    }
    guard !remove.isEmpty || !add.isEmpty else { return nil }
    // One look at all of them, not one for each.
    if add.contains(where: { entries[$0]?.isRaised ?? false }) {
      for (address, entry) in entries where entry.isWanted && entry.isRaised { add.insert(address) }
    }
    // Unless `promote_secondaries` is set, the kernel drops them with the first of their network.
    let shaken = entries.filter { address, entry in
      entry.isWanted && entry.isRaised && remove.contains { $0.sharesNetwork(with: address) }
    }
    add.formUnion(shaken.keys)
    for address in remove { entries[address]?.raise = nil }
    for address in remove.union(add) { entries[address]?.dueAt = nil }
    for address in add where entries[address]?.origin != .own { entries[address]?.origin = .tried }
    round += 1
    let new = Order(round: round, remove: remove, add: add)
    order = new
    return new
  }

  /// What came of an order.
  struct Result {
    var round: Int
    var removed: Set<GuardedAddress>
    var raised: Set<GuardedAddress>
    /// Those among them that were there already.
    var found: Set<GuardedAddress>
    var failed: [GuardedAddress: String]
  }

  /// - Returns: what that changed; nil: it is the result of no order that is under way.
  mutating func ended(_ result: Result, _ now: BootInstant, _ times: GuardMachine.Times) -> News? {
    guard let order, order.round == result.round else { return nil }
    self.order = nil
    var news = News()
    for address in order.remove.sorted() {
      guard let entry = entries[address] else { continue }
      if result.removed.contains(address) {
        news.removed.append(address)
        // Wanted again since, it is due already.
        if !entry.isWanted { entries[address] = nil }
      } else if !entry.isWanted {
        entries[address]?.failed(result.failed[address] ?? Self.noWord, now, times)
      }
    }
    for address in order.add.subtracting(order.remove).sorted() {
      guard var entry = entries[address] else { continue }
      let isThere = result.raised.contains(address), isFound = result.found.contains(address)
      entry.origin = isThere ? (isFound && entry.origin != .own ? .foreign : .own) : entry.origin
      let isRaised = isThere && entry.origin == .own
      if isRaised, !isFound || !entry.isRaised {
        if entry.isRaised { news.restored.append(address) } else { news.raised.append(address) }
        raises += 1
        entry.raise = raises
      } else if !isRaised {
        entry.raise = nil
      }
      // Not wanted any more, it is due for its removal already.
      if isRaised, entry.isWanted {
        let isNamedAgain = namedAgain.contains(address)
        (entry.dueAt, entry.pause, entry.failure) = (isNamedAgain ? now : now + times.raisedLook, .zero, nil)
      } else if entry.isWanted {
        let reason = entry.origin == .foreign ? Self.foreign : result.failed[address] ?? Self.noWord
        if entry.failure != reason { news.refused.append(address) }
        entry.failed(reason, now, times)
      }
      entries[address] = entry.origin == .foreign && !entry.isWanted ? nil : entry
    }
    namedAgain.removeAll()
    return news
  }

  private static let noWord = "it was not tried"
  private static let foreign =
    "this node has that address itself: take it from the node's own network configuration, or from the workload"

  /// Those whose removal takes longer than it should since now; sorted.
  mutating func newlyLate(_ now: BootInstant, _ times: GuardMachine.Times) -> [GuardedAddress] {
    let late = entries.filter { _, entry in
      !entry.isLate && entry.unwantedSince.map { now >= $0 + times.removalLate } ?? false
    }.keys.sorted()
    for address in late { entries[address]?.isLate = true }
    return late
  }

  /// When something is to be ordered or said next.
  func nextDue(_ times: GuardMachine.Times) -> BootInstant? {
    var due: [BootInstant] = []
    for (address, entry) in entries {
      if order == nil, let at = entry.dueAt, !entry.isWanted || !isBlocked(address) { due.append(at) }
      if let since = entry.unwantedSince, !entry.isLate { due.append(since + times.removalLate) }
    }
    return due.min()
  }

  /// Why it is not as it is to be, for people.
  func reason(_ address: GuardedAddress) -> String {
    if let failure = entries[address]?.failure { return failure }
    return "the kernel lets nobody change one, as somebody holds its routing lock; look for processes in state D"
  }
}
