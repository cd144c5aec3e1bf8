import HoldfastModel

extension YAMLValue {
  /// A libvirt connection of this host whose domains the guard can freeze.
  public func connection() -> String? {
    let known = ["lxc:///system", "qemu:///system", SpecRecord.hostConnection]
    return value(
      expected: "lxc:///system, qemu:///system or host:///system",
      remedy: { text in
        if text.contains("session") {
          return "Use the system's libvirt: domains of a user's session are outside the guard's reach."
        }
        if text.contains("+") || text.contains("@") {
          return "Use this host's own libvirt: the guard stops what runs here, nothing else."
        }
        let driver = String(text.prefix { $0 != ":" && $0 != "/" })
        return Spelling.nearest(to: driver, among: ["lxc", "qemu", "host"]).map { "Write \($0):///system." }
          ?? "Name one of these."
      },
      { known.contains($0) ? $0 : nil })
  }

  /// The values of a list, each reported when it stands there for the second time.
  public static func distinct<T: Hashable>(_ items: [YAMLValue], _ convert: (YAMLValue) -> T?) -> [T] {
    var lines: [T: Int] = [:], values: [T] = []
    for item in items {
      guard let value = convert(item) else { continue }
      if let line = lines[value] {
        item.wrong(
          expected: "every entry once", found: "\(item.found) again (first on line \(line))", remedy: "Remove one of the two.")
      } else {
        lines[value] = item.position.line
        values.append(value)
      }
    }
    return values
  }
}
