import Foundation
import HoldfastModel
import HoldfastPorts
import LibvirtHypervisor
import Logging
import Testing

/// A hypervisor under test, with everything that it told, in order.
actor Watched {
  nonisolated let hypervisor: LibvirtHypervisor
  private(set) var events: [HypervisorEvent] = []
  private var reader: Task<Void, Never>?

  static let cluster = "test"
  static let node = "n1"

  /// Connects, runs `body`, closes.
  static func with(_ connections: [String], limits: LibvirtLimits = LibvirtLimits(), _ body: (Watched) async throws -> Void)
    async throws
  {
    var logger = Logger(label: "libvirt") { _ in SwiftLogNoOpLogHandler() }
    if ProcessInfo.processInfo.environment["HYPERVISOR_LOG"] != nil { logger = Logger(label: "libvirt") }
    let watched = Watched(
      try LibvirtHypervisor(connections: connections, cluster: cluster, node: node, limits: limits, logger: logger))
    await watched.listen()
    do {
      for uri in connections { try await watched.expect("an inventory of \(uri)") { $0.isInventory(of: uri) } }
      try await body(watched)
    } catch {
      Issue.record("events: \(await watched.events.map(\.brief))")
      await watched.hypervisor.close()
      throw error
    }
    await watched.hypervisor.close()
  }

  private init(_ hypervisor: LibvirtHypervisor) { self.hypervisor = hypervisor }

  private func listen() {
    let stream = hypervisor.events()
    reader = Task { for await event in stream { events.append(event) } }
  }

  /// A place in the events: what comes from now on.
  var mark: Int { events.count }

  /// Waits until an event from `start` on satisfies `condition`, and gives it with the place behind it.
  @discardableResult
  func expect(
    _ what: String, from start: Int = 0, within limit: Duration = .seconds(10), _ condition: (HypervisorEvent) -> Bool
  ) async throws -> (event: HypervisorEvent, next: Int) {
    let end = ContinuousClock.now + limit
    var index = start
    while true {
      while index < events.count {
        if condition(events[index]) { return (events[index], index + 1) }
        index += 1
      }
      guard ContinuousClock.now < end else {
        throw TestHost.Trouble(description: "expected \(what) within \(limit), saw \(events.dropFirst(start).map(\.brief))")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Waits until all that was told satisfies `condition`.
  func waitUntil(_ what: String, within limit: Duration, _ condition: ([HypervisorEvent]) -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while !condition(events) {
      guard ContinuousClock.now < end else { throw TestHost.Trouble(description: "expected \(what) within \(limit)") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Waits for the domain to be seen in a state, and gives it.
  @discardableResult
  func expect(_ id: DomainID, _ state: DomainObservation.State, from start: Int = 0) async throws -> DomainObservation {
    let event = try await expect("\(id.name) \(state)", from: start) { $0.observation(of: id)?.state == state }.event
    guard let observation = event.observation(of: id) else { throw TestHost.Trouble(description: "unreachable") }
    return observation
  }

  func expectGone(_ id: DomainID, from start: Int = 0) async throws {
    try await expect("\(id.name) gone", from: start) { $0.isGone(id) }
  }

  /// Starts a domain and gives what is seen of it.
  func start(_ domain: TestDomain) async throws -> DomainObservation {
    let start = mark
    let outcome = await hypervisor.start(domain.request)
    guard outcome == .done else { throw TestHost.Trouble(description: "\(domain.id.name): \(outcome)") }
    return try await expect(domain.id, .running, from: start)
  }

  /// Everything told of a domain, by a change or as gone.
  func count(from start: Int = 0, _ condition: (HypervisorEvent) -> Bool) -> Int {
    events.dropFirst(start).count(where: condition)
  }
}

extension HypervisorEvent {
  func isInventory(of uri: String) -> Bool {
    if case .inventory(uri, _) = self { return true }
    return false
  }
  func isUnreachable(_ uri: String) -> Bool {
    if case .unreachable(uri, _) = self { return true }
    return false
  }
  func isGone(_ id: DomainID) -> Bool {
    if case .gone(id, _, _) = self { return true }
    return false
  }
  /// What it says of a domain that is there.
  func observation(of id: DomainID) -> DomainObservation? {
    switch self {
    case .changed(let observation): observation.id == id ? observation : nil
    case .inventory(_, let domains): domains.first { $0.id == id }
    case .gone, .unreachable, .migrating: nil
    }
  }
  var brief: String {
    switch self {
    case .inventory(let uri, let domains):
      "inventory(\(uri.prefix(4)): \(domains.map { "\($0.id.name) \($0.state)" }.joined(separator: ", ")))"
    case .changed(let domain):
      "changed(\(domain.id.name) \(domain.state)\(domain.persistent ? " persistent" : "")\(domain.mark == nil ? "" : " marked"))"
    case .gone(let id, let reason, let end): "gone(\(id.name): \(reason), \(end.rawValue))"
    case .unreachable(_, let reason): "unreachable(\(reason))"
    case .migrating(let id, let progress): "migrating(\(id.name): \(progress.sent) of \(progress.total) MiB)"
    }
  }
}

/// Expects a call to have succeeded, and says what it came to.
func expectDone(_ outcome: OperationOutcome, at place: SourceLocation = #_sourceLocation) {
  if outcome != .done { Issue.record("\(outcome)", sourceLocation: place) }
}
