import EtcdStore
import HoldfastYAML
import Housekeeping

/// Reads where the store is, and looks at the files that it needs.
struct StoreReading {
  let top: YAMLSection

  func store() -> NodeConfiguration.StoreChoice {
    let remedy = "Add 'store:' with 'etcd:' and its endpoints, ca, certificate and key."
    guard let value = top.required("store", expected: "the store that all nodes share", remedy: remedy),
      let section = value.section(of: NodeConfiguration.keys, at: "store")
    else { return .memory }
    switch (section["etcd"], section["memory"]) {
    case (let etcd?, nil): return .etcd(place(etcd))
    case (nil, let memory?):
      // Its section has no keys: whatever stands in it is reported.
      _ = memory.section(of: NodeConfiguration.keys, at: "store.memory")
      return .memory
    case (let etcd?, let memory?):
      memory.wrong(expected: "one store", found: "etcd and memory", remedy: "Remove 'memory': it is for one process only.")
      return .etcd(place(etcd))
    case (nil, nil):
      section.missing("etcd", expected: "the store that all nodes share", remedy: remedy)
      return .memory
    }
  }

  private func place(_ value: YAMLValue) -> NodeConfiguration.EtcdPlace {
    guard let section = value.section(of: NodeConfiguration.keys, at: "store.etcd") else { return .init(endpoints: []) }
    let endpoints = endpoints(section)
    let login = login(section)
    return .init(
      endpoints: endpoints, tls: tls(section, endpoints: endpoints, hasLogin: section["user"] != nil), login: login,
      quota: section.read("quota", default: NodeConfiguration.EtcdPlace.defaultQuota) { $0.mebibytes() },
      history: history(section))
  }

  /// A watch that was away for longer must list everything anew.
  private func history(_ section: YAMLSection) -> Duration {
    let history = section.read("history", default: HistoryRetention.usual) { $0.duration(in: HistoryRetention.allowed) }
    if history < .seconds(300) {
      section["history"]?.wrong(
        .warning, expected: "a history of 5m or more, from which a watch can continue that lags or was away",
        remedy: "Use 1h: it takes no more than some tens of MiB.")
    }
    return history
  }

  // MARK: endpoints

  private func endpoints(_ section: YAMLSection) -> [EtcdEndpoint] {
    let expected = "etcd's endpoints such as [\"https://10.77.0.1:2379\"]"
    guard
      let value = section.required("endpoints", expected: expected, remedy: "Add 'endpoints:', this host's own member first."),
      let items = value.items(expected: expected, remedy: "Write a list, even of one.")
    else { return [] }
    if items.isEmpty {
      value.wrong(expected: expected, found: "an empty list", remedy: "Name etcd's members, this host's own first.")
    }
    var schemes: Set<Bool> = []
    return YAMLValue.distinct(items) { item in
      guard let endpoint = endpoint(item) else { return nil }
      if !endpoint.isEncrypted, !endpoint.isLoopback {
        item.wrong(
          expected: "https for everything but loopback",
          remedy: "Use https with ca, certificate and key: whoever can write to the store controls the cluster.")
      } else if schemes.insert(endpoint.isEncrypted).inserted, schemes.count > 1 {
        item.wrong(expected: "endpoints of one kind", found: "http and https", remedy: "Use https for all.")
      }
      return endpoint
    }
  }

  private func endpoint(_ item: YAMLValue) -> EtcdEndpoint? {
    let expected = "an endpoint such as https://10.77.0.1:2379"
    guard let text = item.text(expected: expected, remedy: "Write https://HOST:PORT.") else { return nil }
    do {
      return try EtcdEndpoint(parsing: text)
    } catch {
      let remedy =
        switch error {
        case .scheme: "Start it with https://."
        case .host: "Write a host's name or address; an IPv6 address in brackets."
        case .port: "End it with a port from 1 to 65535; etcd's is 2379."
        case .rest: "Leave out everything but scheme, host and port."
        }
      item.wrong(expected: expected, remedy: remedy)
      return nil
    }
  }

  // MARK: credentials

  private func tls(_ section: YAMLSection, endpoints: [EtcdEndpoint], hasLogin: Bool) -> NodeConfiguration.TLSFiles? {
    let ca = section.read("ca", default: nil) { $0.pem(.certificate) }
    let certificate = section.read("certificate", default: nil) { $0.pem(.certificate) }
    let key = section.read("key", default: nil) { $0.pem(.privateKey) }
    // Then it is not known which files are needed.
    if endpoints.isEmpty { return nil }
    guard endpoints.contains(where: \.isEncrypted) else {
      for name in ["ca", "certificate", "key"] {
        section[name]?.wrong(.warning, expected: "no TLS files with http endpoints", remedy: "Remove it, or use https.")
      }
      return nil
    }
    if section["ca"] == nil {
      section.missing("ca", expected: "the PEM file of etcd's certificate authority, for https", remedy: "Add 'ca: PATH'.")
    }
    switch (section["certificate"], section["key"]) {
    case (nil, nil) where !hasLogin:
      section.missing(
        "certificate", expected: "a client certificate, or a user, for https",
        remedy: "Add 'certificate: PATH' and 'key: PATH': a store that asks nobody who he is obeys everybody.")
    case (.some, nil): section.missing("key", expected: "the private key of the certificate", remedy: "Add 'key: PATH'.")
    case (nil, .some):
      section.missing("certificate", expected: "the certificate of the key", remedy: "Add 'certificate: PATH'.")
    default: break
    }
    let client = certificate.flatMap { certificate in
      key.map { NodeConfiguration.TLSFiles.Identity(certificate: certificate, key: $0) }
    }
    if let client { judge(client, section) }
    judgeEnd(of: ca, .authority, section["ca"])
    judgeEnd(of: certificate, .client, section["certificate"])
    return .init(ca: ca ?? "", client: client)
  }

  /// etcd's refusal would say less, and later.
  private func judge(_ client: NodeConfiguration.TLSFiles.Identity, _ section: YAMLSection) {
    switch CertificateFiles.flaw(certificate: client.certificate, key: client.key) {
    case nil: break
    case .certificateUnreadable:
      section["certificate"]?.wrong(
        expected: "a certificate that can be read", found: "damaged PEM in \(YAMLValue.quote(client.certificate))",
        remedy: "Look at it with: openssl x509 -noout -text -in \(client.certificate)")
    case .keyUnreadable:
      section["key"]?.wrong(
        expected: "a private key that can be read", found: "damaged PEM in \(YAMLValue.quote(client.key))",
        remedy: "Look at it with: openssl pkey -noout -in \(client.key)")
    case .keyOfAnother:
      section["key"]?.wrong(
        expected: "the private key of \(client.certificate)", found: "another certificate's in \(YAMLValue.quote(client.key))",
        remedy: "Name the key that was made with the certificate.")
    }
  }

  /// A warning, also where it has ended: a new file may be put in its place while the daemon runs. `--check` fails then.
  private func judgeEnd(of path: String?, _ kind: StoreCertificate.Kind, _ value: YAMLValue?) {
    guard let path, let ends = CertificateFiles.end(of: path, kind) else { return }
    guard let warning = StoreCertificate(kind, path: path, ends: ends).warning(at: wallTime()) else { return }
    value?.wrong(
      .warning, expected: "a certificate that is valid for \(StoreCertificate.notice) days or more",
      found: "one that \(warning): \(YAMLValue.quote(path))",
      remedy: "Put a new one in its place: without it no connection to the store comes about.")
  }

  private func login(_ section: YAMLSection) -> NodeConfiguration.Login? {
    let user = section["user"]?.text(expected: "the name of etcd's user", remedy: "Write the name.")
    let file = section.read("password-file", default: nil) { $0.passwordFile() }
    switch (section["user"], section["password-file"]) {
    case (.some, nil):
      section.missing("password-file", expected: "the user's password in a file", remedy: "Add 'password-file: PATH'.")
    case (nil, .some): section.missing("user", expected: "the user of the password", remedy: "Add 'user: NAME'.")
    default: break
    }
    return user.flatMap { user in file.map { .init(user: user, passwordFile: $0) } }
  }
}
