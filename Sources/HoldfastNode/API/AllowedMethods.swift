import HTTPTypes
import Hummingbird
import Synchronization

/// The methods that the API's paths take, so that a path with another method is told from one that there is not. The routes are known when all of
/// them have been added, which is after the middleware that asks.
final class AllowedMethods: Sendable {
  private let routes = Mutex<[(path: [Substring], method: String)]>([])

  func take(_ router: Router<APIContext>) {
    let known = router.routes.map { (path: $0.path.description.split(separator: "/"), method: $0.method.rawValue) }
    routes.withLock { $0 = known }
  }

  /// Sorted; empty for a path that there is not.
  func methods(of path: String) -> [String] {
    let parts = path.split(separator: "/")
    let fitting = routes.withLock { routes in
      routes.filter { route in
        route.path.count == parts.count && zip(route.path, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
      }.map(\.method)
    }
    return Set(fitting).sorted()
  }
}
