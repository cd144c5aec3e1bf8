import HoldfastModel
import HoldfastYAML
import Housekeeping
import Logging

/// What `holdfastd` on one node is told by its configuration file.
public struct NodeConfiguration: Hashable, Sendable {
  /// The cluster's name: the prefix of its records in the store, and part of the mark on its domains.
  public var cluster: String
  public var node: NodeName
  public var labels: [String: String]
  public var store: StoreChoice
  /// libvirt's URIs.
  public var connections: [String]
  /// By connection: the libvirt URI by which the other nodes reach it, for live migration.
  public var migration: [String: String]
  /// What workloads may use of this node.
  public var capacity: Resources
  public var timing: Timing
  public var guardDoor: GuardPlace
  public var api: APIPlace
  /// Where the session's state is kept for a restarted daemon: must not outlive a reboot.
  public var runDirectory: String
  /// Where is kept what outlives a reboot: notices that wait.
  public var stateDirectory: String
  /// Who is told what happens, besides the history.
  public var receivers: [NoticeReceiver]
  /// Who is asked before, and told after, what this node does with its workloads.
  public var hooks: [Hook]
  public var onStop: OnStop
  public var logLevel: Logger.Level
  /// What is odd in the file, though it can be used.
  public var warnings: [FileMistake]

  public enum StoreChoice: Hashable, Sendable {
    /// Within this process: one node, for demonstrations.
    case memory
    case etcd(EtcdPlace)
  }

  /// Where etcd is, and how this node shows who it is.
  public struct EtcdPlace: Hashable, Sendable {
    /// The own member first.
    public var endpoints: [EtcdEndpoint]
    /// nil: plaintext, on loopback only.
    public var tls: TLSFiles?
    public var login: Login?
    /// MiB: etcd's `--quota-backend-bytes`, where etcd does not tell it.
    public var quota: Int
    /// How much of the store's history is kept.
    public var history: Duration

    /// etcd's own, in MiB.
    public static let defaultQuota = 2048

    public init(
      endpoints: [EtcdEndpoint], tls: TLSFiles? = nil, login: Login? = nil, quota: Int = EtcdPlace.defaultQuota,
      history: Duration = HistoryRetention.usual
    ) {
      self.endpoints = endpoints
      self.tls = tls
      self.login = login
      self.quota = quota
      self.history = history
    }
  }

  /// Paths of PEM files.
  public struct TLSFiles: Hashable, Sendable {
    public struct Identity: Hashable, Sendable {
      public var certificate: String
      public var key: String

      public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
      }
    }
    public var ca: String
    /// nil: the client shows no certificate; then there is a login.
    public var client: Identity?

    public init(ca: String, client: Identity?) {
      self.ca = ca
      self.client = client
    }
  }

  /// An etcd user. The password stays in its file until it is needed.
  public struct Login: Hashable, Sendable {
    public var user: String
    public var passwordFile: String

    public init(user: String, passwordFile: String) {
      self.user = user
      self.passwordFile = passwordFile
    }

    /// The file's first line.
    ///
    /// - Throws: why the file could not be read.
    public func password() throws(RegularFile.Problem) -> String { try PasswordFile.read(passwordFile) }
  }

  public struct GuardPlace: Hashable, Sendable {
    public var socket: String
    /// libvirt's name of the cgroup partition, such as `/holdfast`.
    public var partition: String

    public init(socket: String, partition: String) {
      self.socket = socket
      self.partition = partition
    }
  }

  public struct APIPlace: Hashable, Sendable {
    public var socket: String
    /// The Unix group that may use the socket; nil: root only.
    public var group: String?

    public init(socket: String, group: String?) {
      self.socket = socket
      self.group = group
    }
  }

  /// What a clean stop of the daemon does with the node's workloads.
  public enum OnStop: String, CaseIterable, Hashable, Sendable {
    /// Give them to other nodes, moved while they run where that can be done.
    case evacuate
    /// Give them to other nodes as soon as can be: stopped, and started there.
    case handover
    /// Leave them running here, for a daemon that comes back within the TTL.
    case stay
  }

  public init(
    cluster: String, node: NodeName, labels: [String: String] = [:], store: StoreChoice, connections: [String],
    migration: [String: String] = [:], capacity: Resources, timing: Timing = Timing(), guardDoor: GuardPlace, api: APIPlace,
    runDirectory: String, stateDirectory: String = NodeConfiguration.defaultStateDirectory, receivers: [NoticeReceiver] = [],
    hooks: [Hook] = [],
    onStop: OnStop = .handover, logLevel: Logger.Level = .info, warnings: [FileMistake] = []
  ) {
    self.cluster = cluster
    self.node = node
    self.labels = labels
    self.store = store
    self.connections = connections
    self.migration = migration
    self.capacity = capacity
    self.timing = timing
    self.guardDoor = guardDoor
    self.api = api
    self.runDirectory = runDirectory
    self.stateDirectory = stateDirectory
    self.receivers = receivers
    self.hooks = hooks
    self.onStop = onStop
    self.logLevel = logLevel
    self.warnings = warnings
  }
}

/// All mistakes of a configuration file.
public typealias ConfigurationErrors = FileErrors

extension NodeConfiguration {
  /// Where the configuration is when nobody says otherwise.
  public static let defaultPath = "/etc/holdfast/holdfastd.yaml"

  /// The daemon makes it when it has something to keep: systemd would not start it where it cannot be made.
  public static let defaultStateDirectory = "/var/lib/holdfast"

  /// Reads and checks a configuration file, and the files that it names.
  ///
  /// - Throws: every mistake in it, at once.
  public static func load(path: String, host: HostFacts = .current()) throws(ConfigurationErrors) -> NodeConfiguration {
    try ConfigurationReading(MistakeLog(try SourceText.read(path)), host: host).read()
  }

  /// Reads and checks a configuration that is at hand as text.
  ///
  /// - Parameter file: the name for messages.
  /// - Throws: every mistake in it, at once.
  public static func parse(_ text: String, file: String, host: HostFacts) throws(ConfigurationErrors) -> NodeConfiguration {
    try ConfigurationReading(MistakeLog(try SourceText(file: file, text: text)), host: host).read()
  }
}
