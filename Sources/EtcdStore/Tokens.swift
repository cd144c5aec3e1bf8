import GRPCCore
import HoldfastPorts

/// The token of etcd's own authentication: obtained when first needed, anew when etcd no longer takes it.
actor Tokens {
  private let credentials: EtcdCredentials?
  private var token: String?
  private var obtaining: Task<Result<String, CallFailure>, Never>?

  init(_ credentials: EtcdCredentials?) {
    self.credentials = credentials
  }

  /// The metadata that a request carries; empty where no user is configured.
  func metadata(from channel: EndpointChannel, until deadline: ContinuousClock.Instant) async throws(CallFailure) -> Metadata {
    guard let credentials else { return [:] }
    if let token { return ["token": .string(token)] }
    let task = obtaining ?? Task(executorPreference: channel.executor) { await Self.authenticate(credentials, on: channel) }
    obtaining = task
    // Shared by all calls that wait for it, each until its own deadline.
    let outcome = await race(until: deadline, on: channel.executor) { await task.value }
    guard let result = try? outcome?.get() else { throw .notSent(reason: "authentication took too long") }
    if obtaining == task {
      obtaining = nil
      token = try? result.get()
    }
    return ["token": .string(try result.get())]
  }

  /// etcd did not take this one: the next call obtains another.
  func invalidate(_ metadata: Metadata) {
    if let token, metadata[stringValues: "token"].contains(where: { $0 == token }) { self.token = nil }
  }

  private static func authenticate(_ credentials: EtcdCredentials, on channel: EndpointChannel) async -> Result<
    String, CallFailure
  > {
    var request = Etcdserverpb_AuthenticateRequest()
    request.name = credentials.user
    request.password = credentials.password
    // etcd hashes the password slowly on purpose.
    do throws(CallFailure) {
      let response: Etcdserverpb_AuthenticateResponse = try await channel.call(
        Etcdserverpb_Auth.Method.Authenticate.descriptor, request, until: .now + .seconds(3))
      return .success(response.token)
    } catch {
      guard case .lost(let reason) = error else { return .failure(error) }
      // What was lost is the question who we are, not the request.
      return .failure(.notSent(reason: "authentication: \(reason)"))
    }
  }
}
