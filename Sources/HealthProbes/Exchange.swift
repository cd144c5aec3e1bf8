import HoldfastChecks
import NIOCore
import Synchronization

typealias Answer = ProbeResult.Answer

/// One probe over the network: whatever settles it first counts, and ends its connection. Nothing of it is left afterwards.
final class Exchange: Sendable {
  private let promise: EventLoopPromise<Answer>
  /// What is said when its time is over, up to the time.
  private let silence: Mutex<String>
  let loop: any EventLoop
  /// When it is over in any case.
  let end: NIODeadline

  /// - Parameters:
  ///   - limit: how long it may take in all.
  ///   - silence: what is said when its time is over, up to the time: `10.0.0.4:80 takes no connection`.
  init(on loop: any EventLoop, limit: Duration, silence: String) {
    self.loop = loop
    promise = loop.makePromise()
    self.silence = Mutex(silence)
    let amount = TimeAmount(limit)
    end = .now() + amount
    let timer = loop.scheduleTask(in: amount) { [self] in
      promise.succeed(.bad(reason: "\(self.silence.withLock { $0 }) within \(Words.time(limit))"))
    }
    promise.futureResult.whenComplete { _ in timer.cancel() }
  }

  /// It has come further: what is said from now on when its time is over.
  func reached(_ silence: String) { self.silence.withLock { $0 = silence } }

  /// Later calls change nothing.
  func settle(_ answer: Answer) { promise.succeed(answer) }

  /// Ends the connection when the probe is settled, which may have been before.
  func own(_ channel: any Channel) {
    promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
  }

  /// What came of it; at once when the caller is cancelled.
  nonisolated(nonsending) func answer() async -> Answer {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        promise.futureResult.whenComplete { result in
          continuation.resume(returning: (try? result.get()) ?? .cannotTell(reason: "the node ends"))
        }
      }
    } onCancel: {
      settle(.cannotTell(reason: "it was given up"))
    }
  }
}
