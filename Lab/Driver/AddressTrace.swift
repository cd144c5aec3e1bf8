import HoldfastTime

/// What the lab's switch saw of addresses: which host spoke as one of them, and when (`Lab/switch/frames.c`).
///
/// Every frame counts in which a host answers for an address, announces it, or sends from it. It counts as it comes in at the switch, so what a cut
/// loses counts as well.
public struct AddressTrace: Equatable, Sendable {
  /// A time in which all that spoke as an address was one network card of one host.
  public struct Holder: Equatable, Sendable {
    public var host: LabHost
    /// As `52:54:00:00:00:01`.
    public var mac: String
    /// The first and the last of its frames.
    public var from: BootInstant
    public var to: BootInstant
    public var frames: Int

    public init(host: LabHost, mac: String, from: BootInstant, to: BootInstant, frames: Int = 1) {
      self.host = host
      self.mac = mac
      self.from = from
      self.to = to
      self.frames = frames
    }
  }

  /// By address, in time's order. A host that speaks as an address after another one did is there once more: two that have it at the same time are
  /// there in turn, again and again.
  public private(set) var holders: [String: [Holder]] = [:]
  /// Frames that were not seen, as the capture was too slow.
  public private(set) var lost = 0
  /// Lines that no capture writes, and frames that did not come from a host.
  public private(set) var garbage: [String] = []

  /// Reads a capture.
  public init(_ text: String) {
    // What follows the last newline is being written.
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() where !line.hasPrefix("capture of ") {
      read(line)
    }
  }

  private mutating func read(_ line: Substring) {
    let words = line.split(separator: " ")
    if words.count == 2, words[0] == "lost", let count = Int(words[1]) {
      lost += count
      return
    }
    guard words.count == 5, let nanoseconds = Int64(words[0]), let host = Self.host(at: words[1]) else {
      return garbage.append(String(line))
    }
    let address = String(words[3]), mac = String(words[2]), instant = BootInstant(nanoseconds: nanoseconds)
    var known = holders[address] ?? []
    if let last = known.last, last.host == host, last.mac == mac {
      known[known.count - 1].to = instant
      known[known.count - 1].frames += 1
    } else {
      known.append(Holder(host: host, mac: mac, from: instant, to: instant))
    }
    holders[address] = known
  }

  /// Host hN is at the switch's port pN.
  private static func host(at port: Substring) -> LabHost? {
    guard port.first == "p", let number = Int(port.dropFirst()), number > 0 else { return nil }
    return LabHost(number)
  }
}
