import CgroupIsolation
import Glibc
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import LinuxBasics
import Logging

/// The systemd units that are parts here: how they are, by systemd's own signals, and what starts and stops them.
///
/// A signal says only that something changed; then all that systemd tells of the unit is read, at one instant. Without a connection nothing is known.
actor UnitDesk {
  struct Watched {
    var seat: UnitSeat
    var changed: @Sendable () async -> Void
    var watch = UnitWatch()
    var gate: UnitGate?
    /// A reading is under way, and whether something changed since it was asked for.
    var isReading = false
    var isStale = false
    /// Readings that were begun, and the last of them that counted: an earlier one may come in later.
    var begun = 0
    var counted = 0
    var waiting: [Finish<Void>] = []
  }

  /// By the unit's name.
  var watched: [String: Watched] = [:]
  /// Jobs of systemd's by their path: how they ended, or who waits for that.
  var endedJobs: [String: String] = [:]
  var waitingJobs: [String: Finish<String>] = [:]
  let systemd: SystemdPlace
  let logger: Logger
  private var bus: SystemdBus?
  private var reader: Task<Void, Never>?
  /// Why there is no connection; nil: there is one, or it was not tried.
  private var trouble: String?

  static let patience: Duration = .seconds(10)
  /// Before a reading that failed is tried again.
  private static let pause: Duration = .seconds(2)
  /// systemd reads every unit's files anew.
  static let reloading: Duration = .seconds(60)
  private static let mostEndedJobs = 256

  init(_ systemd: SystemdPlace, logger: Logger) {
    self.systemd = systemd
    self.logger = logger
  }

  /// Where systemd's own files are seen.
  var root: String { systemd.process == 1 ? "" : "/proc/\(systemd.process)/root" }

  // MARK: the connection

  private func connection() throws(BusFailure) -> SystemdBus {
    if let bus { return bus }
    let socket = systemd.socket
    guard KernelFile.exists(socket) else { throw BusFailure("systemd does not run this host (\(socket) is not there)") }
    let (stream, news) = AsyncStream.makeStream(of: SystemdBus.News.self)
    let made: SystemdBus
    do { made = try SystemdBus(socket: socket, tell: { news.yield($0) }) } catch { throw BusFailure("\(error)") }
    bus = made
    reader = Task { [weak self] in for await event in stream { await self?.take(event) } }
    return made
  }

  func close() {
    bus?.close()
    reader?.cancel()
    // What runs runs on. Nothing of it begins anew before the next life opens its gate.
    watched = [:]
  }

  func call(_ member: String, _ texts: [String] = [], within limit: Duration = UnitDesk.patience) async throws(BusFailure)
    -> [BusValue]
  {
    try await connection().call(SystemdBus.Call(member: member, texts: texts), within: limit)
  }

  /// All that systemd tells of a unit; it loads it for that.
  func facts(of unit: String, cover: UnitDropIn.Cover?) async throws(BusFailure) -> UnitFacts {
    try await told(of: unit, cover).0
  }

  private func told(of unit: String, _ cover: UnitDropIn.Cover?) async throws(BusFailure) -> (UnitFacts, group: String) {
    guard let path = try await call("LoadUnit", [unit]).first?.text else {
      throw BusFailure("systemd names no object for \(unit)")
    }
    let call = SystemdBus.Call(
      path: path, interface: "org.freedesktop.DBus.Properties", member: "GetAll",
      // Of all its interfaces at once.
      texts: [""])
    guard let properties = try await connection().call(call, within: Self.patience).first?.entries,
      properties["ActiveState"] != nil
    else { throw BusFailure("systemd tells nothing of \(unit)") }
    return (UnitFacts(properties, cover: cover), properties["ControlGroup"]?.text ?? "")
  }

  // MARK: what systemd tells

  private func take(_ news: SystemdBus.News) {
    switch news {
    case .connected:
      trouble = nil
      for unit in watched.keys.sorted() { read(unit) }
    case .lost(let reason):
      if trouble != reason { logger.warning("systemd cannot be asked", metadata: ["reason": "\(reason)"]) }
      trouble = reason
      // How jobs ended nobody tells any more: what came of them is read.
      for job in waitingJobs.values { job.settle(nil) }
      waitingJobs = [:]
      for unit in watched.keys.sorted() { tell(unit, .lost(reason)) }
    case .signal(let signal): take(signal)
    }
  }

  private func take(_ signal: SystemdBus.Signal) {
    switch signal.member {
    case "PropertiesChanged":
      for unit in watched.keys where signal.path == Self.path(of: unit) { read(unit) }
    case "JobRemoved":
      // Its number, its path, the unit, the result.
      guard signal.body.count >= 4, let job = signal.body[1].text, let unit = signal.body[2].text,
        let result = signal.body[3].text
      else { return }
      end(job, result)
      read(unit)
    case "JobNew", "UnitNew", "UnitRemoved": for text in signal.body.compactMap(\.text) { read(text) }
    case "Reloading": for unit in watched.keys.sorted() { read(unit) }
    default: break
    }
  }

  private func end(_ job: String, _ result: String) {
    if let waiting = waitingJobs.removeValue(forKey: job) { return waiting.settle(result) }
    // Told before the answer to who queued it was seen.
    if endedJobs.count >= Self.mostEndedJobs { endedJobs = [:] }
    endedJobs[job] = result
  }

  /// The object's path: what is no letter or digit is written by its number.
  private static func path(of unit: String) -> String {
    "/org/freedesktop/systemd1/unit/"
      + unit.utf8.enumerated().map { index, byte in
        let isDigit = (0x30...0x39).contains(byte)
        let isPlain = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || isDigit && index > 0
        return isPlain ? String(Character(Unicode.Scalar(byte))) : "_" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
  }

  /// Reads a watched unit; once more where something changes meanwhile.
  private func read(_ unit: String) {
    guard var entry = watched[unit] else { return }
    guard !entry.isReading else {
      entry.isStale = true
      watched[unit] = entry
      return
    }
    (entry.isReading, entry.isStale) = (true, false)
    watched[unit] = entry
    Task { await self.readNow(unit) }
  }

  /// Returns when what was read counts.
  func readNow(_ unit: String) async {
    guard let seat = watched[unit]?.seat else { return }
    watched[unit]?.begun += 1
    let number = watched[unit]?.begun ?? 0
    var event: UnitWatch.Event
    do throws(BusFailure) {
      let (facts, group) = try await told(of: unit, seat.cover)
      event = .read(facts)
      if case .gate = seat.cover, facts.activity != .inactive, let reason = sweep(seat, group) { event = .lost(reason) }
    } catch { event = .lost(error.reason) }
    // It may be another workload's by now.
    guard var entry = watched[unit], entry.seat.cgroup == seat.cgroup else { return }
    let isStale = entry.isStale
    (entry.isReading, entry.isStale) = (false, false)
    let isNewest = number > entry.counted
    entry.counted = max(number, entry.counted)
    watched[unit] = entry
    if isNewest { tell(unit, event) }
    if isStale { read(unit) }
  }

  private func tell(_ unit: String, _ event: UnitWatch.Event) {
    guard var entry = watched[unit] else { return }
    let before = entry.watch
    entry.watch.take(event)
    for waiting in entry.waiting { waiting.settle(()) }
    entry.waiting = []
    watched[unit] = entry
    if !entry.watch.isSeen, trouble == nil { readLater(unit) }
    guard entry.watch != before else { return }
    let changed = entry.changed
    Task { await changed() }
  }

  /// systemd answered, and nothing came of it: no signal will tell more.
  private func readLater(_ unit: String) {
    Task { [weak self] in
      guard (try? await Task.sleep(for: Self.pause, clock: .continuous)) != nil else { return }
      await self?.read(unit)
    }
  }

  /// cgroup v1: what a unit runs besides its start, such as `ExecReload=`, begins outside of what the guard freezes, and is moved as soon as it is told.
  ///
  /// - Returns: why something of it may be outside.
  private func sweep(_ seat: UnitSeat, _ group: String) -> String? {
    guard !group.isEmpty else { return nil }
    do {
      guard let directory = try systemdDirectory() else { return "systemd's own cgroup hierarchy is not mounted" }
      return try seat.cgroup.adopt(from: directory + group, part: seat.index)
        ? nil : "processes of it appear faster than they can be moved under the guard"
    } catch { return "its processes may be outside of what the guard stops: \(error)" }
  }

  /// Where systemd's tree begins in its own v1 hierarchy: its own cgroup is at the top of that.
  private func systemdDirectory() throws -> String? {
    guard let own = try PartsCgroup.systemdDirectory(of: "\(systemd.process)") else { return nil }
    return own.hasSuffix("/init.scope") ? String(own.dropLast("/init.scope".count)) : own
  }

  // MARK: who asks

  /// From now on it is read whenever systemd tells a change.
  ///
  /// - Parameter changed: called when the answer may be another.
  /// - Throws: why it cannot be watched.
  func follow(_ seat: UnitSeat, changed: @escaping @Sendable () async -> Void) throws {
    if let other = watched[seat.unit] {
      guard other.seat.cgroup == seat.cgroup else {
        throw BusFailure("\(seat.unit) is a part of another workload that runs here")
      }
      return
    }
    var entry = Watched(seat: seat, changed: changed)
    if case .gate(let path) = seat.cover {
      let cgroup = seat.cgroup, index = seat.index
      entry.gate = try UnitGate(path, logger: logger) { try cgroup.adopt(from: $0, part: index) }
    }
    watched[seat.unit] = entry
    read(seat.unit)
  }

  /// - Parameter cgroup: of the workload that it was a part of.
  func leave(_ unit: String, of cgroup: PartsCgroup) {
    guard let entry = watched[unit], entry.seat.cgroup == cgroup else { return }
    watched[unit] = nil
    entry.gate?.close()
  }

  /// How it is, as far as systemd has told; without a question, but for the first time.
  func answer(_ unit: String, until: BootInstant) async -> PartAnswer {
    guard let entry = watched[unit] else { return .unknown("it is not watched") }
    if !entry.watch.isSeen, trouble == nil, entry.isReading {
      let finish = Finish<Void>()
      watched[unit]?.waiting.append(finish)
      _ = await race(until: ContinuousClock.now + (until - BootClock.now)) { await finish.value() }
    }
    return watched[unit]?.watch.answer ?? .unknown("it is not watched any more")
  }

  /// What of it is not on this host, as a noun; nil: nothing, or nobody can tell.
  func lack(of unit: String, besides own: Set<String>) async -> String? {
    if bus == nil, !KernelFile.exists(systemd.socket) { return "systemd" }
    return try? await facts(of: unit, cover: nil).lack(of: unit, besides: own)
  }
}
