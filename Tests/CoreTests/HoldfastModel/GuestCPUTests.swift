import HoldfastModel
import Testing

/// The CPUs of virtual machines that run, as reports have them.
@Suite struct `A guest's CPU` {
  private static func cpu(_ model: String) -> GuestCPU {
    GuestCPU(connection: "qemu:///system", type: "kvm", architecture: "x86_64", xml: "<cpu><model>\(model)</model></cpu>")
  }

  @Test func `is reported once, with all that run with it`() {
    let (rome, milan) = (Self.cpu("EPYC-Rome"), Self.cpu("EPYC-Milan"))
    #expect(
      RunningCPU.grouped(["w3": rome, "w1": milan, "w2": rome]) == [RunningCPU(milan, ["w1"]), RunningCPU(rome, ["w2", "w3"])])
    #expect(RunningCPU.grouped([:]).isEmpty)
  }

  @Test func `is left out where there are too many, or it is too long`() {
    let names = (100..<3000).map { WorkloadName("w\($0)") }
    let same = RunningCPU.grouped(Dictionary(uniqueKeysWithValues: names.map { ($0, Self.cpu("EPYC")) }))
    #expect(same.map(\.workloads.count) == [RunningCPU.mostWorkloads])
    let own = RunningCPU.grouped(Dictionary(uniqueKeysWithValues: names.map { ($0, Self.cpu($0.text)) }))
    #expect(own.count == RunningCPU.most && own.first?.workloads == ["w100"])
    #expect(RunningCPU.grouped(["w1": Self.cpu(String(repeating: "x", count: GuestCPU.longest))]).isEmpty)
  }

  /// (what the holder reports, what the target does, whether that stands against a move)
  @Test(arguments: [(true, true, true), (true, false, false), (false, true, false)])
  func `stands against a move while both nodes say so`(isRunning: Bool, isLacking: Bool, isObstacle: Bool) {
    let why = Incompatibility(.cpu, "no avx512f")
    var (holder, target) = (Self.report, Self.report)
    if isRunning { holder.runningCPUs = [RunningCPU(Self.cpu("EPYC"), ["w1"])] }
    if isLacking { target.lackingCPUs = [IncompatibleWorkloads(why, ["w1"])] }
    let reports: [RecordKey: Record] = [.report("n1"): .report(holder), .report("n2"): .report(target)]
    var view = ClusterView()
    view.load(
      ClusterListing(
        revision: Revision(9),
        entries: reports.mapValues { Stored(value: $0, created: Revision(2), modified: Revision(2)) }))
    #expect(view.cpuLack(of: "w1", from: "n1", to: "n2") == (isObstacle ? why : nil))
    #expect(view.cpuLack(of: "w2", from: "n1", to: "n2") == nil)
    #expect(view.cpuLack(of: "w1", from: "n1", to: "n3") == nil)
  }

  private static let report = ReportRecord(
    unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
}
