import ArgumentParser
import Glibc
import HoldfastYAML
import Scenarios
import Simulator

/// Prints fingerprints, a line for each seed, in the order of the seeds: two builds whose lines are equal behaved alike.
enum FingerprintRun {
  private static let variable = "SWIFT_DETERMINISTIC_HASHING"

  /// Swift seeds its hashes anew in every process, unless the environment says otherwise before the process begins: begins it again.
  static func hashAlikeInEveryProcess() throws {
    guard getenv(variable) == nil else { return }
    setenv(variable, "1", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
    let reason = String(cString: strerror(errno))
    Output.complain("holdfast: cannot start again with \(variable)=1: \(reason). Set it in the environment and try again.")
    throw ExitCode(ExitStatus.failed.rawValue)
  }

  static func storms(_ campaign: Campaign) async {
    var campaign = campaign
    campaign.settings = { [settings = campaign.settings] seed in
      var settings = settings(seed)
      settings.takesFingerprint = true
      return settings
    }
    var next = campaign.seeds.lowerBound
    var waiting: [UInt64: Simulation.Outcome] = [:]
    _ = await campaign.run { _ in
    } each: { seed, outcome in
      waiting[seed] = outcome
      while let outcome = waiting.removeValue(forKey: next) {
        let end = outcome.violation.map { "  \($0.invariant.rawValue)" } ?? ""
        Output.line("\(next) \(words(outcome.fingerprint, outcome.hash))\(end)")
        next += 1
      }
    }
  }

  static func scenarios(_ files: [String], _ seeds: ClosedRange<UInt64>?) throws {
    for file in files {
      let scenario = try ScenarioFile.parse(path: file)
      for seed in seeds ?? 1...UInt64(scenario.seeds) {
        let outcome = ScenarioRun.run(scenario, seed: seed, keepsStory: false, takesFingerprint: true)
        Output.line("\(file) \(seed) \(words(outcome.fingerprint, outcome.hash))\(outcome.isMet ? "" : "  not met")")
      }
    }
  }

  private static func words(_ fingerprint: Fingerprint?, _ world: UInt64) -> String {
    [fingerprint?.structure ?? 0, fingerprint?.whole ?? 0, world].map(hex).joined(separator: " ")
  }

  private static func hex(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
