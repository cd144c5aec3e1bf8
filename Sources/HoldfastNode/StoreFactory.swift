import EtcdStore
import HoldfastPorts
import Logging
import MemoryStore

extension NodeConfiguration {
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
      if let login = place.login {
        configuration.credentials = EtcdCredentials(user: login.user, password: try login.password())
      }
      return try EtcdStore(configuration, logger: logger)
    }
  }
}
