import HoldfastModel
import HoldfastTime
import Synchronization

/// What waits for its hooks before libvirt is asked for it. It goes on to libvirt, or is given up: whichever comes first, and never both.
final class HookWaits: Sendable {
  private struct Wait {
    var number: Int
    var act: Hook.Act
    /// Ends the asking.
    var end: (@Sendable () -> Void)?
  }

  /// Hooks have agreed to that, and it was too late for it then.
  private struct Consent {
    var act: Hook.Act
    /// For which claim, or which target.
    var terms: String
    var until: BootInstant
  }

  private struct Book {
    var last = 0
    var waits: [DomainID: Wait] = [:]
    var consents: [DomainID: Consent] = [:]
  }

  private let book = Mutex(Book())

  /// - Returns: its number.
  func begin(_ id: DomainID, _ act: Hook.Act) -> Int {
    let (number, before) = book.withLock { book in
      book.last += 1
      let before = book.waits.updateValue(Wait(number: book.last, act: act), forKey: id)
      return (book.last, before)
    }
    before?.end?()
    return number
  }

  /// - Parameter end: called once it is given up; at once where it was already.
  func asks(_ id: DomainID, _ number: Int, _ end: @escaping @Sendable () -> Void) {
    let isThere = book.withLock { book in
      guard book.waits[id]?.number == number else { return false }
      book.waits[id]?.end = end
      return true
    }
    if !isThere { end() }
  }

  /// It waits no more. True: nobody gave it up, and nobody can any more.
  func pass(_ id: DomainID, _ number: Int) -> Bool {
    book.withLock { book in
      guard book.waits[id]?.number == number else { return false }
      book.waits[id] = nil
      return true
    }
  }

  /// Whatever waits to be done with the domain is given up: from now on it does not come to libvirt.
  ///
  /// - Parameter act: that alone; nil: whatever it is.
  func giveUp(_ id: DomainID, _ act: Hook.Act? = nil) {
    let wait: Wait? = book.withLock { book in
      if act == nil || book.consents[id]?.act == act { book.consents[id] = nil }
      guard let wait = book.waits[id], act == nil || wait.act == act else { return nil }
      book.waits[id] = nil
      return wait
    }
    wait?.end?()
  }

  /// Whatever waits is given up. False: nothing waited.
  func giveUpAll() -> Bool {
    let waits = book.withLock { book in
      defer { (book.waits, book.consents) = ([:], [:]) }
      return book.waits.values
    }
    for wait in waits { wait.end?() }
    return !waits.isEmpty
  }

  // MARK: what was agreed to

  func remember(_ id: DomainID, _ act: Hook.Act, _ terms: String, until: BootInstant) {
    book.withLock { $0.consents[id] = Consent(act: act, terms: terms, until: until) }
  }

  /// Hooks have agreed to this a moment ago. It holds once.
  func takeConsent(_ id: DomainID, _ act: Hook.Act, _ terms: String, at now: BootInstant) -> Bool {
    book.withLock { book in
      guard let consent = book.consents.removeValue(forKey: id) else { return false }
      return consent.act == act && consent.terms == terms && now < consent.until
    }
  }
}
