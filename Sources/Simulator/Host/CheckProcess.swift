import HoldfastChecks
import HoldfastController
import HoldfastModel
import HoldfastTime

/// The checks of one controller's life, around the real machine: makes the probes that it asks for, and hands the controller what it tells.
final class CheckProcess {
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  @exclusivity(unchecked) private var machine = CheckMachine()
  private var alarm = 0

  init(_ process: ControllerProcess, on host: SimulatedHost) {
    self.process = process
    self.host = host
  }

  func follow(_ subject: CheckSubject) { take(.check(subject)) }
  func end(_ workload: WorkloadName) { take(.end(workload)) }

  private func take(_ event: CheckMachine.Event) {
    process.whenRunning { [self] in
      guard process.isAlive else { return }
      for action in machine.receive(event, now: host.now) { perform(action) }
      if let breach = machine.breach { host.world.violated(.coreIsSound, "\(host.name): \(breach)") }
    }
  }

  private func perform(_ action: CheckMachine.Action) {
    switch action {
    case .probe(let request):
      host.services.answer(request) { [self] answer in take(.answered(ProbeResult(request.id, answer))) }
    // Its answer may come all the same.
    case .giveUp: break
    case .tell(let workload, let run, let health):
      host.tell("\(workload) is \(health.state.rawValue)\(health.findings.first.map { ": \($0.reason)" } ?? "")")
      host.after(.microseconds(100)) { [self] in process.deliver(.health(workload, run: run, health)) }
    case .wake(let instant):
      alarm += 1
      let number = alarm
      host.at(instant) { [self] in if number == alarm { take(.tick) } }
    }
  }
}
