import GuardCore
import HoldfastController

/// A controller's connection to its guard: messages of microseconds, in order, both ways.
final class GuardLine {
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  private var guardProcess: GuardProcess?
  private var isGreeted = false
  private var connection = 0
  private var lastToGuard = Moment.zero
  private var lastToController = Moment.zero
  /// Commands in the second that ends then.
  private var commands = (end: Moment.zero, count: 0)
  /// A few for each workload, whatever happens to all of them at once.
  private var mostCommandsPerSecond: Int { 200 + 20 * (host.world.settings.cluster.workloads.count) }

  init(_ process: ControllerProcess, on host: SimulatedHost) {
    self.process = process
    self.host = host
  }

  func close() {
    connection += 1
    guardProcess = nil
  }

  /// Connects when a guard is there; called again when one has started.
  func connect() {
    host.after(host.dice.milliseconds(0.2...40)) { [self] in
      guard guardProcess == nil, process.isAlive, let found = host.guardProcess else { return }
      connection += 1
      guardProcess = found
      isGreeted = false
      found.connected(self)
      write(.hello(version: guardProtocolVersion))
    }
  }

  /// What is sent while the door is closed, or before the guard has answered the hello, is dropped.
  func send(_ command: GuardCommand) {
    if isGreeted { write(command) }
  }

  private func write(_ command: GuardCommand) {
    guard let guardProcess else { return }
    countCommand()
    let number = connection
    lastToGuard = max(lastToGuard, host.world.now + host.dice.milliseconds(0.02...0.15))
    host.at(lastToGuard) { [self] in
      guard number == connection else { return }
      guardProcess.input(.command(command))
    }
  }

  private func countCommand() {
    if host.world.now >= commands.end { commands = (host.world.now + .seconds(1), 0) }
    commands.count += 1
    guard commands.count > mostCommandsPerSecond else { return }
    host.world.violated(
      .noFloods, "the controller of \(host.name) gave its guard more than \(mostCommandsPerSecond) commands within a second")
  }

  func report(_ report: GuardReport) {
    let number = connection
    lastToController = max(lastToController, host.world.now + host.dice.milliseconds(0.02...0.15))
    host.at(lastToController) { [self] in
      guard number == connection else { return }
      if !isGreeted, case .state(let state) = report {
        isGreeted = true
        process.deliver(.fromGuard(.connected(state)))
      } else {
        process.deliver(.fromGuard(.report(report)))
      }
    }
  }

  func lost(_ reason: String) {
    guardProcess = nil
    connection += 1
    let wasGreeted = isGreeted
    isGreeted = false
    host.after(host.dice.milliseconds(0.05...0.4)) { [self] in
      guard process.isAlive else { return }
      if wasGreeted { process.deliver(.fromGuard(.lost(reason: reason))) }
    }
  }
}
