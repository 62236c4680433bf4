import Glibc

/// The modules that are being applied, outermost first: what an error says after "in".
package final class LayerPath: Sendable, CustomStringConvertible {
    /// Names from the model down.
    package let components: [String]

    package init(_ components: [String]) { self.components = components }

    package var description: String { components.joined(separator: ".") }

    /// The path of what this thread is applying. Applying never waits, so that it belongs to the thread; as a task's own value it would cost
    /// more than the nodes of a layer.
    package static var current: LayerPath? {
        pthread_getspecific(key).map { Unmanaged<LayerPath>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        // There are at least 128 keys for each process, and the system's libraries take a handful.
        guard pthread_key_create(&key, nil) == 0 else { fatalError("[layers] the process has no room for one more value of each thread") }
        return key
    }()

    /// Runs `body`, the computation of the module at this path.
    @inline(__always)
    package func entering<Result>(_ body: () throws -> Result) rethrows -> Result {
        let outer = pthread_getspecific(Self.key)
        pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        // The module holds its path, or the caller does, until `body` is over.
        defer { withExtendedLifetime(self) { _ = pthread_setspecific(Self.key, outer) } }
        return try body()
    }

    /// Runs `body` as a part of the current module that is named `component`.
    package static func entering<Result>(_ component: String, _ body: () throws -> Result) rethrows -> Result {
        try LayerPath((current?.components ?? []) + [component]).entering(body)
    }
}
