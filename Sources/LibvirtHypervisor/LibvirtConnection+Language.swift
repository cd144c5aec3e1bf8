import HoldfastModel

extension LibvirtConnection {
  /// Whether libvirtd words its errors in English; nil: it has not said. It is asked once each time it was connected to.
  func speaksEnglish() async -> Bool? {
    if let known = language, known.opening == openings { return known.isEnglish }
    let opening = openings
    let answer = try? await call(on: lookThreads) { reader throws(LibvirtError) in try reader.connection.speaksEnglish() }
    guard let answer, opening == openings else { return nil }
    language = (opening, answer)
    return answer
  }
}

extension LibvirtHypervisor {
  /// What people should know of this node's libvirt. Only live migrations are judged by what libvirt words, so containers' libvirt may word it as it likes.
  public func flaws() async -> [NodeFlaw] {
    var flaws: [NodeFlaw] = []
    for (uri, isEnglish) in await speaksEnglish() where !isEnglish {
      flaws.append(
        NodeFlaw(
          NodeFlaw.libvirtLanguage,
          "has a libvirt at \(uri) whose messages are not in English: where a live migration fails, what stands in its way may not be told "
            + "from a fault of the machine's own"))
    }
    return flaws.sorted()
  }

  /// By URI of the connections for VMs: whether the libvirt there words its errors in English. One that has not said is left out.
  package func speaksEnglish() async -> [String: Bool] {
    var answers: [String: Bool] = [:]
    for connection in opened.values where connection.driver.kind == .qemu {
      answers[connection.uri] = await connection.speaksEnglish()
    }
    return answers
  }
}
