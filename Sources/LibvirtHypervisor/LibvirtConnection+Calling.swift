import HoldfastCore

extension LibvirtConnection {
  /// Makes a call on the open connection.
  func call<Value: Sendable>(
    limit: Duration? = nil, late name: String? = nil,
    _ body: @escaping @Sendable (Lookout) throws(LibvirtError) -> Value
  ) async throws(CallFailure) -> Value {
    guard case .up(let lookout) = phase else { throw .notBegun(reason: "libvirt (\(uri)) is unreachable") }
    let opening = openings
    let late: @Sendable () -> Void = { [hints] in hints.yield(.lateReturn(name: name, opening: opening)) }
    do {
      return try await calls.run(limit: limit ?? limits.call, late: late) { () throws(LibvirtError) in try body(lookout) }
    } catch {
      if opening == openings {
        switch error {
        case .timedOut: countHanging()
        case .libvirt(let cause) where cause.lostConnection: lose(Words.of(error))
        case .libvirt, .notBegun: break
        }
      }
      throw error
    }
  }

  /// Something to wait for: the next thing that happens to a domain.
  struct Waiter {
    var name: String
    var continuation: CheckedContinuation<Void, Never>
  }

  /// Waits until something was seen of the domain, the connection was lost, or `instant` has come.
  func waitForNews(of name: String, until instant: ContinuousClock.Instant) async {
    let id = nextWaiter
    nextWaiter += 1
    let timer = Task { [weak self] in
      try? await Task.sleep(until: instant, clock: .continuous)
      if !Task.isCancelled { await self?.wake(id) }
    }
    await withCheckedContinuation { waiters[id] = Waiter(name: name, continuation: $0) }
    timer.cancel()
  }

  func wake(_ id: Int) { waiters.removeValue(forKey: id)?.continuation.resume() }

  func wake(named name: String) {
    for (id, waiter) in waiters where waiter.name == name { wake(id) }
  }

  func wakeAll() {
    for id in waiters.keys { wake(id) }
  }
}
