// The messages as text. One message is one datagram of a SOCK_SEQPACKET socket, readable in strace and in a log:
//   extend 123456789
//   protect name=web1 isolation=freeze cgroup=/sys/fs/cgroup/freezer/machine/x links=vnet0,vnet1 addresses=10.0.0.5/24@br0
// The parser takes what this side writes and nothing else: a word too many may be one that was meant to matter.

import HoldfastTime

extension GuardCommand {
  /// The command as one datagram.
  public var wireText: String {
    switch self {
    case .hello(let version): "hello \(version)"
    case .extend(let deadline): "extend \(deadline.nanoseconds)"
    case .shorten(let deadline): "shorten \(deadline.nanoseconds)"
    case .protect(let workload): "protect " + workload.wireFields
    case .forget(let workload): "forget " + WireText.escaped(workload)
    case .release(let workload, let cgroup): "release name=\(WireText.escaped(workload)) cgroup=\(WireText.escaped(cgroup))"
    case .kill(let workload): "kill " + WireText.escaped(workload)
    case .isolate: "isolate"
    case .resume(let deadline): "resume \(deadline.nanoseconds)"
    case .disarm: "disarm"
    case .status: "status"
    case .acknowledge(let number): "acknowledge \(number)"
    }
  }

  public init(wireText: String) throws(WireError) {
    var words = try WireWords(wireText)
    switch words.message {
    case "hello":
      guard let version = Int32(exactly: try words.number(try words.takePlain())) else {
        throw words.malformed("no such version")
      }
      self = .hello(version: Int(version))
    case "extend": self = .extend(deadline: try words.instant(try words.takePlain()))
    case "shorten": self = .shorten(deadline: try words.instant(try words.takePlain()))
    case "protect": self = .protect(try GuardedWorkload(&words))
    case "forget": self = .forget(workload: try words.takeName())
    case "release":
      let name = try words.checkedName(try words.take("name"))
      self = .release(workload: name, cgroup: try words.checkedPath(try words.take("cgroup")))
    case "kill": self = .kill(workload: try words.takeName())
    case "isolate": self = .isolate
    case "resume": self = .resume(deadline: try words.instant(try words.takePlain()))
    case "disarm": self = .disarm
    case "status": self = .status
    case "acknowledge": self = .acknowledge(number: try words.count(try words.takePlain()))
    default: throw .unknownMessage(WireWords.shown(words.message))
    }
    try words.end()
  }
}

extension GuardReport {
  /// The report as one datagram.
  public var wireText: String {
    switch self {
    case .state(let state): "state " + state.wireFields
    case .killed(let workload, let confirmed): "killed \(WireText.escaped(workload)) confirmed=\(confirmed ? "yes" : "no")"
    case .refused(let reason): "refused " + WireText.line(reason)
    case .addresses(let held, let acknowledged): "addresses" + WireText.held(held, acknowledged)
    }
  }

  public init(wireText: String) throws(WireError) {
    // The reason is for people: the rest of the line as it is.
    if wireText.hasPrefix("refused ") {
      guard wireText.utf8.count <= guardDatagramLimit else { throw .notText }
      self = .refused(reason: String(wireText.dropFirst("refused ".count)))
      return
    }
    var words = try WireWords(wireText)
    switch words.message {
    case "state": self = .state(try GuardState(&words))
    case "killed": self = .killed(workload: try words.takeName(), confirmed: try words.takeFlag("confirmed"))
    case "addresses": self = .addresses(held: try words.takeHeld(), acknowledged: try words.takeAcknowledged())
    default: throw .unknownMessage(WireWords.shown(words.message))
    }
    try words.end()
  }
}

extension GuardState {
  var wireFields: String {
    let phaseFields =
      switch phase {
      case .disarmed: "phase=disarmed"
      case .armed(let deadline): "phase=armed deadline=\(deadline.nanoseconds)"
      case .isolated(let since, let confirmed):
        "phase=isolated since=\(since.nanoseconds) confirmed=\(confirmed ? "yes" : "no")"
      }
    var text = phaseFields
    if !workloads.isEmpty { text += " workloads=" + WireText.list(workloads) }
    if !starting.isEmpty { text += " starting=" + WireText.list(starting) }
    return text + WireText.held(held, acknowledged) + health.wireFields
  }

  init(_ words: inout WireWords) throws(WireError) {
    let phase: Phase
    switch try words.take("phase") {
    case "disarmed": phase = .disarmed
    case "armed": phase = .armed(deadline: try words.instant(try words.take("deadline")))
    case "isolated":
      phase = .isolated(since: try words.instant(try words.take("since")), confirmed: try words.takeFlag("confirmed"))
    case let other: throw words.malformed("no such phase: \(WireWords.shown(other))")
    }
    self.init(
      phase: phase, workloads: try words.takeList("workloads"), starting: try words.takeList("starting"),
      health: try GuardHealth(&words), held: try words.takeHeld(), acknowledged: try words.takeAcknowledged())
  }
}

extension GuardHealth {
  private static let opening = "opening", untold = "untold"

  /// Nothing where all is well.
  var wireFields: String {
    var text =
      switch watchdog {
      case .none: ""
      case .opening: " watchdog=\(Self.opening)"
      case .open(let timeout): " watchdog=\(timeout.map { "\($0)" } ?? Self.untold)"
      case .unusable(let reason): " watchdog-flaw=" + WireText.escaped(WireText.brief(reason))
      }
    if let recordFlaw { text += " record-flaw=" + WireText.escaped(WireText.brief(recordFlaw)) }
    return text
  }

  init(_ words: inout WireWords) throws(WireError) {
    var watchdog = Watchdog.none
    switch try words.takeIfPresent("watchdog") {
    case nil: break
    case Self.opening: watchdog = .opening
    case Self.untold: watchdog = .open(timeout: nil)
    case let seconds?: watchdog = .open(timeout: Int(clamping: try words.number(seconds)))
    }
    if let reason = try words.takeIfPresent("watchdog-flaw") { watchdog = .unusable(reason: reason) }
    self.init(watchdog: watchdog, recordFlaw: try words.takeIfPresent("record-flaw"))
  }
}

extension GuardedWorkload {
  var wireFields: String {
    var text = "name=\(WireText.escaped(name)) isolation=\(isolation.rawValue)"
    if let cgroup { text += " cgroup=" + WireText.escaped(cgroup) }
    if !links.isEmpty { text += " links=" + WireText.list(links) }
    if isStarting { text += " starting=yes" }
    if !addresses.isEmpty { text += " addresses=" + WireText.list(addresses.map(\.description)) }
    return text
  }

  init(_ words: inout WireWords) throws(WireError) {
    let name = try words.checkedName(try words.take("name"))
    let word = try words.take("isolation")
    guard let isolation = Isolation(rawValue: word) else {
      throw words.malformed("isolation=\(WireWords.shown(word)) is neither freeze nor stop")
    }
    var cgroup: String?
    if let path = try words.takeIfPresent("cgroup") { cgroup = try words.checkedPath(path) }
    let links = try words.takeList("links")
    for link in links where !GuardedAddress.canBeLink(link) {
      throw words.malformed("\"\(WireWords.shown(link))\" cannot be a link's name")
    }
    let starting = try words.takeIfPresent("starting")
    guard starting == nil || starting == "yes" else { throw words.malformed("starting= is yes or not there") }
    let addresses = try words.takeAddresses("addresses")
    for (index, address) in addresses.enumerated() where addresses[..<index].contains(where: address.isSame) {
      throw words.malformed("\(address.address) is named twice")
    }
    self.init(
      name: name, isolation: isolation, cgroup: cgroup, links: links, isStarting: starting != nil, addresses: addresses)
  }
}

extension WireText {
  /// Nothing where nothing is held. Each workload's name stands once, before its addresses: `held=~web1,7+10.0.0.5/24@br0,10.0.0.6/24@br0`. An address that is
  /// raised has the number of its raise before it.
  static func held(_ held: [HeldAddress], _ acknowledged: Int) -> String {
    var members: [String] = []
    var owner: String?
    for one in held {
      if one.workload != owner { members.append("~" + one.workload) }
      owner = one.workload
      members.append((one.raise.map { "\($0)+" } ?? "") + one.address.description)
    }
    return (members.isEmpty ? "" : " held=" + list(members)) + (acknowledged > 0 ? " acknowledged=\(acknowledged)" : "")
  }
}

extension WireWords {
  mutating func takeName() throws(WireError) -> String { try checkedName(try takePlain()) }

  mutating func takeAddresses(_ key: String) throws(WireError) -> [GuardedAddress] {
    var addresses: [GuardedAddress] = []
    for text in try takeList(key) {
      do { addresses.append(try GuardedAddress(text)) } catch { throw malformed("\(key)=: \(error)") }
    }
    return addresses
  }

  /// As `WireText.held` writes them.
  mutating func takeHeld() throws(WireError) -> [HeldAddress] {
    var held: [HeldAddress] = []
    var owner: String?
    for member in try takeList("held") {
      if member.hasPrefix("~") {
        owner = try checkedName(String(member.dropFirst()))
        continue
      }
      guard let owner else { throw malformed("held= has an address that is no workload's") }
      // A link's name may have a "+" of its own; what stands before an address is a number.
      let parts = member.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let raise = parts.count == 2 ? try? count(parts[0]) : nil
      do {
        held.append(HeldAddress(try GuardedAddress(raise == nil ? member : parts[1]), of: owner, raise: raise))
      } catch { throw malformed("held=: \(error)") }
    }
    return held
  }

  mutating func takeAcknowledged() throws(WireError) -> Int {
    guard let word = try takeIfPresent("acknowledged") else { return 0 }
    return try count(word)
  }

  func count(_ word: String) throws(WireError) -> Int {
    guard let count = Int(exactly: try number(word)) else { throw malformed("no such number") }
    return count
  }

  /// A cgroup's directory.
  func checkedPath(_ path: String) throws(WireError) -> String {
    guard path.hasPrefix("/"), path.utf8.count <= 4095, !path.utf8.contains(0) else {
      throw malformed("cgroup= is not an absolute path")
    }
    return path
  }

  func checkedName(_ name: String) throws(WireError) -> String {
    guard (1...255).contains(name.utf8.count), !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
      throw malformed("a workload's name has 1 to 255 bytes and no control characters")
    }
    return name
  }
}
