import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// The YAML files that say where workloads may go, should go, and how they fail over.
public enum PolicyFile {
  /// Reads policies from text.
  ///
  /// - Parameter file: the name for messages.
  /// - Throws: every mistake in it, at once.
  public static func parse(text: String, file: String) throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) {
    try parse([try SourceText(file: file, text: text)])
  }

  /// Reads policy files together, in their order: what later ones say about a workload or a node replaces what earlier ones said.
  ///
  /// - Returns: the policies, and warnings about what is odd in them.
  /// - Throws: every mistake in all of them, at once.
  public static func parse(_ texts: [PolicyText]) throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) {
    try parse(try sources(texts))
  }

  /// What of these policies does not fit a cluster, in the order of the files.
  ///
  /// - Throws: every mistake in the files, at once, when they cannot be read at all.
  public static func misfits(_ texts: [PolicyText], in snapshot: PlanningSnapshot) throws(FileErrors) -> [FileMistake] {
    var reading = PolicyReading()
    for source in try sources(texts) { reading.read(source) }
    return try reading.misfits(in: snapshot)
  }

  private static func sources(_ texts: [PolicyText]) throws(FileErrors) -> [SourceText] {
    var sources: [SourceText] = [], mistakes: [FileMistake] = []
    for text in texts {
      do throws(FileErrors) {
        sources.append(try SourceText(file: text.file, text: text.text))
      } catch {
        mistakes += error.mistakes
      }
    }
    if !mistakes.isEmpty { throw FileErrors(mistakes) }
    return sources
  }

  /// Reads policies that are a part of another file, such as a scenario. What is wrong is told in that file's place.
  public static func read(within value: YAMLValue) -> PolicySet {
    var reading = PolicyReading()
    reading.read(within: value)
    return reading.policies
  }

  static func parse(_ sources: [SourceText]) throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) {
    var reading = PolicyReading()
    for source in sources { reading.read(source) }
    return try reading.finish()
  }
}
