import AsyncHTTPClient
import Foundation
import HillockFormats
import NIOCore
import NIOPosix

/// Why one attempt at one mirror failed.
struct TransferFailure: Error {
    let reason: String
    /// Whether trying the same mirror again at once may help: a connection that was cut, not a file that is not there.
    let isWorthRetrying: Bool

    init(_ reason: String, isWorthRetrying: Bool = false) {
        self.reason = reason
        self.isWorthRetrying = isWorthRetrying
    }

    /// What the HTTP client threw before the mirror answered, in plain words; other errors as they are.
    static func connecting(_ error: any Error, timeouts: Downloader.Timeouts) -> any Error {
        switch error {
        case is CancellationError:
            error
        case let error as HTTPClientError:
            switch error {
            case .cancelled: error
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                TransferFailure("no connection within \(timeouts.connect) s")
            case .readTimeout: TransferFailure("no answer within \(timeouts.read) s")
            default: TransferFailure(error.shortDescription.lowercased())
            }
        case let error as NIOConnectionError where error.connectionErrors.isEmpty:
            TransferFailure("the host's name cannot be resolved")
        case let error as NIOConnectionError:
            TransferFailure(
                "no connection (\(error.connectionErrors.lazy.compactMap { ($0.error as? IOError).map(words) }.first ?? "no answer"))")
        case let error as IOError:
            TransferFailure("no connection (\(words(error)))")
        default:
            // TLS has many errors of its own.
            TransferFailure("no connection (\(error))")
        }
    }

    /// What the HTTP client threw while the file came, in plain words; other errors, such as a full disk, as they are.
    static func receiving(_ error: any Error, received: Int, timeouts: Downloader.Timeouts) -> any Error {
        switch error {
        case is CancellationError, is FileError, is TransferFailure:
            error
        case let error as HTTPClientError where error == .cancelled:
            error
        case let error as HTTPClientError where error == .readTimeout:
            TransferFailure("nothing came for \(timeouts.read) s after \(received) bytes")
        default:
            // However the client words it (an end of stream, a reset, an unclean end of TLS): the rest did not come.
            TransferFailure("the connection was cut after \(received) bytes", isWorthRetrying: true)
        }
    }

    private static func words(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)).lowercased() }
}
