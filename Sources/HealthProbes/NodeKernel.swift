import Glibc
import HoldfastChecks
import HoldfastModel
import LinuxBasics

/// What the kernel says of its node: links, routes, memory. All of it is in the kernel's own memory.
package struct NodeKernel: Sendable {
  /// Where /proc and /sys are: tests have others.
  private let root: String

  package init(root: String = "") { self.root = root }

  // MARK: links

  /// - Returns: bad where the interface is not there, is not up, or has no carrier.
  package func link(_ name: String) -> Answer {
    let home = "\(root)/sys/class/net/\(name)"
    let state: String
    do { state = try read("\(home)/operstate") } catch {
      return error.code == ENOENT
        ? .bad(reason: "there is no interface \(name)") : .cannotTell(reason: "\(error)")
    }
    if state == "up" { return .good }
    // Of what has no cable, such as a dummy, the kernel says no more than that.
    if state == "unknown", let carrier = try? read("\(home)/carrier"), carrier == "1" { return .good }
    return .bad(reason: "\(name) is \(state == "lowerlayerdown" || state == "unknown" ? "down" : state)")
  }

  // MARK: routes

  package enum NoGateway: Error, Hashable {
    /// No route leads to where nothing else does.
    case none
    case unreadable(String)

    var answer: Answer {
      switch self {
      case .none: .bad(reason: "there is no default route with a gateway")
      case .unreadable(let reason): .cannotTell(reason: reason)
      }
    }
  }

  /// The address of the default route's gateway: IPv4's where there is one, of several that of the best route.
  package func gateway() -> Result<String, NoGateway> {
    do {
      if let found = Self.gateway(ofFour: try read("\(root)/proc/net/route")) { return .success(found) }
    } catch {
      return .failure(.unreadable("\(error)"))
    }
    let six = (try? read("\(root)/proc/net/ipv6_route")) ?? ""
    return Self.gateway(ofSix: six).map { .success($0) } ?? .failure(.none)
  }

  /// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, the addresses as the kernel has them in memory.
  static func gateway(ofFour table: String) -> String? {
    var best: (metric: Int, address: UInt32)?
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split { $0 == "\t" || $0 == " " }
      guard fields.count >= 8, fields[1] == "00000000", fields[7] == "00000000", let flags = Int(fields[3], radix: 16),
        flags & Self.gatewayFlags == Self.gatewayFlags, let address = UInt32(fields[2], radix: 16), address != 0,
        let metric = Int(fields[6])
      else { continue }
      if best.map({ metric < $0.metric }) ?? true { best = (metric, address) }
    }
    return best.map { found in (0..<4).map { "\(found.address >> (8 * UInt32($0)) & 0xFF)" }.joined(separator: ".") }
  }

  /// It is up, and leads to a gateway.
  private static let gatewayFlags = 0x3

  /// `destination length source length next-hop metric references use flags interface`, all in hexadecimal digits.
  static func gateway(ofSix table: String) -> String? {
    let nothing = String(repeating: "0", count: 32)
    var best: (metric: UInt64, address: String)?
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 10, fields[0] == nothing, fields[1] == "00", fields[4].count == 32, fields[4] != nothing,
        let metric = UInt64(fields[5], radix: 16), let flags = Int(fields[8], radix: 16),
        flags & gatewayFlags == gatewayFlags
      else { continue }
      guard best.map({ metric < $0.metric }) ?? true else { continue }
      let digits = Array(fields[4])
      let groups = stride(from: 0, to: 32, by: 4).map { String(digits[$0..<$0 + 4]) }
      let isOnLink = fields[4].hasPrefix("fe8")
      best = (metric, groups.joined(separator: ":") + (isOnLink ? "%\(fields[9])" : ""))
    }
    return best?.address
  }

  // MARK: memory

  package func memory(_ probe: MemoryProbe) -> Answer {
    switch probe {
    case .pressure(let most): pressure(most)
    case .available(let least): available(least)
    }
  }

  private func pressure(_ most: Int) -> Answer {
    guard let text = try? read("\(root)/proc/pressure/memory"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("full ") }),
      let field = line.split(separator: " ").first(where: { $0.hasPrefix("avg10=") }), let share = Double(field.dropFirst(6))
    else { return .cannotTell(reason: "this kernel tells nothing of memory pressure") }
    return share * 10_000 <= Double(most)
      ? .good : .bad(reason: "everything waited for memory for \(InWords.decimal(share)) % of the last 10 s")
  }

  private func available(_ least: LeastFree) -> Answer {
    guard let text = try? read("\(root)/proc/meminfo"), let total = Self.kibibytes("MemTotal:", in: text),
      let free = Self.kibibytes("MemAvailable:", in: text)
    else { return .cannotTell(reason: "this kernel tells nothing of the memory that is available") }
    return least.isMet(free: free << 10, of: total << 10)
      ? .good : .bad(reason: "\(InWords.memory(Int(clamping: free >> 10))) of memory is available")
  }

  private static func kibibytes(_ key: String, in text: String) -> UInt64? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
    return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
  }

  private func read(_ path: String) throws(KernelFileError) -> String {
    let text = try KernelFile.read(path)
    return String(text.last == "\n" ? text.dropLast() : text[...])
  }
}
