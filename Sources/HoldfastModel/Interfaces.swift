/// Names for the host side of a workload's network links. They are chosen before the start, so that the guard can take a link
/// down that has only just appeared.
public enum Interfaces {
  /// How many `<interface>` elements the domain XML has.
  public static func count(in xml: String) -> Int {
    let tag = Array("<interface".utf8)
    var matched = 0
    var count = 0
    for byte in xml.utf8 {
      if matched == tag.count {
        // The tag's name must end here: `<interfaces` is another element.
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: ">"): count += 1
        default: break
        }
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
