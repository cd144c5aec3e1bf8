import HoldfastController
import HoldfastModel

/// One controller's list and watch: a listing first, then every change once and in order, with the delays of the way.
final class Watcher {
  private static let retry = Span.milliseconds(100)
  private static let patience = Span.seconds(2)

  private let host: SimulatedHost
  private let world: World
  private let deliver: (Event) -> Void
  /// Everything up to here was delivered; nil while a listing is under way.
  @exclusivity(unchecked) private var cursor: Revision?
  @exclusivity(unchecked) private var lastArrival = Moment.zero
  private var attempt = 0
  private var isClosed = false
  /// Nothing comes through before this moment: the stream is broken, or its server lags.
  private var deafUntil = Moment.zero

  init(_ host: SimulatedHost, deliver: @escaping (Event) -> Void) {
    self.host = host
    world = host.world
    self.deliver = deliver
    world.store.add(self)
    list()
  }

  func close() {
    isClosed = true
    world.store.remove(self)
  }

  // MARK: listing

  func list() {
    guard !isClosed else { return }
    attempt += 1
    let number = attempt
    cursor = nil
    host.link.carry(.toStore) { [self] in
      world.store.list { [self] listing in
        host.link.carry(.fromStore) { [self] in host.promptly { self.listed(listing, number) } }
      }
    }
    world.after(Self.patience) { [self] in
      if number == attempt { world.after(Self.retry) { [self] in if number == attempt { list() } } }
    }
  }

  private func listed(_ listing: ClusterListing?, _ number: Int) {
    guard number == attempt, !isClosed else { return }
    guard let listing else { return world.after(Self.retry) { [self] in if number == attempt { list() } } }
    if attempt > 1 { world.tally.count(.listings) }
    attempt += 1
    cursor = listing.revision
    deliver(.store(.listed(listing)))
    news(world.store.model.revision)
  }

  // MARK: watching

  /// The store has changed, or this watch may have missed something.
  func news(_ revision: Revision) {
    guard cursor != nil, !isClosed else { return }
    var at = world.now + host.link.latency()
    if lastArrival > at { at = lastArrival }
    if deafUntil > at { at = deafUntil }
    lastArrival = at
    world.at(at, .news(self, revision))
  }

  func arrive(_ revision: Revision) {
    guard let seen = cursor, !isClosed, revision > seen, world.now >= deafUntil else { return }
    guard !host.link.cut.contains(.fromStore), world.store.service == .serving else { return }
    guard let batch = world.store.changes(after: seen, upTo: revision) else { return list() }
    cursor = revision
    if batch.isEmpty { return }
    if host.isRunning { deliver(.store(.changed(batch))) } else { host.promptly { self.deliver(.store(.changed(batch))) } }
  }

  /// The stream is broken, or served by somebody who lags, for this long; then it continues where it was.
  func deafen(for span: Span) {
    deafUntil = max(deafUntil, world.now + span)
    world.at(deafUntil) { [self] in news(world.store.model.revision) }
  }

  /// What the controller can do about it: connect elsewhere.
  func restart() {
    deafUntil = world.now
    lastArrival = world.now
    news(world.store.model.revision)
  }
}
