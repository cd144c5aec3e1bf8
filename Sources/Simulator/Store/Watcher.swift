import HoldfastCore

/// One controller's list and watch: a listing first, then every change once and in order, with the delays of the way.
final class Watcher {
  private unowned let world: World
  private let store: SimulatedStore
  private let link: Link
  private let dice: Dice
  private let deliver: (Event) -> Void
  /// Everything up to here was delivered; nil while a listing is under way.
  private var cursor: Revision?
  private var lastArrival = Moment.zero
  private var attempt = 0
  private var isClosed = false
  /// Nothing comes through before this moment: the stream is broken, or its server lags.
  private var deafUntil = Moment.zero

  init(_ world: World, store: SimulatedStore, link: Link, dice: Dice, deliver: @escaping (Event) -> Void) {
    self.world = world
    self.store = store
    self.link = link
    self.dice = dice
    self.deliver = deliver
    store.add(self)
    list()
  }

  func close() {
    isClosed = true
    store.remove(self)
  }

  // MARK: listing

  private func list() {
    guard !isClosed else { return }
    attempt += 1
    let number = attempt
    cursor = nil
    link.carry(.toStore) { [self] in
      store.list { [self] listing in
        link.carry(.fromStore) { [self] in
          guard number == attempt, !isClosed else { return }
          guard let listing else { return world.after(.milliseconds(100)) { [self] in list() } }
          attempt += 1
          cursor = listing.revision
          deliver(.store(.listed(listing)))
          news(store.model.revision)
        }
      }
    }
    world.after(.seconds(2)) { [self] in
      if number == attempt { world.after(.milliseconds(100)) { [self] in list() } }
    }
  }

  // MARK: watching

  /// The store has changed, or this watch may have missed something.
  func news(_ revision: Revision) {
    guard cursor != nil, !isClosed else { return }
    let at = max(world.now + link.latency(), lastArrival, deafUntil)
    lastArrival = at
    world.at(at) { [self] in arrive(revision) }
  }

  private func arrive(_ revision: Revision) {
    guard let seen = cursor, !isClosed, revision > seen, world.now >= deafUntil else { return }
    guard !link.cut.contains(.fromStore), store.service == .serving else { return }
    guard let changes = store.model.changes(after: seen) else { return list() }
    let batch = Array(changes.prefix { $0.revision <= revision })
    cursor = revision
    if !batch.isEmpty { deliver(.store(.changed(batch))) }
  }

  /// The stream is broken, or served by somebody who lags, for this long; then it goes on where it was.
  func deafen(for duration: Duration) {
    deafUntil = max(deafUntil, world.now + duration)
    world.at(deafUntil) { [self] in news(store.model.revision) }
  }

  /// What the controller can do about it: connect elsewhere.
  func restart() {
    deafUntil = world.now
    lastArrival = world.now
    news(store.model.revision)
  }
}
