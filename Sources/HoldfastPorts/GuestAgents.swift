import HoldfastModel

/// The port to the agents within a hypervisor's virtual machines, where it has one. No start, stop or claim depends on it.
public protocol GuestAgents: Sendable {
  /// Sends a command of QEMU's guest agent protocol, as JSON. Returns by the limit, or a little more than a second later, whatever hangs.
  func ask(agentOf id: DomainID, uuid: String, command: String, limit: Duration) async -> GuestAgentAnswer
}

/// The outcome of a question to a guest agent.
public enum GuestAgentAnswer: Hashable, Sendable {
  /// JSON, as the agent gave it.
  case answer(String)
  /// The machine has an agent, and it does not answer, as a clause: it, or the whole guest, may hang.
  case silent(reason: String)
  /// There is none to be asked, or it refuses, or libvirt does not answer, as a clause.
  case unavailable(reason: String)
}
