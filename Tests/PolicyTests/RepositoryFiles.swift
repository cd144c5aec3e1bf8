import Foundation

private func place(_ path: String) -> URL {
  URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "../../\(path)")
    .standardizedFileURL
}

/// The whole path of a file of this repository.
func repositoryPath(_ path: String) -> String { place(path).path() }

/// A file of this repository.
func repositoryFile(_ path: String) throws -> String { try String(contentsOf: place(path), encoding: .utf8) }

func writeRepositoryFile(_ path: String, _ text: String) throws { try Data(text.utf8).write(to: place(path)) }

/// The names of the files in a folder of this repository, sorted, those of its folders included.
func repositoryFiles(in folder: String) throws -> [String] {
  try FileManager.default.subpathsOfDirectory(atPath: place(folder).path()).filter { $0.contains(".") && !$0.hasPrefix(".") }
    .sorted()
}
