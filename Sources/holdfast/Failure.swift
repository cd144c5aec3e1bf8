import HoldfastAPI
import HoldfastOperator
import HoldfastYAML

/// Why a command ends without having done its work: the thing, the reason, the remedy.
struct Failure: Error, CustomStringConvertible {
  var status: ExitStatus
  /// As in the API's errors.
  var kind: String
  var thing: String
  var reason: String
  var remedy: String

  init(_ status: ExitStatus = .failed, kind: String = "unavailable", thing: String, reason: String, remedy: String) {
    self.status = status
    self.kind = kind
    self.thing = thing
    self.reason = reason
    self.remedy = remedy
  }

  init(_ error: ErrorBody, _ status: ExitStatus = .failed) {
    self.init(status, kind: error.kind, thing: error.thing, reason: error.reason, remedy: error.remedy)
  }

  /// This node's daemon has not read the store, so that nobody here can say.
  static func unread(_ thing: String, _ pronoun: String = "they") -> Failure { Failure(ErrorBody(.unread(thing, pronoun))) }

  var body: ErrorBody { ErrorBody(kind: kind, thing: thing, reason: reason, remedy: remedy) }

  var description: String { "\(thing): \(reason). \(remedy)" }
}

/// Files that a command was given and that cannot be used: every mistake in them.
struct MistakenFiles: Error, CustomStringConvertible {
  /// What that means for the command, such as `nothing was applied`.
  var outcome: String
  var errors: FileErrors

  init(_ outcome: String, _ errors: FileErrors) {
    self.outcome = outcome
    self.errors = errors
  }

  var description: String { "\(outcome)\n\(errors)" }

  /// As the API's errors are, and the mistakes besides.
  struct Body: Encodable {
    var kind = "invalid"
    var thing = "the files"
    var reason: String
    var remedy = "Correct what 'mistakes' names, then repeat."
    var mistakes: [FileMistake]
  }

  var body: Body { Body(reason: outcome, mistakes: errors.mistakes) }
}
