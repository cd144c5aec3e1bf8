import HoldfastModel

extension DomainBelongings {
  /// What a workload has to itself, as its definition tells; dispatched by the connection here alone.
  package init(of spec: SpecRecord) {
    guard spec.isOfHost else {
      self.init(of: spec.xml)
      return
    }
    self.init(owned: (try? HostDefinition(spec.xml))?.belongings ?? [])
  }
}

extension HostDefinition {
  /// File systems that it mounts to write to them.
  package var belongings: [Belonging] {
    parts.compactMap { part in
      guard case .mount(let mount) = part.kind, !mount.isReadOnly else { return nil }
      return mount.belonging
    }
  }
}

extension MountPart {
  /// nil: it is a name without meaning, as that of a tmpfs.
  fileprivate var belonging: Belonging? {
    if let path = what.plainPath, what.hasPrefix("/") { return Belonging(.disk, path, marks: [path]) }
    if what.contains("=") { return Belonging(.disk, what, marks: [what]) }
    return what.contains("/") ? Belonging(.directory, what, marks: [what]) : nil
  }
}
