import HoldfastModel

extension OperatorCommand {
  func prepareErrand(
    _ errand: IntentRecord.Errand, _ name: WorkloadName, in view: ClusterView
  ) throws(OperatorError) -> PreparedCommand {
    let current = try Current(name, in: view)
    if errand == .restart || errand == .reset, let holder = view.holder(of: name), let lag = lag(of: name, in: view) {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "it would not be started again: \(lag)",
        remedy: "On \(holder), `holdfast accept \(name) --running` takes what runs as its definition; then repeat.")
    }
    if current.spec.isOfHost, errand == .pause || errand == .resume {
      throw OperatorError(
        .conflict, thing: "workload \(name)", reason: "parts of the host cannot be paused or resumed",
        remedy: "`holdfast stop \(name)` stops them, `holdfast start \(name)` starts them again.")
    }
    let holder = try current.running(to: errand.rawValue, in: view)
    if errand == .pause || errand == .resume, view.hasCrashed(name, on: holder) {
      throw OperatorError(
        .conflict, thing: "workload \(name)",
        reason: "it crashed on \(holder) and is kept: it executes nothing, and cannot be resumed",
        remedy: lag(of: name, in: view) == nil
          ? "`holdfast restart \(name)` starts it anew."
          : "On \(holder), `holdfast accept \(name) --running` takes its disks as its definition; `holdfast restart \(name)` starts it anew then."
      )
    }
    // Its new node may not have told yet.
    let movesPaused = view.claims[name]?.value.migration?.staysPaused == true
    let isPaused = view.reports[holder]?.value.paused?[name] != nil || movesPaused
    if current.intent.errand == errand {
      return PreparedCommand(name, .unchanged, Self.already(errand, on: holder, isPaused: isPaused))
    }
    // A pause that was asked for and has not come yet is taken back.
    if errand == .resume, !isPaused, current.intent.errand != .pause {
      return PreparedCommand(name, .unchanged, "is not paused")
    }
    let words =
      errand == .reset
      ? Self.resetWords(name, on: holder, isOutdated: current.isOutdated(on: holder, in: view), in: view)
      : Self.words(errand, current.spec, on: holder, isOutdated: current.isOutdated(on: holder, in: view))
    var prepared = current.request(words) { $0.errand = errand }
    prepared.news = Self.news(errand)
    return prepared
  }

  private static func news(_ errand: IntentRecord.Errand) -> String {
    switch errand {
    case .restart: "is to be restarted"
    case .reset: "is to be reset"
    case .pause: "is to be paused"
    case .resume: "is to be resumed"
    }
  }

  private static func already(_ errand: IntentRecord.Errand, on holder: NodeName, isPaused: Bool) -> String {
    switch errand {
    case .restart: "is being restarted on \(holder) already"
    case .reset: "is being reset on \(holder) already"
    case .pause: isPaused ? "is paused on \(holder) already" : "is being paused on \(holder) already"
    case .resume: "is being resumed on \(holder) already"
    }
  }

  private static func resetWords(
    _ name: WorkloadName, on holder: NodeName, isOutdated: Bool, in view: ClusterView
  ) -> String {
    let short = view.isShuttingDown(name) ? ", though its shutdown is under way" : ""
    let node = view.placements[name]?.value.node
    let place = node == holder ? "there again" : node.map { "on \($0)" } ?? "again when a node can take it"
    let definition = isOutdated ? ", from its changed definition" : ""
    return "is destroyed on \(holder) without a shutdown\(short), and started \(place)\(definition)"
  }

  private static func words(
    _ errand: IntentRecord.Errand, _ spec: SpecRecord, on holder: NodeName, isOutdated: Bool
  ) -> String {
    let definition = isOutdated ? ", from its changed definition" : ""
    return switch errand {
    case .restart, .reset:
      "is shut down on \(holder) (destroyed after \(InWords.number(spec.stopTimeout)) s) and started there again\(definition)"
    case .pause: "is paused on \(holder), and executes nothing until `holdfast resume` or its next start"
    case .resume: "is resumed on \(holder)"
    }
  }
}

extension Current {
  /// It runs an older definition than the store has now.
  func isOutdated(on holder: NodeName, in view: ClusterView) -> Bool {
    view.reports[holder]?.value.outdated?.contains(name) ?? false
  }
}
