import HoldfastModel

extension Happening: CustomStringConvertible {
  public var description: String {
    onHosts ?? onStore ?? inLibvirt ?? inWorkloads
  }

  /// Controllers, guards and their hosts.
  private var onHosts: String? {
    switch self {
    case .controllerDies(let node, let back): "the controller of \(node) is killed\(Self.back(back))"
    case .controllerStarts(let node): "the controller of \(node) is started"
    case .controllerHalts(let node, let span): "the controller of \(node) is stopped for \(span)"
    case .controllerHaltsBetweenSteps(let node, let steps, let span):
      "the controller of \(node) is stopped for \(span) after \(steps) more steps"
    case .guardDies(let node, let back): "the guard of \(node) is killed\(Self.back(back))"
    case .guardStarts(let node): "the guard of \(node) is started"
    case .bothDie(let node, let guardBack, let controllerBack):
      "controller and guard of \(node) are killed; the guard is back after \(guardBack), the controller after \(controllerBack)"
    case .powerFails(let node, let back): "\(node) loses power\(Self.back(back))"
    case .powerReturns(let node): "\(node) gets power"
    case .hostPauses(let node, let span): "\(node) is paused as a whole\(Self.length(span))"
    case .hostGoesOn(let node): "\(node) is resumed"
    case .clockRuns(let node, let rate): "the clock of \(node) gains \(rate) millionths"
    case .freezesSlowly(let node, let extra, let span): "freezes on \(node) take \(extra) longer for \(span)"
    case .freezesUnconfirmed(let node, let span): "freezes on \(node) cannot be confirmed for \(span)"
    case .startsHoldFreezes(let node, let span): "freezes on \(node) are not confirmed while they hold a start, for \(span)"
    case .killsFail(let node, let span): "kills on \(node) miss now and then for \(span)"
    case .timersLate(let node, let extra, let span): "the guard's timer on \(node) comes \(extra) late for \(span)"
    default: nil
    }
  }

  /// The store, and the way to it.
  private var onStore: String? {
    switch self {
    case .cutOff(let nodes, let way, let span): "\(Self.are(nodes)) cut off from the store\(way.words)\(Self.length(span))"
    case .connected(let nodes): "\(Self.are(nodes)) connected to the store again"
    case .linksBad(let nodes, let share, let span):
      "the way of \(Self.list(nodes)) to the store loses and delays \(Self.percent(share)) of the messages for \(span)"
    case .storeStops(let silence, let span): "the store is \(silence.rawValue)\(Self.length(span))"
    case .storeServes: "the store serves again"
    case .storeFull(let span): "the store is full\(Self.length(span))"
    case .storeHasRoom: "the store has room again"
    case .storeSlows(let least, let most, let span): "the store takes \(Int(least)) to \(Int(most)) ms for \(span)"
    case .storeChangesLeader(let span): "the store changes its leader, which takes \(span)"
    case .storeCompacts: "the store forgets its history"
    case .intentLost(let workload): "somebody deletes the intent of \(workload)"
    case .watchDeaf(let node, let span): "the watch of \(node) is deaf for \(span)"
    default: nil
    }
  }

  /// libvirt, and what it has of workloads.
  private var inLibvirt: String? {
    switch self {
    case .libvirtDies(let node, let back): "libvirtd on \(node) is killed\(Self.back(back))"
    case .libvirtStarts(let node): "libvirtd on \(node) is started"
    case .libvirtHangs(let node, let span): "libvirtd on \(node) hangs\(Self.length(span))"
    case .libvirtAnswers(let node): "libvirtd on \(node) answers again"
    case .libvirtSlows(let node, let least, let most, let span):
      "starts on \(node) take \(Int(least)) to \(Int(most)) ms for \(span)"
    case .libvirtFails(let node, let share, let span): "\(Self.percent(share)) of libvirt's calls on \(node) fail for \(span)"
    case .startsBreak(let workload, let node, let times, let span):
      "\(workload) does not start on \(node)\(times.map { ", \($0) times" } ?? "")\(Self.length(span))"
    case .startsMended(let workload, let node): "\(workload) starts on \(node) again"
    case .stopsBreak(let workload, let node, let times, let span):
      "\(workload) does not stop on \(node)\(times.map { ", \($0) times" } ?? "")\(Self.length(span))"
    case .stopsMended(let workload, let node): "\(workload) stops on \(node) again"
    case .startedByHand(let workload, let node): "somebody starts a copy of \(workload) on \(node) by hand"
    case .blockJob(let workload, let node, let span): "a block job of \(workload) runs on \(node) for \(span)"
    case .inboundFails(let node, let span): "libvirt of other nodes cannot connect to that of \(node) for \(span)"
    case .definedByHand(let workload, let node): "somebody defines a copy of \(workload) on \(node)"
    case .undefinedByHand(let workload, let node): "somebody undefines the copy of \(workload) on \(node)"
    case .machineTypeForgotten(let workload, let node): "QEMU on \(node) does not know the machine type of \(workload)"
    case .machineTypeKnown(let workload, let node): "QEMU on \(node) knows the machine type of \(workload)"
    case .migrationBreaks(let node, let step): "the next migration from \(node) breaks off at \(step.rawValue)"
    default: nil
    }
  }

  /// Workloads themselves; and what people ask for.
  private var inWorkloads: String {
    switch self {
    case .diskReplaced(let workload): "an external snapshot of \(workload) is taken"
    case .domainEnds(let node, let name): "\(name) on \(node) ends by itself"
    case .guestPowersDown(let node, let name): "\(name) on \(node) powers itself off"
    case .guestCrashes(let node, let name): "\(name) on \(node) crashes and is kept"
    case .serviceDies(let workload): "the service of \(workload) dies"
    case .serviceBreaks(let workload, let node, let span):
      "the service of \(workload) answers nothing on \(node)\(Self.length(span))"
    case .serviceMended(let workload, let node): "the service of \(workload) answers on \(node) again"
    case .serviceFlaps(let workload, let node, let span): "the service of \(workload) on \(node) flaps for \(span)"
    case .checksBlind(let workload, let node, let span): "checks of \(workload) cannot be made on \(node) for \(span)"
    case .addressesSlow(let node, let extra, let span): "changes of addresses on \(node) take \(extra) longer for \(span)"
    case .addressesFail(let node, let span): "no address can be added on \(node) for \(span)"
    case .strangerTakes(let address, let span): "a stranger has \(address)\(Self.length(span))"
    case .strangerLeaves(let address): "no stranger has \(address)"
    case .addressIsLost(let node, let address): "somebody takes \(address) from its link on \(node)"
    case .nodeCheckFails(let check, let nodes, let span):
      "\(Self.list(nodes)) \(nodes.count > 1 ? "fail" : "fails") the node check '\(check)'\(Self.length(span))"
    case .nodeCheckMended(let check, let nodes):
      "\(Self.list(nodes)) \(nodes.count > 1 ? "pass" : "passes") the node check '\(check)' again"
    case .nodeCheckFlaps(let check, let nodes, let span): "the node check '\(check)' of \(Self.list(nodes)) flaps for \(span)"
    case .nodeCheckBlind(let check, let nodes, let span):
      "the node check '\(check)' cannot be made on \(Self.list(nodes))\(Self.length(span))"
    case .partStartBreaks(let part, let node, let hangs, let span):
      "the start of \(part) \(hangs ? "hangs" : "fails") on \(node)\(Self.length(span))"
    case .partStopBreaks(let part, let node, let hangs, let span):
      "the stop of \(part) \(hangs ? "hangs" : "fails") on \(node)\(Self.length(span))"
    case .partMended(let part, let node): "\(part) starts and stops on \(node) again"
    case .partDies(let part): "\(part) ends by itself"
    case .partBlind(let part, let node, let span): "the status of \(part) does not answer on \(node) for \(span)"
    case .asked(let order, let node): "\(order)\(node.map { " (through \($0))" } ?? "")"
    // Said by the others.
    case .controllerDies, .controllerStarts, .controllerHalts, .controllerHaltsBetweenSteps, .guardDies, .guardStarts,
      .bothDie, .powerFails, .powerReturns, .hostPauses, .hostGoesOn, .clockRuns, .freezesSlowly, .freezesUnconfirmed,
      .startsHoldFreezes, .killsFail, .timersLate, .cutOff, .connected, .linksBad, .storeStops, .storeServes, .storeFull,
      .storeHasRoom,
      .storeSlows, .storeChangesLeader, .storeCompacts, .intentLost, .watchDeaf, .libvirtDies, .libvirtStarts,
      .libvirtHangs, .libvirtAnswers, .libvirtSlows, .libvirtFails, .startsBreak, .startsMended, .stopsBreak, .stopsMended,
      .startedByHand,
      .blockJob, .inboundFails, .definedByHand, .undefinedByHand, .machineTypeForgotten, .machineTypeKnown,
      .migrationBreaks:
      ""
    }
  }

  private static func back(_ span: Span?) -> String { span.map { ", and is back after \($0)" } ?? "" }
  private static func length(_ span: Span?) -> String { span.map { " for \($0)" } ?? "" }
  private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

  private static func list(_ nodes: [NodeName]) -> String {
    guard let last = nodes.last else { return "nobody" }
    return nodes.count == 1 ? last.text : "\(nodes.dropLast().map(\.text).joined(separator: ", ")) and \(last)"
  }
  private static func are(_ nodes: [NodeName]) -> String { list(nodes) + (nodes.count > 1 ? " are" : " is") }
}

extension Happening.Way {
  fileprivate var words: String {
    switch self {
    case .both: ""
    case .requests: " (its requests do not arrive)"
    case .answers: " (its answers do not arrive)"
    }
  }
}

extension Happening.Order: CustomStringConvertible {
  public var description: String {
    switch self {
    case .define(let name): "define \(name)"
    case .adopt(let name, let node): "adopt \(name) on \(node)"
    case .release(let name): "release \(name)"
    case .start(let name): "start \(name)"
    case .stop(let name): "stop \(name)"
    case .errand(let errand, let name): "\(errand.rawValue) \(name)"
    case .acceptStored(let name): "accept the stored definition of \(name)"
    case .move(let name, let node): "move \(name) to \(node)"
    case .policies(let number): "policies \(number + 1) come into force"
    case .enter(let node, let span): "\(node) enters maintenance\(span.map { ", to be empty within \($0)" } ?? "")"
    case .exit(let node, let failback): "\(node) exits maintenance (failback \(failback.rawValue))"
    case .clearFailures(let node): "failures of \(node) are cleared"
    case .remove(let node): "\(node) is removed"
    case .movesOff: "moves are turned off"
    case .movesOn: "moves are turned on"
    case .disarm(let span): "the cluster is disarmed\(span.map { " for \($0)" } ?? "")"
    case .arm: "the cluster is armed"
    case .leave(let node, let back): "\(node) leaves\(back.map { ", and comes back after \($0)" } ?? "")"
    case .comeBack(let node): "\(node) comes back"
    case .readdress(let name, let addresses):
      "define \(name) with \(addresses.isEmpty ? "no address" : addresses.map(\.place).joined(separator: ", "))"
    }
  }
}
