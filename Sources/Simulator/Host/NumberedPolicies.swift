import HoldfastModel
import HoldfastPlanning

/// Stands for the policy files in a simulated store: a number there, and the setup's policies of that number here.
struct NumberedPolicies: PolicyReader {
  var sets: [PolicySet]

  func read(_ files: [PolicyText]) throws(UnreadablePolicies) -> PolicySet {
    guard let text = files.first?.text, let number = Int(text), sets.indices.contains(number) else {
      throw UnreadablePolicies(reason: "no policies of the setup have the number that stands there")
    }
    return sets[number]
  }

  static func record(_ number: Int) -> PoliciesRecord {
    PoliciesRecord(files: [PolicyText(file: "policies.yaml", text: "\(number)")])
  }
}
