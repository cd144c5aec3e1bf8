/// Names for the host side of a workload's network links. They are chosen before the start, so that the guard can take a link
/// down that has only just appeared.
public enum Interfaces {
  /// How many `<interface>` elements a domain's XML has at most: one in a comment counts as well, and its name is then never used.
  static func count(in xml: String) -> Int {
    // The tag's name must end there: `<interfaces` is another element.
    let tag = Array("<interface".utf8), ends = Array(" \t\n\r/>".utf8)
    var matched = 0
    var count = 0
    for byte in xml.utf8 {
      if matched == tag.count {
        if ends.contains(byte) { count += 1 }
        matched = 0
      }
      matched = byte == tag[matched] ? matched + 1 : (byte == tag[0] ? 1 : 0)
    }
    return count
  }

  /// At most 15 bytes, the kernel's limit: `hf`, ten hexadecimal digits of a hash (FNV-1a), the interface's number.
  public static func linkName(cluster: String, workload: WorkloadName, index: Int) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(cluster)/\(workload)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash >> 24, radix: 16)
    return "hf" + String(repeating: "0", count: 10 - digits.count) + digits + "\(index)"
  }
}

extension SpecRecord {
  /// For how many network links names must be ready before a start, at most. Counted in the text, and not kept beside it: so it is there
  /// for every record, whichever version wrote it. Asked often, and so counted without reading the tags.
  public var interfaces: Int { Interfaces.count(in: xml) }
}
