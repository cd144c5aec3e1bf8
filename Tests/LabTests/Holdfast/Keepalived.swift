import Foundation
import HoldfastTime
import Lab
import Testing

/// keepalived on two hosts, to compare with: its address follows the host that says that it is there, whatever runs on it.
struct Keepalived {
  private let test: TestStage
  private let hosts: [LabHost]

  static let address = "10.77.4.9"
  private static let interval = Duration.milliseconds(370)
  private static let (masterPriority, backupPriority) = (254, 253)
  private static let pidFile = "/run/keepalived.pid"

  /// From the last that the backup hears of the master to the backup's taking over (RFC 5798: three advertisements and the skew): as soon as a
  /// session of 1 s may be declared expired.
  static var detection: Duration { interval * 3 + interval * (256 - backupPriority) / 256 }

  /// Returns when the address is on the master, and both know of each other.
  static func start(master: LabHost, backup: LabHost, in test: TestStage) async throws -> Keepalived {
    let pair = Keepalived(test: test, hosts: [master, backup])
    try await pair.start(on: master, "MASTER", priority: masterPriority)
    #expect(try await eventually { try await test.has(address, on: master) }, "keepalived on \(master) does not come up")
    try await pair.start(on: backup, "BACKUP", priority: backupPriority)
    try await test.wait(.seconds(3))
    let (onMaster, onBackup) = (try await test.has(address, on: master), try await test.has(address, on: backup))
    #expect(onMaster && !onBackup, "keepalived's address is not on \(master) alone")
    return pair
  }

  private func start(on host: LabHost, _ state: String, priority: Int) async throws {
    let file = "\(test.lab.state)/shared/keepalived-\(host).conf"
    let text = """
      vrrp_instance compared {
        version 3
        state \(state)
        interface br0
        virtual_router_id 77
        priority \(priority)
        advert_int \(seconds(Self.interval))
        virtual_ipaddress {
          \(Self.address)/16 dev br0
        }
      }

      """
    try Data(text.utf8).write(to: URL(filePath: file))
    let command = "keepalived -n -l -D -P -f \(file) -p \(Self.pidFile) -r /run/keepalived-vrrp.pid"
    let script = "command -v keepalived && { setsid \(command) >/var/log/keepalived.log 2>&1 </dev/null & }"
    let started = try await test.lab.run(host, ["sh", "-c", script])
    try #require(started.succeeded, "keepalived is not installed: Scripts/setup")
  }

  /// Ends it on those of its hosts that are on.
  func stop(except lost: LabHost? = nil) async throws {
    for host in hosts where host != lost {
      let script = "kill $(cat \(Self.pidFile)) && while [ -e \(Self.pidFile) ]; do sleep 0.05; done"
      let stopped = try await test.lab.run(host, ["sh", "-c", script])
      #expect(stopped.succeeded, "\(stopped)")
    }
  }
}
