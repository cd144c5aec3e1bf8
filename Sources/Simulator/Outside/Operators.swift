import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import HostParts

/// People who give commands: each is prepared by the real code on one node's view and committed like any other transaction.
final class Operators {
  static let name = "operator"

  private unowned let world: World
  private let dice: Dice
  /// Workloads that were ever put under protection.
  private(set) var known: [WorkloadName] = []
  /// The addresses of workloads whose definition got others than the setup's.
  private var readdressed: [WorkloadName: [WorkloadAddress]] = [:]

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  static func uuid(_ number: Int, kind: Int) -> String {
    let digits = String(number)
    return "0000000\(kind)-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  // MARK: carrying out

  /// Through the named node's controller; nil: through any that can.
  func carryOut(_ order: Happening.Order, through node: NodeName?) {
    switch order {
    case .leave(let node, let back): return world.host(node).map { leave($0, back: back) } ?? ()
    case .comeBack(let node): return world.host(node).map { $0.comeBack() } ?? ()
    case .adopt(let name, let node): return world.host(node).map { adopt(name, on: $0) } ?? ()
    case .define, .release, .start, .stop, .errand, .acceptStored, .move, .policies, .enter, .exit, .clearFailures, .remove,
      .disarm, .arm, .movesOff, .movesOn, .readdress:
      break
    }
    let hosts = node.map { name in world.hosts.filter { $0.name == name } } ?? world.hosts
    guard let host = hosts.first(where: canServe) else { return world.tell("\(order): no node can carry that out now") }
    switch order {
    case .define(let name): define(name, through: host)
    case .readdress(let name, let addresses): readdress(name, addresses, through: host)
    case .release(let name): commit(.release(name), through: host)
    case .start(let name): commit(.start(name), through: host)
    case .stop(let name): commit(.stop(name), through: host)
    case .errand(let errand, let name): commit(.errand(errand, name), through: host)
    case .acceptStored(let name): commit(.acceptStored(name), through: host)
    case .move(let name, let target): commit(.move(name, to: target), through: host)
    case .policies(let number): putInForce(number, through: host)
    case .enter(let node, let span):
      let record = MaintenanceRecord(since: milliseconds, deadline: span.map(moment))
      commit(.enter(node, record), about: node.text, through: host)
    case .exit(let node, let failback): commit(.exit(node, failback), about: node.text, through: host)
    case .clearFailures(let node): commit(.clearFailures(node), about: node.text, through: host)
    case .remove(let node): commit(.remove(node), about: node.text, through: host)
    case .disarm(let span):
      commit(.disarm(DisarmRecord(since: milliseconds, until: span.map(moment))), about: "the cluster", through: host)
    case .movesOff: commit(.movesOff(MovesOffRecord(since: milliseconds)), about: "the cluster", through: host)
    case .movesOn: commit(.movesOn, about: "the cluster", through: host)
    case .arm: commit(.arm, about: "the cluster", through: host)
    case .adopt, .leave, .comeBack: break
    }
  }

  private func canServe(_ host: SimulatedHost) -> Bool {
    guard let process = host.controller, !process.isHalted, !host.isPaused else { return false }
    return host.link.cut.isEmpty && world.store.service == .serving
  }

  @discardableResult
  private func commit(_ command: OperatorCommand, through host: SimulatedHost) -> Bool {
    guard canServe(host), let process = host.controller else { return false }
    let prepared: PreparedCommand
    do { prepared = try command.prepare(in: process.core.view) } catch {
      host.tell("refuses: \(error)")
      return false
    }
    guard let transaction = prepared.transaction else { return true }
    guard let revision = apply(transaction) else { return false }
    host.tell("operator: \(command.workload): \(prepared.text)")
    process.deliver(.committed(transaction.writes, revision))
    return true
  }

  /// nil: the store refused it.
  private func apply(_ transaction: ClusterTransaction) -> Revision? {
    guard world.store.admits(transaction) else {
      world.tell("operator: the store is full")
      return nil
    }
    guard case .committed(let revision) = world.store.apply(transaction, from: Self.name) else { return nil }
    return revision
  }

  private var milliseconds: Int64 { world.wallTime }
  /// So much later than now, on the wall clock.
  private func moment(_ span: Span) -> Int64 { milliseconds + Int64(span.inSeconds * 1000) }

  private func commit(_ command: ClusterCommand, about thing: String, through host: SimulatedHost) {
    guard let process = host.controller else { return }
    do {
      let prepared = try command.prepare(in: process.core.view)
      guard let transaction = prepared.transaction else { return }
      guard let revision = apply(transaction) else { return }
      host.tell("operator: \(thing) \(prepared.text)")
      process.deliver(.committed(transaction.writes, revision))
    } catch {
      host.tell("refuses: \(error)")
    }
  }

  /// Every maintenance is over and the cluster is armed.
  func useEverything() {
    var writes: [Write<RecordKey, Record>] = []
    for (key, entry) in world.store.model.entries {
      switch (key, entry.value) {
      case (.maintenance, .maintenance(var record)) where record.phase == .empty:
        record.phase = .over
        writes.append(.put(key, .maintenance(record)))
      case (.disarm, _), (.movesOff, _): writes.append(.delete(key))
      default: break
      }
    }
    writes.sort { $0.key.code < $1.key.code }
    if !writes.isEmpty { _ = world.store.apply(ClusterTransaction(if: [], write: writes), from: Self.name) }
  }

  private func putInForce(_ number: Int, through host: SimulatedHost) {
    guard let view = host.controller?.core.view else { return }
    let transaction = ClusterTransaction(
      if: [view.policies.map { .unchanged(.policies, modified: $0.modified) } ?? .absent(.policies)],
      write: [.put(.policies, .policies(NumberedPolicies.record(number)))])
    guard let revision = apply(transaction) else { return }
    host.tell("operator: policies \(number + 1)")
    host.controller?.deliver(.committed(transaction.writes, revision))
  }

  // MARK: the setup's workloads

  /// The spec of a workload of the setup, or of one that chance invented.
  func spec(of name: WorkloadName) -> SpecRecord {
    let setup = world.settings.cluster.workloads
    let index = setup.firstIndex { $0.name == name }
    let number = index.map { $0 + 1 } ?? setup.count + (known.firstIndex(of: name) ?? known.count) + 1
    let workload = index.map { setup[$0] } ?? ClusterSetup.Workload(name, isolation: number % 3 == 0 ? .stop : .freeze)
    let domain =
      "<domain type='lxc'><name>\(name)</name><interface type='\(workload.network == .bridge ? "bridge" : "direct")'/></domain>"
    return SpecRecord(
      connection: workload.connection, uuid: Self.uuid(number, kind: 1),
      xml: workload.parts.isEmpty ? domain : HostDefinition(parts: workload.parts).text,
      demand: workload.demand, labels: workload.labels, priority: workload.priority, isolation: workload.isolation,
      stopTimeout: workload.stopTimeout, checks: workload.checks, addresses: readdressed[name] ?? workload.addresses)
  }

  private func readdress(_ name: WorkloadName, _ addresses: [WorkloadAddress], through host: SimulatedHost) {
    readdressed[name] = addresses
    define(name, through: host)
  }

  private func define(_ name: WorkloadName, through host: SimulatedHost) {
    if commit(.define(name, spec(of: name)), through: host) { remember(name) }
  }

  func remember(_ name: WorkloadName) { if !known.contains(name) { known.append(name) } }

  /// Puts a running domain under protection.
  private func adopt(_ name: String, on host: SimulatedHost) {
    guard let core = host.controller?.core, core.session.isValid(at: host.now), let standing = core.session.standing,
      let domain = core.local.domains[DomainID(connection: host.connection, name: name)]
    else { return host.tell("adopt \(name): not now") }
    let adoption = Adoption(
      cluster: ControllerProcess.cluster, node: host.name,
      session: .init(incarnation: standing.incarnation, created: standing.created), domain: domain,
      xml: "<domain type='lxc'><name>\(name)</name></domain>",
      options: .init(demand: Resources(memory: domain.memory, cpus: 0.5), stopTimeout: 5))
    if commit(.adopt(adoption), through: host) { remember(WorkloadName(name)) }
  }

  private func leave(_ host: SimulatedHost, back: Span?) {
    host.tell("operator: leave")
    host.controller?.deliver(.leave(fast: false))
    if let back { world.after(back) { [self] in comeBackWhenLeft(host) } }
  }

  /// A departure may take longer than the node was to be away.
  private func comeBackWhenLeft(_ host: SimulatedHost) {
    if host.hasLeft { return host.comeBack() }
    guard host.controller?.core.isLeaving == true else { return }
    world.after(.seconds(1)) { [self] in comeBackWhenLeft(host) }
  }

  // MARK: at random

  /// Maintenances begin about as often as they end.
  private func clusterCommand(_ node: NodeName, _ dice: Dice) -> Happening.Order {
    let entries = world.store.model.entries
    if entries[.disarm] != nil, dice.chance(0.5) { return .arm }
    if case .maintenance(let record)? = entries[.maintenance(node)]?.value, record.phase == .empty {
      return .exit(node, dice.pick(MaintenanceRecord.Failback.allCases) ?? .byPolicy)
    }
    switch dice.number(0...9) {
    case 0: return .clearFailures(node)
    // Without a time, what is lost meanwhile would be waited for longer than the calm is.
    case 1...2: return .disarm(for: dice.seconds(1...60))
    default: return .enter(node, within: dice.chance(0.3) ? dice.seconds(1...60) : nil)
    }
  }

  func random(_ dice: Dice) -> Happening? {
    guard let host = dice.pick(world.hosts.filter { $0.isUp && $0.controller != nil }) else { return nil }
    let policies = world.settings.cluster.policies
    func some(_ order: (WorkloadName) -> Happening.Order) -> Happening? {
      dice.pick(known).map { .asked(order($0), through: host.name) }
    }
    switch dice.number(0...99) {
    case 0..<17: return some { .stop($0) }
    case 17..<43: return some { .start($0) }
    case 43..<66: return some { .move($0, dice.pick(world.hosts.map(\.name)) ?? host.name) }
    case 66..<76: return dice.pick(world.hosts.map(\.name)).map { .asked(clusterCommand($0, dice), through: host.name) }
    case 76..<80: return .asked(.define(WorkloadName("x\(known.count + 1)")), through: host.name)
    case 80..<84: return some { .release($0) }
    case 84..<89: return dice.pick(host.domains.keys.sorted()).map { .asked(.adopt($0, host.name), through: nil) }
    case 89..<92 where !policies.isEmpty: return .asked(.policies(dice.number(0...policies.count - 1)), through: host.name)
    case 89..<95: return .asked(.leave(host.name, back: dice.seconds(5...40)), through: nil)
    default: return dice.pick(world.hosts.filter { $0.hasLeft && $0.isUp }).map { .asked(.comeBack($0.name), through: nil) }
    }
  }
}
