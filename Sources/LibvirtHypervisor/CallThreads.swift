import Dispatch
import Synchronization

/// Why a blocking call gave no result.
package enum CallFailure: Error {
  /// It was never begun, so it certainly did nothing.
  case notBegun(reason: String)
  /// It was begun and has not returned within its limit: it may still do its work.
  case timedOut(after: Duration)
  /// It was begun and nobody waits for it any more: it may still do its work.
  case abandoned(reason: String)
  /// It returned an error.
  case libvirt(LibvirtError)
}

/// A few threads that may block, for calls with a time limit.
///
/// A thread whose call passes the limit is abandoned: the caller gets its answer, another thread takes the place, and the
/// blocked one ends when its call returns. So nobody waits longer than the limit, and what hangs is bounded.
package final class CallThreads: Sendable {
  private struct Book {
    var queue: [Call] = []
    var running: [Call] = []
    var threads = 0
    var idle = 0
    var hanging = 0
    var closed = false
  }

  private let name: String
  private let atOnce: Int
  private let hangingAtMost: Int
  private let limitsWaiting: Bool
  private let book = Mutex(Book())
  private let wake = DispatchSemaphore(value: 0)

  /// - Parameter limitsWaiting: a call's limit counts from when it was asked for; else from when it is begun, so that one that hangs costs
  ///   none of those behind it theirs.
  package init(name: String, atOnce: Int, hangingAtMost: Int, limitsWaiting: Bool = true) {
    self.name = name
    self.atOnce = atOnce
    self.hangingAtMost = hangingAtMost
    self.limitsWaiting = limitsWaiting
  }

  /// Runs `body` on one of the threads.
  ///
  /// - Parameters:
  ///   - limit: nil waits for ever.
  ///   - late: called, on the thread, when a call returns after its caller was told that it timed out.
  package func run<Value: Sendable>(
    limit: Duration?, late: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable () throws(LibvirtError) -> Value
  ) async throws(CallFailure) -> Value {
    let result: Result<Value, CallFailure> = await withCheckedContinuation { continuation in
      let call = Call(
        execute: {
          let result = Result<Value, LibvirtError> { () throws(LibvirtError) -> Value in try body() }
          return { continuation.resume(returning: result.mapError(CallFailure.libvirt)) }
        },
        refuse: { continuation.resume(returning: .failure($0)) }, late: late, limit: limit)
      enqueue(call)
    }
    return try result.get()
  }

  /// Waits for none of the calls any more: whoever made one is told why, and what hangs is left to end by itself.
  package func abandonAll(reason: String) {
    let (queued, running) = book.withLock { book in
      defer { book.queue = [] }
      return (book.queue, book.running)
    }
    for call in queued where call.move(from: .queued, to: .finished) { call.refuse(.notBegun(reason: reason)) }
    for call in running { abandon(call, .abandoned(reason: reason)) }
  }

  /// Nothing is begun afterwards; what runs is left to end by itself.
  package func close() {
    let (queued, threads) = book.withLock { book in
      defer { book.queue = [] }
      book.closed = true
      return (book.queue, book.threads)
    }
    for call in queued where call.move(from: .queued, to: .finished) { call.refuse(.notBegun(reason: "it is closed")) }
    for _ in 0..<threads { wake.signal() }
  }

  private func enqueue(_ call: Call) {
    let refusal: String? = book.withLock { book in
      if book.closed { return "it is closed" }
      if book.hanging >= hangingAtMost { return "\(book.hanging) calls to libvirt hang" }
      book.queue.append(call)
      return nil
    }
    if let refusal { return call.refuse(.notBegun(reason: refusal)) }
    addThreads()
    wake.signal()
    if limitsWaiting { watch(call) }
  }

  private func watch(_ call: Call) {
    guard let limit = call.limit else { return }
    call.expiry.withLock {
      $0 = Task { [weak self] in
        try? await Task.sleep(for: limit, clock: .continuous)
        if !Task.isCancelled { self?.expire(call, after: limit) }
      }
    }
  }

  private func addThreads() {
    let wanted: Bool = book.withLock { book in
      guard book.queue.count > book.idle, book.threads < atOnce else { return false }
      book.threads += 1
      return true
    }
    guard wanted, !Threads.start(name, { [self] in work() }) else { return }
    // Without a new thread the calls wait for the others; with none at all nobody would make them.
    let left = book.withLock { book in
      book.threads -= 1
      guard book.threads == 0 else { return [Call]() }
      defer { book.queue = [] }
      return book.queue
    }
    for call in left where call.move(from: .queued, to: .finished) {
      call.refuse(.notBegun(reason: "the system has no thread to give"))
    }
  }

  private func expire(_ call: Call, after limit: Duration) {
    if call.move(from: .queued, to: .finished) {
      book.withLock { book in book.queue.removeAll { $0 === call } }
      return call.refuse(.notBegun(reason: "the calls before it took more than \(limit)"))
    }
    abandon(call, .timedOut(after: limit))
  }

  private func abandon(_ call: Call, _ why: CallFailure) {
    guard call.move(from: .running, to: .abandoned) else { return }
    book.withLock {
      $0.threads -= 1
      $0.hanging += 1
    }
    addThreads()
    call.refuse(why)
  }

  private func work() {
    while true {
      book.withLock { $0.idle += 1 }
      wake.wait()
      let (call, closed) = book.withLock { book -> (Call?, Bool) in
        book.idle -= 1
        guard !book.closed, !book.queue.isEmpty else { return (nil, book.closed) }
        let call = book.queue.removeFirst()
        book.running.append(call)
        return (call, false)
      }
      if closed { return }
      guard let call else { continue }
      guard call.move(from: .queued, to: .running) else {
        book.withLock { book in book.running.removeAll { $0 === call } }
        continue
      }
      if !limitsWaiting { watch(call) }
      let deliver = call.execute()
      book.withLock { book in book.running.removeAll { $0 === call } }
      call.expiry.withLock { $0?.cancel() }
      if call.move(from: .running, to: .finished) {
        deliver()
      } else {
        book.withLock { $0.hanging -= 1 }
        call.late()
        return
      }
    }
  }
}

/// One call, and who may still answer for it.
private final class Call: Sendable {
  enum Phase { case queued, running, abandoned, finished }

  private let phase = Mutex(Phase.queued)
  let expiry = Mutex<Task<Void, Never>?>(nil)
  /// Makes the call; gives what hands its result over.
  let execute: @Sendable () -> (() -> Void)
  let refuse: @Sendable (CallFailure) -> Void
  let late: @Sendable () -> Void
  let limit: Duration?

  init(
    execute: @escaping @Sendable () -> (() -> Void), refuse: @escaping @Sendable (CallFailure) -> Void,
    late: @escaping @Sendable () -> Void, limit: Duration?
  ) {
    self.execute = execute
    self.refuse = refuse
    self.late = late
    self.limit = limit
  }

  /// Exactly one of those who try gets true.
  func move(from: Phase, to: Phase) -> Bool {
    phase.withLock { phase in
      guard phase == from else { return false }
      phase = to
      return true
    }
  }
}
