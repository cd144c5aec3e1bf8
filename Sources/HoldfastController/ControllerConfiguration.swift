import HoldfastModel
import HoldfastPlanning

/// A controller's configuration: told at its birth, and the same for its life.
public struct ControllerConfiguration: Sendable {
  public var cluster: String
  public var node: NodeName
  public var record: NodeRecord
  public var timing: Timing
  /// The guard's partition, such as `/holdfast`; workloads go under `freeze` and `stop` below it.
  public var partition: String
  /// The hypervisor's own partition, which the guard leaves alone: for what may run more than once.
  public var commonPartition: String
  /// For incarnations: must differ between lives of the controller.
  public var seed: UInt64
  public var policyReader: any PolicyReader
  /// Reads the XML in the store, to compare it with what runs.
  public var hardwareReader: any HardwareReader

  public init(
    cluster: String, node: NodeName, record: NodeRecord, timing: Timing, partition: String, commonPartition: String,
    seed: UInt64,
    policyReader: any PolicyReader, hardwareReader: any HardwareReader = NoHardwareReader()
  ) {
    self.cluster = cluster
    self.node = node
    self.record = record
    self.timing = timing
    self.partition = partition
    self.commonPartition = commonPartition
    self.seed = seed
    self.policyReader = policyReader
    self.hardwareReader = hardwareReader
  }
}
