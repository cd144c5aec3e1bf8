import Logging

/// The HTTP server's log, without what is no error: it tells of its own clean end as of one.
package struct ServerLog: LogHandler {
  private var handler: any LogHandler

  package init(handler: any LogHandler) { self.handler = handler }

  package var logLevel: Logger.Level {
    get { handler.logLevel }
    set { handler.logLevel = newValue }
  }
  package var metadata: Logger.Metadata {
    get { handler.metadata }
    set { handler.metadata = newValue }
  }
  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { handler[metadataKey: key] }
    set { handler[metadataKey: key] = newValue }
  }

  package func log(event: LogEvent) {
    if event.error is CancellationError || event.message.description.hasSuffix("CancellationError()") { return }
    handler.log(event: event)
  }
}
