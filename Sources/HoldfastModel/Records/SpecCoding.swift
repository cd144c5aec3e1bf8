import GuardCore

/// A definition as the store has it: an object of its fields, each under its name, and what says nothing left out.
///
/// Fields that a build does not know it passes over: of checks that does no harm. Of addresses it would. A node of a build that does not know them
/// would run the workload without them, and its guard would take none away at the deadline. So the XML of a definition with addresses stands under
/// another key: earlier builds miss `xml`, find the record unreadable, leave the workload alone, and say so. A definition without addresses is
/// written as ever. What comes later and must not be passed over either gives the XML a key of its own in the same way.
extension SpecRecord {
  private enum CodingKeys: String, CodingKey {
    case connection, uuid, xml, demand, labels, priority, isolation, stopTimeout, takenFrom, runsWith, underneath, shared
    case checks, addresses, xmlWithAddresses

    /// Where the XML stands.
    static func ofXML(hasAddresses: Bool) -> CodingKeys { hasAddresses ? .xmlWithAddresses : .xml }
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let addresses = try fields.decodeIfPresent([WorkloadAddress].self, forKey: .addresses)
    connection = try fields.decode(String.self, forKey: .connection)
    uuid = try fields.decode(String.self, forKey: .uuid)
    xml = try fields.decode(String.self, forKey: .ofXML(hasAddresses: addresses != nil))
    demand = try fields.decode(Resources.self, forKey: .demand)
    labels = try fields.decode([String: String].self, forKey: .labels)
    priority = try fields.decode(Int.self, forKey: .priority)
    isolation = try fields.decode(Isolation.self, forKey: .isolation)
    stopTimeout = try fields.decode(Double.self, forKey: .stopTimeout)
    takenFrom = try fields.decodeIfPresent(String.self, forKey: .takenFrom)
    runsWith = try fields.decodeIfPresent(Resources.self, forKey: .runsWith)
    underneath = try fields.decodeIfPresent([String: [String]].self, forKey: .underneath)
    shared = try fields.decodeIfPresent([String].self, forKey: .shared)
    checks = try fields.decodeIfPresent([HealthCheck].self, forKey: .checks)
    self.addresses = addresses
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(connection, forKey: .connection)
    try fields.encode(uuid, forKey: .uuid)
    try fields.encode(xml, forKey: .ofXML(hasAddresses: addresses != nil))
    try fields.encode(demand, forKey: .demand)
    try fields.encode(labels, forKey: .labels)
    try fields.encode(priority, forKey: .priority)
    try fields.encode(isolation, forKey: .isolation)
    try fields.encode(stopTimeout, forKey: .stopTimeout)
    try fields.encodeIfPresent(takenFrom, forKey: .takenFrom)
    try fields.encodeIfPresent(runsWith, forKey: .runsWith)
    try fields.encodeIfPresent(underneath, forKey: .underneath)
    try fields.encodeIfPresent(shared, forKey: .shared)
    try fields.encodeIfPresent(checks, forKey: .checks)
    try fields.encodeIfPresent(addresses, forKey: .addresses)
  }
}
