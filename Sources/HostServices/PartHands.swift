import CgroupIsolation
import Dispatch
import Glibc
import HealthProbes
import HoldfastModel
import HoldfastTime
import HostParts
import LinuxBasics
import SystemPackage

/// Does to one workload's parts what their sequence wants done.
struct PartHands: Sendable {
  let workload: String
  let epoch: Epoch
  let place: HostPlace
  let cgroup: PartsCgroup
  private let prober: CommandProber
  private let units: UnitDesk
  /// The names of the workload's units.
  private let own: Set<String>
  /// What may wait for the kernel, one after the other.
  private let queue: DispatchQueue

  /// Commands of one workload at once; what hangs keeps its place.
  private static let atOnce = 8
  /// Bytes of a log; when it has more, it begins anew.
  private static let mostLog = 1 << 20
  /// Bytes at the end of a log that are read for a message.
  private static let mostTold = 400

  init(
    _ workload: String, epoch: Epoch, _ cgroup: PartsCgroup, _ parts: [HostPart], _ units: UnitDesk, in place: HostPlace
  ) {
    self.units = units
    own = Set(parts.units)
    self.workload = workload
    self.epoch = epoch
    self.place = place
    self.cgroup = cgroup
    prober = CommandProber(atOnce: Self.atOnce, of: "the parts of \(workload)")
    queue = DispatchQueue(label: "parts of \(workload)")
  }

  private var log: String { "\(place.folder)/\(workload).log" }

  /// Off the threads that must not wait.
  func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
  }

  // MARK: the three questions

  /// - Parameters:
  ///   - begin: writes down that something of the part may be there from now on; false: it could not be written.
  ///   - changed: called when a part that is watched may be another.
  func start(
    _ part: HostPart, _ index: Int, until: BootInstant, begin: @Sendable () async -> Bool,
    changed: @escaping @Sendable () async -> Void
  ) async -> PartCommandEnd {
    if case .unit(let unit) = part.kind {
      let seat = seat(unit, part, index)
      return await units.start(seat, until: until) { [units] in
        guard await begin() else { return "it cannot be written down that it begins" }
        do { try await units.follow(seat, changed: changed) } catch { return "\(error)" }
        return nil
      }
    }
    if case .mount(let mount) = part.kind, let reason = await blocking({ obstacle(to: mount) }) { return .refused(reason) }
    guard !Task.isCancelled else { return .refused("it was cut before it began") }
    guard await begin() else { return .refused("it cannot be written down that it begins") }
    switch part.kind {
    case .mount(let mount):
      if mount.check == .preen, let failure = await check(mount, part, index, until) { return failure }
      guard !Task.isCancelled else { return .timedOut }
      let options = (mount.type.map { ["-t", $0] } ?? []) + (mount.options.map { ["-o", $0] } ?? [])
      return Self.end(await run(["mount"] + options + ["--", mount.what, mount.place], part, index, until: until))
    case .script(let script): return Self.end(await run(script.start, part, index, until: until))
    case .ocf(let agent): return Self.end(await run([executable(agent), "start"], part, index, until: until))
    case .unit: return .refused("it is started by systemd")
    }
  }

  /// Takes up a part that an earlier life began.
  ///
  /// - Returns: why it cannot be watched; nil: it is, or needs not to be.
  func takeUp(_ part: HostPart, _ index: Int, changed: @escaping @Sendable () async -> Void) async -> String? {
    guard case .unit(let unit) = part.kind else { return nil }
    let seat = seat(unit, part, index)
    do { try await units.follow(seat, changed: changed) } catch { return "\(error)" }
    return nil
  }

  /// Nothing of it is left.
  func leave() async {
    for unit in own { await units.leave(unit, of: cgroup) }
    if !own.isEmpty, let slice = cgroup.sliceName { await units.tidy(slice) }
  }

  private func seat(_ unit: UnitPart, _ part: HostPart, _ index: Int) -> UnitSeat {
    let cover: UnitDropIn.Cover? =
      cgroup.sliceName.map { .slice($0) } ?? (cgroup.freezesAlone ? .gate("\(place.folder)/\(workload)-\(index).gate") : nil)
    let variables = ["WORKLOAD": workload, "NODE": place.node.text, "EPOCH": "\(epoch.value)", "PART": part.name]
    return UnitSeat(unit: unit.unit, own: own, cover: cover, variables: variables, cgroup: cgroup, index: index)
  }

  func stop(_ part: HostPart, _ index: Int, until: BootInstant) async -> PartCommandEnd {
    switch part.kind {
    case .script(let script): return Self.end(await run(script.stop, part, index, until: until))
    case .ocf(let agent): return Self.end(await run([executable(agent), "stop"], part, index, until: until))
    case .unit(let unit): return await units.stop(seat(unit, part, index), until: until)
    case .mount(let mount):
      switch await blocking({ isMounted(mount) }) {
      case .down: return .done
      case .unknown(let reason): return .failed(reason)
      default: break
      }
      let end = Self.end(await run(["umount", "--", mount.place], part, index, until: until))
      guard case .failed(let reason) = end else { return end }
      let holders = await blocking { MountHolders(mount.place, cgroup).words }
      return .failed(holders.map { "\(reason); it is held by \($0)" } ?? reason)
    }
  }

  /// How a part is, and how many processes are in its cgroup; nil: that cannot be told.
  func ask(_ part: HostPart, _ index: Int, until: BootInstant) async -> (PartAnswer, processes: Int?) {
    let answer: PartAnswer
    switch part.kind {
    case .mount(let mount): answer = await blocking { isMounted(mount) }
    case .script(let script): answer = await status(script.status, part, index, until, Self.scriptAnswer)
    case .ocf(let agent): answer = await status([executable(agent), "monitor"], part, index, until, Self.agentAnswer)
    case .unit(let unit): answer = await units.answer(unit.unit, until: until)
    }
    let processes = await blocking { [cgroup] in try? cgroup.processes(ofPart: index, unit: part.unitName).count }
    return (answer, processes)
  }

  private func status(
    _ command: [String], _ part: HostPart, _ index: Int, _ until: BootInstant, _ answer: (Int32, String) -> PartAnswer
  ) async -> PartAnswer {
    // It would be frozen as well, and be killed when its time is up.
    if await blocking({ [cgroup] in cgroup.isFrozen }) { return .unknown("it is frozen") }
    switch await run(command, part, index, until: until) {
    case .exited(let status, let said): return answer(status, said)
    case .signalled(let signal): return .unknown("its status was ended by signal \(signal)")
    case .notRun(let reason): return .unknown("its status cannot be asked: \(reason)")
    case .timedOut: return .unknown("its status did not answer within \(InWords.number(part.statusTimeout)) s")
    }
  }

  // MARK: what is left

  /// Signals what keeps a part from being down.
  func signal(_ signal: Int32, _ part: HostPart, _ index: Int) async {
    await blocking { [cgroup] in
      cgroup.signal(signal, part: index, unit: part.unitName)
      if case .mount(let mount) = part.kind { for pid in MountHolders(mount.place, cgroup).own { kill(pid, signal) } }
    }
  }

  func killAll() async { await blocking { [cgroup] in cgroup.signal(SIGKILL) } }

  /// - Parameter mounts: those that were begun.
  func remains(mounts: [MountPart]) async -> PartsRemains {
    await blocking { [cgroup, place] in
      do {
        let processes = try cgroup.processes()
        if !processes.isEmpty {
          return .some("\(ProcessNames.words(processes)) \(processes.count == 1 ? "is" : "are") left in \(cgroup.directory)")
        }
      } catch { return .unknown("\(error)") }
      do {
        let table = try MountTable.seen(by: place.mountOwner)
        for mount in mounts where !table.mounted(at: mount.place).isEmpty { return .unknown("\(mount.place) is still mounted") }
      } catch { return .unknown("\(error)") }
      return .none
    }
  }

  // MARK: mounts

  private func isMounted(_ mount: MountPart) -> PartAnswer {
    do { return try MountTable.seen(by: place.mountOwner).mounted(at: mount.place).isEmpty ? .down : .up } catch {
      return .unknown("\(error)")
    }
  }

  /// Why it must not be mounted there now; nil: nothing speaks against it.
  private func obstacle(to mount: MountPart) -> String? {
    guard let path = realpath(mount.place, nil) else {
      return "\(mount.place) is not there: \(String(cString: strerror(errno))). Make the directory"
    }
    defer { free(path) }
    // The kernel's table has the place to which links lead, and it would not be found there again.
    let real = String(cString: path)
    guard real == mount.place else { return "\(mount.place) leads to \(real). Name that directory itself" }
    do {
      guard let other = try MountTable.seen(by: place.mountOwner).mounted(at: mount.place).last else { return nil }
      return
        "\(other) is mounted on \(mount.place) already, and not by this workload. Unmount it, and keep it out of /etc/fstab"
    } catch { return "\(error)" }
  }

  private func check(_ mount: MountPart, _ part: HostPart, _ index: Int, _ until: BootInstant) async -> PartCommandEnd? {
    let outcome = await run(
      ["fsck", "-a", "-T"] + (mount.type.map { ["-t", $0] } ?? []) + [mount.what], part, index, until: until)
    // 1: it repaired something.
    if case .exited(let status, let said) = outcome, status > 1 {
      return .failed(
        "fsck finds what it does not repair by itself (status \(status))\(said.isEmpty ? "" : ": \(said)"). Repair it by hand")
    }
    if case .exited = outcome { return nil }
    return Self.end(outcome)
  }

  // MARK: commands

  private enum Outcome {
    case exited(Int32, said: String)
    case signalled(Int32)
    case notRun(String)
    case timedOut
  }

  private static func end(_ outcome: Outcome) -> PartCommandEnd {
    switch outcome {
    case .exited(0, _): .done
    case .exited(let status, let said): .failed("it ended with status \(status)\(said.isEmpty ? "" : ": \(said)")")
    case .signalled(let signal): .failed("it was ended by signal \(signal)")
    case .notRun(let reason): .failed("it cannot be run: \(reason)")
    case .timedOut: .timedOut
    }
  }

  /// LSB.
  private static func scriptAnswer(_ status: Int32, _ said: String) -> PartAnswer {
    switch status {
    case 0: .up
    case 3: .down
    case 1, 2: .dead("status \(status)")
    case 4: .unknown("its status says that it does not know (status 4)")
    default: .failed("status \(status)\(said.isEmpty ? "" : ": \(said)")")
    }
  }

  /// OCF. 8: it is up, in the promoted role.
  private static func agentAnswer(_ status: Int32, _ said: String) -> PartAnswer {
    switch status {
    case 0, 8: .up
    case 7: .down
    default: .failed("status \(status)\(said.isEmpty ? "" : ": \(said)")")
    }
  }

  private func executable(_ agent: AgentPart) -> String { "\(place.agentRoot)/\(agent.path ?? "")" }

  /// Enters the part's cgroup before anything of the command executes, so that the guard covers it; what it says goes to the log, which a process that runs
  /// on can go on writing to. What is said before that is the launcher's own complaint.
  private static let launcher = [
    "/bin/sh", "-c", "echo 0 >\"$1/cgroup.procs\" || exit 1; exec >>\"$2\" 2>&1 </dev/null || exit 1; shift 2; exec \"$@\"",
    "holdfast-part"
  ]

  private func run(_ command: [String], _ part: HostPart, _ index: Int, until: BootInstant) async -> Outcome {
    let end = ContinuousClock.now + (until - BootClock.now)
    let count = index + 1
    let before = await blocking { [log, cgroup] in
      // Whoever tidies up cgroups may have removed one that was empty.
      try? cgroup.create(parts: count)
      return Self.trim(log)
    }
    let namespace = place.mountNamespace.map { ["nsenter", "--mount=/proc/\($0)/ns/mnt", "--"] } ?? []
    let line = namespace + Self.launcher + [cgroup.directory(ofPart: index), log] + command
    let ended = await prober.run(line, variables: variables(part, until), CommandProber.Terms(endsRest: false), until: end)
    switch ended {
    case .exited(_, let complaint) where !complaint.isEmpty: return .notRun(complaint)
    case .exited(let status, _):
      let said = await blocking { [log] in Self.said(log, since: before) }
      return status == 126 || status == 127 ? .notRun(said.isEmpty ? "status \(status)" : said) : .exited(status, said: said)
    case .signalled(let signal): return .signalled(signal)
    case .notStarted(let reason): return .notRun(reason)
    case .timedOut: return .timedOut
    }
  }

  private func variables(_ part: HostPart, _ until: BootInstant) -> [String: String] {
    var variables = [
      "HOLDFAST_WORKLOAD": workload, "HOLDFAST_NODE": place.node.text, "HOLDFAST_EPOCH": "\(epoch.value)",
      "HOLDFAST_PART": part.name
    ]
    guard case .ocf(let agent) = part.kind else { return variables }
    let names = agent.agent.split(separator: ":")
    for (name, value) in agent.params { variables["OCF_RESKEY_\(name)"] = value }
    variables["OCF_ROOT"] = place.agentRoot
    variables["OCF_RESOURCE_INSTANCE"] = "\(workload)-\(part.name)"
    variables["OCF_RESOURCE_PROVIDER"] = names.count > 1 ? String(names[1]) : ""
    variables["OCF_RESOURCE_TYPE"] = names.last.map(String.init) ?? ""
    (variables["OCF_RA_VERSION_MAJOR"], variables["OCF_RA_VERSION_MINOR"]) = ("1", "1")
    variables["OCF_RESKEY_CRM_meta_timeout"] = "\(max(1, (until - BootClock.now).wholeNanoseconds / 1_000_000))"
    variables["OCF_RESKEY_CRM_meta_interval"] = "\(Int(part.interval * 1000))"
    return variables
  }

  // MARK: the log

  /// - Returns: its length.
  private static func trim(_ path: String) -> Int {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return 0 }
    guard facts.st_size > mostLog else { return Int(facts.st_size) }
    // Whoever writes to it appends: the next line is its first.
    truncate(path, 0)
    return 0
  }

  /// The last of what was written to it since, in one line.
  private static func said(_ path: String, since: Int) -> String {
    guard let file = try? Descriptor.open(path, .readOnly) else { return "" }
    let length = Int(lseek(file.number, 0, SEEK_END))
    guard length > since, lseek(file.number, off_t(max(since, length - mostTold)), SEEK_SET) >= 0,
      let bytes = try? file.bytes(limit: mostTold)
    else { return "" }
    return InWords.oneLine(String(decoding: bytes.prefix(mostTold), as: UTF8.self))
  }
}
