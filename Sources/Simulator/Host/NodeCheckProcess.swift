import HoldfastChecks
import HoldfastController
import HoldfastModel
import HoldfastTime

/// The node's own checks of one controller's life, around the real machine: makes the probes that it asks for, and hands the controller what it tells.
final class NodeCheckProcess {
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  @exclusivity(unchecked) private var machine = NodeCheckMachine()
  private var alarm = 0

  init(_ process: ControllerProcess, on host: SimulatedHost) {
    self.process = process
    self.host = host
  }

  func check(_ checks: [NodeCheck]) { take(.check(checks)) }

  private func take(_ event: NodeCheckMachine.Event) {
    process.whenRunning { [self] in
      guard process.isAlive else { return }
      for action in machine.receive(event, now: host.now) { perform(action) }
      if let breach = machine.breach { host.world.violated(.coreIsSound, "\(host.name): \(breach)") }
    }
  }

  private func perform(_ action: NodeCheckMachine.Action) {
    switch action {
    case .probe(let request):
      host.health.answer(request) { [self] answer in take(.answered(ProbeResult(request.id, answer))) }
    // Its answer may come all the same.
    case .giveUp: break
    case .tell(let states): host.after(.microseconds(100)) { [self] in process.deliver(.nodeHealth(states)) }
    case .wake(let instant):
      alarm += 1
      let number = alarm
      host.at(instant) { [self] in if number == alarm { take(.tick) } }
    }
  }
}
