import HoldfastModel
import HoldfastTime
import LinuxBasics

extension LibvirtConnection {
  func resume(_ name: String, uuid: String, notAfter: BootInstant) async -> OperationOutcome {
    let question = Question(kind: .resume, name: name)
    do {
      let attempt = try await ask(question, on: calls, limit: limits.lifecycle) { reader throws(LibvirtError) in
        try reader.resume(name, uuid, notAfter)
      }
      switch attempt {
      case .refused(let reason): return .failed(reason: "\(name) was not resumed: \(reason)")
      case .tooLate: return .tooLate
      case .runs:
        await lookNow(at: name)
        return .done
      }
    } catch .notBegun(let reason) where !isHanging(question) {
      return .failed(reason: "\(name) was not resumed: \(reason)")
    } catch {
      look(at: name)
      return .unknown(reason: "\(name) may be running again: \(Words.of(error))")
    }
  }
}

extension DomainReader {
  fileprivate enum Resumption: Sendable {
    case runs
    case refused(String)
    case tooLate
  }

  fileprivate func resume(_ name: String, _ uuid: String, _ notAfter: BootInstant) throws(LibvirtError) -> Resumption {
    guard let domain = try active(name, uuid) else { return .refused("no domain of that name and UUID \(uuid) is there") }
    guard let state = try look(at: name, before: nil).told?.observation.state else { return .refused("it is gone") }
    switch state {
    case .running: return .runs
    case .arriving: return .refused("it is still arriving from another node")
    case .stopping, .crashed, .unclear: return .refused("it is \(state.rawValue)")
    case .paused: break
    }
    // libvirt would let us wait until the migration is over.
    guard try domain.job().kind == .none else { return .refused("libvirt is busy with it: see 'virsh domjobinfo \(name)'") }
    // Last thing before the call, on the thread that makes it: whatever waited, waited before this.
    guard BootClock.now <= notAfter else { return .tooLate }
    try domain.resume()
    return .runs
  }
}
