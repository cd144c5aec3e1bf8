import HoldfastAPI

/// Why a command ends without having done its work: the thing, the reason, the remedy.
struct Failure: Error, CustomStringConvertible {
  var status: ExitStatus
  var thing: String
  var reason: String
  var remedy: String

  init(_ status: ExitStatus = .failed, thing: String, reason: String, remedy: String) {
    self.status = status
    self.thing = thing
    self.reason = reason
    self.remedy = remedy
  }

  init(_ error: ErrorBody) {
    self.init(.failed, thing: error.thing, reason: error.reason, remedy: error.remedy)
  }
  var description: String { "\(thing): \(reason). \(remedy)" }
}
