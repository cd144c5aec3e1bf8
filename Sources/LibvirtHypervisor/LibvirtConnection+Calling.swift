extension LibvirtConnection {
  /// Makes a call, or several in a row, on a connection of its own.
  ///
  /// - Parameters:
  ///   - threads: on which; nil: those for what is over soon.
  ///   - late: called when it returns after its caller was told not to wait.
  func call<Value: Sendable>(
    on threads: CallThreads? = nil, limit: Duration? = nil, late: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable (DomainReader) throws(LibvirtError) -> Value
  ) async throws(CallFailure) -> Value {
    guard case .up(let hostFacts) = phase else { throw .notBegun(reason: "libvirt (\(uri)) is unreachable") }
    let opening = openings
    do {
      return try await (threads ?? calls).run(limit: limit ?? limits.call, late: late) {
        [connections] () throws(LibvirtError) in
        try connections.with { connection throws(LibvirtError) in
          try body(DomainReader(connection: connection, hostFacts: hostFacts))
        }
      }
    } catch {
      guard case .libvirt(let cause) = error, cause.lostConnection || cause.isBeforehand else { throw error }
      if opening == openings { lose(Words.of(error)) }
      throw cause.isBeforehand ? .notBegun(reason: Words.of(error)) : error
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
