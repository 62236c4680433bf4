import HillockFormats

/// A data set that cannot be had as asked for, told in one line with what to do.
public enum DatasetError: Error, Sendable, Hashable {
    /// No data set of the catalogue has the name.
    case unknown(name: String, known: [String])
    /// The data set is not on this machine. `commands` get it.
    case notFound(name: String, lookedIn: [String], commands: [String])
    /// A folder lacks one of the four files, under any spelling.
    case fileMissing(folder: String, spellings: [String])
    /// Training and test images are of different sizes.
    case imageSizesDiffer(name: String, train: String, test: String)
    /// Training and test data have different classes.
    case classesDiffer(name: String)
    /// The data set is compiled in: there is nothing to fetch.
    case nothingToFetch(name: String)
}

extension DatasetError: CustomStringConvertible {
    /// The whole error in one line.
    public var description: String {
        let text =
            switch self {
            case .unknown(let name, let known):
                "there is no data set \"\(name)\"" + (Spelling.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? "")
                    + " (known: \(known.joined(separator: ", ")); for a folder write ./\(name))"
            case .notFound(let name, let lookedIn, let commands):
                "data set \(name) is not on this machine (looked in \(lookedIn.joined(separator: ", "))); get it with: "
                    + commands.joined(separator: ", or: ")
            case .fileMissing(let folder, let spellings):
                "\(folder): there is no \(spellings.joined(separator: ", nor "))"
            case .imageSizesDiffer(let name, let train, let test):
                "\(name): training images are \(train) pixels, test images \(test)"
            case .classesDiffer(let name):
                "\(name): training and test data have different classes"
            case .nothingToFetch(let name):
                "data set \(name) is built in; there is nothing to fetch"
            }
        return FormatError.printable(text)
    }
}
