import Foundation
import Testing

/// A guest of 512 bytes that is up within a second: it fills 12 MiB with a pattern of its own, then checks all of it and writes a count
/// to its serial port, 18 times a second. A page that has changed shows as "!".
struct CountingGuest {
  let domain: TestDomain
  private let serial: String

  /// - Parameters:
  ///   - place: a directory that every host it runs on sees.
  ///   - image: its disk, as those hosts see it; nil: one in `place`.
  init(_ name: String, on host: TestHost, place: String, image: String? = nil) throws {
    serial = "\(place)/\(name).serial"
    let disk = image ?? "\(place)/\(name).img"
    if image == nil { try Self.disk(marked: 0).write(to: URL(filePath: disk)) }
    try Data().write(to: URL(filePath: serial))
    var domain = try TestDomain(.qemu, name, on: host)
    let devices = """
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='\(disk)'/><target dev='vda' bus='virtio'/></disk>
      <serial type='file'><source path='\(serial)' append='on'/><target port='0'/></serial></devices>
      """
    domain.xml = domain.xml.replacing("</devices>", with: devices)
    self.domain = domain
  }

  /// A disk to start it from, with a content of its own behind the guest.
  static func disk(marked mark: UInt8) -> Data {
    var disk = code + Data(count: 510 - code.count) + Data([0x55, 0xaa])
    disk += Data(repeating: mark, count: (1 << 20) - disk.count)
    return disk
  }

  /// All that it has counted, on whichever host: line by line.
  var counts: [String] {
    get throws {
      let text = try String(contentsOfFile: serial, encoding: .isoLatin1)
      return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  /// Waits until it has counted on by `steps`.
  func counts(on steps: Int = 3, within limit: Duration = .seconds(10), at place: SourceLocation = #_sourceLocation)
    async throws
  {
    let (before, end) = (try counts.count, ContinuousClock.now + limit)
    while try counts.count < before + steps {
      guard ContinuousClock.now < end else {
        throw TestHost.Trouble(description: "the guest does not count on from \(before) (line \(place.line))")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Each count exactly once, and nothing lost of its memory: it never ran twice.
  func expectRanOnce(at place: SourceLocation = #_sourceLocation) throws {
    let counts = try counts
    let wrong = zip(counts, 1...).first { count, number in UInt32(count, radix: 16) != number }
    if let wrong { Issue.record("count \(wrong.1) of \(counts.count) is '\(wrong.0)'", sourceLocation: place) }
  }

  // A boot sector at 0x7c00, in real mode with one segment of 4 GiB, for the BIOS's own timer interrupt serves there:
  //
  //       cli                          fill: mov %edi, %fs:(%edi)       digit: rol $4, %ebp          put:  mov %al, %bl
  //       xor %ax, %ax                       add $4096, %edi                   mov %ebp, %eax             mov $0x3fd, %dx
  //       mov %ax, %ds                       cmp $0xd00000, %edi               and $15, %al         busy: in %dx, %al
  //       mov %ax, %ss                       jb fill                           cmp $10, %al               test $0x20, %al
  //       mov $0x7c00, %sp             tick: sti; hlt; cli                     jb decimal                 jz busy
  //       xor %ebp, %ebp                     call flat                         add $7, %al                mov %bl, %al
  //       call flat                          mov $0x100000, %edi      decimal: add $'0', %al              mov $0x3f8, %dx
  //       mov $0x100000, %edi         check: cmp %edi, %fs:(%edi)              call put                   out %al, %dx
  //                                          je sound                          loop digit                 ret
  // flat: lgdt table                         mov $'!', %al                     mov $'\n', %al
  //       mov %cr0, %eax                     call put                          call put            table: .word 15
  //       or $1, %al                  sound: add $4096, %edi                   jmp tick                   .long descriptors
  //       mov %eax, %cr0                     cmp $0xd00000, %edi                                          .balign 8
  //       mov $8, %bx                        jb check                                       descriptors:  .quad 0
  //       mov %bx, %fs                       inc %ebp                                                     .quad 0x00cf92000000ffff
  //       and $0xfe, %al                     mov $8, %cx                                                  (offset 510)
  //       mov %eax, %cr0                                                                                  .word 0xaa55
  //       xor %bx, %bx
  //       mov %bx, %fs
  //       ret
  private static let code = Data(
    hexadecimal: """
      fa31c08ed88ed0bc007c6631ede8760066bf00001000646766893f6681c7001000006681ff0000d00072ebfbf4fae8550066
      bf00001000646766393f7405b021e832006681c7001000006681ff0000d00072e46645b9080066c1c5046689e8240f3c0a72
      0204070430e80900e2eab00ae80200ebb688c3bafd03eca82074fb88d8baf803eec30f0116a27c0f20c00c010f22c0bb0800
      8ee324fe0f22c031db8ee3c30f00a87c00000000000000000000ffff00000092cf
      """)
}

extension Data {
  fileprivate init(hexadecimal: String) {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    self.init(stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
  }
}
