// The workloads' addresses: raised while a deadline is in force, and removed in every other phase.
//
// An address that is on two nodes is harm even if nothing executes behind it: the kernel answers for it. So what may be there is written down before it is
// raised, and counts as there until it is seen to be gone, by this guard or the one after it. Of a guard whose record cannot be read nobody knows what it
// raised: the node that gets the claim then finds it by asking its neighbours, and waits (Docs/safety.md, rule 18).

import HoldfastTime

extension GuardMachine {
  /// What is to be on the host's links, and whose it is.
  private var wantedAddresses: [GuardedAddress: String] {
    guard case .armed = phase, !named.isEmpty, !isLeaving else { return [:] }
    let killed = Set(kills.keys.compactMap(\.workload))
    return killed.isEmpty ? named : named.filter { !killed.contains($0.value) }
  }

  /// A disarm waits for addresses, or has seen them go.
  private var isLeaving: Bool {
    answers.contains {
      switch $0 {
      case .disarm, .census(isLeaving: true): true
      default: false
      }
    }
  }

  /// Orders what differs from what is wanted, says what is late, and answers who waits for it.
  mutating func workAddresses(_ now: BootInstant) {
    if !named.isEmpty || !book.isEmpty {
      if book.want(wantedAddresses, now) { persist() }
      sayLateAddresses(now)
      if let order = book.nextOrder(now) {
        persist()
        act(order)
      }
    }
    answerForAddresses(now)
  }

  private mutating func act(_ order: AddressBook.Order) {
    if !order.add.isEmpty {
      let isArmed = if case .armed = phase { true } else { false }
      check(isArmed, "addresses are to be raised while no deadline is in force")
      let written = persisted?.addresses.values.reduce(into: Set()) { $0.formUnion($1) } ?? []
      check(order.add.isSubset(of: written), "an address is to be raised that is not written down")
    }
    let deadline: BootInstant? = if case .armed(let deadline) = phase { deadline } else { nil }
    act(
      .setAddresses(
        round: order.round, remove: order.remove.sorted(), add: order.add.sorted(), notAfter: order.add.isEmpty ? nil : deadline
      ))
  }

  private mutating func sayLateAddresses(_ now: BootInstant) {
    let late = book.newlyLate(now, times)
    guard let first = late.first else { return }
    let harm = "another node may raise them, and an address on two nodes is harm"
    log(.error, "addresses are not removed yet (\(Self.list(late))): \(book.reason(first)). Trying again, for \(harm)")
  }

  mutating func addressesEnded(_ result: AddressBook.Result, _ now: BootInstant) {
    guard let news = book.ended(result, now, times) else { return }
    persist()
    if !news.removed.isEmpty { log(.notice, "removed \(Self.list(news.removed))") }
    if !news.raised.isEmpty { log(.notice, "raised \(Self.list(news.raised))") }
    if !news.restored.isEmpty {
      log(.warning, "raised again, as they were not on their links any more: \(Self.list(news.restored))")
    }
    for address in news.refused { log(.error, "cannot raise \(address): \(book.reason(address)); trying again") }
  }

  private static func list(_ addresses: [GuardedAddress]) -> String { addresses.map(\.description).joined(separator: ", ") }

  /// Why the addresses that `workload` names cannot all be its own; nil: they can.
  func rivalry(_ workload: GuardedWorkload) -> String? {
    for address in workload.addresses {
      let rivals = named.filter { $0.value != workload.name && $0.key.isSame(as: address) }
      if let (_, owner) = rivals.min(by: { $0.key < $1.key }) { return "\(address.address) is an address of \(owner)" }
      let held = book.entries.filter { $0.value.owner != workload.name && $0.key.isSame(as: address) }
      if let (other, entry) = held.min(by: { $0.key < $1.key }) {
        return "\(address.address) is not yet removed from \(other.link) for \(entry.owner); protect it again when it is"
      }
    }
    return nil
  }

  /// Takes the addresses of what is killed from it.
  mutating func dropAddresses(of name: String) {
    if workloads[name]?.addresses.isEmpty == false { workloads[name]?.addresses = [] }
  }

  // MARK: A disarm

  /// What came after it is to hold.
  mutating func cancelDisarm() {
    _ = answerWaiting(.refused(reason: "disarm: another command came before the workloads' addresses were removed")) {
      if case .disarm = $0 { true } else { false }
    }
  }

  private mutating func answerForAddresses(_ now: BootInstant) {
    var asks = false
    for index in answers.indices {
      guard case .disarm(let until) = answers[index], let answer = answerToDisarm(until, now) else { continue }
      answers[index] = answer
      asks = asks || answer == .census(isLeaving: true)
    }
    if asks { takeCensus() }
    flushAnswers()
  }

  /// nil: it waits on.
  private func answerToDisarm(_ until: BootInstant, _ now: BootInstant) -> Answer? {
    if let first = book.entries.keys.min() {
      return now >= until ? .ready(.refused(reason: "disarm: \(notRemoved(first))")) : nil
    }
    if case .disarmed = phase { return .ready(.state(state)) }
    // Something may have come since the last look.
    return .census(isLeaving: true)
  }

  private func notRemoved(_ address: GuardedAddress) -> String {
    "its address \(address.ipWithPrefix) is still on \(address.link) (\(book.reason(address))); removing it is tried on"
  }

  /// When something about addresses is due next.
  var nextForAddresses: BootInstant? {
    var due = book.nextDue(times)
    for case .disarm(let until) in answers { due = min(due ?? until, until) }
    return due
  }

  /// Unasked, whenever they are not as they were told last, and beside the answers: so that nobody takes it for one.
  mutating func tellAddresses() {
    let held = book.told
    guard greeted, toldAddresses != held else { return }
    if heardVersion >= addressesSinceVersion { return tell(.addresses(held: held, acknowledged: acknowledged)) }
    // To that one a freeze is not confirmed while an address may be up: all it hears of them.
    let isNews = toldAddresses.isEmpty != held.isEmpty
    toldAddresses = held
    if isNews, case .isolated(let isolated) = phase, isolated.told, isolated.confirmed { tell(.state(state)) }
  }
}
