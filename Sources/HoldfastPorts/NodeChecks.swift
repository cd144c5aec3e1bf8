import HoldfastModel

/// The port to whoever looks whether this node is fit to run workloads, by its node checks. What follows the planner decides.
public protocol NodeChecks: Sendable {
  /// One stream, one consumer: the checks as they are, whenever one of them is another than it was, or they are others.
  func changes() -> AsyncStream<[NodeCheckState]>

  /// Makes these from now on, in place of those before. Never waits.
  func check(_ checks: [NodeCheck])
}
