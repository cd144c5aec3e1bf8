/// How long the adapter waits, and for how many.
public struct LibvirtLimits: Sendable {
  /// For a call that starts or destroys a domain.
  public var lifecycle: Duration = .seconds(10)
  /// For every other call; a look at the whole node is one call.
  public var call: Duration = .seconds(5)
  /// Between two attempts to connect.
  public var reconnect: Duration = .milliseconds(200)
  /// Between two looks at the whole node that no event asked for.
  public var safetyInventory: Duration = .seconds(30)
  /// For libvirt to notice by itself that a domain's process is gone, before it is made to.
  public var notice: Duration = .milliseconds(500)
  /// Calls at once on one connection. With what hangs beyond its limit it stays at libvirtd's `max_client_requests`, 5.
  public var concurrentCalls = 4
  /// So many calls beyond their limit, and the connection is opened anew.
  public var hangingCallsPerConnection = 2
  /// So many calls beyond their limit over all connections to one URI, and no further one is begun until one returns.
  public var hangingCalls = 16

  public init() {}
}
