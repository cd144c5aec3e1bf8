import HoldfastModel
import HoldfastTime
import HostParts

/// What one run of a workload made of parts has on its host: processes, mounts, and the record of how far it came. None of it needs a controller to go on,
/// and all of it ends with a reboot.
final class SimulatedParts {
  /// A daemon, or what is run to start, stop or ask a part.
  final class Process {
    enum Kind { case daemon, start, stop, status }
    enum End {
      case byItself
      /// By SIGKILL or SIGTERM.
      case signalled
    }
    let part: Int
    let kind: Kind
    /// It runs in the workload's cgroup, where the guard freezes and kills it.
    fileprivate let isCovered: Bool
    /// SIGKILL was sent: it executes no further instruction.
    fileprivate(set) var isKilled = false
    /// Whoever started it and waits for it.
    fileprivate var ended: ((End) -> Void)?

    fileprivate init(_ part: Int, _ kind: Kind, isCovered: Bool = true, _ ended: ((End) -> Void)?) {
      self.part = part
      self.kind = kind
      self.isCovered = isCovered
      self.ended = ended
    }
  }

  let parts: [HostPart]
  let workload: WorkloadName
  private unowned let host: SimulatedHost
  private weak var domain: SimulatedDomain?
  /// What starts a part runs in its cgroup.
  private let coversStarts: Bool
  private var processes: [Process] = []
  private(set) var mounted: Set<Int> = []
  /// Ended by themselves, with something left behind.
  private var remnants: Set<Int> = []
  /// Parts that were seen up in this run.
  private(set) var cameUp: Set<Int> = []
  /// Another node has its claim, or nobody: its storage refuses this host when another mounts it.
  var isLeftBehind = false {
    didSet { if isLeftBehind != oldValue { host.world.invariants.hostChanged(host) } }
  }

  // What is written down of it.
  /// So many parts were begun, from the first on.
  private(set) var begun = 0
  /// All of it was up, as far as was written down.
  var wasUp = false

  private var dice: Dice { host.partsDice }
  private var faults: PartTroubles { host.partTroubles }

  init(_ domain: SimulatedDomain, _ parts: [HostPart], of workload: WorkloadName, on host: SimulatedHost, coversStarts: Bool) {
    self.domain = domain
    self.parts = parts
    self.workload = workload
    self.host = host
    self.coversStarts = coversStarts
  }

  // MARK: questions

  /// In its cgroup.
  var hasProcesses: Bool { processes.contains(where: \.isCovered) }

  /// Something of it executes as soon as it is not frozen. What tidies up or asks does nothing for the workload.
  var isAlive: Bool { processes.contains(where: Self.works) }

  private static func works(_ process: Process) -> Bool {
    !process.isKilled && (process.kind == .daemon || process.kind == .start)
  }

  /// Whether it does something for the workload now, or has a file system that it may write to.
  func executes(isFrozen: Bool) -> Bool {
    guard isFrozen else { return isAlive || !mounted.isEmpty && !isLeftBehind }
    return processes.contains { !$0.isCovered && Self.works($0) }
  }

  /// The part does what it is for.
  func isUp(_ index: Int) -> Bool {
    if case .mount = parts[index].kind { return mounted.contains(index) }
    return processes.contains { $0.part == index && $0.kind == .daemon && !$0.isKilled }
  }

  /// Something of the part is there.
  func isLeft(_ index: Int) -> Bool { mounted.contains(index) || count(index) > 0 }
  /// As a clause; nil: nothing is left of it.
  var left: String? {
    if let index = mounted.min() { return "\(Self.place(parts[index])) is mounted" }
    return processes.isEmpty ? nil : "\(processes.count) of its processes \(processes.count == 1 ? "is" : "are") there"
  }

  /// Processes of the part besides those that ask how it is.
  func count(_ index: Int) -> Int { processes.count { $0.part == index && $0.kind != .status } }

  static func place(_ part: HostPart) -> String { if case .mount(let mount) = part.kind { mount.place } else { part.name } }

  private var isFrozen: Bool { domain.map(host.isFrozen) ?? false }
  private func name(_ index: Int) -> PartName { PartName(parts[index].name, of: workload) }

  // MARK: what is asked of it

  /// From now on something of the part may be there; that is written down.
  func begins(_ index: Int) { begun = max(begun, index + 1) }

  /// - Parameter ended: told when its command ends.
  func start(_ index: Int, _ ended: @escaping (PartCommandEnd) -> Void) -> Process {
    host.world.invariants.parts.starts(index, self, on: host)
    let trouble = faults.starts[name(index)]
    return begin(index, .start, lasting: trouble == .hangs ? nil : dice.milliseconds(30...1500)) { [self] in
      if trouble == .fails { return .failed("it ended with status 1") }
      come(up: index)
      return .done
    } ended: {
      ended($0)
    }
  }

  private func come(up index: Int) {
    cameUp.insert(index)
    remnants.remove(index)
    if case .mount(let mount) = parts[index].kind {
      mounted.insert(index)
      host.tell("\(mount.what) is mounted on \(mount.place)")
      host.world.invariants.parts.mounted(mount, self, on: host)
    } else {
      processes.append(Process(index, .daemon, nil))
    }
    changed()
  }

  func stop(_ index: Int, _ ended: @escaping (PartCommandEnd) -> Void) -> Process {
    host.world.invariants.parts.stops(index, self, on: host)
    let trouble = faults.stops[name(index)]
    return begin(index, .stop, lasting: trouble == .hangs ? nil : dice.milliseconds(10...800)) { [self] in
      if trouble == .fails { return .failed("target is busy") }
      go(down: index)
      return .done
    } ended: {
      ended($0)
    }
  }

  private func go(down index: Int) {
    remnants.remove(index)
    if mounted.remove(index) != nil { host.tell("\(Self.place(parts[index])) is unmounted") }
    processes.removeAll { $0.part == index && $0.kind == .daemon }
    changed()
  }

  /// How the part is. nil: nothing is run for that, and the answer comes by itself.
  func ask(_ index: Int, _ ended: @escaping (PartAnswer) -> Void) -> Process? {
    if case .mount = parts[index].kind {
      // The kernel's table is read by the adapter itself, frozen or not.
      if faults.blind.contains(name(index)) { return begin(index, .status, lasting: nil, { .done }, ended: { _ in }) }
      host.after(dice.milliseconds(0.2...5)) { [self] in ended(mounted.contains(index) ? .up : .down) }
      return nil
    }
    if isFrozen {
      host.after(dice.milliseconds(0.2...5)) { ended(.unknown("it is frozen")) }
      return nil
    }
    let lasting = faults.blind.contains(name(index)) ? nil : dice.milliseconds(3...60)
    return begin(index, .status, lasting: lasting, { .done }) { [self] end in
      if case .done = end { ended(answer(index)) } else { ended(.unknown("its status was ended by signal 9")) }
    }
  }

  private func answer(_ index: Int) -> PartAnswer {
    if isUp(index) { return .up }
    guard remnants.contains(index) else { return .down }
    if case .script = parts[index].kind { return .dead("status 1") }
    return .failed("status 1")
  }

  /// Why it must not be mounted now; nil: nothing speaks against it.
  func obstacle(to index: Int) -> String? {
    guard mounted.contains(index) else { return nil }
    return "something is mounted on \(Self.place(parts[index])) already, and not by this workload"
  }

  /// As the adapter sees it.
  func remains() -> PartsRemains {
    if !processes.isEmpty { return .some("\(processes.count) processes are left") }
    return mounted.min().map { .unknown("\(Self.place(parts[$0])) is still mounted") } ?? .none
  }

  // MARK: processes

  private func begin(
    _ index: Int, _ kind: Process.Kind, lasting: Span?, _ finish: @escaping () -> PartCommandEnd,
    ended: @escaping (PartCommandEnd) -> Void
  ) -> Process {
    var end = PartCommandEnd.done
    let process = Process(index, kind, isCovered: kind != .start || coversStarts) { how in
      switch how {
      case .byItself: ended(end)
      case .signalled: ended(.failed("it was ended by signal 9"))
      }
    }
    processes.append(process)
    changed(by: process)
    if let lasting {
      host.after(lasting) { [self] in
        goOn(process) { [self] in
          end = finish()
          remove(process, .byItself)
        }
      }
    }
    return process
  }

  /// Its next instruction: what is frozen has it when it is thawed, and what is killed never.
  private func goOn(_ process: Process, _ body: @escaping () -> Void) {
    guard !process.isKilled else { return }
    guard isFrozen, process.isCovered else { return body() }
    host.whenThawed { [self] in host.after(dice.milliseconds(0.1...5)) { [self] in goOn(process, body) } }
  }

  private func remove(_ process: Process, _ end: Process.End) {
    guard let index = processes.firstIndex(where: { $0 === process }) else { return }
    processes.remove(at: index)
    changed(by: process)
    let ended = process.ended
    process.ended = nil
    ended?(end)
  }

  /// Nobody waits for it any more, and it is killed.
  func giveUp(_ process: Process) {
    process.ended = nil
    kill(process)
  }

  /// What is frozen keeps its SIGKILL until it is thawed, or the guard kills it.
  private func kill(_ process: Process) {
    guard !process.isKilled else { return }
    process.isKilled = true
    changed(by: process)
    let end = { [self] in host.after(dice.milliseconds(1...20)) { [self] in remove(process, .signalled) } }
    if isFrozen, process.isCovered { host.whenThawed(end) } else { end() }
  }

  private func terminate(_ process: Process) {
    // Not everything listens.
    guard !dice.chance(0.2) else { return }
    host.after(dice.milliseconds(5...300)) { [self] in goOn(process) { [self] in remove(process, .signalled) } }
  }

  /// What keeps the part from being down: its processes; of a mount those of the workload that hold it.
  private func holders(of index: Int) -> [Process] {
    if case .mount = parts[index].kind { return processes.filter { $0.part == index || $0.kind == .daemon && $0.part > index } }
    return processes.filter { $0.part == index }
  }

  func terminate(_ index: Int) { for process in holders(of: index) { terminate(process) } }
  func kill(_ index: Int) { for process in holders(of: index) { kill(process) } }
  func killAll() { for process in processes { kill(process) } }

  /// By the guard: also what is frozen ends.
  func kill(why: String, lasting: Span) {
    let all = processes.filter(\.isCovered)
    guard isFrozen || all.contains(where: { !$0.isKilled }) else { return }
    if isAlive { host.tell("\(workload) is killed: \(why)") }
    for process in all { process.isKilled = true }
    changed()
    host.after(lasting) { [self] in for process in all { remove(process, .signalled) } }
  }

  /// With its host, or the world: nobody waits for anything of it any more.
  func vanish() {
    for process in processes { process.ended = nil }
    (processes, mounted) = ([], [])
  }

  /// Its daemon ends by itself, or its mount is gone.
  func die(_ part: String) {
    guard let index = parts.firstIndex(where: { $0.name == part }), isUp(index), !isFrozen else { return }
    host.tell("\(name(index)) ends by itself")
    mounted.remove(index)
    processes.removeAll { $0.part == index && $0.kind == .daemon }
    remnants.insert(index)
    changed()
    host.world.invariants.parts.died(index, self, on: host)
  }

  /// Who asks how a part is changes nothing of it.
  private func changed(by process: Process) { if process.kind != .status { changed() } }

  private func changed() {
    host.world.chronicle?.changed()
    host.world.invariants.hostChanged(host)
  }
}
