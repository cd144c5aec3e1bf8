import Synchronization

/// What a call is about, where it may hang for as long as something else holds libvirt up there.
struct Question: Hashable, Sendable {
  enum Kind: Sendable {
    /// Which domains there are.
    case list
    case look, askAgent, shutDown, destroy
  }
  var kind: Kind
  /// Of the domain; empty for a list.
  var name: String

  static let list = Question(kind: .list, name: "")
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

extension LibvirtConnection {
  /// Makes a call that may hang, unless one about the same hangs already: so what hangs is bounded by what it is about, and costs nobody else
  /// a thread.
  func ask<Value: Sendable>(
    _ question: Question, on threads: CallThreads, limit: Duration? = nil,
    _ body: @escaping @Sendable (DomainReader) throws(LibvirtError) -> Value
  ) async throws(CallFailure) -> Value {
    if isHanging(question) { throw .notBegun(reason: "libvirt has not answered an earlier call about it") }
    let pending = HangingCall(opening: openings)
    let late: @Sendable () -> Void = { [hints] in
      pending.itReturned()
      hints.yield(.returned(question))
    }
    do {
      return try await call(on: threads, limit: limit, late: late, body)
    } catch {
      switch error {
      case .timedOut, .abandoned: hanging[question] = pending
      case .notBegun, .libvirt: break
      }
      throw error
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
    if question.kind == .list {
      Task { await takeInventory(notices: .news) }
    } else {
      look(at: question.name)
    }
  }
}
