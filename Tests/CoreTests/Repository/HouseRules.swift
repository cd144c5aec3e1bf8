/// What this repository asks of its files beyond what the compiler sees. Each rule takes files and gives what it finds, so that it can be tried on
/// files that break it as well.
enum HouseRules {
  // MARK: machines

  private static var declaration: Regex<(Substring, Substring)> { #/^(?:\w+ )*(?:struct|enum|class|actor) (\w+)/# }
  private static var extensionHead: Regex<(Substring, Substring)> { #/^(?:\w+ )*extension (\w+)/# }

  /// Extensions of a type outside the file that has it, whatever their access. Only files of one module are compared.
  static func strayExtensions(_ files: [SourceFile]) -> [String] {
    var homes: [Substring: String] = [:]
    for file in files {
      for line in file.lines { if let found = line.firstMatch(of: declaration) { homes[found.1] = file.path } }
    }
    return files.flatMap { file in
      file.lines.compactMap { line -> String? in
        guard let name = line.firstMatch(of: extensionHead)?.1, let home = homes[name], home != file.path else { return nil }
        return "\(file.path) extends \(name) of \(home)"
      }
    }
  }

  /// Assignments to a machine, or to a state inside one, where another owns it: `machines.lease = `, `machine.parts.run = `, `turn.session = `.
  static func strayAssignments(_ files: [SourceFile]) -> [String] {
    let assigned = #/\b(?:machines|machine|parts|turn|facts)(?:\??\.\w+|\[[^\]]*\])+\s(?:=|\+=|-=)\s/#
    return files.flatMap { file in
      file.lines.filter { !$0.isComment && $0.contains(assigned) }.map { "\(file.path): \($0.trimmed)" }
    }
  }

  // MARK: permits

  /// Values that are made by `.init`, without their type's name, so that a search for a permit's maker by name would not find it. Records may be made
  /// so: they are known by how their initialisers begin.
  static func namelessMakers(_ files: [SourceFile], unless beginnings: [String]) -> [String] {
    files.flatMap { file in
      let lines = file.lines
      return lines.indices.filter { index in
        guard !lines[index].isComment else { return false }
        return lines[index].split(separator: ".init(", omittingEmptySubsequences: false).dropFirst().contains { rest in
          // The arguments may begin on the next line.
          let arguments = rest.isEmpty && index + 1 < lines.count ? lines[index + 1].trimmed : rest
          return !beginnings.contains { arguments.hasPrefix($0) }
        }
      }.map { "\(file.path): \(lines[$0].trimmed)" }
    }
  }

  /// Initialisers of permits that are handed on as functions, or named on a line of their own.
  static func borrowedMakers(_ files: [SourceFile], of permits: [String]) throws -> [String] {
    let maker = try Regex("\\b(\(permits.joined(separator: "|")))\\.(init|self)\\b")
    return files.flatMap { file in
      file.lines.filter { !$0.isComment && $0.contains(maker) }.map { "\(file.path): \($0.trimmed)" }
    }
  }

  // MARK: sizes

  /// Functions, initialisers, subscripts and computed properties whose bodies have more lines.
  static func longFunctions(_ files: [SourceFile], most: Int) -> [String] {
    files.flatMap { file in
      let lines = file.lines
      return lines.indices.compactMap { index -> String? in
        guard let length = bodyLength(at: index, in: lines), length > most else { return nil }
        return "\(file.path):\(index + 1): \(length) lines"
      }
    }
  }

  /// The lines between the braces of what is declared there; nil: it has none, or is written in one line.
  private static func bodyLength(at index: Int, in lines: [Substring]) -> Int? {
    let line = lines[index], indent = line.prefix { $0 == " " }
    guard line.contains(#/^ *(?:[\w@()]+ )*(?:func |init[?(<]|subscript[(<]|var \w+: [^=]+\{$)/#), !line.isComment,
      !line.contains(#/\{.*\}$/#)
    else {
      return nil
    }
    func isOurs(_ other: Substring, _ starts: [Character]) -> Bool {
      other.hasPrefix(indent) && other.dropFirst(indent.count).first.map(starts.contains) ?? false
    }
    var open = index
    while !(lines[open].hasSuffix("{") && (open == index || isOurs(lines[open], [")", "{"]))) {
      open += 1
      guard open < lines.count, lines[open].hasPrefix(indent + " ") || isOurs(lines[open], [")", "{"]) else { return nil }
    }
    let close = lines[(open + 1)...].firstIndex { isOurs($0, ["}"]) }
    return close.map { $0 - open - 1 }
  }

  // MARK: imports

  /// Imports of this project's modules that a module may not have.
  static func strayImports(_ files: [SourceFile], of ours: Set<String>, allowed: [String: Set<String>]) -> [String] {
    files.flatMap { file in
      file.imports.filter { ours.contains($0) && !(allowed[file.module]?.contains($0) ?? false) }.map {
        "\(file.path) imports \($0)"
      }
    }
  }

  // MARK: words

  /// Words that the glossary has replaced, as patterns of whole words.
  static func strayWords(_ files: [SourceFile], _ pattern: String) throws -> [String] {
    let word = try Regex("\\b(\(pattern))\\b")
    return files.compactMap { file in file.text.firstMatch(of: word).map { "\(file.path) says \($0.0)" } }
  }
}

extension Substring {
  fileprivate var trimmed: Substring { drop { $0 == " " } }
  fileprivate var isComment: Bool { trimmed.hasPrefix("//") }
}
