import GRPCCore
import HoldfastModel
import HoldfastPorts
import Housekeeping
import Synchronization

/// Looks at the members and compacts, past the pool: whatever comes of it, the next call goes where it would have gone.
extension EtcdStore: StoreHousekeeping {
  public func health(timeout: Duration) async -> StoreHealth {
    let deadline = ContinuousClock.now + timeout
    async let shown = memberCertificates.certificates(within: timeout / 2)
    async let amongMembers = peerCertificates.certificates(within: timeout / 2)
    let answers = await withTaskGroup(of: (Int, Census.Answer).self) { group in
      for index in pool.endpoints.indices {
        group.addTask { (index, await self.answer(of: index, within: timeout)) }
      }
      var answers = pool.endpoints.map { _ in Census.Answer.silent(reason: "not asked") }
      for await (index, answer) in group { answers[index] = answer }
      return answers
    }
    let asked = answers.indices.first { if case .silent = answers[$0] { false } else { true } }
    var listed: [Etcdserverpb_Member]?
    if let asked { listed = await members(asked, until: max(deadline, .now + timeout / 2)) }
    // They are asked with the next look: this one is not to take longer for that.
    if let listed { peerCertificates.learn(listed.flatMap(\.peerUrls)) }
    var health = census.withLock { $0.take(answers, listed: listed) }
    health.certificates = calendar.certificates + (await shown) + (await amongMembers)
    health.writes = writeClock.times()
    return health
  }

  /// Asked twice, as a member that was slow once is not one that is gone.
  private func answer(of index: Int, within timeout: Duration) async -> Census.Answer {
    var reason = ""
    for _ in 1...2 {
      do throws(CallFailure) {
        return .status(try await pool.status(index, timeout: timeout / 2))
      } catch {
        if case .answered = error { return .withheld }
        reason = error.reason
      }
    }
    return .silent(reason: reason)
  }

  /// nil: it does not tell.
  private func members(_ index: Int, until deadline: ContinuousClock.Instant) async -> [Etcdserverpb_Member]? {
    let channel = pool.channel(index)
    do throws(CallFailure) {
      let metadata = try await tokens.metadata(from: channel, until: deadline)
      let response: Etcdserverpb_MemberListResponse = try await channel.call(
        Etcdserverpb_Cluster.Method.MemberList.descriptor, Etcdserverpb_MemberListRequest(), metadata: metadata, until: deadline
      )
      return response.members
    } catch {
      return nil
    }
  }

  public func compact(upTo revision: Revision, timeout: Duration) async throws(StoreError) {
    let deadline = ContinuousClock.now + timeout
    guard let index = await pool.choose(needsLeader: true, until: deadline) else { throw pool.unreachable() }
    let channel = pool.channel(index)
    var request = Etcdserverpb_CompactionRequest()
    request.revision = revision.value
    do throws(CallFailure) {
      let metadata = try await tokens.metadata(from: channel, until: deadline)
      let _: Etcdserverpb_CompactionResponse = try await channel.call(
        Etcdserverpb_KV.Method.Compact.descriptor, request, metadata: metadata, until: deadline)
    } catch {
      switch error {
      case .notSent(let reason): throw .notApplied(reason: "\(channel.endpoint): \(reason)")
      case .lost(let reason): throw .unknownOutcome(reason: "\(channel.endpoint): \(reason)")
      case .answered(let message):
        switch ServerError(message) {
        // By somebody else, or by etcd itself.
        case .compacted: return
        case .refused(let error): throw error
        case .tokenInvalid, .memberCannot: throw .notApplied(reason: "etcd: \(message)")
        case .unclear(let reason, _): throw .unknownOutcome(reason: "\(channel.endpoint): \(reason)")
        }
      }
    }
  }
}
