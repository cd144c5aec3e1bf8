import GuardCore
import HoldfastModel
import HoldfastTime

/// One workload's addresses on this node: whether somebody else answers for one, and how far the guard is with it. Each has a state of its own.
///
///     unasked ──the claim is ours──▶ asked ──nobody has it──▶ free ──the guard is told──▶ granted ──seen on its link──▶ up
///                                    ▲  └──somebody has it──▶ waiting ──▶ asked            ▲ └──not in time──▶ late ──▶ up
///                                    └────────time──────────────┘                          └──────taken away──────────┘
///
/// What the guard is told to take away is free, and may be granted again without another question. An address that is not this node's to have any more
/// begins anew as unasked. Whether it is granted at all is not decided here: that follows from the claim and the run (`WorkloadParts.grants`).
struct AddressLine: Hashable, Sendable {
  private enum Standing: StateList {
    case unasked
    case asked(Doubt)
    /// Asked again then.
    case waiting(Doubt, until: BootInstant)
    /// Nobody else has it, as far as could be told.
    case free
    /// The guard was told to raise it. Since then it is in a position to do so; nil: it is not, as everything is frozen, or there is no guard.
    case granted(since: BootInstant?)
    /// The guard should have raised it by now, and is told again then.
    case late(again: BootInstant)
    /// The guard has seen it on its link, and the neighbours are told: when it was put there for that many times, as the guard counts.
    case up(raise: Int)

    func mayBecome(_ next: Standing) -> Bool {
      switch (self, next) {
      case (.unasked, .asked), (.asked, .waiting), (.asked, .free), (.waiting, .asked): true
      // An earlier life of this controller was granted it.
      case (.unasked, .granted), (.free, .granted): true
      case (.granted, .up), (.granted, .late), (.late, .up): true
      // The guard takes it away with a freeze, and raises it again afterwards.
      case (.up, .granted), (.late, .granted): true
      // Somebody had taken it away behind the guard's back, and the guard has put it there again.
      case (.granted, .granted), (.late, .late), (.up, .up): self != next
      case (.granted, .free), (.late, .free), (.up, .free): true
      default: false
      }
    }
  }

  /// What the questions before this one found.
  private struct Doubt: Hashable, Sendable {
    /// Who answered for it last; nil: nobody did.
    var mac: String?
    /// Questions that found somebody.
    var found = 0
    /// Questions in a row that could not be asked of everybody, and why the last one could not.
    var untold = 0
    var reason = ""
  }

  private var courses: [WorkloadAddress: StateCourse<Standing>] = [:]
  private var illegal: String?
  /// What the node reports of them, in the order of the definition.
  private(set) var troubles: [AddressTrouble] = []

  var isBlank: Bool { courses.isEmpty && troubles.isEmpty && illegal == nil }
  var breach: String? { illegal ?? courses.values.lazy.compactMap(\.breach).first }

  private func standing(_ address: WorkloadAddress) -> Standing { courses[address]?.state ?? .unasked }

  private mutating func move(_ address: WorkloadAddress, to next: Standing) {
    courses[address, default: StateCourse(.unasked)].move(to: next)
  }

  // MARK: questions

  /// Those of a workload's addresses that nobody else has, as far as this node could tell.
  ///
  /// - Parameters:
  ///   - lent: what the guard may hold for this very workload.
  ///   - held: all that the guard may hold: what it still removes for another workload cannot be this one's yet.
  func free(of defined: [WorkloadAddress], lent: Set<GuardedAddress>, held: [GuardedAddress]) -> [GuardedAddress] {
    defined.compactMap { address in
      guard let guarded = address.guarded else { return nil }
      switch standing(address) {
      case .unasked, .asked, .waiting: return nil
      case .granted, .late, .up: return guarded
      case .free:
        let isOthers = held.contains { $0.isSame(as: guarded) } && !lent.contains { $0.isSame(as: guarded) }
        return isOthers ? nil : guarded
      }
    }
  }

  // MARK: a turn

  /// What one turn asks of the node for a workload's addresses, in the order of the definition.
  private struct Wishes {
    var asked: [WorkloadAddress] = []
    var announced: [WorkloadAddress] = []
    var ended: [WorkloadAddress] = []
    var isToldAgain = false
  }

  /// - Parameters:
  ///   - defined: its addresses; none where its claim is not this node's.
  ///   - mayAsk: they are to come up here, and so others are asked.
  ///   - mayRaise: the claim is held here and nothing ends its run: what the guard was told about them holds, and it is asked again.
  ///   - told: what the guard was told to protect of it; nil: nothing.
  mutating func follow(
    _ name: WorkloadName, _ defined: [WorkloadAddress], mayAsk: Bool, mayRaise: Bool, told: GuardedWorkload?,
    _ guardWord: borrowing GuardWord, on me: NodeName, _ effects: inout Effects
  ) {
    var wishes = Wishes()
    forget(allBut: defined, &wishes)
    let granted = Set(told?.addresses ?? [])
    for address in defined {
      guard let guarded = address.guarded else { continue }
      if mayAsk { ask(for: address, of: name, &wishes, &effects) }
      guard granted.contains(guarded) else {
        takeBack(address, &wishes)
        continue
      }
      if standing(address) == .free { move(address, to: .granted(since: nil)) }
      let held = guardWord.held.first { $0.address == guarded && $0.workload == name.text }
      let raise = guardWord.isConnected ? held?.raise : nil
      follow(address, of: name, raise: raise, isDue: guardWord.isArmed && mayRaise, &wishes, &effects)
    }
    if !wishes.ended.isEmpty { effects.endAddresses(name, wishes.ended) }
    if !wishes.asked.isEmpty { effects.askForOwner(name, wishes.asked) }
    if !wishes.announced.isEmpty { effects.announce(name, wishes.announced) }
    // A guard that refused it, for whatever reason, may take it now.
    if wishes.isToldAgain, let told { effects.tellGuard(.protect(told)) }
    tell(name, defined, on: me, &effects)
  }

  private mutating func forget(allBut defined: [WorkloadAddress], _ wishes: inout Wishes) {
    let gone = courses.keys.filter { !defined.contains($0) }.sorted { $0.description < $1.description }
    for address in gone {
      if standing(address) != .unasked { wishes.ended.append(address) }
      illegal = breach
      courses[address] = nil
    }
  }

  private mutating func ask(
    for address: WorkloadAddress, of name: WorkloadName, _ wishes: inout Wishes, _ effects: inout Effects
  ) {
    switch standing(address) {
    case .unasked: move(address, to: .asked(Doubt()))
    case .waiting(let doubt, let until):
      guard effects.now >= until else { return effects.agenda.look(at: name, at: until) }
      move(address, to: .asked(doubt))
    case .asked, .free, .granted, .late, .up: return
    }
    wishes.asked.append(address)
  }

  private mutating func takeBack(_ address: WorkloadAddress, _ wishes: inout Wishes) {
    switch standing(address) {
    case .unasked, .asked, .waiting, .free: return
    case .granted, .late: break
    case .up: wishes.ended.append(address)
    }
    move(address, to: .free)
  }

  private mutating func follow(
    _ address: WorkloadAddress, of name: WorkloadName, raise: Int?, isDue: Bool, _ wishes: inout Wishes,
    _ effects: inout Effects
  ) {
    let now = effects.now
    switch standing(address) {
    case .unasked, .asked, .waiting, .free: return
    case .up(let known) where known == raise: return
    case .up, .granted, .late:
      if let raise {
        move(address, to: .up(raise: raise))
        return wishes.announced.append(address)
      }
      if case .up = standing(address) { move(address, to: .granted(since: isDue ? now : nil)) }
    }
    switch standing(address) {
    case .granted(let since?) where isDue:
      guard now >= since + Limits.addressIsLate else { break }
      move(address, to: .late(again: now + Limits.addressReminder))
      wishes.isToldAgain = true
    case .granted(nil) where isDue: move(address, to: .granted(since: now))
    case .granted(.some): move(address, to: .granted(since: nil))
    case .late where !isDue: move(address, to: .granted(since: nil))
    case .late(let again):
      guard now >= again else { break }
      move(address, to: .late(again: now + Limits.addressReminder))
      wishes.isToldAgain = true
    default: break
    }
    switch standing(address) {
    case .granted(let since?): effects.agenda.look(at: name, at: since + Limits.addressIsLate)
    case .late(let again): effects.agenda.look(at: name, at: again)
    default: break
    }
  }

  // MARK: what comes from outside

  /// The guard holds these of an earlier life of this controller: they are this workload's, and nobody is asked. Again in each turn until the guard is told
  /// anything of the workload: libvirt may not have said yet that it runs.
  mutating func inherit(_ addresses: [WorkloadAddress]) {
    for address in addresses {
      switch standing(address) {
      case .unasked, .free: move(address, to: .granted(since: nil))
      case .asked, .waiting, .granted, .late, .up: break
      }
    }
  }

  /// An answer that nobody waits for any more says nothing.
  mutating func answered(
    _ answers: [WorkloadAddress: AddressAnswer], of name: WorkloadName, on me: NodeName, _ effects: inout Effects
  ) {
    for (address, answer) in answers.sorted(by: { $0.key.description < $1.key.description }) {
      guard case .asked(var doubt) = standing(address) else { continue }
      switch answer {
      case .nobody: move(address, to: .free)
      case .somebody(let mac):
        doubt.mac = mac
        doubt.found += 1
        doubt.untold = 0
        move(address, to: .waiting(doubt, until: effects.now + Self.pause(after: doubt.found)))
      case .cannotTell(let reason):
        doubt.untold += 1
        doubt.reason = InWords.oneLine(reason)
        // Whoever was seen to have it may have it still.
        guard doubt.mac == nil, doubt.untold >= Limits.addressQuestions else {
          let pause = doubt.mac == nil ? Limits.addressPause : Self.pause(after: doubt.found)
          move(address, to: .waiting(doubt, until: effects.now + pause))
          continue
        }
        move(address, to: .free)
        effects.note(
          .addressDown,
          "nobody can tell whether \(address.place), an address of \(name), is taken on \(address.interface) of \(me): \(doubt.reason). "
            + "\(me) holds the claim and raises it all the same", severity: .warning, workload: name)
      }
    }
  }

  /// 5 s, doubled with each, and 60 s at most.
  private static func pause(after found: Int) -> Duration {
    min(Limits.addressTakenPause.first * (1 << min(max(found, 1) - 1, 8)), Limits.addressTakenPause.most)
  }

  /// The workload is not this node's any more.
  mutating func retire(_ name: WorkloadName, _ effects: inout Effects) {
    var wishes = Wishes()
    forget(allBut: [], &wishes)
    if !wishes.ended.isEmpty { effects.endAddresses(name, wishes.ended) }
    guard !troubles.isEmpty else { return }
    troubles = []
    effects.unsay(.addressTaken, workload: name)
    effects.unsay(.addressDown, workload: name)
  }

  // MARK: what people are told

  private mutating func tell(
    _ name: WorkloadName, _ defined: [WorkloadAddress], on me: NodeName, _ effects: inout Effects
  ) {
    let found = defined.compactMap(trouble)
    guard found != troubles else { return }
    troubles = found
    effects.agenda.note(.report)
    let late = defined.filter { if case .late = standing($0) { true } else { false } }
    let isBack = tellTaken(name, found.filter { $0.takenBy != nil }, on: me, &effects)
    let isInTime = tellLate(name, late, on: me, &effects)
    if isBack || isInTime, found.isEmpty, !defined.isEmpty {
      effects.note(.addressUp, "nothing is in the way of the addresses of \(name) on \(me) any more", workload: name)
    }
  }

  /// - Returns: what was told before is over.
  private func tellTaken(
    _ name: WorkloadName, _ taken: [AddressTrouble], on me: NodeName, _ effects: inout Effects
  ) -> Bool {
    guard !taken.isEmpty else { return effects.unsay(.addressTaken, workload: name) }
    let list = InWords.list(taken.map { "\($0.address) (\($0.takenBy ?? "") answers for it)" }, most: 3)
    effects.noteOnce(
      .addressTaken,
      "\(name) is without an address on \(me) that somebody else on the network has: \(list). Find the host with that network card and take the "
        + "address from it; \(me) asks again, and raises it as soon as nobody answers", severity: .error, workload: name)
    return false
  }

  /// - Returns: what was told before is over.
  private func tellLate(
    _ name: WorkloadName, _ late: [WorkloadAddress], on me: NodeName, _ effects: inout Effects
  ) -> Bool {
    guard !late.isEmpty else { return effects.unsay(.addressDown, workload: name) }
    let list = InWords.list(late.map(\.description), most: 3)
    effects.noteOnce(
      .addressDown,
      "\(name) runs on \(me), and its guard has not raised \(list): `journalctl -u holdfast-guard` on \(me) says why",
      severity: .error, workload: name)
    return false
  }

  private func trouble(_ address: WorkloadAddress) -> AddressTrouble? {
    switch standing(address) {
    case .asked(let doubt), .waiting(let doubt, _):
      if let mac = doubt.mac {
        return AddressTrouble(address.address, takenBy: mac, reason: "\(mac) answers for it on \(address.interface)")
      }
      guard doubt.untold > 0 else { return nil }
      return AddressTrouble(address.address, reason: "nobody can tell whether it is taken: \(doubt.reason)")
    case .late: return AddressTrouble(address.address, reason: "the guard has not raised it on \(address.interface)")
    case .unasked, .free, .granted, .up: return nil
    }
  }
}
