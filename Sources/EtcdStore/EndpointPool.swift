import GRPCNIOTransportHTTP2Posix
import HoldfastPorts
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The members as this store finds them: which answer, and which one takes the calls.
///
/// One member is current and stays so as long as it answers. A member that failed is asked for its status until it answers
/// again; meanwhile the calls go to the others.
final class EndpointPool: Sendable {
  /// What is known of a member.
  enum Standing: Equatable {
    /// It did not answer since it failed, or since the start. `refusal`: it answered, and will not have us.
    case silent(reason: String, refusal: StoreError?)
    /// It answers but knows no leader: transactions wait there until there is one, or in vain.
    case leaderless
    case ready
  }

  private struct Entry {
    var channel: EndpointChannel
    var standing = Standing.silent(reason: "not connected yet", refusal: nil)
    var probe: Task<Void, Never>?
  }

  private struct State {
    var entries: [Entry] = []
    var current = 0
    /// The member that last answered a call.
    var settled: Int?
    var clusterID: UInt64?
    var waiters: [UInt64: Finish<Void>] = [:]
    var nextWaiter: UInt64 = 0
    var isClosed = false
  }

  let endpoints: [Endpoint]
  /// With each of them.
  private let handshakes: [HandshakePatience]
  private let configuration: EtcdConfiguration
  let executor: LoopExecutor
  private let logger: Logger
  private let state = Mutex(State())
  /// Called with the member that calls have moved to, once it has answered one.
  private let onSettled: @Sendable (Int) -> Void

  init(
    _ configuration: EtcdConfiguration, logger: Logger, onSettled: @escaping @Sendable (Int) -> Void
  ) throws(StoreError) {
    self.configuration = configuration
    self.logger = logger
    self.onSettled = onSettled
    var endpoints: [Endpoint] = []
    for url in configuration.endpoints { endpoints.append(try Endpoint(url)) }
    if endpoints.isEmpty {
      throw .rejected(reason: "no etcd endpoint is configured", remedy: "List the members' client URLs (https://host:2379).")
    }
    self.endpoints = endpoints
    handshakes = endpoints.map { _ in HandshakePatience(configuration.connectTimeout) }
    try configuration.checkFiles()
    // One loop for all members: a few hundred messages a second do not need more.
    let threads: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    executor = LoopExecutor(threads.next())
    do throws(StoreError) {
      for index in endpoints.indices {
        let channel = try makeChannel(index)
        state.withLock { $0.entries.append(Entry(channel: channel)) }
      }
    } catch {
      close()
      throw error
    }
    for index in endpoints.indices { probe(index) }
  }

  private func makeChannel(_ index: Int) throws(StoreError) -> EndpointChannel {
    try EndpointChannel(
      endpoints[index], configuration: configuration, handshake: handshakes[index], executor: executor
    ) { [weak self] in
      self?.failed(index, reason: "the connection was lost")
    }
  }

  func channel(_ index: Int) -> EndpointChannel {
    state.withLock { $0.entries[index].channel }
  }

  func standing(_ index: Int) -> Standing {
    state.withLock { $0.entries[index].standing }
  }

  /// Ends everything; calls that wait for a member get none.
  func close() {
    let (entries, waiters) = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [:] }
      return (state.entries, state.waiters)
    }
    for waiter in waiters.values { waiter.settle(nil) }
    for entry in entries {
      entry.probe?.cancel()
      entry.channel.close()
    }
  }

  // MARK: Choosing

  /// The member for the next call, waiting for one to answer until `deadline` (nil: without limit).
  ///
  /// - Returns: nil when none answers in time, when all refuse us, when the caller is cancelled, or after the end.
  func choose(needsLeader: Bool, avoiding: Int? = nil, until deadline: ContinuousClock.Instant?) async -> Int? {
    while !Task.isCancelled {
      let waiter = Finish<Void>()
      let step: (chosen: Int?, id: UInt64?) = state.withLock { state in
        if state.isClosed { return (nil, nil) }
        if let chosen = Self.pick(&state, needsLeader: needsLeader, avoiding: avoiding) { return (chosen, nil) }
        if Self.allRefuse(state) { return (nil, nil) }
        let id = state.nextWaiter
        state.nextWaiter += 1
        state.waiters[id] = waiter
        return (nil, id)
      }
      guard let id = step.id else { return step.chosen }
      let changed = await Self.wait(for: waiter, until: deadline)
      state.withLock { $0.waiters[id] = nil }
      if !changed { return nil }
    }
    return nil
  }

  private static func wait(for waiter: Finish<Void>, until deadline: ContinuousClock.Instant?) async -> Bool {
    guard let deadline else { return await waiter.value() != nil }
    let timer = Task {
      try? await Task.sleep(until: deadline, clock: .continuous)
      waiter.settle(nil)
    }
    defer { timer.cancel() }
    return await waiter.value() != nil
  }

  private static func pick(_ state: inout State, needsLeader: Bool, avoiding: Int?) -> Int? {
    let count = state.entries.count
    let order = (0..<count).map { (state.current + $0) % count }
    func first(_ standing: Standing) -> Int? {
      order.first { $0 != avoiding && state.entries[$0].standing == standing }
    }
    let chosen = first(.ready) ?? (needsLeader ? nil : first(.leaderless))
    if let chosen {
      if avoiding == nil { state.current = chosen }
      return chosen
    }
    // Better the one to avoid than none.
    guard let avoiding, state.entries[avoiding].standing == .ready else { return nil }
    return avoiding
  }

  private static func allRefuse(_ state: State) -> Bool {
    state.entries.allSatisfy { if case .silent(_, .some) = $0.standing { true } else { false } }
  }

  /// Why no member was found, for the caller: nothing was sent.
  func unreachable() -> StoreError {
    let (standings, isClosed) = state.withLock { ($0.entries.map(\.standing), $0.isClosed) }
    if isClosed { return .notApplied(reason: "the store is closed") }
    var reasons: [String] = []
    var refusals: [StoreError] = []
    for (endpoint, standing) in zip(endpoints, standings) {
      switch standing {
      case .silent(let reason, let refusal):
        reasons.append("\(endpoint): \(reason)")
        if let refusal { refusals.append(refusal) }
      case .leaderless: reasons.append("\(endpoint): it knows no leader")
      case .ready: reasons.append("\(endpoint): it answered too late")
      }
    }
    if let refusal = refusals.first, refusals.count == endpoints.count { return refusal }
    return .notApplied(reason: "no etcd member is usable: " + reasons.joined(separator: "; "))
  }

  // MARK: Outcomes of calls

  /// The member answered a call.
  func succeeded(_ index: Int) {
    let moved = state.withLock { state in
      guard state.settled != index else { return false }
      defer { state.settled = index }
      return state.settled != nil
    }
    if moved { onSettled(index) }
  }

  /// The member did not answer, or its connection was lost: the next call goes elsewhere.
  func failed(_ index: Int, reason: String) {
    let isNew = state.withLock { state in
      if state.isClosed { return false }
      defer { state.entries[index].standing = .silent(reason: reason, refusal: nil) }
      if state.current == index { state.current = (index + 1) % state.entries.count }
      if case .silent = state.entries[index].standing { return false }
      return true
    }
    guard isNew else { return }
    logger.notice("etcd member does not answer", metadata: ["endpoint": "\(endpoints[index])", "reason": "\(reason)"])
    probe(index)
  }

  /// The member ended a watch because it knows no leader.
  func lostLeader(_ index: Int) {
    set(index, .leaderless)
    probe(index)
  }

  // MARK: Probing

  /// Asks the member for its status until it answers and knows a leader.
  private func probe(_ index: Int) {
    let task = Task(executorPreference: executor) { [weak self] in
      var pause = Duration.milliseconds(50), patience = Patience(self?.configuration.probeTimeout ?? .zero)
      while !Task.isCancelled, let limit = await self?.probeOnce(index, &patience) {
        // Apart from one another, so that many nodes do not ask in step.
        try? await Task.sleep(for: pause * Double.random(in: 0.9...1.1), clock: .continuous)
        pause = min(pause * 2, limit)
      }
    }
    let isClosed = state.withLock { state in
      state.entries[index].probe?.cancel()
      state.entries[index].probe = task
      return state.isClosed
    }
    if isClosed { task.cancel() }
  }

  /// - Returns: nil when the member is ready, else the longest pause before the next question.
  private func probeOnce(_ index: Int, _ patience: inout Patience) async -> Duration? {
    let answer: Result<Etcdserverpb_StatusResponse, CallFailure>, begun = ContinuousClock.now
    do throws(CallFailure) {
      answer = .success(try await status(index, timeout: patience.present))
    } catch {
      answer = .failure(error)
    }
    guard !Task.isCancelled else { return nil }
    switch answer {
    case .success(let status):
      let standing = standing(from: status, of: index)
      set(index, standing)
      return standing == .ready ? nil : .milliseconds(200)
    case .failure(.answered):
      // It lives, and does not tell its status to everybody: let the calls find out.
      set(index, .ready)
      return nil
    case .failure(let failure):
      let refusal = TLSRefusal.of(failure.reason, from: endpoints[index])
      set(index, .silent(reason: failure.reason, refusal: refusal))
      guard refusal == nil else {
        // Every attempt is a handshake for both sides, and somebody has to change a file first.
        renewChannel(index)
        return .seconds(2)
      }
      if .now - begun >= patience.present { patience.ranOut() }
      return max(.milliseconds(500), configuration.probeTimeout)
    }
  }

  func status(_ index: Int, timeout: Duration) async throws(CallFailure) -> Etcdserverpb_StatusResponse {
    try await channel(index).call(
      Etcdserverpb_Maintenance.Method.Status.descriptor, Etcdserverpb_StatusRequest(), until: .now + timeout)
  }

  private func standing(from status: Etcdserverpb_StatusResponse, of index: Int) -> Standing {
    let clusterID = status.header.clusterID
    let expected = state.withLock { state in
      if state.clusterID == nil { state.clusterID = clusterID }
      return state.clusterID
    }
    if clusterID != expected {
      let reason = "it belongs to another etcd cluster"
      return .silent(
        reason: reason,
        refusal: .rejected(
          reason: "\(endpoints[index]): \(reason) than the members that answered before",
          remedy: "List the members of one cluster only, and restart the daemon if the cluster was made anew."))
    }
    if status.isLearner { return .silent(reason: "it is a learner", refusal: nil) }
    return status.leader == 0 ? .leaderless : .ready
  }

  private func set(_ index: Int, _ standing: Standing) {
    let (before, waiters) = state.withLock { state in
      let before = state.entries[index].standing
      state.entries[index].standing = standing
      guard before != standing else { return (before, [Finish<Void>]()) }
      defer { state.waiters = [:] }
      return (before, Array(state.waiters.values))
    }
    for waiter in waiters { waiter.settle(()) }
    guard before != standing else { return }
    switch standing {
    case .ready: logger.info("etcd member answers", metadata: ["endpoint": "\(endpoints[index])"])
    case .leaderless: logger.notice("etcd member knows no leader", metadata: ["endpoint": "\(endpoints[index])"])
    case .silent(let reason, _):
      logger.notice("etcd member is not usable", metadata: ["endpoint": "\(endpoints[index])", "reason": "\(reason)"])
    }
  }

  /// The certificate files may have been replaced since: the next attempt reads them again.
  private func renewChannel(_ index: Int) {
    do throws(StoreError) {
      let channel = try makeChannel(index)
      let old = state.withLock { state in
        let old = state.entries[index].channel
        if state.isClosed { return channel }
        state.entries[index].channel = channel
        return old
      }
      old.close()
    } catch {
      logger.warning("etcd channel cannot be renewed", metadata: ["endpoint": "\(endpoints[index])", "error": "\(error)"])
    }
  }
}
