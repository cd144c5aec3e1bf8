import CLinux
import Glibc
import GuardCore

holdfast_share_heap()
switch GuardOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .help:
  print(GuardOptions.help)
case .version:
  print("holdfast-guard \(GuardOptions.version), protocol \(guardProtocolVersion)")
case .mistake(let text):
  let log = try GuardLog()
  log.line(.error, text)
  log.flush()
  // Wrong usage, as of the other programs.
  exit(2)
case .run(let options):
  let log = try GuardLog()
  do {
    let code = try GuardLoop.start(options, log).run()
    log.flush()
    exit(code)
  } catch {
    log.line(.error, "\(error)")
    log.flush()
    exit(1)
  }
}
