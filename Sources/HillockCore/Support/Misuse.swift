import Synchronization

/// Stops the program, because an operation was called in a way that cannot work.
///
/// Every misuse of the library ends here, where the operation is *called*, with a message in one form. `fatalError` rather than
/// `precondition`, which prints no message in release builds. Inside ``Validation`` the first error is kept instead, and the caller
/// goes on with a stand-in.
package func misuse(_ error: ShapeError, at location: SourceLocation? = nil) {
    var error = error
    if error.layer == nil, let path = LayerPath.current { error.layer = path.description }
    // The library's own source is not where the mistake is.
    if let location, error.caller == nil, !["HillockNN/", "HillockCore/"].contains(where: "\(location.file)".hasPrefix) {
        error.caller = "\(location.file):\(location.line)"
    }
    if let validation = Validation.current {
        validation.record(error)
    } else if let location {
        fatalError(error.description, file: location.file, line: location.line)
    } else {
        fatalError(error.description)
    }
}

/// Collects the first misuse instead of stopping: how the same checks are offered as `throws`.
package final class Validation: Sendable {
    @TaskLocal package static var current: Validation?
    private let first = Mutex<ShapeError?>(nil)

    package init() {}

    package func record(_ error: ShapeError) {
        first.withLock { $0 = $0 ?? error }
    }

    package var error: ShapeError? { first.withLock { $0 } }

    /// Runs `body`, which builds graphs, and throws the first misuse in it. Nothing is computed on behalf of a wrong call: its result
    /// is a stand-in, and so is everything that is made from it.
    package static func check<Result>(_ body: () throws -> Result) throws -> Result {
        let validation = Validation()
        let result = try $current.withValue(validation, operation: body)
        if let error = validation.error { throw error }
        return result
    }
}
