import ArgumentParser
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

/// Policy files that were named to a command, read.
struct PolicyFiles {
  var named: [PolicyText]
  /// As they were given.
  var paths: [String]
  var policies: PolicySet
  var warnings: [FileMistake]

  /// No file at all.
  static let none = PolicyFiles(named: [], paths: [], policies: .none, warnings: [])

  /// Tells every mistake, and ends the command, when they cannot be used.
  static func read(_ paths: [String]) throws -> PolicyFiles {
    do {
      let sources = try PolicySources(paths)
      let (policies, warnings) = try sources.parse()
      return PolicyFiles(named: sources.named, paths: sources.texts.map(\.file), policies: policies, warnings: warnings)
    } catch let errors as FileErrors {
      throw MistakenFiles("these policies cannot be used", errors)
    }
  }

  /// Policies that come from the cluster.
  ///
  /// - Throws: `Failure` when this build does not understand them.
  static func understood(
    _ texts: [PolicyText], thing: String = "the policies in force",
    remedy: String = "Use the holdfast of the cluster's version; `holdfast policy show` prints them."
  ) throws -> PolicySet {
    do throws(FileErrors) {
      return try PolicyFile.parse(texts).policies
    } catch {
      let first = error.mistakes.first { $0.severity == .error }?.headline ?? "no reason is known"
      throw Failure(
        thing: thing, reason: "this build cannot read them: \(first)", remedy: remedy)
    }
  }
}
