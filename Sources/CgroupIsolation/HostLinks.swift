import CLinux
import Glibc
import LinuxBasics

/// The domains' host-side network links, up and down.
///
/// One message of rtnetlink each: 30 veths of a bridge are down after 2.6 ms (0.07 ms each, measured), for the kernel takes the expedited
/// grace period while the routing lock is held. So they follow the freeze, and never come before it.
///
/// The older ioctls (SIOCGIFFLAGS, SIOCSIFFLAGS, and the library's `if_nametoindex` with them) are not used: asked about a name that is not
/// there, they make a kernel with modules run `modprobe netdev-NAME` and wait for it, and so for the disk that it is read from.
/// rtnetlink loads nothing for a question or a change of flags. It still waits for the routing lock, whose holder may itself wait for
/// user space or a disk (a bridge that begins STP runs a helper, a network card may load firmware): the guard therefore asks in a
/// thread of its own.
///
/// A link is named, not numbered, and changed by its name in one step: what has the name at that instant. Whoever sees
/// that a link is `gone` is not to ask again before it is named again: the next device of that name may be anybody's.
public struct HostLinks: Sendable {
  /// What taking links down came to.
  public struct Outcome: Hashable, Sendable {
    /// Down already.
    public var foundDown: [String] = []
    /// There is no link of this name.
    public var gone: [String] = []
    /// What could not be done, for the log.
    public var problems: [String] = []
  }

  public init() {}

  /// Takes links down. A link that is not there, or is down, is left alone.
  public func down(_ links: [String]) -> Outcome {
    var outcome = Outcome()
    with(links, "down", &outcome) { socket, link, outcome in
      switch holdfast_link_is_up(socket, link) {
      case 0: outcome.foundDown.append(link)
      case 1: return holdfast_link_set(socket, link, 0)
      default: return -1
      }
      return 0
    }
    return outcome
  }

  /// Takes links up. A link that is not there is left alone.
  /// - Returns: what could not be done.
  public func up(_ links: [String]) -> [String] {
    var outcome = Outcome()
    with(links, "up", &outcome) { socket, link, _ in holdfast_link_set(socket, link, 1) }
    return outcome.problems
  }

  /// With one socket for all. `work` returns -1 and sets errno where it fails.
  private func with(
    _ links: [String], _ direction: String, _ outcome: inout Outcome, _ work: (Int32, String, inout Outcome) -> Int32
  ) {
    guard !links.isEmpty else { return }
    let socket: Descriptor
    do { socket = try Descriptor.owned(holdfast_links(), "open", "an rtnetlink socket") } catch {
      outcome.problems.append("links cannot be taken \(direction): \(error)")
      return
    }
    for link in links where work(socket.number, link, &outcome) != 0 {
      let code = errno
      if code == ENODEV {
        outcome.gone.append(link)
      } else {
        outcome.problems.append("link \(link) cannot be taken \(direction): \(String(cString: strerror(code)))")
      }
    }
  }
}
