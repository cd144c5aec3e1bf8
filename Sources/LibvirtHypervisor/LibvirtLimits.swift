/// How long the adapter waits, and for how many.
public struct LibvirtLimits: Sendable {
  /// For a call that starts or destroys a domain.
  public var lifecycle: Duration = .seconds(10)
  /// For every other call: a look at one domain, or the list of all.
  public var call: Duration = .seconds(5)
  /// So long without a sign of life (asked for every second), and libvirtd counts as gone. Its event loop, which gives the
  /// sign, is busy for 0.2 s with each container that ends: 20 that end at once were measured to take 4.0 s. When its process
  /// ends, that is known at once.
  public var silence: Duration = .seconds(8)
  /// Between two attempts to connect.
  public var reconnect: Duration = .milliseconds(200)
  /// Between two looks at the whole node that no event asked for.
  public var safetyInventory: Duration = .seconds(30)
  /// What a domain is made of is read again by a look that comes so much later: libvirt says nothing of an external snapshot, nor of processors that
  /// are added. Below `safetyInventory`, so that each of those reads it.
  public var rereading: Duration = .seconds(20)
  /// For libvirt to notice by itself that a domain's process is gone, before it is made to.
  public var notice: Duration = .seconds(2)
  /// For a machine to shut down by its guest agent, before its power button is pressed as well; a third of a shorter stop.
  public var agent: Duration = .seconds(20)
  /// For the order to a guest agent, which libvirt gives up itself after a minute.
  public var agentCall: Duration = .seconds(90)
  /// Calls at once to one libvirtd: so many looks, so many that destroy, so many that ask guests to shut down, and so many others. Each takes one of
  /// its 20 workers (`max_workers`); those that look and destroy are served beside them when all are taken (`prio_workers`).
  public var concurrentCalls = 4
  /// So many calls of a kind beyond their limit, and no further one of that kind is begun until one returns. No two of them are looks at one domain,
  /// or orders to it.
  public var hangingCalls = 12
  /// Orders at once to guest agents. Each takes a worker until its guest has shut down; who waits longer than `agent` gets its power button pressed.
  public var concurrentAgents = 6
  /// Questions at once to guest agents, of the checks; as many again may hang. Each takes a worker until it is answered, or given up.
  public var concurrentProbes = 4
  /// Migrations at once from one libvirtd; as many again may hang.
  public var concurrentMigrations = 8
  /// For a migration to end after it was aborted. It does not while the target's qemu is frozen.
  public var aborting: Duration = .seconds(10)

  public init() {}
}
