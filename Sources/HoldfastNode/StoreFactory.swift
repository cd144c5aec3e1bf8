import EtcdStore
import HoldfastModel
import HoldfastPorts
import Housekeeping
import Logging
import MemoryStore

extension NodeConfiguration {
  /// How much of the store's history is kept.
  var keptHistory: Duration {
    if case .etcd(let place) = store { place.history } else { HistoryRetention.usual }
  }

  /// The store that the configuration names.
  ///
  /// - Throws: `StoreError.rejected` for a configuration that cannot work, or why the password could not be read.
  package func makeStore(logger: Logger) throws -> any LeaseStore {
    switch store {
    case .memory: return MemoryStore()
    case .etcd(let place):
      var configuration = EtcdConfiguration(
        endpoints: place.endpoints.map(\.description), authorityFile: place.tls?.ca,
        certificateFile: place.tls?.client?.certificate, keyFile: place.tls?.client?.key)
      configuration.quota = Int64(place.quota) << 20
      configuration.fit(ttl: timing.ttl)
      if let login = place.login {
        configuration.credentials = EtcdCredentials(user: login.user, password: try login.password())
      }
      return try EtcdStore(configuration, logger: logger)
    }
  }
}
