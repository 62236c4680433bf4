import AsyncHTTPClient
import Foundation
import HillockFormats
import NIOCore

/// Downloads files from mirrors, checked and resumable.
///
/// A download goes to `NAME.part` and gets its name when its SHA-256 is right, so a file of the right name is a whole one. What is
/// interrupted (by the network, Ctrl-C, a cancelled task) is resumed by the next download.
public struct Downloader: Sendable {
    /// How long to wait, in whole seconds.
    public struct Timeouts: Sendable, Hashable {
        /// For a connection.
        public var connect: Int
        /// For the next bytes.
        public var read: Int

        /// Ten seconds to connect and thirty for the next bytes, unless told otherwise.
        public init(connect: Int = 10, read: Int = 30) {
            self.connect = connect
            self.read = read
        }
    }

    /// How long to wait.
    public let timeouts: Timeouts
    /// How often in a row a mirror is tried whose connection is cut before another byte came; each byte gives it as many new ones.
    public let attempts: Int

    /// A downloader with these settings.
    public init(timeouts: Timeouts = Timeouts(), attempts: Int = 3) {
        self.timeouts = timeouts
        self.attempts = max(1, attempts)
    }

    /// Downloads a file into a folder, which is created if need be, unless it is there and right.
    ///
    /// - Parameters:
    ///   - file: What to download.
    ///   - folder: Where to.
    ///   - hint: What to do if no mirror gives it, for the message.
    ///   - progress: Called with each piece that comes.
    /// - Returns: The file's path.
    /// - Throws: ``DownloadError`` if no mirror gives the right file, ``FileError`` if it cannot be written, `CancellationError` if the task is
    ///   cancelled; what has come so far is kept.
    public func download(
        _ file: RemoteFile, to folder: String, hint: String? = nil, progress: @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        let target = (folder as NSString).appendingPathComponent(file.name)
        try Self.create(folder)
        if FileManager.default.fileExists(atPath: target), try file.verify(target) == .right {
            let size = try InputFile(path: target).byteCount
            progress(DownloadProgress(file: file.name, received: size, total: size))
            return target
        }
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(Int64(timeouts.connect)), read: .seconds(Int64(timeouts.read)))
        // A refused connection is to be reported at once, not tried until the time is up.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await download(file, to: target, hint: hint, client: client, progress: progress)
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
        return target
    }

    private func download(
        _ file: RemoteFile, to target: String, hint: String?, client: HTTPClient, progress: (DownloadProgress) -> Void
    ) async throws {
        let part = try PartialFile(for: target)
        var reasons: [String] = []
        for mirror in file.mirrors {
            let host = URL(string: mirror)?.host ?? mirror
            var fruitless = 0
            var isRestarted = false
            attempts: while true {
                try Task.checkCancellation()
                let start = part.byteCount
                do {
                    try await transfer(file, from: mirror, into: part, client: client, progress: progress)
                } catch let failure as TransferFailure {
                    // A cancelled task shows as whatever error the client was about to throw.
                    try Task.checkCancellation()
                    fruitless = part.byteCount > start ? 0 : fruitless + 1
                    if failure.isWorthRetrying, fruitless < attempts {
                        try await Task.sleep(for: .milliseconds(200))
                        continue attempts
                    }
                    reasons.append("\(host): \(failure.reason)")
                    break attempts
                }
                switch try file.verify(part.path) {
                case .right:
                    try part.complete(as: target)
                    return
                case .wrong(let found, let expected):
                    try part.clear()
                    // Half a file of one mirror and half of another may not fit together: once more from the start.
                    if start > 0, !isRestarted {
                        isRestarted = true
                        continue attempts
                    }
                    reasons.append("\(host): SHA-256 is \(found), expected \(expected)")
                    break attempts
                }
            }
        }
        if part.byteCount == 0 { part.remove() }
        throw DownloadError.noMirror(file: file.name, reasons: reasons, hint: hint)
    }

    /// Appends what is missing of a file, as one mirror serves it.
    private func transfer(
        _ file: RemoteFile, from mirror: String, into part: PartialFile, client: HTTPClient, progress: (DownloadProgress) -> Void
    ) async throws {
        var request = HTTPClientRequest(url: mirror)
        request.headers.add(name: "User-Agent", value: "hillock")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if part.byteCount > 0 { request.headers.add(name: "Range", value: "bytes=\(part.byteCount)-") }
        // The read timeout watches over a stalled download; a slow one may take its time.
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, deadline: .now() + .hours(24))
        } catch {
            throw TransferFailure.connecting(error, timeouts: timeouts)
        }
        var total: Int?
        switch response.status.code {
        case 200:
            try part.clear()  // the mirror knows nothing of ranges, or nothing was there to resume
            total = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        case 206:
            let range = ContentRange(response.headers.first(name: "Content-Range") ?? "")
            guard let range, range.start == part.byteCount else {
                try part.clear()
                throw TransferFailure("it sent another range than the one asked for")
            }
            total = range.total
        case 416:
            // Nothing comes after what is there: it is whole, or it is of another file and the check will say so.
            return
        default:
            throw TransferFailure("HTTP status \(response.status.code) \(response.status.reasonPhrase)")
        }
        total = total ?? file.byteCount
        // Without a limit a mirror that never ends would fill the disk. Another compression of the same content may be larger.
        let limit = file.byteCount.map { 2 * $0 } ?? total ?? .max
        do {
            for try await buffer in response.body {
                guard part.byteCount + buffer.readableBytes <= limit else {
                    try part.clear()
                    throw TransferFailure("it sent more than \(limit) bytes")
                }
                try buffer.withUnsafeReadableBytes { try part.append($0) }
                progress(DownloadProgress(file: file.name, received: part.byteCount, total: total))
            }
        } catch {
            throw TransferFailure.receiving(error, received: part.byteCount, timeouts: timeouts)
        }
        try Task.checkCancellation()
        if response.headers.contains(name: "Content-Length") || response.status.code == 206, let total, part.byteCount < total {
            throw TransferFailure("the connection was cut after \(part.byteCount) bytes", isWorthRetrying: true)
        }
    }

    /// `bytes START-END/TOTAL`, of which the start and the total matter.
    private struct ContentRange {
        let start: Int
        let total: Int?

        init?(_ text: String) {
            guard let match = text.wholeMatch(of: /bytes (\d+)-\d+\/(\d+|\*)/), let start = Int(match.1) else { return nil }
            self.start = start
            total = Int(match.2)
        }
    }

    static func create(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code
            throw FileError(path: folder, action: "create the folder", code: code.map { Int32(truncatingIfNeeded: $0) } ?? EACCES)
        }
    }
}
