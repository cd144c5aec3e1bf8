extension SpecRecord {
  /// The connection of workloads of the host itself: they are made of parts of it, and have no domain. Builds before it serve no connection of that name,
  /// so no planner places such a workload there.
  public static let hostConnection = "host:///system"

  /// Its definition's text is no XML but that of its parts, in `HostParts`.
  public var isOfHost: Bool { Self.isOfHost(connection) }

  public static func isOfHost(_ connection: String) -> Bool { connection == hostConnection }
}
