import CgroupIsolation
import GuardCore

/// The command line.
struct GuardOptions {
  enum Parsed {
    case run(GuardOptions)
    case help
    case version
    case mistake(String)
  }

  static let version = "0.1.0"

  var runDirectory = "/run/holdfast"
  var partition = "/holdfast"
  var watchdog: String?
  /// Seconds.
  var watchdogTimeout = GuardHealth.watchdogTimeout
  /// nil: whichever libvirt uses.
  var hierarchy: CgroupHierarchy.Version?

  static let help = """
    Usage: holdfast-guard [OPTION...]

    Stops this node's protected workloads when their deadline passes,
    whatever becomes of the controller.

      --run-dir DIR             Directory of the socket, the state and the lock:
                                DIR/guard.{sock,state,lock}.
                                (default: /run/holdfast)
      --partition NAME          Parent of the cgroup partitions NAME/freeze and
                                NAME/stop. (default: /holdfast)
      --hierarchy v1|v2|auto    The cgroup hierarchy that freezes; auto: libvirt's,
                                as for holdfastd. (default: auto)
      --watchdog DEVICE         Feed this hardware watchdog while all is well, such
                                as /dev/watchdog.
      --watchdog-timeout SECS   Time after which an unfed watchdog resets the host:
                                2 to 300 seconds; a device that cannot do so
                                little gets the next that it can. It is a fence
                                up to four fifths of the TTL: `holdfast status`
                                tells where it is later. (default: \(GuardHealth.watchdogTimeout))
      --version                 Show the version.
      --help, -h                Show this text.

    SIGTERM while a deadline holds: the state is kept for the next guard, nothing
    is thawed, and an open watchdog keeps ticking.

    Exit status: 0 ended by SIGTERM; 1 failed; 2 wrong usage.
    """

  static func parse(_ arguments: [String]) -> Parsed {
    var options = GuardOptions()
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let name = String(argument.prefix { $0 != "=" })
      switch name {
      case "--help", "-h": return .help
      case "--version": return .version
      case "--run-dir", "--partition", "--watchdog", "--watchdog-timeout", "--hierarchy":
        let attached = argument.count > name.count ? String(argument.dropFirst(name.count + 1)) : nil
        guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
          return .mistake("\(name) needs a value. Try --help")
        }
        if let mistake = options.set(name, value) { return .mistake(mistake) }
      default: return .mistake("unknown option \"\(argument)\". Try --help")
      }
    }
    return .run(options)
  }

  /// - Returns: what is wrong with the value.
  private mutating func set(_ name: String, _ value: String) -> String? {
    switch name {
    case "--run-dir": runDirectory = value
    case "--partition": partition = value
    case "--watchdog": watchdog = value
    case "--watchdog-timeout":
      guard let seconds = Int(value), (2...300).contains(seconds) else {
        return "--watchdog-timeout \(value): give whole seconds, 2 to 300"
      }
      watchdogTimeout = seconds
    default:
      guard value == "auto" || CgroupHierarchy.Version(rawValue: value) != nil else {
        return "--hierarchy \(value): give v1, v2 or auto"
      }
      hierarchy = CgroupHierarchy.Version(rawValue: value)
    }
    return nil
  }
}
