import GuardCore

/// The controller's side of the guard's door.
public protocol GuardConnection: Sendable {
  /// One stream, one consumer: `connected` first, then reports in the order of the commands and those that come unasked,
  /// `lost` at once when the guard's process ends or its door closes; then it reconnects by itself.
  func events() -> AsyncStream<GuardEvent>

  /// Sends without waiting. Commands sent while the door is closed are dropped: `connected` tells when to say everything anew.
  func send(_ command: GuardCommand)

  func close() async
}
