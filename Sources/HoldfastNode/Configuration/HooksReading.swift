import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

/// Reads who is asked before, and told after, what this node does with its workloads.
///
/// An executable that is missing is a warning, although it keeps what is asked about it from starting: without its controller the node would freeze
/// what runs.
enum HooksReading {
  static func hooks(_ value: YAMLValue?) -> [Hook] {
    guard let value, !value.isNothing,
      let items = value.items(
        expected: "a list of hooks, such as [{run: /usr/local/sbin/hook, before: [start]}]",
        remedy: "Write a list, even of one.")
    else { return [] }
    guard items.count <= Hook.most else {
      value.wrong(
        expected: "at most \(Hook.most) hooks", found: "\(items.count)", remedy: "Let one of them do what several do.")
      return []
    }
    return items.compactMap(hook)
  }

  private static func hook(_ item: YAMLValue) -> Hook? {
    guard let section = item.section(of: NodeConfiguration.keys, at: "hooks[]") else { return nil }
    let before = acts(section["before"]), after = acts(section["after"])
    if section["before"] == nil, section["after"] == nil {
      section.missing(
        "before", expected: "'before' or 'after'", remedy: "Add one of them, or both, such as 'before: [start]'.")
    }
    let mayRefuse = before.contains(.start) || before.contains(.migrate)
    if let onFailure = section["on-failure"], section["before"] == nil || !before.isEmpty, !mayRefuse {
      onFailure.wrong(
        expected: "'before: [start]' or 'before: [migrate]' beside it",
        remedy: "Remove it: nothing else can be refused, and failures are logged.")
    }
    let onFailure = section.read("on-failure", default: Hook.OnFailure.refuse) { $0.choice(Hook.OnFailure.self) }
    let meanwhile =
      mayRefuse && onFailure == .refuse
      ? " Until then what it is asked about is refused; 'on-failure: ignore' lets it be done." : ""
    let path = section.required("run", expected: "an executable", remedy: "Add 'run: /usr/local/sbin/NAME'.")
    guard let path = path?.executable(meanwhile: meanwhile) else { return nil }
    return Hook(
      path, before: before, after: after,
      workloads: section.read("workloads", default: .all) { $0.selection(of: "workloads") },
      timeout: section.read("timeout", default: Hook.usualTimeout) { $0.duration(in: Hook.allowedTimeouts) },
      onFailure: onFailure)
  }

  private static func acts(_ value: YAMLValue?) -> Set<Hook.Act> {
    let expected = "a list of start, stop and migrate"
    guard let value, let items = value.items(expected: expected, remedy: "Write a list, even of one.") else { return [] }
    if items.isEmpty { value.wrong(expected: expected, found: "an empty list", remedy: "Name some, or remove it.") }
    return Set(YAMLValue.distinct(items) { $0.choice(Hook.Act.self) })
  }
}

extension Hook {
  /// As it would be written in the file.
  var setting: String {
    func list(_ acts: Set<Act>) -> String { "[\(Act.allCases.filter(acts.contains).map(\.rawValue).joined(separator: ", "))]" }
    func quoted(_ text: String) -> String {
      "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
    var fields = ["run: \(quoted(path))"]
    if !before.isEmpty { fields.append("before: \(list(before))") }
    if !after.isEmpty { fields.append("after: \(list(after))") }
    fields += ["workloads: \(quoted("\(workloads)"))", "timeout: \(Quantity.text(timeout))"]
    if before.contains(.start) || before.contains(.migrate) { fields.append("on-failure: \(onFailure.rawValue)") }
    return "{\(fields.joined(separator: ", "))}"
  }
}
