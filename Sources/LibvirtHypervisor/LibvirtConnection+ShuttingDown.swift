import CLibvirt
import Foundation
import HoldfastModel
import LinuxBasics
import Logging

/// When the power button of a machine is pressed that was asked to shut down by its guest agent.
package struct PowerButton: Sendable {
  private let asked: ContinuousClock.Instant
  /// An agent that hangs looks like one that obeys: it must leave the guest most of the stop's time.
  private let patience: Duration

  /// - Parameters:
  ///   - asked: when the agent was.
  ///   - deadline: when the machine is destroyed.
  ///   - agent: the longest that an agent is waited for.
  package init(asked: ContinuousClock.Instant, deadline: ContinuousClock.Instant, agent: Duration) {
    self.asked = asked
    patience = min(agent, (deadline - asked) / 3)
  }

  package func press(agentRefuses: Bool) -> ContinuousClock.Instant { agentRefuses ? asked : asked + patience }
}

/// How guests are asked to shut down.
extension LibvirtConnection {
  /// nil: it was asked, or cannot be; go on. Otherwise the stop ends with this.
  func askToShutDown(_ name: String, _ uuid: String) async -> OperationOutcome? {
    guard let deadline = stops[uuid]?.deadline, ContinuousClock.now < deadline else { return nil }
    if driver.kind == .qemu { return await askMachine(name, uuid, since: .now, deadline) }
    return await give(name, uuid, on: shutDownThreads) { reader, domain throws(LibvirtError) in
      try reader.askToShutDown(domain)
    }
  }

  /// Asks its guest agent first, and presses its power button when there is none, when it refuses, and when the machine runs on after a while.
  private func askMachine(
    _ name: String, _ uuid: String, since begin: ContinuousClock.Instant, _ deadline: ContinuousClock.Instant
  ) async -> OperationOutcome? {
    let button = PowerButton(asked: begin, deadline: deadline, agent: limits.agent)
    let order = Order()
    Task { await askAgent(name, uuid, order) }
    // One that still waits for a thread must not reach the machine's next run.
    defer { order.withdraw() }
    while holds(name, uuid), let stop = stops[uuid], ContinuousClock.now < stop.deadline {
      let press = button.press(agentRefuses: stop.agentRefuses)
      if press <= .now {
        return await give(name, uuid, on: calls) { _, domain throws(LibvirtError) in
          try domain.shutDown(VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        }
      }
      await waitForNews(of: name, until: min(press, stop.deadline))
      if !inventoryTold { return connectionLost(name) }
    }
    return nil
  }

  /// An agent that obeys never answers: libvirt waits until the guest has shut down, for at most a minute. One that hangs looks the same.
  private func askAgent(_ name: String, _ uuid: String, _ order: Order) async {
    do {
      let question = Question(kind: .askAgent, name: name)
      try await ask(question, on: agentThreads, limit: limits.agentCall) { reader throws(LibvirtError) in
        guard let domain = try reader.active(name, uuid), !order.isWithdrawn else { return }
        try domain.shutDown(VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
      }
    } catch {
      logger.debug("no guest agent takes the order", metadata: ["domain": "\(name)", "reason": "\(Words.of(error))"])
      if order.isWithdrawn { return }
      stops[uuid]?.agentRefuses = true
      wake(named: name)
    }
  }

  /// Gives a domain an order to shut down. Gives what ends the stop, if something does.
  private func give(
    _ name: String, _ uuid: String, on threads: CallThreads,
    _ body: @escaping @Sendable (DomainReader, DomainPointer) throws(LibvirtError) -> Void
  ) async -> OperationOutcome? {
    let order = Order()
    defer { order.withdraw() }
    do {
      try await ask(Question(kind: .shutDown, name: name), on: threads) { reader throws(LibvirtError) in
        guard let domain = try reader.connection.domain(uuid: uuid), domain.run != nil, !order.isWithdrawn else { return }
        try body(reader, domain)
      }
    } catch .libvirt(let error) where error.lostConnection {
      return connectionLost(name)
    } catch .libvirt(let error) where !error.noSuchDomain {
      // A guest whose agent has it in hand, or may have, is given its time.
      if driver.kind == .qemu, stops[uuid]?.agentRefuses != true { return nil }
      logger.warning(
        "cannot be asked to shut down, destroying it", metadata: ["domain": "\(name)", "reason": "\(error.message)"])
      stops[uuid]?.deadline = .now
    } catch {
      // It was asked, or may have been by an order that hangs, or it went by itself: what is seen decides.
      if !inventoryTold { return connectionLost(name) }
    }
    return nil
  }
}

extension DomainReader {
  /// Asks a domain to shut down in the way that its driver knows.
  fileprivate func askToShutDown(_ domain: DomainPointer) throws(LibvirtError) {
    guard hostFacts.driver.kind == .lxc else { return try domain.shutDown(VIR_DOMAIN_SHUTDOWN_DEFAULT) }
    // libvirt's own choice is initctl: it reports success, and where nobody listens nothing happens. systemd as a
    // container's init takes SIGTERM for an order to re-execute itself; SIGRTMIN+3 (libvirt passes the plain number on)
    // means power off.
    if hostFacts.sharesProcesses, let controller = domain.run, Self.initName(of: controller) == "systemd" {
      try domain.signalInit(34 + 3)
    } else {
      try domain.shutDown(VIR_DOMAIN_SHUTDOWN_SIGNAL)
    }
  }

  /// The name of the one child of a container's controller.
  private static func initName(of controller: Int32) -> String? {
    guard let child = ProcessTree.firstChild(of: controller) else { return nil }
    let name = try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)
    return name?.trimmingCharacters(in: .newlines)
  }
}
