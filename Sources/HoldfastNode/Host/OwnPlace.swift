import HoldfastModel
import Housekeeping
import NIOCore

/// What of the store runs on this host.
package struct OwnPlace: Sendable {
  package init() {}

  /// By its endpoint, or by its name: a member often has the name of the node whose host it runs on.
  package func has(_ member: StoreMember, node: NodeName) -> Bool {
    if member.name == node.text { return true }
    guard let host = member.host else { return false }
    if host == node.text || host == "localhost" || host == "::1" || host.hasPrefix("127.") { return true }
    // An address stays on a link that is down, but for IPv6.
    let devices = (try? System.enumerateDevices()) ?? []
    return devices.contains { $0.address?.ipAddress == host }
  }
}
