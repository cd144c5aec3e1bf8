/// libvirt's name for a domain as a machine: it names the domain's cgroup, with machined and without, and is often not the domain's own.
package enum MachineName {
  /// How long it can be, in bytes.
  private static let limit = 64

  /// What libvirt can call the domain of this name when it runs under this number; by version it is the one or the other.
  package static func forms(driver: String, number: Int, name: String) -> Set<String> {
    Set([true, false].map { form("\(driver)-\(number)-", name, droppedSeparate: $0) })
  }

  /// The machine's name in that of a cgroup that libvirt made for one, or systemd; nil: it is another's.
  package static func named(byCgroup directory: String, driver: String) -> String? {
    let own = ".libvirt-\(driver)", scope = ".scope"
    if directory.hasSuffix(own) { return String(directory.dropLast(own.count)) }
    guard directory.hasPrefix("machine-"), directory.hasSuffix(scope) else { return nil }
    // systemd escapes what has a meaning in its units' names.
    return String(directory.dropFirst("machine-".count).dropLast(scope.count)).replacing("\\x2d", with: "-")
  }

  /// Letters, digits, single dots and dashes stay; everything else is dropped, and what is too long is cut.
  ///
  /// - Parameter droppedSeparate: of the dashes around a character that is dropped, both stay.
  private static func form(_ prefix: String, _ name: String, droppedSeparate: Bool) -> String {
    var bytes = Array(prefix.utf8)
    var isSeparated = true
    for byte in name.utf8 {
      if bytes.count >= limit { break }
      switch byte {
      case UInt8(ascii: "."), UInt8(ascii: "-"):
        if !isSeparated { bytes.append(byte) }
        isSeparated = true
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        bytes.append(byte)
        isSeparated = false
      default:
        if droppedSeparate { isSeparated = false }
      }
    }
    while let last = bytes.last, last == UInt8(ascii: ".") || last == UInt8(ascii: "-") { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}
