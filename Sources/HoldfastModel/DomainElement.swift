/// An element of a domain's XML with what is in it: what everybody walks through who reads of such a text what the domain has.
package struct DomainElement: Sendable {
  package let name: String
  /// In their order.
  package let attributes: [(name: String, value: String)]
  /// What stands in it, without blanks around it.
  package let text: String
  package private(set) var children: [DomainElement] = []

  package init(name: String, attributes: [(name: String, value: String)], text: String, children: [DomainElement]) {
    self.name = name
    self.attributes = attributes
    self.text = text
    self.children = children
  }

  package func attribute(_ name: String) -> String? { attributes.first { $0.name == name }?.value }

  /// The same; nil when it is empty, too.
  package func value(_ name: String) -> String? { attribute(name).flatMap { $0.isEmpty ? nil : $0 } }

  package func first(_ name: String) -> DomainElement? { children.first { $0.name == name } }
  package func all(_ name: String) -> [DomainElement] { children.filter { $0.name == name } }
  package func has(_ name: String) -> Bool { first(name) != nil }
}

// MARK: from a text

extension DomainElement {
  /// No domain is nested as deeply: what lies deeper is left out, so that no text takes the program's stack.
  private static let greatestDepth = 256

  /// The root. Without libxml2, so that the core can have it: of a text there is what stands before the first child, and names have no prefixes.
  ///
  /// - Parameter xml: well-formed; of what is not, only so much is found. nil: there is no element.
  package init?(of xml: String) {
    var tags = XMLTags(xml), open: [DomainElement] = [], skipped = 0
    while let tag = tags.step() {
      if tag.isClosing, skipped > 0 {
        skipped -= 1
      } else if tag.isClosing {
        if let root = Self.close(&open) {
          self = root
          return
        }
      } else if open.count == Self.greatestDepth {
        if !tag.isEmpty { skipped += 1 }
      } else {
        open.append(
          DomainElement(
            name: tag.name, attributes: tag.attributes, text: tag.isEmpty ? "" : tags.textBehind(), children: []))
        if tag.isEmpty, let root = Self.close(&open) {
          self = root
          return
        }
      }
    }
    // What is cut off in the middle is left out, but for the root and the parts of it.
    if open.count > 2 { open.removeLast(open.count - 2) }
    if open.count == 2 { _ = Self.close(&open) }
    guard let root = open.first else { return nil }
    self = root
  }

  /// - Returns: the root, when it was that.
  private static func close(_ open: inout [DomainElement]) -> DomainElement? {
    guard let done = open.popLast() else { return nil }
    if open.isEmpty { return done }
    open[open.count - 1].children.append(done)
    return nil
  }
}

// MARK: what devices have in common

/// A server from which a disk is read over the network.
package struct DiskServer: Hashable, Sendable {
  package var name: String?
  /// nil: the usual one.
  package var port: String?
  /// In place of name and port.
  package var socket: String?

  /// By the protocol's name in libvirt.
  package static let usualPorts = [
    "nbd": "10809", "sheepdog": "7000", "gluster": "24007", "iscsi": "3260", "ssh": "22", "http": "80", "https": "443",
    "ftp": "21", "ftps": "990", "tftp": "69", "nfs": "2049"
  ]

  package init(name: String?, port: String?, socket: String?) {
    self.name = name
    self.port = port
    self.socket = socket
  }

  /// As it is written where a disk is named in one line: a socket's path, a name, or a name and its port.
  init(_ text: Substring) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if text.hasPrefix("/") {
      self.init(name: nil, port: nil, socket: String(text))
    } else if parts.count == 2 {
      self.init(name: String(parts[0]), port: String(parts[1]), socket: nil)
    } else {
      self.init(name: String(text), port: nil, socket: nil)
    }
  }
}

extension String {
  /// An absolute path in one way of writing it, as the kernel reads it, links aside. By its text alone: it may be another host's. nil: it is none.
  package var plainPath: String? {
    guard hasPrefix("/") else { return nil }
    var names: [Substring] = []
    for name in split(separator: "/") where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
  }
}

extension DomainElement {
  /// Of a disk's source. libvirt writes the usual port where the definition left it out.
  package func servers(of scheme: String) -> [DiskServer] {
    all("host").map { host in
      let port = host.value("port").flatMap { $0 == DiskServer.usualPorts[scheme] || $0 == "0" ? nil : $0 }
      return DiskServer(name: host.value("name"), port: port, socket: host.value("socket"))
    }
  }

  /// Of a network card: lower case, two digits for each byte; nil: libvirt makes one for each start.
  package var macAddress: String? {
    first("mac")?.value("address").map { text in
      text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        .map { $0.utf8.count == 1 ? "0\($0)" : String($0) }.joined(separator: ":")
    }
  }
}
