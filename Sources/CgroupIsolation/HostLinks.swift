import CLinux
import Glibc

/// The domains' host-side network links, up and down.
///
/// One ioctl each: 30 veths of a bridge are down after 2.6 ms (0.07 ms each, measured), for the kernel takes the expedited
/// grace period while the routing lock is held. So they follow the freeze in the same thread, never before it.
public struct HostLinks: ~Copyable, Sendable {
  private let socket: Descriptor

  public init() throws(KernelFileError) {
    let number = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw KernelFileError(operation: "open", path: "a socket for link flags", code: errno) }
    socket = Descriptor(owning: number)
  }

  /// Takes links down. A link that is not there, or is down, is left alone.
  /// - Returns: those that were down already, and what could not be done.
  public func down(_ links: [String]) -> (foundDown: [String], problems: [String]) {
    var found: [String] = []
    var problems: [String] = []
    for link in links {
      switch holdfast_link_is_up(socket.number, link) {
      case 0: found.append(link)
      case 1: set(link, up: false, &problems)
      default: note(link, "down", &problems)
      }
    }
    return (found, problems)
  }

  /// Takes links up. A link that is not there is left alone.
  /// - Returns: what could not be done.
  public func up(_ links: [String]) -> [String] {
    var problems: [String] = []
    for link in links { set(link, up: true, &problems) }
    return problems
  }

  private func set(_ link: String, up: Bool, _ problems: inout [String]) {
    if holdfast_link_set(socket.number, link, up ? 1 : 0) != 0 { note(link, up ? "up" : "down", &problems) }
  }

  private func note(_ link: String, _ direction: String, _ problems: inout [String]) {
    let code = errno
    if code != ENODEV { problems.append("link \(link) cannot be taken \(direction): \(String(cString: strerror(code)))") }
  }
}
