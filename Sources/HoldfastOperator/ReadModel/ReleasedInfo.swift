import HoldfastModel

/// A workload that was released and can be brought back.
public struct ReleasedInfo: Hashable, Sendable, Codable {
  public var name: String
  /// Milliseconds since 1970.
  public var released: Int64
  /// The instant until which it is kept: milliseconds since 1970.
  public var until: Int64
  /// Where it went on outside protection; absent: nowhere.
  public var node: String?
  public var connection: String
  public var uuid: String
}

/// The answer of `/v1/released`, sorted by name, without what came under protection again since.
public struct ReleasedList: Hashable, Sendable, Codable {
  public var released: [ReleasedInfo]

  public init(_ view: ClusterView) {
    released = view.released.filter { view.specs[$0.key] == nil }.sorted { $0.key < $1.key }.map { name, entry in
      let left = view.claims[name]?.value.releasedTo
      return ReleasedInfo(
        name: name.text, released: entry.value.time, until: entry.value.end,
        node: left?.uuid == entry.value.spec.uuid ? left?.node?.text : nil, connection: entry.value.spec.connection,
        uuid: entry.value.spec.uuid)
    }
  }
}
