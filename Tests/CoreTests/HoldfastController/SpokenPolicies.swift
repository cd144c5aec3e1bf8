import GuardCore
import HoldfastModel
import HoldfastPlanning

/// Policies for tests, in a word each: what a file's text says.
struct SpokenPolicies: PolicyReader {
  func read(_ files: [PolicyText]) throws(UnreadablePolicies) -> PolicySet {
    var policies = PolicySet()
    for file in files {
      let words = file.text.split(separator: " ").map(String.init)
      if words.count == 3, words[0] == "node-check", let then = NodeCheck.Then(rawValue: words[2]) {
        let check = NodeCheck(name: CheckName(words[1]), probe: .writable(path: "/srv"), interval: .seconds(1), then: then)
        policies.nodeChecks.append(NodeCheckPolicy(check))
        continue
      }
      guard words.count == 3, let known = Self.rule(words[0], words[2]), let selection = try? Selection(parsing: words[1])
      else {
        throw UnreadablePolicies(reason: "'\(file.text)' is no rule")
      }
      var rule = WorkloadPolicy(name: file.text, selection: selection)
      known(&rule)
      policies.workloads.append(rule)
    }
    return policies
  }

  private static func rule(_ word: String, _ value: String) -> ((inout WorkloadPolicy) -> Void)? {
    switch word {
    case "never-on": { $0.neverOn = try? Selection(parsing: value) }
    case "isolation": { $0.isolation = Isolation(rawValue: value) }
    case "when-it-ends": { $0.whenItEnds = WhenItEnds(rawValue: value) }
    case "on-io-error": { $0.onIOError = OnIOError(rawValue: value) }
    case "restarts": { $0.failover = Failover(restarts: Int(value)) }
    case "then": { $0.failover = Failover(then: Failover.Then(rawValue: value)) }
    case "otherwise": { $0.evacuation = Evacuation(otherwise: Evacuation.Otherwise(rawValue: value)) }
    case "wait": { $0.failover = Failover(wait: Double(value)) }
    case "night":
      { rule in
        rule.prefer = (try? Selection(parsing: value)).map { .inOrder([$0]) }
        rule.failback = Failback(.automatic, after: 0, windows: (try? [WeekWindow(parsing: "daily 02:00-03:00")]) ?? [])
      }
    default: nil
    }
  }
}
