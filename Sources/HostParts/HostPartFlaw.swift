import HoldfastModel

/// Why no workload can have such parts: a clause, and what to do about it.
public struct HostPartFlaw: Error, Hashable, Sendable, CustomStringConvertible {
  public var reason: String
  public var remedy: String

  package init(_ reason: String, _ remedy: String) {
    self.reason = reason
    self.remedy = remedy
  }

  public var description: String { "\(reason). \(remedy)" }
}

extension HostPart {
  /// Bytes of an option, an argument, a parameter.
  public static let greatestText = 4096
  /// Arguments of a command, with the executable.
  public static let mostArguments = 64
  /// Parameters of an agent.
  public static let mostParameters = 64

  /// nil: a workload can have it.
  public var flaw: HostPartFlaw? {
    guard WorkloadName.isValid(name) else {
      return HostPartFlaw(
        "the name '\(name.bounded)' of a part is none",
        "Use at most 63 letters, digits, '.', '_' and '-', starting with a letter or digit.")
    }
    let times = [
      (startTimeout, Self.startTimeouts), (stopTimeout, Self.stopTimeouts), (interval, Self.intervals),
      (statusTimeout, Self.statusTimeouts)
    ]
    guard times.allSatisfy({ $0.isFinite && $1.contains($0) }) else {
      return HostPartFlaw("\(words) has a time out of bounds", "Docs/parts.md has the bounds.")
    }
    return switch kind {
    case .mount(let mount): mount.flaw(words)
    case .script(let script): script.flaw(words)
    case .ocf(let agent): agent.flaw(words)
    case .unit(let unit): unit.flaw(words)
    }
  }

  /// Without what a line, or a command's argument, cannot hold.
  public static func isPlain(_ text: String) -> Bool {
    text.utf8.count <= greatestText && !text.utf8.contains(0) && !text.contains(where: \.isNewline)
  }

  /// An absolute path, as the kernel itself shows it: without `..`, double slashes and a slash at its end.
  public static func isPath(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return isPlain(text) && text.hasPrefix("/") && parts.count > 1
      && parts.dropFirst().allSatisfy { !["", ".", ".."].contains($0) }
  }
}

extension MountPart {
  /// Where nothing may be mounted over: the host would not work any more, and Holdfast with it.
  private static let forbidden = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var"
  ]

  fileprivate func flaw(_ words: String) -> HostPartFlaw? {
    guard HostPart.isPath(place), !Self.forbidden.contains(place) else {
      return HostPartFlaw(
        "\(words) has no place where a file system can be mounted", "Name a directory by its absolute path, such as /srv/data.")
    }
    // What begins with a dash mount(8) would take for an option.
    guard !what.isEmpty, HostPart.isPlain(what), !what.hasPrefix("-") else {
      return HostPartFlaw("\(words) does not say what is mounted", "Name a device, or what else mount(8) takes.")
    }
    let texts = [type, options].compactMap { $0 }
    guard texts.allSatisfy({ !$0.isEmpty && HostPart.isPlain($0) && !$0.hasPrefix("-") && !$0.contains(" ") }) else {
      return HostPartFlaw(
        "\(words) has a type or options that mount(8) cannot take", "Write them as for mount(8), without blanks.")
    }
    return nil
  }
}

extension ScriptPart {
  fileprivate func flaw(_ words: String) -> HostPartFlaw? {
    for (action, command) in [("start", start), ("stop", stop), ("status", status)] {
      guard let executable = command.first, HostPart.isPath(executable) else {
        return HostPartFlaw("the \(action) of \(words) names no executable", "Name it by its absolute path.")
      }
      guard command.count <= HostPart.mostArguments,
        command.allSatisfy({ $0.utf8.count <= HostPart.greatestText && !$0.utf8.contains(0) })
      else { return HostPartFlaw("the \(action) of \(words) has too many arguments, or too long ones", "Make it a script.") }
    }
    return nil
  }
}

extension AgentPart {
  fileprivate func flaw(_ words: String) -> HostPartFlaw? {
    guard path != nil else {
      return HostPartFlaw(
        "\(words) names no OCF agent: '\(agent.bounded)'", "Write ocf:PROVIDER:TYPE, such as ocf:heartbeat:nginx.")
    }
    guard params.count <= HostPart.mostParameters, params.keys.allSatisfy(Self.isParameter),
      params.values.allSatisfy({ $0.utf8.count <= HostPart.greatestText && !$0.utf8.contains(0) })
    else {
      return HostPartFlaw(
        "\(words) has parameters that no agent can have",
        "Names are of letters, digits and '_'; there are at most \(HostPart.mostParameters).")
    }
    return nil
  }
}

extension UnitPart {
  fileprivate func flaw(_ words: String) -> HostPartFlaw? {
    guard !Self.isService(unit) else { return nil }
    return HostPartFlaw(
      "\(words) names no service of systemd's: '\(unit.bounded)'",
      "Write its full name, such as nginx.service or app@one.service.")
  }
}
