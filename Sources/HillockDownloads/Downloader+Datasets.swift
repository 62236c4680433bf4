import Foundation
import HillockData
import HillockFormats

extension Downloader {
    /// Brings the files of a data set to a folder: by download, or out of a folder that has them.
    ///
    /// Files that are there and right are kept. Files from a folder are checked as downloads are, may be compressed or not, and may have
    /// either of the usual spellings.
    ///
    /// - Parameters:
    ///   - dataset: The data set.
    ///   - source: A folder that has the files; `nil` to download.
    ///   - folder: Where they go: ``DataLocations/downloadFolder(for:)``.
    ///   - progress: Called with each piece that comes.
    /// - Throws: ``DatasetError`` if the data set is built in or `source` lacks a file; ``DownloadError``, ``FileError`` and
    ///   `CancellationError` as ``download(_:to:hint:progress:)`` does.
    public func fetch(
        _ dataset: DatasetEntry, from source: String? = nil, into folder: String,
        progress: @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws {
        guard !dataset.isEmbedded else { throw DatasetError.nothingToFetch(name: dataset.name) }
        if let source {
            let paths = try ImageFolder(source).all
            // All are checked before the first is copied.
            for (file, path) in zip(dataset.files, paths) {
                if case .wrong(let found, let expected) = try RemoteFile(file).verify(path) {
                    throw DownloadError.wrongContent(file: path, found: found, expected: expected)
                }
            }
            try Self.create(folder)
            for (file, path) in zip(dataset.files, paths) { try copy(path, of: file, into: folder, progress: progress) }
        } else {
            let hint = "without a network, get the files elsewhere and run: hillock data fetch \(dataset.name) --from DIR"
            for file in dataset.files { _ = try await download(RemoteFile(file), to: folder, hint: hint, progress: progress) }
        }
    }

    private func copy(
        _ path: String, of file: DatasetEntry.File, into folder: String, progress: (DownloadProgress) -> Void
    ) throws {
        let bytes = try InputFile.bytes(of: path)
        let name = Gzip.isCompressed(bytes) ? file.name : (file.name as NSString).deletingPathExtension
        let target = (folder as NSString).appendingPathComponent(name)
        if try !FileManager.default.fileExists(atPath: target) || RemoteFile(file).verify(target) != .right {
            try AtomicFile.write(bytes, to: target)
        }
        progress(DownloadProgress(file: name, received: bytes.count, total: bytes.count))
    }
}

extension RemoteFile {
    /// A file of a data set.
    init(_ file: DatasetEntry.File) {
        self.init(name: file.name, mirrors: file.mirrors, byteCount: file.byteCount, checksum: .contentSHA256(file.contentSHA256))
    }
}
