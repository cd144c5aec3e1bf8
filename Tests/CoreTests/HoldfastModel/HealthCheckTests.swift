import Foundation
import GuardCore
import HoldfastModel
import Testing

/// Checks as records have them: bounded, and understood by builds before and after this one.
@Suite struct `A spec's checks` {
  private static let codec = RecordCodec(cluster: "c")

  /// - Parameter checks: as JSON; nil: the field is missing.
  private func spec(_ checks: String?) -> Record {
    let field = checks.map { #","checks":\#($0)"# } ?? ""
    let text =
      #"{"connection":"lxc:///","uuid":"u","xml":"<domain/>","demand":{"memory":1,"cpus":1},"labels":{},"priority":0,"#
      + #""isolation":"freeze","stopTimeout":1\#(field)}"#
    return Self.codec.decode([UInt8](text.utf8), at: .spec("w"))
  }

  private func checks(_ json: String) -> [HealthCheck]? {
    if case .spec(let spec) = spec(json) { spec.checks } else { nil }
  }

  @Test func `are none where an earlier build wrote the record`() throws {
    guard case .spec(let spec) = spec(nil) else {
      Issue.record("not read")
      return
    }
    #expect(spec.checks == nil)
    let written = String(decoding: try Self.codec.encode(.spec(spec)), as: UTF8.self)
    #expect(!written.contains("checks"), "and are not written")
  }

  @Test func `have what nobody said from one place`() {
    let check = checks(#"[{"name":"web","kind":"tcp","port":80}]"#)?.first
    #expect(check == HealthCheck(name: "web", probe: .tcp(TCPProbe(port: 80))))
    #expect(check?.timeout == .seconds(5) && check?.interval == .seconds(10))
  }

  @Test func `of a kind that a later build knows cannot be made, and hold nothing up`() {
    let found = checks(#"[{"name":"a","kind":"snmp","oid":"1.2"},{"name":"b","kind":"agent","onFailure":"page"}]"#)
    #expect(found?.map(\.probe) == [.other(kind: "snmp"), .agent])
    #expect(found?.last?.reaction == .report, "of what follows this build knows nothing: it only tells")
  }

  @Test(arguments: [
    (#"[{"name":"a b","kind":"agent"}]"#, "name"), (#"[{"name":"a","kind":"agent","interval":0.1}]"#, "interval"),
    (#"[{"name":"a","kind":"agent","interval":-1}]"#, "interval"),
    (#"[{"name":"a","kind":"agent","interval":1e30}]"#, "interval"),
    (#"[{"name":"a","kind":"agent","timeout":0}]"#, "timeout"), (#"[{"name":"a","kind":"agent","down":0}]"#, "threshold"),
    (#"[{"name":"a","kind":"agent","up":101}]"#, "threshold"), (#"[{"name":"a","kind":"agent","grace":100000}]"#, "grace"),
    (#"[{"name":"a","kind":"tcp","port":0}]"#, "port"), (#"[{"name":"a","kind":"tcp","port":80,"host":""}]"#, "host"),
    (#"[{"name":"a","kind":"exec","command":[]}]"#, "command"),
    (#"[{"name":"a","kind":"file","path":"f","maximumAge":9}]"#, "path"),
    (#"[{"name":"a","kind":"file","path":"/f","maximumAge":1e300}]"#, "age"),
    (#"[{"name":"a","kind":"script","path":"s","arguments":[]}]"#, "script"),
    (#"[{"name":"a","kind":"agent"},{"name":"a","kind":"agent"}]"#, "same name")
  ])
  func `beyond their bounds are no record`(json: String, word: String) {
    guard case .unreadable(let reason) = spec(json) else {
      Issue.record("read: \(json)")
      return
    }
    #expect(reason.contains(word), "\(reason)")
  }

  @Test func `are not too many`() {
    let many = (0...HealthCheck.most).map { #"{"name":"c\#($0)","kind":"agent"}"# }.joined(separator: ",")
    guard case .unreadable = spec("[\(many)]") else {
      Issue.record("read")
      return
    }
  }

  @Test func `add nothing to the hash of a record without them`() {
    func hash(_ change: (inout Hasher) -> Void) -> Int {
      var hasher = Hasher()
      change(&hasher)
      return hasher.finalize()
    }
    #expect(hash { $0.combine(LaterField<Int>(wrappedValue: nil)) } == hash { _ in })
    #expect(hash { $0.combine(LaterField(wrappedValue: 1)) } == hash { $0.combine(1) })
  }
}
