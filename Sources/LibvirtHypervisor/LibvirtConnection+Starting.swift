import CLibvirt
import DomainXML
import HoldfastModel
import HoldfastTime
import LinuxBasics

extension LibvirtConnection {
  func start(_ request: StartRequest) async -> OperationOutcome {
    let name = request.id.name
    guard case .up = phase else {
      return .failed(reason: "\(name) was not started: libvirt (\(uri)) is unreachable. Check that libvirtd runs on this node")
    }
    if let (there, _) = ledger.sighting(of: name).told {
      return .failed(
        reason: "\(name) was not started: a domain of that name is there, with UUID \(there.uuid), \(there.state.rawValue)")
    }
    let document: DomainDocument
    do throws(DomainDocumentError) {
      document = try edited(request)
    } catch {
      return .failed(reason: "\(name) was not started: \(error)")
    }
    guard startsInFlight[name] == nil else { return .failed(reason: "\(name) is being started already") }
    startsInFlight[name] = Self.unknown(request, document)
    let (xml, hints) = (document.text, hints)
    do {
      let attempt = try await call(limit: limits.lifecycle, late: { hints.yield(.startReturned(name: name)) }) {
        reader throws(LibvirtError) in try reader.start(request, xml: xml)
      }
      startsInFlight[name] = nil
      switch attempt {
      case .refused(let reason): return .failed(reason: "\(name) was not started: \(reason)")
      case .tooLate: return .tooLate
      case .barred: return .barred
      case .left(let directory): return processesAreLeft(request, document, in: directory)
      case .created:
        ledger.expect(name)
        look(at: name)
        return .done
      }
    } catch {
      return startEnded(name, error)
    }
  }

  /// Processes of a former run are here, of which libvirt knows nothing: they are told, and cleared away before the next attempt.
  private func processesAreLeft(
    _ request: StartRequest, _ document: DomainDocument, in directory: String
  ) -> OperationOutcome {
    let name = request.id.name
    var run = Run(uuid: request.uuid.lowercased(), number: -1, xml: document)
    run.lostProcess = true
    run.cgroup = directory
    let observation = DomainObservation(
      id: request.id, uuid: run.uuid, state: .unclear, reason: .processesLeft, mark: request.mark, memory: run.memory,
      vcpus: run.vcpus, persistent: false, pid: nil, cgroup: directory, links: run.links)
    if inventoryTold { take(.leftover(observation, run), of: name, asOf: ledger.begin()) }
    return .failed(
      reason:
        "\(name) was not started: processes of a former run are left in \(directory). They are killed before the next attempt")
  }

  private func startEnded(_ name: String, _ error: CallFailure) -> OperationOutcome {
    switch error {
    case .timedOut, .abandoned:
      // Until the call returns the domain may appear at any time: it is told as one whose state nobody knows.
      ledger.expect(name)
      if let unknown = startsInFlight[name], inventoryTold { take(unknown, of: name, asOf: ledger.begin()) }
      return .unknown(reason: "\(name) may be starting: \(Words.of(error))")
    case .libvirt(let cause) where cause.lostConnection:
      startsInFlight[name] = nil
      return .unknown(reason: "\(name) may be starting: \(Words.of(error))")
    case .libvirt, .notBegun:
      startsInFlight[name] = nil
      look(at: name)
      return .failed(reason: "\(name) was not started: \(Words.of(error))")
    }
  }

  private static func unknown(_ request: StartRequest, _ document: DomainDocument) -> Sighting {
    let run = Run(uuid: request.uuid.lowercased(), number: -1, xml: document)
    let observation = DomainObservation(
      id: request.id, uuid: run.uuid, state: .unclear, reason: .startingUp, mark: request.mark, memory: run.memory,
      vcpus: run.vcpus, persistent: false, pid: nil, cgroup: nil, links: run.links)
    return .leftover(observation, run)
  }

  private func edited(_ request: StartRequest) throws(DomainDocumentError) -> DomainDocument {
    if let bad = request.links.first(where: { link in DomainDocument.reservedLinkPrefixes.contains { link.hasPrefix($0) } }) {
      throw DomainDocumentError(description: "link name \(bad) begins as libvirt's own do, and libvirt would drop it")
    }
    let xml = try DomainDocument(request.xml)
    xml.set(name: request.id.name, uuid: request.uuid)
    xml.set(partition: request.partition)
    try xml.set(mark: request.mark)
    xml.set(links: request.links)
    if driver.kind == .lxc {
      xml.set(
        environment: zip(DomainDocument.environmentNames, [node, request.mark.workload, "\(request.mark.epoch.value)"]).map {
          ($0, $1)
        })
    }
    return xml
  }
}

extension DomainReader {
  fileprivate enum Attempt {
    case created
    case refused(String)
    case tooLate
    case barred
    /// Processes of a former run are in this cgroup directory.
    case left(String)
  }

  /// Starts a domain unless something speaks against it.
  fileprivate func start(_ request: StartRequest, xml: String) throws(LibvirtError) -> Attempt {
    let name = request.id.name
    let uuid = request.uuid.lowercased()
    if let other = try connection.domain(named: name) {
      let clearing = try clearDefinition(
        other, request.id, uuid: uuid, mark: request.mark, overBar: request.overBar, instead: request.xml)
      switch clearing {
      case .cleared: break
      case .barred: return .barred
      case .refused(let reason): return .refused(reason)
      }
    } else if let other = try connection.domain(uuid: uuid) {
      return .refused(
        "its UUID \(uuid) is that of the domain \(other.name). Give the workload another UUID, or undefine that domain")
    }
    // A run of a container that was adopted lies where the container's own XML has it, not in the guard's partitions.
    let partitions = DomainOutline.partitions(named: request.xml) + [request.partition]
    if let directory = leftover(of: name, uuid: uuid, partitions: partitions) {
      return .left(directory)
    }
    // Last thing before the call, on the thread that makes it: whatever waited, waited before this.
    guard BootClock.now <= request.notAfter else { return .tooLate }
    try connection.create(xml: xml)
    return .created
  }
}
