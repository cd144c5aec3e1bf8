import CLibvirt
import Glibc
import HoldfastModel
import HoldfastPorts
import HoldfastTime

extension LibvirtHypervisor: GuestAgents {
  public func ask(agentOf id: DomainID, uuid: String, command: String, limit: Duration) async -> GuestAgentAnswer {
    guard let connection = opened[id.connection] else {
      return .unavailable(reason: "this node has no connection \(id.connection)")
    }
    // Questions to one machine follow each other, and few are asked at once: one that waits for others says nothing of its own machine.
    let answer = await race(until: .now + limit + LibvirtConnection.proofLimit + .milliseconds(100)) {
      await connection.probeAgent(of: id.name, uuid: uuid.lowercased(), command, limit: limit)
    }
    return (try? answer?.get()) ?? .unavailable(reason: "libvirt was not come to within \(limit.inSeconds) s")
  }
}

extension LibvirtConnection {
  /// How long libvirt may take to say something else while an agent is silent.
  fileprivate static let proofLimit: Duration = .seconds(1)

  fileprivate func probeAgent(of name: String, uuid: String, _ command: String, limit: Duration) async -> GuestAgentAnswer {
    // libvirt counts in seconds.
    let seconds = Int32(max(1, limit.inSeconds.rounded(.up)))
    do {
      let question = Question(kind: .probeAgent, name: name)
      let text = try await ask(question, on: probeThreads, limit: limit) { reader throws(LibvirtError) -> String? in
        try reader.active(name, uuid)?.askAgent(command, seconds: seconds)
      }
      return text.map { .answer($0) } ?? .unavailable(reason: "it does not run")
    } catch {
      switch error {
      case .libvirt(let cause) where cause.is(VIR_ERR_AGENT_UNRESPONSIVE, VIR_ERR_AGENT_UNSYNCED):
        return .silent(reason: cause.message)
      case .timedOut:
        // Either is silent: the agent, or libvirt itself.
        let proof = try? await call(on: lookThreads, limit: Self.proofLimit) { reader throws(LibvirtError) in
          try reader.active(name, uuid) != nil
        }
        return proof == true ? .silent(reason: Words.of(error)) : .unavailable(reason: Words.of(error))
      case .notBegun, .abandoned, .libvirt: return .unavailable(reason: Words.of(error))
      }
    }
  }
}

extension DomainPointer {
  /// Has its guest agent carry out a command; the answer, as JSON.
  fileprivate func askAgent(_ command: String, seconds: Int32) throws(LibvirtError) -> String {
    guard let text = virDomainQemuAgentCommand(raw, command, seconds, 0) else { throw .last() }
    defer { free(text) }
    return String(cString: text)
  }
}
