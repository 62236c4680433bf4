import Foundation
import Synchronization

/// An HTTP server on 127.0.0.1 that serves one body and misbehaves as told.
final class LocalServer: Sendable {
    /// How it answers.
    struct Behaviour: Sendable {
        /// What it serves.
        var body: [UInt8]
        /// The status it answers with instead of serving.
        var status: Int?
        /// Whether it honours `Range`.
        var ranges = true
        /// Closes the connection at these offsets of the body, one a request; the last holds for all that follow.
        var cutsAt: [Int] = []
        /// Waits so long before each piece of the body.
        var delay: Double = 0
    }

    let port: UInt16
    private let listener: Int32
    private let behaviour: Behaviour
    /// The `Range` header of each request, empty where there was none.
    private let seen = Mutex<[String]>([])

    var requests: [String] { seen.withLock { $0 } }

    func url(_ name: String) -> String { "http://127.0.0.1:\(port)/\(name)" }

    init(_ behaviour: Behaviour) throws {
        self.behaviour = behaviour
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard bound, listen(listener, 8) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        Thread { [descriptor, weak self] in
            while case let connection = accept(descriptor, nil, nil), connection >= 0 {
                guard let server = self else {
                    close(connection)
                    return
                }
                server.answer(connection)
                close(connection)
            }
        }.start()
    }

    /// Stops listening.
    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func answer(_ connection: Int32) {
        var request = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !request.contains("\r\n\r\n") {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            request += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let range = request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("range: ") }.map { String($0.dropFirst(7)) } ?? ""
        let number = seen.withLock { seen in
            seen.append(range)
            return seen.count
        }
        if let status = behaviour.status { return send(connection, Array("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8)) }
        let body = behaviour.body
        let start = behaviour.ranges ? Int(range.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0 : 0
        guard start < body.count else {
            return send(connection, Array("HTTP/1.1 416 No\r\nContent-Range: bytes */\(body.count)\r\nContent-Length: 0\r\n\r\n".utf8))
        }
        var head =
            start > 0 ? "HTTP/1.1 206 Part\r\nContent-Range: bytes \(start)-\(body.count - 1)/\(body.count)\r\n" : "HTTP/1.1 200 OK\r\n"
        head += "Content-Length: \(body.count - start)\r\nConnection: close\r\n\r\n"
        send(connection, Array(head.utf8))
        var end = body.count
        if !behaviour.cutsAt.isEmpty { end = min(end, behaviour.cutsAt[min(number, behaviour.cutsAt.count) - 1]) }
        for piece in stride(from: start, to: max(start, end), by: 10_000) {
            if behaviour.delay > 0 { usleep(UInt32(behaviour.delay * 1e6)) }
            send(connection, Array(body[piece..<min(piece + 10_000, end)]))
        }
        // The client may drop what it has not read when the connection is cut: let it read first.
        if end < body.count { usleep(200_000) }
    }

    private func send(_ connection: Int32, _ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(connection, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
