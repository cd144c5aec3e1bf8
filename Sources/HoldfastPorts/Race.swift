import Synchronization

/// Runs `operation` until `deadline`, and not a moment longer: nil when it did not end in time, or the caller was cancelled.
///
/// The operation is then cancelled and left to itself. A task group would wait for it, and a transport that hangs would
/// hold the caller up.
///
/// - Parameter executor: where it runs; nil: anywhere.
package func race<Success: Sendable>(
  until deadline: ContinuousClock.Instant, on executor: (any TaskExecutor)? = nil,
  _ operation: @escaping @Sendable () async throws -> Success
) async -> Result<Success, any Error>? {
  let finish = Finish<Result<Success, any Error>>()
  let running = Task(executorPreference: executor) {
    do { finish.settle(.success(try await operation())) } catch { finish.settle(.failure(error)) }
  }
  let timer = Task(executorPreference: executor) {
    try? await Task.sleep(until: deadline, clock: .continuous)
    finish.settle(nil)
  }
  defer {
    timer.cancel()
    running.cancel()
  }
  return await finish.value()
}

/// A value that is settled once, by whoever comes first, and awaited by one.
package final class Finish<Value: Sendable>: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<Value?, Never>)
    case settled(Value?)
  }

  private let state = Mutex(State.open)

  package init() {}

  /// Later calls change nothing.
  package func settle(_ value: Value?) {
    let waiting: CheckedContinuation<Value?, Never>? = state.withLock { state in
      switch state {
      case .open:
        state = .settled(value)
        return nil
      case .awaited(let continuation):
        state = .settled(value)
        return continuation
      case .settled: return nil
      }
    }
    waiting?.resume(returning: value)
  }

  /// The value, once it is settled; nil at once when the awaiting task is cancelled.
  package func value() async -> Value? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let settled: Value?? = state.withLock { state in
          if case .settled(let value) = state { return .some(value) }
          state = .awaited(continuation)
          return .none
        }
        if let settled { continuation.resume(returning: settled) }
      }
    } onCancel: {
      settle(nil)
    }
  }
}
