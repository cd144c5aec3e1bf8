import Synchronization

/// What a call is about, where it may hang for as long as something else holds libvirt up there.
struct Question: Hashable, Sendable {
  enum Kind: Sendable {
    /// Which domains there are.
    case list
    /// Which are defined beside the protected ones.
    case leftovers
    /// What this libvirt could run.
    case abilities
    case look, find, alter, describe, keptState, bar, suspend, resume, mindMigration, askAgent, probeAgent, shutDown, destroy
  }
  var kind: Kind
  /// The domain's; empty where it is about all of them.
  var name: String

  /// Whoever asks waits for one that hangs, as long as for an answer: it is asked seldom, and its asker has nothing else to do.
  var isPatient: Bool {
    switch kind {
    case .alter, .describe, .keptState, .bar, .suspend, .resume: true
    case .list, .leftovers, .abilities, .look, .find, .mindMigration, .askAgent, .probeAgent, .shutDown, .destroy: false
    }
  }

  static let list = Question(kind: .list, name: "")
  static let leftovers = Question(kind: .leftovers, name: "")
  static let abilities = Question(kind: .abilities, name: "")
}

/// A call that has passed its limit.
final class HangingCall: Sendable {
  private let returned = Mutex(false)
  /// The number of the opening of the connection that it belongs to.
  let opening: Int

  init(opening: Int) { self.opening = opening }

  var hasReturned: Bool { returned.withLock { $0 } }

  func itReturned() { returned.withLock { $0 = true } }
}

/// Whether an order is still wanted, for the thread that is about to carry it out.
final class Order: Sendable {
  private let withdrawn = Mutex(false)

  var isWithdrawn: Bool { withdrawn.withLock { $0 } }

  func withdraw() { withdrawn.withLock { $0 = true } }
}

extension LibvirtConnection {
  /// Makes a call that may hang. Calls about the same follow each other, and none is made while one hangs: so what hangs is bounded by what it
  /// is about, and costs nobody else a thread.
  func ask<Value: Sendable>(
    _ question: Question, on threads: CallThreads, limit: Duration? = nil,
    _ body: @escaping @Sendable (DomainReader) throws(LibvirtError) -> Value
  ) async throws(CallFailure) -> Value {
    while let other = asking[question] { await other.value }
    if question.isPatient {
      let end = ContinuousClock.now + (limit ?? limits.call)
      while isHanging(question), ContinuousClock.now < end { await waitForNews(of: question.name, until: end) }
      while let other = asking[question] { await other.value }
    }
    if isHanging(question) { throw .notBegun(reason: "libvirt has not answered an earlier call about it") }
    let asked = Task { () -> Result<Value, CallFailure> in
      let result = await askNow(question, on: threads, limit: limit, body)
      // Before whoever waits for it goes on.
      asking[question] = nil
      return result
    }
    asking[question] = Task { _ = await asked.value }
    return try await asked.value.get()
  }

  private func askNow<Value: Sendable>(
    _ question: Question, on threads: CallThreads, limit: Duration?,
    _ body: @escaping @Sendable (DomainReader) throws(LibvirtError) -> Value
  ) async -> Result<Value, CallFailure> {
    let pending = HangingCall(opening: openings)
    let late: @Sendable () -> Void = { [hints] in
      pending.itReturned()
      hints.yield(.returned(question))
    }
    do {
      return .success(try await call(on: threads, limit: limit, late: late, body))
    } catch {
      switch error {
      case .timedOut, .abandoned: hanging[question] = pending
      case .notBegun, .libvirt: break
      }
      return .failure(error)
    }
  }

  func isHanging(_ question: Question) -> Bool {
    guard let call = hanging[question] else { return false }
    if !call.hasReturned, call.opening == openings { return true }
    hanging[question] = nil
    return false
  }

  /// A call has returned after its limit: there is something to see again.
  func returned(_ question: Question) {
    _ = isHanging(question)
    switch question.kind {
    case .list: Task { await takeInventory(notices: .news) }
    // Whoever wants to know asks again.
    case .leftovers, .abilities, .probeAgent: break
    case .look, .find, .alter, .describe, .keptState, .bar, .suspend, .resume, .mindMigration, .askAgent, .shutDown,
      .destroy:
      wake(named: question.name)
      look(at: question.name)
    }
  }
}
