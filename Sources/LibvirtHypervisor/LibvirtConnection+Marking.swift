import CLibvirt
import DomainXML
import HoldfastModel
import HoldfastPorts

extension LibvirtConnection {
  func mark(_ name: String, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    await alter(name, what: "put under protection") { reader throws(LibvirtError) in
      guard let domain = try reader.active(name, uuid) else { return "no domain of that name and UUID \(uuid) is running" }
      if let other = try reader.liveMark(domain), other.cluster != mark.cluster {
        return "it carries the mark of cluster \(other.cluster). Take it out of protection there first"
      }
      let isPersistent = try domain.isPersistent()
      if isPersistent, try domain.hasSavedState() {
        return "it has a saved state, with which libvirt removes no definition. "
          + "Remove it with 'virsh managedsave-remove \(name)'"
      }
      // The mark first: should this break off, a marked domain that is still defined is found and finished.
      try domain.setLiveClaim(ClaimElement.bare(mark))
      guard isPersistent else { return nil }
      try domain.disableAutostart()
      try domain.undefine()
      return nil
    }
  }

  func unmark(_ name: String, uuid: String) async -> OperationOutcome {
    await alter(name, what: "taken out of protection") { reader throws(LibvirtError) in
      guard let domain = try reader.active(name, uuid) else { return "no domain of that name and UUID \(uuid) is running" }
      // Defined first, for the same reason. The run that is there stays in the guard's partition; the next one does not.
      switch try domain.portable() {
      case .failure(let error): return error.description
      case .success(let xml): try reader.connection.define(xml: xml)
      }
      do throws(LibvirtError) {
        try domain.setLiveClaim(nil)
      } catch  where error.is(VIR_ERR_NO_DOMAIN_METADATA) {
        // It is done already.
      }
      return nil
    }
  }

  func describe(_ name: String) async throws(HypervisorError) -> DomainDescription {
    let cluster = cluster
    switch try await active(name, .describe, { domain throws(LibvirtError) in try domain.described(in: cluster) }) {
    case .success(let description): return description
    case .failure(let error):
      throw HypervisorError(
        domain: DomainID(connection: uri, name: name), reason: error.description,
        remedy: "See what 'virsh dumpxml' says of it.")
    }
  }

  func keptState(of name: String) async throws(HypervisorError) -> KeptState {
    try await active(name, .keptState) { domain throws(LibvirtError) in
      KeptState(
        snapshots: try domain.snapshots(), checkpoints: try domain.checkpoints(),
        // As it runs: what its next start will have is another question.
        losesTPM: DomainBelongings(of: try domain.xml()).tpm == .forgotten, hasSavedState: try domain.hasSavedState())
    }
  }

  /// Asks something of a running domain.
  private func active<Value: Sendable>(
    _ name: String, _ kind: Question.Kind, _ body: @escaping @Sendable (DomainPointer) throws(LibvirtError) -> Value
  ) async throws(HypervisorError) -> Value {
    let id = DomainID(connection: uri, name: name), found: Value?
    do {
      found = try await ask(Question(kind: kind, name: name), on: calls) { reader throws(LibvirtError) in
        guard let domain = try reader.connection.domain(named: name), domain.run != nil else { return nil }
        return try body(domain)
      }
    } catch {
      throw HypervisorError(domain: id, reason: Words.of(error), remedy: "Check that libvirtd runs and answers on this node.")
    }
    guard let found else { throw HypervisorError(domain: id, reason: "it is not running", remedy: "Start it first.") }
    return found
  }

  /// Does something to a running domain that gives a refusal or nothing, and tells what it is afterwards.
  private func alter(
    _ name: String, what: String, _ body: @escaping @Sendable (DomainReader) throws(LibvirtError) -> String?
  ) async -> OperationOutcome {
    let question = Question(kind: .alter, name: name)
    do {
      let refusal = try await ask(question, on: calls, body)
      ledger.forget(name)
      await lookNow(at: name)
      guard let refusal else { return .done }
      return .failed(reason: "\(name) was not \(what): \(refusal)")
    } catch .notBegun(let reason) where !isHanging(question) {
      return .failed(reason: "\(name) was not \(what): \(reason)")
    } catch {
      ledger.forget(name)
      look(at: name)
      // It consists of several steps, and some may be done.
      return .unknown(reason: "\(name) may not be wholly \(what): \(Words.of(error)). It can be tried again")
    }
  }
}

extension DomainReader {
  fileprivate func liveMark(_ domain: DomainPointer) throws(LibvirtError) -> ClaimMark? {
    if let document = try? DomainDocument(try domain.xml()) { return document.mark }
    // One that cannot be read may be ours all the same.
    return try domain.claim(VIR_DOMAIN_AFFECT_LIVE)
  }

  /// The active domain with this name and UUID.
  func active(_ name: String, _ uuid: String) throws(LibvirtError) -> DomainPointer? {
    guard let domain = try connection.domain(uuid: uuid), domain.run != nil, domain.name == name else { return nil }
    return domain
  }
}

extension DomainPointer {
  /// - Parameter cluster: the host-side links lose the names that this cluster gave them.
  fileprivate func described(in cluster: String) throws(LibvirtError) -> Result<DomainDescription, DomainDocumentError> {
    // Of an image that libvirt found by itself only the XML of what runs tells.
    let underneath = DomainHardwareReader().read(try xml())?.underneath ?? [:]
    return try portable(forgettingLinksOf: cluster).map { DomainDescription(xml: $0, underneath: underneath) }
  }

  /// The XML to start it from elsewhere or again, without what we put in that belongs to one run.
  ///
  /// - Parameter cluster: the host-side links lose the names that this cluster gave them.
  fileprivate func portable(
    forgettingLinksOf cluster: String? = nil
  ) throws(LibvirtError) -> Result<String, DomainDocumentError> {
    let text = try xml(VIR_DOMAIN_XML_INACTIVE, VIR_DOMAIN_XML_SECURE, VIR_DOMAIN_XML_MIGRATABLE)
    do throws(DomainDocumentError) {
      let xml = try DomainDocument(text)
      xml.removeMark()
      xml.removeEnvironment(DomainDocument.environmentNames)
      xml.removeBackingImages()
      xml.removeGuardsPartition()
      if let cluster { xml.removeLinks(of: WorkloadName(name), cluster: cluster) }
      return .success(xml.text)
    } catch {
      return .failure(error)
    }
  }
}
