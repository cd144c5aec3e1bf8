import CgroupIsolation
import HostParts

/// A unit as a part of one workload: what is to be in force for it, and where its processes are.
struct UnitSeat: Sendable {
  var unit: String
  /// The workload's units, which may start each other.
  var own: Set<String>
  /// nil: systemd cannot run it under the guard's partition on this host.
  var cover: UnitDropIn.Cover?
  /// In its environment.
  var variables: [String: String]
  var cgroup: PartsCgroup
  var index: Int

  static let noCover = HostPartFlaw(
    "the guard's partition is none of systemd's slices on this host, so it would not stop what systemd runs",
    "Install systemd-machined (`apt install systemd-container`), and restart holdfast-guard and holdfastd while nothing runs here"
  )
}

extension UnitFacts {
  /// - Parameter properties: as systemd tells them of all its interfaces.
  init(_ properties: [String: BusValue], cover: UnitDropIn.Cover?) {
    self.init()
    func text(_ name: String) -> String { properties[name]?.text ?? "" }
    load = text("LoadState")
    activity = Activity(text("ActiveState"))
    step = text("SubState")
    result = text("Result")
    // 0 says that it did not run, or that it was not what failed.
    mainStatus = properties["ExecMainStatus"]?.number.flatMap { $0 == 0 ? nil : Int($0) }
    invocation = (properties["InvocationID"]?.list ?? []).compactMap(\.number).map { String($0, radix: 16) }.joined(
      separator: ".")
    // Its number, and the path where it is found; 0: there is none.
    job = properties["Job"]?.list?.first?.number.flatMap { $0 == 0 ? nil : "\($0)" }
    file = text("UnitFileState")
    startedBy = ["TriggeredBy", "WantedBy", "RequiredBy", "BoundBy", "UpheldBy"].flatMap { name in
      (properties[name]?.list ?? []).compactMap(\.text).sorted()
    }
    type = text("Type")
    isCovered = text("Restart") == "no" && Self.isCovered(properties, cover)
  }

  private static func isCovered(_ properties: [String: BusValue], _ cover: UnitDropIn.Cover?) -> Bool {
    switch cover {
    case .slice(let slice): properties["Slice"]?.text == slice
    case .gate(let path):
      (properties["LoadCredential"]?.list ?? []).contains { $0 == .list([.text(UnitDropIn.credential), .text(path)]) }
    case nil: false
    }
  }
}
