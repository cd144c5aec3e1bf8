import HoldfastPorts
import Synchronization

/// So many at once: the others wait in the order in which they came, until one leaves or their time is over.
package final class Gate: Sendable {
  private struct Book {
    var free: Int
    var waiting: [(number: Int, finish: Finish<Void>)] = []
    var last = 0
  }

  package let places: Int
  private let book: Mutex<Book>

  /// How many wait.
  package var waitingCount: Int { book.withLock { $0.waiting.count } }

  package init(_ places: Int) {
    self.places = places
    book = Mutex(Book(free: places))
  }

  /// Whoever is let in leaves in the end; false: there was no place in time, or the caller was cancelled.
  package nonisolated(nonsending) func enter(until end: ContinuousClock.Instant) async -> Bool {
    let place: (number: Int, finish: Finish<Void>)? = book.withLock { book in
      if book.free > 0 {
        book.free -= 1
        return nil
      }
      book.last += 1
      let place = (book.last, Finish<Void>())
      book.waiting.append(place)
      return place
    }
    guard let place else { return true }
    let timer = Task {
      try? await Task.sleep(until: end, clock: .continuous)
      place.finish.settle(nil)
    }
    let isIn = await place.finish.value() != nil
    timer.cancel()
    // Whoever is no longer among those who wait was given the place, in time or not.
    if !isIn, !withdraw(place.number) { leave() }
    return isIn
  }

  package func leave() {
    let next: Finish<Void>? = book.withLock { book in
      if book.waiting.isEmpty {
        book.free += 1
        return nil
      }
      return book.waiting.removeFirst().finish
    }
    next?.settle(())
  }

  private func withdraw(_ number: Int) -> Bool {
    book.withLock { book in
      guard let index = book.waiting.firstIndex(where: { $0.number == number }) else { return false }
      book.waiting.remove(at: index)
      return true
    }
  }
}
