extension NodeConfiguration {
  /// What etcdctl must find in its environment to reach this node's store: lines for a shell. Empty for a store that is no etcd.
  ///
  /// Of etcd's own users only the name: etcdctl asks for the password.
  package var etcdctlEnvironment: [String] {
    guard case .etcd(let place) = store else { return [] }
    let settings: [(String, String?)] = [
      ("API", "3"), ("ENDPOINTS", place.endpoints.map(\.description).joined(separator: ",")), ("CACERT", place.tls?.ca),
      ("CERT", place.tls?.client?.certificate), ("KEY", place.tls?.client?.key), ("USER", place.login?.user)
    ]
    return settings.compactMap { name, value in value.map { "export ETCDCTL_\(name)=\(Self.quoted($0))" } }
  }

  /// One word for a shell, whatever is in it.
  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
