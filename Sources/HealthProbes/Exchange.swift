import HoldfastChecks
import NIOCore
import Synchronization

package typealias Answer = ProbeResult.Answer

/// One probe over the network: whatever settles it first counts, and ends its connection. Nothing of it is left afterwards.
final class Exchange: Sendable {
  /// What it waits for: that decides what it means when its time is over.
  enum Stage: Sendable {
    /// The addresses of a name: who is asked then is the resolver.
    case resolving(String)
    /// Whoever is asked. What is said of it, up to the time: `10.0.0.4:80 takes no connection`.
    case silence(String)
  }

  private let promise: EventLoopPromise<Answer>
  private let stage: Mutex<Stage>
  let loop: any EventLoop
  /// When it is over in any case.
  let end: NIODeadline

  /// - Parameter limit: how long it may take in all.
  init(on loop: any EventLoop, limit: Duration, _ first: Stage) {
    self.loop = loop
    promise = loop.makePromise()
    stage = Mutex(first)
    let amount = TimeAmount(limit)
    end = .now() + amount
    let timer = loop.scheduleTask(in: amount) { [self] in
      switch stage.withLock({ $0 }) {
      case .resolving(let name): settle(.cannotTell(reason: "nobody tells the address of \(name)"))
      case .silence(let words): settle(.bad(reason: "\(words) within \(Words.time(limit))"))
      }
    }
    promise.futureResult.whenComplete { _ in timer.cancel() }
  }

  /// It has come further.
  func reached(_ next: Stage) { stage.withLock { $0 = next } }

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

  /// Finds the addresses of a name. Settles the exchange where there is none.
  func resolve(_ name: String, port: Int, by names: Names, then found: @escaping @Sendable ([SocketAddress]) -> Void) {
    names.addresses(of: name, port: port).whenComplete { [self] result in
      switch result {
      // Nobody waits for it any more.
      case .success where .now() >= end: break
      case .success(let addresses): found(addresses)
      case .failure: settle(.cannotTell(reason: "the name \(name) leads to no address here"))
      }
    }
  }
}
