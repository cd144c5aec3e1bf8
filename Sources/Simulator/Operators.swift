import GuardProtocol
import HoldfastCore

/// People who give commands: each is prepared by the real code on one node's view and committed like any other transaction.
final class Operators {
  static let name = "operator"

  private unowned let world: World
  private let dice: Dice
  /// Workloads that were ever put under protection.
  private(set) var known: [WorkloadName] = []
  private var lastNumber = 0

  init(_ world: World, dice: Dice) {
    self.world = world
    self.dice = dice
  }

  static func uuid(_ number: Int, kind: Int) -> String {
    let digits = String(number)
    return "0000000\(kind)-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  // MARK: commands

  /// Carries a command out through a node's controller. Gives whether it was committed.
  @discardableResult
  func carryOut(_ command: OperatorCommand, through host: SimulatedHost) -> Bool {
    guard let process = host.controller, !process.isHalted, host.link.cut.isEmpty, world.store.service == .serving else {
      return false
    }
    let view = process.core.view
    let prepared: PreparedCommand
    do { prepared = try command.prepare(in: view) } catch {
      host.tell("operator: \(command.words): \(error)")
      return false
    }
    guard let transaction = prepared.transaction else { return true }
    guard case .committed(let revision) = world.store.apply(transaction, from: Self.name) else { return false }
    host.tell("operator: \(command.words): \(prepared.text)")
    process.deliver(.committed(transaction.writes, revision))
    return true
  }

  /// Puts a new workload under protection.
  @discardableResult
  func define(through host: SimulatedHost, isolation: Isolation = .freeze, memory: Int = 256, grace: Double = 5)
    -> WorkloadName?
  {
    lastNumber += 1
    let name = WorkloadName("w\(lastNumber)")
    let uuid = Self.uuid(lastNumber, kind: 1)
    let spec = SpecRecord(
      connection: host.connection, uuid: uuid,
      xml: "<domain type='lxc'><name>\(name)</name><interface type='bridge'/></domain>",
      demand: Resources(memory: memory, cpus: 0.5), labels: [:], priority: 0, isolation: isolation, stopTimeout: grace)
    guard carryOut(.define(name, spec), through: host) else { return nil }
    known.append(name)
    return name
  }

  /// Puts a running domain under protection.
  @discardableResult
  func adopt(_ name: String, on host: SimulatedHost) -> Bool {
    guard let core = host.controller?.core, core.session.isValid(at: host.now), let standing = core.session.standing,
      let domain = core.local.domains[DomainID(connection: host.connection, name: name)]
    else { return false }
    let adoption = Adoption(
      cluster: "sim", node: host.name, session: .init(incarnation: standing.incarnation, created: standing.created),
      domain: domain, xml: "<domain type='lxc'><name>\(name)</name></domain>",
      options: .init(demand: Resources(memory: 256, cpus: 0.5), stopTimeout: 5))
    guard carryOut(.adopt(adoption), through: host) else { return false }
    if !known.contains(WorkloadName(name)) { known.append(WorkloadName(name)) }
    return true
  }

  // MARK: at random

  func random() {
    guard let host = dice.pick(world.hosts.filter { $0.isUp && $0.controller != nil }) else { return }
    switch dice.number(0...99) {
    case 0..<20: some { carryOut(.stop($0), through: host) }
    case 20..<50: some { carryOut(.start($0), through: host) }
    case 50..<75: some { carryOut(.move($0, to: dice.pick(world.hosts.map(\.name)) ?? host.name), through: host) }
    case 75..<80: define(through: host, isolation: dice.chance(0.3) ? .stop : .freeze)
    case 80..<84: some { carryOut(.release($0), through: host) }
    case 84..<89: if let name = dice.pick(host.domains.keys.sorted()) { adopt(name, on: host) }
    case 89..<95: leave(host)
    default: returnOne()
    }
  }

  private func some(_ body: (WorkloadName) -> Void) { if let workload = dice.pick(known) { body(workload) } }

  private func leave(_ host: SimulatedHost) {
    host.tell("operator: leave")
    host.controller?.deliver(.leave)
    world.after(dice.seconds(5...40)) { [unowned host] in
      if host.hasLeft { Self.bringBack(host) }
    }
  }

  private func returnOne() {
    if let host = dice.pick(world.hosts.filter { $0.hasLeft && $0.isUp }) { Self.bringBack(host) }
  }

  static func bringBack(_ host: SimulatedHost) {
    host.hasLeft = false
    host.startController()
  }
}

extension OperatorCommand {
  fileprivate var words: String {
    switch self {
    case .define(let name, _): "define \(name)"
    case .adopt(let adoption): "adopt \(adoption.domain.id.name)"
    case .release(let name): "release \(name)"
    case .start(let name): "start \(name)"
    case .stop(let name): "stop \(name)"
    case .move(let name, let node): "move \(name) to \(node)"
    }
  }
}
