/// Which definition came in last that gives its workload something to itself: disks, directories, addresses. Whoever lets such a one in depends on this
/// record as it was when it looked who has what, and writes it: so of two at the same moment one looks again. Nothing else is decided by it, and a
/// build that does not know it leaves it alone.
public struct DefinitionsRecord: Hashable, Sendable, Codable {
  public var last: WorkloadName

  public init(last: WorkloadName) { self.last = last }
}

extension SpecRecord {
  /// Tells one domain XML from another in a few letters. For people who change definitions, not against people who forge them.
  public var definition: String { xml.fingerprint }
}

extension String {
  /// FNV-1a, 64 bits, in hexadecimal.
  package var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  /// In one line and of bounded length; two that differ stay different.
  package var bounded: String {
    let line = InWords.oneLine(self)
    return line.utf8.count <= 512 ? line : "\(line.prefix(120))…\(line.fingerprint)"
  }
}
