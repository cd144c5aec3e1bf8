import HoldfastController
import HoldfastModel

/// Why the node that tells it has no session: nothing under protection executes there, and other nodes take over what it ran.
public struct NoSession: Hashable, Sendable, Codable {
  /// `unread`, `guard`, `leaving`, `format`, `not-frozen`, `earlier`, `foreign`, `libvirt`, `opening`.
  public var code: String
  /// A clause after "because".
  public var reason: String

  init(_ absence: SessionAbsence) {
    switch absence {
    case .unread: (code, reason) = ("unread", "it has not read the cluster's records yet")
    case .noGuard(true):
      (code, reason) = (
        Self.noGuard, "its guard is gone, so it gave its session up and other nodes take its workloads over"
      )
    case .noGuard(false): (code, reason) = (Self.noGuard, "its guard is not there")
    case .leaving: (code, reason) = ("leaving", "it is leaving")
    case .format(let flaw): (code, reason) = ("format", "\(flaw): it does not join")
    case .notFrozen:
      (code, reason) = (Self.notFrozen, "its guard has not confirmed yet that nothing under protection executes there")
    case .earlier(true): (code, reason) = (Self.foreign, "another host renews a session under its name")
    case .earlier(false): (code, reason) = ("earlier", "an earlier session under its name may still stand")
    case .noHypervisor(let connections):
      let (list, verb) = (InWords.list(connections, most: 3), connections.count == 1 ? "does" : "do")
      (code, reason) = (Self.libvirt, "\(list) \(verb) not answer, so it gave its session up")
    case .opening: (code, reason) = (Self.opening, "it has not opened one yet")
    }
  }

  private static let noGuard = "guard", notFrozen = "not-frozen", foreign = "foreign", libvirt = "libvirt",
    opening = "opening"

  /// What to type on the node. What ends by itself, or is told elsewhere, needs nothing.
  var steps: [(command: String, purpose: String)] {
    switch code {
    case Self.noGuard:
      [
        ("systemctl status holdfast-guard", "what stopped the guard"),
        ("systemctl restart holdfast-guard", "the node opens a session when its guard is back")
      ]
    case Self.notFrozen: [("journalctl -u holdfast-guard -n 20", "what the guard cannot freeze")]
    case Self.foreign:
      [("editor /etc/holdfast/holdfastd.yaml", "give every node its own name in `node`, then restart holdfastd")]
    case Self.libvirt: [("systemctl status libvirtd", "why libvirt does not answer")]
    case Self.opening: [("journalctl -u holdfastd -n 20", "what keeps it from opening one, if it lasts")]
    default: []
    }
  }
}
