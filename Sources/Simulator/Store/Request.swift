import HoldfastController
import HoldfastModel

/// A transaction on its way from a controller to the store and back.
final class Request {
  let process: ControllerProcess
  let id: TransactionID
  let transaction: ClusterTransaction
  let sent: Moment
  private(set) var answer: SimulatedStore.Answer?

  init(from process: ControllerProcess, _ id: TransactionID, _ transaction: ClusterTransaction) {
    self.process = process
    self.id = id
    self.transaction = transaction
    sent = process.world.now
  }

  private var link: Link { process.host.link }

  func go() { link.send(.arrives(self), .toStore) }

  /// At the store.
  func arrives() { if link.lets(.arrives(self), .toStore) { process.world.store.take(self) } }

  func isAnswered(_ answer: SimulatedStore.Answer) {
    self.answer = answer
    link.send(.returns(self), .fromStore)
  }

  /// At the host that sent it.
  func returns() {
    guard link.lets(.returns(self), .fromStore), let answer else { return }
    if process.host.isRunning {
      process.answered(id, answer)
    } else {
      process.host.promptly { self.process.answered(self.id, answer) }
    }
  }
}
