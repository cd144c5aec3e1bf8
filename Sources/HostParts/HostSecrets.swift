import HoldfastModel

/// Passwords in parts: they stand in the parameters of agents and the options of mounts.
extension HostPart {
  /// It looks like a password by its name, or like options with one.
  package static func isSecret(_ text: String, of name: String = "") -> Bool {
    let small = (name + text).lowercased()
    return ["pass", "secret", "credential"].contains { small.contains($0) }
  }

  fileprivate var masked: HostPart {
    var part = self
    switch kind {
    case .mount(var mount):
      guard let options = mount.options, Self.isSecret(options) else { return self }
      mount.options = DomainSecrets.mask
      part.kind = .mount(mount)
    case .ocf(var agent):
      for (name, value) in agent.params where !value.isEmpty && Self.isSecret(value, of: name) {
        agent.params[name] = DomainSecrets.mask
      }
      part.kind = .ocf(agent)
    case .script: break
    }
    return part
  }

  fileprivate var isMasked: Bool {
    switch kind {
    case .mount(let mount): mount.options == DomainSecrets.mask
    case .ocf(let agent): agent.params.values.contains(DomainSecrets.mask)
    case .script: false
    }
  }
}

extension HostDefinition {
  /// The definition's text with the mask in the place of passwords. What cannot be read is not shown.
  public static func masked(_ text: String) -> String {
    (try? HostDefinition(text)).map { HostDefinition(parts: $0.parts.map(\.masked)).text } ?? DomainSecrets.mask
  }

  /// A password was masked: this definition is for reading alone.
  public var isMasked: Bool { parts.contains(where: \.isMasked) }
}
