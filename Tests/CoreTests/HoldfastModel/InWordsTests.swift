import HoldfastModel
import Testing

@Suite struct `What people read` {
  @Test(
    arguments: [
      ("web1", "web1"), ("größer", "größer"), ("two\nlines\tand a tab", "two\nlines\tand a tab"), ("", ""),
      ("clear\u{1B}[2J", "clear\\u001B[2J"), ("bell\u{07}", "bell\\u0007"), ("back\u{08}", "back\\u0008"),
      ("over\rwritten", "over\\u000Dwritten"), ("a line\r\nof DOS", "a line\r\nof DOS"), ("del\u{7F}", "del\\u007F"),
      ("csi\u{9B}31m", "csi\\u009B31m"), ("evil\u{202E}txt", "evil\\u202Etxt"), ("mark\u{061C}", "mark\\u061C"),
      ("👩‍👩‍👧", "👩‍👩‍👧"), ("\u{0}", "\\u0000")
    ]) func `characters that steer a terminal are shown instead`(_ text: String, _ expected: String)
  {
    #expect(InWords.visible(text) == expected)
    #expect(InWords.visible(InWords.visible(text)) == expected)
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (-1, "-1"), (0.05, "0.05"), (0.5, "0.5"), (7.95, "7.95"), (49.25, "49.25"), (0.1 + 0.2, "0.3"),
      (0.004, "0.004"), (0.0004, "0"), (0.0096, "0.01"), (-0.05, "-0.05"), (-9, "-9"), (100, "100"), (12.345, "12.35"),
      (8, "8"), (0.125, "0.13"), (1234.5, "1234.5")
    ] as [(Double, String)]) func `amounts have the decimals that they need`(_ value: Double, _ expected: String)
  {
    #expect(InWords.decimal(value) == expected)
  }

  @Test func `what is no number is no reason to end`() {
    #expect(InWords.decimal(.nan) == "nan" && InWords.decimal(.infinity) == "inf")
    #expect(InWords.cpus(1) == "1 cpu" && InWords.cpus(0.05) == "0.05 cpus" && InWords.cpus(2) == "2 cpus")
  }

  @Test(arguments: [
    (0, "0 MiB"), (512, "512 MiB"), (1023, "1023 MiB"), (1024, "1.0 GiB"), (12288, "12.0 GiB"), (-2048, "-2.0 GiB")
  ])
  func `memory has one unit for one size`(_ mebibytes: Int, _ expected: String) {
    #expect(InWords.memory(mebibytes) == expected)
  }

  @Test(
    arguments: [
      (Exclusion.down, "are down"), (.lostLately, "were lost lately"),
      (.connectionMissing("lxc:///system"), "do not serve lxc:///system"),
      (.shortage(.init(resource: "memory", needs: 512, free: 100)), "have 100 MiB of memory free, and it needs 512 MiB"),
      (.neverOn(rule: "r"), "'r' forbids it")
    ]) func `what is true of several nodes is said of several`(_ exclusion: Exclusion, _ expected: String)
  {
    #expect(InWords.clause("\(exclusion)", of: 2) == expected)
    #expect(InWords.clause("\(exclusion)", of: 1) == "\(exclusion)")
  }

  @Test(
    arguments: [
      ("memory", 4096, 4090, "has 4090 MiB of memory free, and it needs 4096 MiB"),
      ("memory", 65536, 3728, "has 3.6 GiB of memory free, and it needs 64.0 GiB"),
      ("memory", 2048, 0, "has 0 MiB of memory free, and it needs 2.0 GiB"),
      ("cpus", 2, 0.5, "has 0.5 processors free, and it needs 2"), ("oracle", 1, 0, "has 0 of 'oracle' free, and it needs 1")
    ] as [(String, Double, Double, String)])
  func `what is missing is told of the node`(_ resource: String, _ needs: Double, _ free: Double, _ expected: String) {
    #expect(Exclusion.shortage(.init(resource: resource, needs: needs, free: free)).description == expected)
  }

  @Test(
    arguments: [
      ("connection refused", "connection refused"),
      ("connect(descriptor:addr:size:): Connection refused) (errno: 111)", "Connection refused"),
      ("connection reset (error set): Connection refused) (errno: 111)", "Connection refused"),
      ("Resource temporarily unavailable (errno: 11)", "Resource temporarily unavailable"),
      (
        "sslError([error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at /b/.build/c/ssl/handshake.cc:320])",
        "sslError([error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED])"
      ),
      ("no file at /etc/holdfast/ca.pem", "no file at /etc/holdfast/ca.pem"),
      ("no file at /etc/holdfast/ca.pem, none at /x/y.cc:7 either", "no file at /etc/holdfast/ca.pem, none either"), ("", "")
    ]) func `a library's words without its sources`(_ text: String, _ expected: String)
  {
    #expect(InWords.plain(text) == expected)
  }
}
