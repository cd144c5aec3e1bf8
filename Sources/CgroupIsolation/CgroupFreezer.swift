import LinuxBasics

/// Freezes and thaws one cgroup with everything below it, in either hierarchy.
///
/// Freezing is one write. The kernel then stops every task at its next return to user space; a task that sleeps
/// uninterruptibly in the kernel executes nothing of its own but is counted only when it comes out. (v1 counts some of
/// those sleeps, such as a write to a suspended filesystem, as frozen; v2 does not.)
public struct CgroupFreezer: Hashable, Sendable {
  public enum Stillness: Hashable, Sendable {
    case thawed
    /// Ordered, and not confirmed yet.
    case freezing
    case frozen
    /// There is no such cgroup, so no process in it.
    case gone
  }

  public let hierarchy: CgroupHierarchy

  public init(_ hierarchy: CgroupHierarchy) { self.hierarchy = hierarchy }

  /// Orders the freeze. Safe to repeat; on v1 a repetition reaches tasks that the first one missed.
  public func freeze(_ directory: String) throws(KernelFileError) {
    switch hierarchy.version {
    case .v1: try KernelFile.write("FROZEN", to: directory + "/freezer.state")
    case .v2: try KernelFile.write("1", to: directory + "/cgroup.freeze")
    }
  }

  /// Takes the order back. It stays frozen while something above it is.
  public func thaw(_ directory: String) throws(KernelFileError) {
    switch hierarchy.version {
    case .v1: try KernelFile.write("THAWED", to: directory + "/freezer.state")
    case .v2: try KernelFile.write("0", to: directory + "/cgroup.freeze")
    }
  }

  public func stillness(_ directory: String) throws(KernelFileError) -> Stillness {
    do {
      switch hierarchy.version {
      case .v1:
        switch try word(directory + "/freezer.state") {
        case "FROZEN": return .frozen
        case "FREEZING": return .freezing
        default: return .thawed
        }
      case .v2:
        if try isFrozenSomehow(directory) { return .frozen }
        return try isFrozenByItself(directory) ? .freezing : .thawed
      }
    } catch {
      // Gone only if the hierarchy is there to say so.
      if error.isGone && hierarchy.isMounted { return .gone }
      throw error
    }
  }

  /// Whether it was ordered frozen itself, and is frozen.
  func isHeld(_ directory: String) throws(KernelFileError) -> Bool {
    guard try isFrozenByItself(directory) else { return false }
    switch hierarchy.version {
    case .v1: return try word(directory + "/freezer.state") == "FROZEN"
    case .v2: return try isFrozenSomehow(directory)
    }
  }

  /// v2: whatever ordered it.
  private func isFrozenSomehow(_ directory: String) throws(KernelFileError) -> Bool {
    try KernelFile.read(directory + "/cgroup.events").split(separator: "\n").contains("frozen 1")
  }

  /// Whether this very cgroup was ordered frozen, whatever holds above it.
  public func isFrozenByItself(_ directory: String) throws(KernelFileError) -> Bool {
    switch hierarchy.version {
    case .v1: try word(directory + "/freezer.self_freezing") == "1"
    case .v2: try word(directory + "/cgroup.freeze") == "1"
    }
  }

  /// Whether something above holds it frozen, so that thawing it alone changes nothing. Always false on v2, where that does not
  /// keep a killed process from dying.
  func isHeldFromAbove(_ directory: String) throws(KernelFileError) -> Bool {
    switch hierarchy.version {
    case .v1: try word(directory + "/freezer.parent_freezing") == "1"
    case .v2: false
    }
  }

  private func word(_ path: String) throws(KernelFileError) -> String {
    let text = try KernelFile.read(path)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
