import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// Reads policies for the controller.
public struct PolicyFileReader: PolicyReader {
  public init() {}

  public func read(_ files: [PolicyText]) throws(UnreadablePolicies) -> PolicySet {
    do throws(FileErrors) {
      return try PolicyFile.parse(files).policies
    } catch {
      let mistake = error.mistakes.first.map { "\($0)".split(separator: "\n").joined(separator: " ") } ?? "\(error)"
      let more = error.mistakes.count - 1
      throw UnreadablePolicies(reason: more > 0 ? "\(mistake) (and \(more) more)" : mistake)
    }
  }
}
