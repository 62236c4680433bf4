import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// Why one attempt at one mirror failed.
struct TransferFailure: Error {
    let reason: String
    /// Whether trying the same mirror again may help: a connection that was cut, not a file that is not there.
    let isWorthRetrying: Bool

    init(_ reason: String, isWorthRetrying: Bool = false) {
        self.reason = reason
        self.isWorthRetrying = isWorthRetrying
    }

    /// An error of the HTTP client in plain words; `nil` if it is none of the network's, such as a full disk or a cancelled task.
    init?(_ error: any Error, received: Int, timeouts: Downloader.Timeouts) {
        switch error {
        case let error as TransferFailure:
            self = error
        case let error as HTTPClientError:
            guard error != .cancelled else { return nil }
            self = TransferFailure.client(error, received: received, timeouts: timeouts)
        case let error as NIOConnectionError:
            self.init(TransferFailure.connection(error))
        case let error as IOError:
            self.init("the connection was cut after \(received) bytes (\(TransferFailure.words(error)))", isWorthRetrying: true)
        case is CocoaError, is CancellationError: return nil
        default:
            // TLS and the HTTP parser have many errors of their own; all of them are one mirror's trouble.
            guard "\(type(of: error))".hasPrefix("NIO") || "\(type(of: error))".hasPrefix("HTTP") else { return nil }
            self.init("\(error)")
        }
    }

    private static func client(_ error: HTTPClientError, received: Int, timeouts: Downloader.Timeouts) -> TransferFailure {
        switch error {
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            TransferFailure("no connection within \(timeouts.connect) s")
        case .readTimeout:
            TransferFailure("nothing came for \(timeouts.read) s after \(received) bytes", isWorthRetrying: true)
        case .remoteConnectionClosed, .uncleanShutdown:
            TransferFailure("the connection was cut after \(received) bytes", isWorthRetrying: true)
        default: TransferFailure(error.shortDescription.lowercased())
        }
    }

    private static func connection(_ error: NIOConnectionError) -> String {
        guard error.connectionErrors.isEmpty else {
            let reasons = error.connectionErrors.compactMap { ($0.error as? IOError).map(words) ?? "no answer" }
            return "no connection (\(reasons.first ?? "no answer"))"
        }
        return error.dnsAError != nil || error.dnsAAAAError != nil ? "the host's name cannot be resolved" : "no connection"
    }

    private static func words(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)).lowercased() }
}
