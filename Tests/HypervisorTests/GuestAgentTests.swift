import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Testing

/// A guest agent that hangs looks like one that obeys.
@Suite struct `The power button` {
  @Test(
    arguments: [
      (.seconds(90), .seconds(20)), (.seconds(60), .seconds(20)), (.seconds(30), .seconds(10)), (.seconds(3), .seconds(1)),
      (.zero, .zero)
    ] as [(Duration, Duration)]) func `is pressed while most of the stop's time is left`(stop: Duration, pressed: Duration)
  {
    let asked = ContinuousClock.now
    let button = PowerButton(asked: asked, deadline: asked + stop, agent: LibvirtLimits().agent)
    #expect(button.press(agentRefuses: false) == asked + pressed)
    #expect(button.press(agentRefuses: true) == asked, "one that refuses is not waited for")
  }
}

/// What the port `GuestAgents` promises where there is no agent. What agents answer is theirs.
@Suite(.libvirtHost) struct `Guest agents` {
  @Test(arguments: TestedDriver.available) func `cannot be asked where there are none`(driver: TestedDriver) async throws {
    let domain = try TestDomain(driver, "agentless-\(driver)"), ping = #"{"execute":"guest-ping"}"#
    try await Watched.with([domain.id.connection]) { watched in
      expectDone(await watched.hypervisor.start(domain.request))
      try await watched.expect(domain.id, .running)
      let answer = await watched.hypervisor.ask(
        agentOf: domain.id, uuid: domain.uuid, command: ping, limit: .seconds(10))
      if case .unavailable(let reason) = answer { #expect(!reason.isEmpty) } else { Issue.record("\(driver): \(answer)") }
      expectDone(await watched.hypervisor.stop(domain.id, uuid: domain.uuid, grace: .zero))
      let gone = await watched.hypervisor.ask(agentOf: domain.id, uuid: domain.uuid, command: ping, limit: .seconds(10))
      #expect(gone == .unavailable(reason: "it does not run"), "\(gone)")
    }
  }

  @Test func `cannot be asked over a connection that the node does not have`() async throws {
    try await Watched.with([]) { watched in
      let answer = await watched.hypervisor.ask(
        agentOf: DomainID(connection: "qemu:///system", name: "vm1"), uuid: "u", command: "{}", limit: .seconds(10))
      #expect(answer == .unavailable(reason: "this node has no connection qemu:///system"))
    }
  }
}
