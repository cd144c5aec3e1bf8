import HoldfastModel

extension LibvirtConnection {
  func suspend(_ name: String, uuid: String) async -> OperationOutcome {
    let question = Question(kind: .suspend, name: name)
    do {
      let refusal = try await ask(question, on: calls, limit: limits.lifecycle) { reader throws(LibvirtError) in
        try reader.suspend(name, uuid)
      }
      if let refusal { return .failed(reason: "\(name) was not paused: \(refusal)") }
      await lookNow(at: name)
      return .done
    } catch .notBegun(let reason) where !isHanging(question) {
      return .failed(reason: "\(name) was not paused: \(reason)")
    } catch .libvirt(let error) where !error.lostConnection {
      look(at: name)
      return .failed(reason: "\(name) was not paused: \(error.message)")
    } catch {
      look(at: name)
      return .unknown(reason: "\(name) may be paused: \(Words.of(error))")
    }
  }
}

extension DomainReader {
  /// nil: it is paused; else why it is not.
  fileprivate func suspend(_ name: String, _ uuid: String) throws(LibvirtError) -> String? {
    guard let domain = try active(name, uuid) else { return "no domain of that name and UUID \(uuid) is there" }
    guard let state = try look(at: name, before: nil).told?.observation.state else { return "it is gone" }
    switch state {
    case .paused: return nil
    case .arriving, .stopping, .crashed, .unclear: return "it is \(state.rawValue)"
    case .running: break
    }
    // libvirt would let us wait until the migration is over.
    guard try domain.job().kind == .none else { return "libvirt is busy with it: see 'virsh domjobinfo \(name)'" }
    try domain.suspend()
    return nil
  }
}
