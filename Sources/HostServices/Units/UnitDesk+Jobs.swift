import FoundationEssentials
import Glibc
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import LinuxBasics
import Logging

extension UnitDesk {
  private func folder(of unit: String) -> String { "\(root)/run/systemd/system/\(unit).d" }
  private func dropIn(of unit: String) -> String { "\(folder(of: unit))/\(UnitDropIn.fileName)" }

  /// Puts it under the guard, and starts it.
  ///
  /// - Parameters:
  ///   - begin: writes down that something of the part may be there from now on, and follows it; a text: why that cannot be.
  func start(_ seat: UnitSeat, until: BootInstant, begin: @Sendable () async -> String?) async -> PartCommandEnd {
    let unit = seat.unit
    guard let cover = seat.cover else { return .refused("\(UnitSeat.noCover)") }
    let before: UnitFacts
    do throws(BusFailure) {
      before = try await facts(of: unit, cover: cover)
    } catch { return .refused(error.reason) }
    if let flaw = before.obstacle(of: unit, besides: seat.own) { return .refused("\(flaw)") }
    if watched[unit] != nil { return .refused("\(unit) is a part of another workload that runs here") }
    guard !Task.isCancelled else { return .refused("it was cut before it began") }
    if let reason = await begin() { return .refused(reason) }
    do {
      let dropIn = UnitDropIn(cover, variables: seat.variables, isOneshot: before.type == "oneshot")
      try write(dropIn, for: unit)
      _ = try await call("Reload", within: Self.reloading)
      guard try await facts(of: unit, cover: cover).isCovered else {
        return .failed(
          "what puts \(unit) under the guard is not in force: another drop-in has the last word, or systemd is older than 247. Look with `systemctl cat \(unit)`"
        )
      }
      guard !Task.isCancelled, BootClock.now < until else { return .timedOut }
      // It gives way to what is queued already, such as the host's shutdown.
      return try await end(of: unit, "StartUnit", "fail", until)
    } catch { return .failed("\(error)") }
  }

  /// Stops it, and takes back what was put in force for it when nothing of it executes.
  func stop(_ seat: UnitSeat, until: BootInstant) async -> PartCommandEnd {
    let unit = seat.unit
    do {
      do throws(BusFailure) {
        let end = try await end(of: unit, "StopUnit", "replace", until)
        guard case .done = end else { return end }
      } catch {
        guard error.name == "org.freedesktop.systemd1.NoSuchUnit" else { throw error }
      }
      let after = try await facts(of: unit, cover: seat.cover)
      guard after.activity == .inactive || after.activity == .failed, after.job == nil else { return .done }
      if after.activity == .failed {
        logger.notice("\(unit) failed before it was stopped", metadata: ["result": "\(after.result)"])
        _ = try await call("ResetFailedUnit", [unit])
      }
      if try removeDropIn(of: unit) { _ = try await call("Reload", within: Self.reloading) }
      await readNow(unit)
      return .done
    } catch { return .failed("\(error)") }
  }

  /// Of a workload that is over: the slice that systemd made for its units.
  func tidy(_ slice: String) async { _ = try? await call("StopUnit", [slice, "replace"]) }

  // MARK: jobs

  /// How the job that this makes ends. When nobody tells, it is done as far as is known: how the unit is says what came of it.
  private func end(of unit: String, _ member: String, _ mode: String, _ until: BootInstant) async throws(BusFailure)
    -> PartCommandEnd
  {
    guard let job = try await call(member, [unit, mode]).first?.text else {
      throw BusFailure("systemd names no job for \(unit)")
    }
    let result: String?
    if let ended = endedJobs.removeValue(forKey: job) {
      result = ended
    } else {
      let finish = Finish<String>()
      waitingJobs[job] = finish
      let raced = await race(until: ContinuousClock.now + (until - BootClock.now)) { await finish.value() }
      waitingJobs[job] = nil
      guard let raced else { return .timedOut }
      result = try? raced.get()
    }
    // What was read before may be older than the job's end.
    await readNow(unit)
    guard let result, result != "done" else { return .done }
    let after = try? await facts(of: unit, cover: nil)
    let why = after.map {
      "; systemd tells \($0.result)\($0.mainStatus.map { ", status \($0)" } ?? ""). `journalctl -u \(unit)` has more"
    }
    return .failed("its job ended with \"\(result)\"\(why ?? "")")
  }

  // MARK: the drop-in

  private func write(_ dropIn: UnitDropIn, for unit: String) throws {
    for folder in ["\(root)/run/systemd/system", folder(of: unit)] { try KernelFile.makeDirectory(folder) }
    try Data(dropIn.text.utf8).write(to: URL(filePath: self.dropIn(of: unit)), options: .atomic)
    chmod(self.dropIn(of: unit), 0o644)
  }

  /// - Returns: whether there was one.
  private func removeDropIn(of unit: String) throws(KernelFileError) -> Bool {
    let path = dropIn(of: unit)
    guard unlink(path) == 0 else {
      if errno == ENOENT { return false }
      throw KernelFileError(operation: "remove", path: path, code: errno)
    }
    // Others may have something in it.
    rmdir(folder(of: unit))
    return true
  }
}
