import Glibc
import GuardCore

switch GuardOptions.parse(Array(CommandLine.arguments.dropFirst())) {
case .help:
  print(GuardOptions.help)
case .version:
  print("holdfast-guard \(GuardOptions.version), protocol \(guardProtocolVersion)")
case .mistake(let text):
  GuardLog().line(.error, text)
  exit(64)
case .run(let options):
  do {
    exit(try GuardLoop.start(options).run())
  } catch {
    GuardLog().line(.error, "\(error)")
    exit(1)
  }
}
