import HealthProbes
import HoldfastModel
import HoldfastTime
import LinuxBasics
import Logging
import Synchronization

/// Runs hooks' executables: so many at once, those of one workload one after another, each for so long, and of none is anything left then.
package final class HookRunner: Sendable {
  /// What is asked, and what came of it.
  package enum Verdict: Hashable, Sendable {
    case agreed
    /// With the whole sentence.
    case refused(reason: String)
  }

  /// Who is only told is not to keep places from who is asked.
  private let asked = CommandProber(of: "hooks"), told = CommandProber(of: "hooks that are told afterwards")
  /// One place for each workload of which a hook was ever run.
  private let lines = Mutex<[WorkloadName: Gate]>([:])
  private let telling = Mutex(0)
  private let cluster: String
  private let node: NodeName
  private let logger: Logger

  package init(cluster: String, node: NodeName, logger: Logger) {
    self.cluster = cluster
    self.node = node
    self.logger = logger
  }

  /// Nobody is being told.
  package var isIdle: Bool { telling.withLock { $0 == 0 } }

  /// Asks hooks, one after the other, until one refuses.
  ///
  /// - Parameters:
  ///   - limit: by then the last has been asked.
  ///   - mayRefuse: false: each is asked, whatever they say, and who fails is logged.
  package func ask(
    _ hooks: [Hook], _ matter: HookMatter, before act: Hook.Act, until limit: ContinuousClock.Instant? = nil,
    mayRefuse: Bool
  ) async -> Verdict {
    for hook in hooks {
      guard !Task.isCancelled else { break }
      let now = ContinuousClock.now, end = min(now + hook.timeout, limit ?? now + hook.timeout)
      let failure: String? =
        if end > now { await run(hook, matter, .before(act), until: end) } else {
          "the hook \(hook.path) was not asked: those before it took all the time that there was"
        }
      // Who is not waited for any more is ended, which is no failure of its own.
      guard !Task.isCancelled, let failure else { continue }
      let refuses = mayRefuse && hook.onFailure == .refuse
      logger.warning(
        refuses ? "a hook keeps a workload from what was asked for" : "a hook failed, and nothing follows from it",
        metadata: ["workload": "\(matter.workload)", "hook": "\(HookMoment.before(act).name)", "reason": "\(failure)"])
      if refuses { return .refused(reason: failure) }
    }
    return .agreed
  }

  /// Tells hooks, one after the other, behind the caller's back.
  package func tell(_ hooks: [Hook], _ matter: HookMatter, after act: Hook.Act, _ outcome: OperationOutcome) {
    guard !hooks.isEmpty else { return }
    telling.withLock { $0 += 1 }
    Task {
      for hook in hooks {
        let end = ContinuousClock.now + hook.timeout
        if let failure = await run(hook, matter, .after(act), ended: Self.ended(outcome), until: end) {
          logger.warning(
            "a hook was not told what was done",
            metadata: ["workload": "\(matter.workload)", "hook": "\(HookMoment.after(act).name)", "reason": "\(failure)"])
        }
      }
      telling.withLock { $0 -= 1 }
    }
  }

  private static func ended(_ outcome: OperationOutcome) -> (outcome: HookDocument.Outcome, reason: String?) {
    switch outcome {
    case .done: (.done, nil)
    case .failed(let reason), .hindered(_, let reason): (.failed, reason)
    case .tooLate: (.failed, "it was not begun: it was called off, or there was no time left for it")
    case .barred: (.failed, "it was not begun, as starts of the workload are barred here")
    case .unknown(let reason): (.unknown, reason)
    }
  }

  /// Gives why it failed, as a sentence; nil: it did not.
  private func run(
    _ hook: Hook, _ matter: HookMatter, _ moment: HookMoment, ended: (outcome: HookDocument.Outcome, reason: String?)? = nil,
    until end: ContinuousClock.Instant
  ) async -> String? {
    let line = lines.withLock { lines in
      let line = lines[matter.workload] ?? Gate(1)
      lines[matter.workload] = line
      return line
    }
    guard await line.enter(until: end) else {
      return "the hook \(hook.path) was not asked: another hook of this workload was not done before"
    }
    defer { line.leave() }
    let document = HookDocument(
      matter, at: moment, ended: ended, cluster: cluster, node: node, time: wallTime(),
      seconds: Double(max(0, Int((end - .now).inSeconds * 10))) / 10)
    let input: [UInt8]
    do { input = try document.json() } catch { return "the hook \(hook.path) was not asked: \(error)" }
    let prober = if case .before = moment { asked } else { told }
    let answer = await prober.run([hook.path], variables: document.variables, .init(input: input), until: end)
    return explain(answer, of: hook, matter, moment)
  }

  private func explain(_ end: CommandEnd, of hook: Hook, _ matter: HookMatter, _ moment: HookMoment) -> String? {
    switch end {
    case .exited(0, let output):
      if !output.isEmpty {
        logger.info(
          "a hook says",
          metadata: [
            "path": "\(hook.path)", "hook": "\(moment.name)", "workload": "\(matter.workload)", "output": "\(output)"
          ])
      }
      return nil
    // As of a shell: what was to be run is not there, or is none to be run.
    case .exited(let status, let output) where 126...127 ~= status:
      return "the hook \(hook.path) cannot be run: \(output.isEmpty ? "it ends with status \(status)" : output)"
    case .exited(let status, ""): return "the hook \(hook.path) refused, with status \(status)"
    case .exited(_, let output): return "the hook \(hook.path) refused: \(output)"
    case .signalled(let signal): return "the hook \(hook.path) was ended by signal \(signal)"
    case .notStarted(let reason): return "the hook \(hook.path) cannot be run: \(reason)"
    case .timedOut: return "the hook \(hook.path) did not end in its time, and was killed"
    }
  }
}
